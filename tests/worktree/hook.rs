//! The user's `post-checkout` hook, with `git worktree add` as the judge.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::PROGRAM;
use crate::support::repository::Repository;

/// Logs its arguments, and fails if the file `fail` exists in the user's home.
const HOOK: &str = r#"#!/bin/sh
echo "$@ in $(basename "$PWD"), LC_ALL=${LC_ALL-none}, ceiling ${GIT_CEILING_DIRECTORIES-none}" >>"$HOME/log"
echo noise
echo "the hook was here" >&2
git status --porcelain >>"$HOME/log"
test ! -e "$HOME/fail"
"#;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A repository whose user has configured the hook for all repositories.
fn repository() -> Repository {
    let repository = Repository::new();
    let hooks = repository.path("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::write(hooks.join("post-checkout"), HOOK).unwrap();
    fs::set_permissions(hooks.join("post-checkout"), Permissions::from_mode(0o755)).unwrap();
    repository.git(repository.directory(), &["config", "--global", "core.hooksPath", hooks.to_str().unwrap()]);
    repository
}

/// What the hook logged since the last call.
fn log(repository: &Repository) -> String {
    let path = repository.path("log");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}

fn fail(repository: &Repository, fails: bool) {
    let path = repository.path("fail");
    if fails { fs::write(path, "") } else { fs::remove_file(path) }.unwrap();
}

fn clean(repository: &Repository, tree: &Path) {
    assert_eq!(repository.git(tree, &["status", "--porcelain"]), "");
}

#[test]
fn the_hook_runs_as_for_git_worktree_add() {
    let repository = repository();
    let made = repository.init(&["--task-id", "a"]);
    assert!(made.stderr.contains("the hook was here"), "{made:?}");
    assert_eq!(
        made.good(),
        format!("{}\n", repository.root().join("trees/a").display()),
        "its output is not part of the result"
    );
    let told = log(&repository);
    assert_eq!(told, format!("{NO_COMMIT} {} 1 in a, LC_ALL=none, ceiling none\n", repository.main));
    let judge = repository.path("judge");
    repository.git(
        &repository.root().join("base"),
        &["worktree", "add", "--detach", judge.to_str().unwrap(), &repository.main],
    );
    assert_eq!(log(&repository), told.replace("in a,", "in judge,"));
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(log(&repository), "", "nothing was checked out");
    let _ = repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]).good();
    assert!(log(&repository).starts_with(&format!("{} {} 1 in a", repository.main, repository.commit("side"))));
}

#[test]
fn no_cleanup_removes_a_worktree_while_its_hook_runs() {
    let repository = repository();
    let hook = repository.path("hooks/post-checkout");
    let root = repository.root().display().to_string();
    let cleanup = format!("worktree cleanup --root '{root}' --all --force");
    // Next to the worktree, with no process in it.
    fs::write(&hook, format!("#!/bin/sh\n(cd / && unset GIT_DIR && '{PROGRAM}' {cleanup})\n")).unwrap();
    let made = repository.init(&["--task-id", "a"]);
    assert!(made.stderr.contains("worktree a kept: it is being created by process "), "{made:?}");
    let _ = made.good();
    clean(&repository, &repository.root().join("trees/a"));
    let moved = repository.init(&["--task-id", "a", "--reuse", "--ref", "side", "-q"]).good();
    assert_eq!(moved, format!("{root}/trees/a\n"));
    assert_eq!(repository.git(&repository.root().join("trees/a"), &["rev-parse", "HEAD"]), repository.commit("side"));
}

#[test]
fn a_worktree_whose_hook_fails_is_complete_and_can_be_reused() {
    let repository = repository();
    fail(&repository, true);
    let failed = repository.init(&["--task-id", "a"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""), "{failed:?}");
    assert!(
        failed.stderr.contains("the post-checkout hook failed in") && failed.stderr.contains("--reuse"),
        "{failed:?}"
    );
    let tree = repository.root().join("trees/a");
    clean(&repository, &tree);
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    let moved = repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]);
    assert_eq!(moved.code, Some(1), "{moved:?}");
    assert!(moved.stderr.contains("hook failed") && moved.stderr.contains("the hook was here"), "{moved:?}");
    fail(&repository, false);
    let side = repository.commit("side");
    let again = repository.init(&["--task-id", "a", "--reuse", "--ref", "side", "-o", "json"]).good();
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["commit"], side.as_str());
    clean(&repository, &tree);
    let listed = repository.run(&["list", "--root", repository.root().to_str().unwrap(), "-o", "json"]).good();
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()["items"][0]["ref"], "refs/heads/side");
}
