//! The user's `post-checkout` hook, with `git worktree add` as the judge.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::rig::Rig;

/// Says what it is given, and fails where a file `fail` is in the user's home.
const HOOK: &str = r#"#!/bin/sh
echo "$@ in $(basename "$PWD"), LC_ALL=${LC_ALL-none}, ceiling ${GIT_CEILING_DIRECTORIES-none}" >>"$HOME/log"
echo noise
echo "the hook was here" >&2
git status --porcelain >>"$HOME/log"
test ! -e "$HOME/fail"
"#;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A rig whose user has the hook, in all repositories.
fn rig() -> Rig {
    let rig = Rig::new();
    let hooks = rig.directory.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::write(hooks.join("post-checkout"), HOOK).unwrap();
    fs::set_permissions(hooks.join("post-checkout"), Permissions::from_mode(0o755)).unwrap();
    rig.git(rig.directory.path(), &["config", "--global", "core.hooksPath", hooks.to_str().unwrap()]);
    rig
}

/// What the hook said since the last look.
fn log(rig: &Rig) -> String {
    let path = rig.directory.path().join("log");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}

fn fail(rig: &Rig, fails: bool) {
    let path = rig.directory.path().join("fail");
    if fails { fs::write(path, "") } else { fs::remove_file(path) }.unwrap();
}

fn clean(rig: &Rig, tree: &Path) {
    assert_eq!(rig.git(tree, &["status", "--porcelain"]), "");
}

#[test]
fn it_runs_as_git_runs_it_for_a_new_worktree() {
    let rig = rig();
    let made = rig.init(&["--task-id", "a"]);
    assert!(made.talk.contains("the hook was here"), "{made:?}");
    assert_eq!(made.good(), format!("{}\n", rig.root().join("trees/a").display()), "its noise is no result");
    let told = log(&rig);
    assert_eq!(told, format!("{NO_COMMIT} {} 1 in a, LC_ALL=none, ceiling none\n", rig.main));
    let judge = rig.directory.path().join("judge");
    rig.git(&rig.root().join("base"), &["worktree", "add", "--detach", judge.to_str().unwrap(), &rig.main]);
    assert_eq!(log(&rig), told.replace("in a,", "in judge,"));
    let _ = rig.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(log(&rig), "", "nothing was checked out");
    let _ = rig.init(&["--task-id", "a", "--reuse", "--ref", "side"]).good();
    assert!(log(&rig).starts_with(&format!("{} {} 1 in a", rig.main, rig.commit("side"))));
}

#[test]
fn no_cleanup_takes_the_worktree_away_from_its_hook() {
    let rig = rig();
    let hook = rig.directory.path().join("hooks/post-checkout");
    let root = rig.root().display().to_string();
    let cleanup = format!("worktree cleanup --root '{root}' --all --force");
    let program = env!("CARGO_BIN_EXE_kubectl-runnable");
    // Beside it, and with nobody in it.
    fs::write(&hook, format!("#!/bin/sh\n(cd / && unset GIT_DIR && '{program}' {cleanup})\n")).unwrap();
    let made = rig.init(&["--task-id", "a"]);
    assert!(made.talk.contains("worktree a kept: it is being made by process "), "{made:?}");
    let _ = made.good();
    clean(&rig, &rig.root().join("trees/a"));
    let moved = rig.init(&["--task-id", "a", "--reuse", "--ref", "side", "-q"]).good();
    assert_eq!(moved, format!("{root}/trees/a\n"));
    assert_eq!(rig.git(&rig.root().join("trees/a"), &["rev-parse", "HEAD"]), rig.commit("side"));
}

#[test]
fn a_worktree_whose_hook_fails_is_whole_and_may_be_taken() {
    let rig = rig();
    fail(&rig, true);
    let failed = rig.init(&["--task-id", "a"]);
    assert_eq!((failed.code, failed.result.as_str()), (Some(1), ""), "{failed:?}");
    assert!(failed.talk.contains("the post-checkout hook failed in") && failed.talk.contains("--reuse"), "{failed:?}");
    let tree = rig.root().join("trees/a");
    clean(&rig, &tree);
    let _ = rig.init(&["--task-id", "a", "--reuse"]).good();
    let moved = rig.init(&["--task-id", "a", "--reuse", "--ref", "side"]);
    assert_eq!(moved.code, Some(1), "{moved:?}");
    assert!(moved.talk.contains("hook failed") && moved.talk.contains("the hook was here"), "{moved:?}");
    fail(&rig, false);
    let side = rig.commit("side");
    let again = rig.init(&["--task-id", "a", "--reuse", "--ref", "side", "-o", "json"]).good();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["commit"], side.as_str());
    clean(&rig, &tree);
    let listed = rig.run(&["list", "--root", rig.root().to_str().unwrap(), "-o", "json"]).good();
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["items"][0]["ref"], "refs/heads/side");
}
