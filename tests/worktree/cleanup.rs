//! `worktree list` and `worktree cleanup`, with git as the judge.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::output::Output;
use crate::support::repository::Repository;

fn cleanup(repository: &Repository, arguments: &[&str]) -> Output {
    let root = repository.root();
    let own = ["cleanup", "--root", root.to_str().unwrap()];
    repository.run(&own.into_iter().chain(arguments.iter().copied()).collect::<Vec<_>>())
}

/// The items of the list.
fn listed(repository: &Repository) -> Vec<Value> {
    let done = repository.run(&["list", "--root", repository.root().to_str().unwrap(), "-o", "json"]).good();
    serde_json::from_str::<Value>(&done).unwrap()["items"].as_array().unwrap().clone()
}

fn state(repository: &Repository, task: &str) -> Option<String> {
    let item = listed(repository).into_iter().find(|item| item["taskId"] == task)?;
    Some(item["state"].as_str().unwrap().to_owned())
}

fn assert_sound(repository: &Repository) {
    let base = repository.root().join("base");
    repository.git(&base, &["fsck", "--full", "--connectivity-only"]);
    let names = |path: &str| fs::read_dir(repository.root().join(path)).into_iter().flatten().flatten().count();
    assert_eq!(names("trees"), names("base/.git/worktrees"), "each directory has its metadata");
}

#[test]
fn removing_a_worktree_again_is_not_an_error() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let _ = repository.init(&["--task-id", "b"]).good();
    assert_eq!(cleanup(&repository, &["--task-id", "a", "--dry-run"]).good(), "worktree a removed (dry run)\n");
    assert_eq!(state(&repository, "a").as_deref(), Some("live"));
    assert_eq!(cleanup(&repository, &["--task-id", "a"]).good(), "worktree a removed\n");
    assert!(!repository.root().join("trees/a").exists() && repository.root().join("trees/b/plain.txt").exists());
    assert_sound(&repository);
    let again = cleanup(&repository, &["--task-id", "a"]);
    assert!(again.stderr.contains("task a has no worktree"), "{again:?}");
    assert_eq!(again.good(), "");
    let second = repository.init(&["--task-id", "a", "-o", "json"]).good();
    assert_eq!(serde_json::from_str::<Value>(&second).unwrap()["fetched"], false);
}

#[test]
fn the_worktrees_of_one_run_are_removed() {
    let repository = Repository::new();
    for task in ["run-r1", "run-r1-0123456789ab", "run-r10", "run-r1-b"] {
        let _ = repository.init(&["--task-id", task]).good();
    }
    let done = cleanup(&repository, &["--run-id", "r1"]).good();
    assert_eq!(done, "worktree run-r1 removed\nworktree run-r1-0123456789ab removed\n");
    assert!(repository.root().join("trees/run-r10").exists() && repository.root().join("trees/run-r1-b").exists());
    assert_eq!(cleanup(&repository, &["--run-id", "r1"]).good(), "", "repeating it is not an error");
    assert_sound(&repository);
}

#[test]
fn cleaning_a_missing_root_does_nothing() {
    let repository = Repository::new();
    for arguments in [&["--all", "--gc", "--remote-prune"][..], &["--stale"], &["--task-id", "a"]] {
        assert_eq!(cleanup(&repository, arguments).good(), "");
    }
    assert!(!repository.root().exists(), "nothing was made");
    assert_eq!(cleanup(&repository, &[]).code, Some(2));
    assert_eq!(cleanup(&repository, &["--all", "--stale"]).code, Some(2));
}

#[test]
fn work_is_kept_and_named() {
    let repository = Repository::new();
    for task in ["changed", "added", "committed", "locked", "clean"] {
        let _ = repository.init(&["--task-id", task]).good();
    }
    let tree = |task: &str| repository.root().join("trees").join(task);
    fs::write(tree("changed").join("plain.txt"), "mine\n").unwrap();
    fs::write(tree("added").join("new.txt"), "mine\n").unwrap();
    fs::write(tree("committed").join("plain.txt"), "mine\n").unwrap();
    repository.git(&tree("committed"), &["commit", "-qam", "Mine"]);
    let locked = tree("locked");
    repository
        .git(&repository.root().join("base"), &["worktree", "lock", "--reason", "in use", locked.to_str().unwrap()]);

    let all = cleanup(&repository, &["--all"]);
    assert_eq!((all.code, all.stdout.as_str()), (Some(0), "worktree clean removed\n"), "{all:?}");
    for (task, why) in [
        ("changed", "in no commit"),
        ("added", "in no commit"),
        ("committed", "on no branch of the remote"),
        ("locked", "git worktree lock: in use"),
    ] {
        let named = cleanup(&repository, &["--task-id", task]);
        assert_eq!(named.code, Some(7), "{named:?}");
        assert!(named.stderr.contains(why), "{task}: {named:?}");
    }
    let of = |task: &str| listed(&repository).into_iter().find(|item| item["taskId"] == task).unwrap();
    assert_eq!((&of("changed")["dirty"], &of("changed")["unpushed"]), (&true.into(), &false.into()));
    assert_eq!((&of("committed")["dirty"], &of("committed")["unpushed"]), (&false.into(), &true.into()));

    repository.git(&tree("committed"), &["push", "-q", "origin", "HEAD:refs/heads/topic"]);
    let _ = cleanup(&repository, &["--task-id", "committed"]).good();
    let _ = cleanup(&repository, &["--all", "--force"]).good();
    assert!(listed(&repository).is_empty());
    assert_sound(&repository);
}

#[test]
fn a_worktree_in_use_or_young_is_kept() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let mut user = std::process::Command::new("cat");
    let user = user.current_dir(repository.root().join("trees/a")).stdin(std::process::Stdio::piped());
    let mut user = user.stdout(std::process::Stdio::null()).spawn().unwrap();
    let kept = cleanup(&repository, &["--task-id", "a"]);
    user.kill().unwrap();
    user.wait().unwrap();
    assert_eq!(kept.code, Some(7), "{kept:?}");
    assert!(kept.stderr.contains(&format!("process {} (cat) is running in it", user.id())), "{kept:?}");
    assert_eq!(cleanup(&repository, &["--all", "--older", "1h"]).good(), "");
    assert_eq!(cleanup(&repository, &["--all", "--older", "1ms", "-o", "name"]).good(), "a\n");
}

#[test]
fn an_unfinished_rebase_is_work() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a", "--depth", "0"]).good();
    let tree = repository.root().join("trees/a");
    repository.git(&tree, &["-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-q", "-i", "HEAD~1"]);
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
    let kept = cleanup(&repository, &["--task-id", "a"]);
    assert_eq!(kept.code, Some(7), "{kept:?}");
    assert!(tree.exists());
}

#[test]
fn the_table_lists_each_worktree() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let root = repository.root();
    let table = repository.run(&["list", "--root", root.to_str().unwrap()]).good();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["TASK", "STATE", "COMMIT", "AGE", "SIZE", "DIRTY", "UNPUSHED"]);
    assert_eq!(lines[1][..3], ["a", "live", &repository.main[..10]]);
    assert_eq!(lines[1][lines[1].len() - 2..], ["no", "no"]);
    let wide = repository.run(&["list", "--root", root.to_str().unwrap(), "-o", "wide"]).good();
    assert!(wide.contains("refs/heads/main") && wide.contains(&repository.main), "{wide}");
    assert_eq!(repository.run(&["list", "--root", root.to_str().unwrap(), "-o", "name"]).good(), "a\n");
    assert_eq!(repository.run(&["list", "--root", "/nonexistent/root"]).code, Some(6));
}

#[test]
fn pushed_commits_are_not_work() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    std::fs::write(tree.join("plain.txt"), "mine\n").unwrap();
    repository.git(&tree, &["commit", "-qam", "Mine"]);
    let own = repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]);
    assert_eq!(own.code, Some(7), "{own:?}");
    repository.git(&tree, &["push", "-q", "origin", "HEAD:refs/heads/topic"]);
    let _ = repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]).good();
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.commit("side"));
}

#[test]
fn remains_of_killed_processes_are_stale() {
    let repository = Repository::new();
    for task in ["gone", "orphan", "whole"] {
        let _ = repository.init(&["--task-id", task]).good();
    }
    let root = repository.root();
    fs::remove_dir_all(root.join("trees/gone")).unwrap();
    fs::remove_dir_all(root.join("base/.git/worktrees/orphan")).unwrap();
    fs::create_dir_all(root.join("trees/.removed-x/tree/dir")).unwrap();
    let debris = root.join("base/.git/worktrees/debris");
    fs::create_dir(&debris).unwrap();
    fs::write(debris.join("commondir"), "../..\n").unwrap();
    fs::write(root.join("base.lock"), "process 7, which was killed").unwrap();
    let half = root.join("base/.git/worktrees/half");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("locked"), "kubectl runnable: being made\n").unwrap();
    fs::write(half.join("gitdir"), format!("{}\n", root.join("trees/half/.git").display())).unwrap();

    for (task, expected) in [("gone", "gone"), ("orphan", "orphan"), ("half", "half-made"), ("whole", "live")] {
        assert_eq!(state(&repository, task).as_deref(), Some(expected), "{task}");
    }
    let stale = cleanup(&repository, &["--stale"]);
    assert!(stale.stderr.contains("worktree orphan kept"), "{stale:?}");
    assert_eq!(stale.good(), "worktree gone removed\nworktree half removed\n");
    assert!(!root.join("trees/.removed-x").exists());
    assert_eq!(cleanup(&repository, &["--stale", "--force"]).good(), "worktree orphan removed\n");
    assert_eq!(cleanup(&repository, &["--stale"]).good(), "");
    assert_sound(&repository);
}

#[test]
fn metadata_with_a_path_outside_the_root_is_ignored() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let outside = repository.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "").unwrap();
    let root = repository.root();
    for (number, place) in [outside.clone(), root.join("trees/.."), root.join("trees/../base")].iter().enumerate() {
        let metadata = root.join(format!("base/.git/worktrees/evil{number}"));
        fs::create_dir(&metadata).unwrap();
        fs::write(metadata.join("gitdir"), format!("{}\n", place.join(".git").display())).unwrap();
    }
    std::os::unix::fs::symlink(&outside, root.join("trees/link")).unwrap();
    let _ = cleanup(&repository, &["--all", "--force"]).good();
    assert!(outside.join("file").exists() && root.join("base/.git/HEAD").exists());
    assert!(!root.join("trees/link").exists() && !root.join("trees/a").exists());
    for task in ["../a", "..", "a/b", "-a"] {
        assert_eq!(cleanup(&repository, &[&format!("--task-id={task}")]).code, Some(2), "{task}");
    }
}

#[test]
fn inits_and_cleanups_run_in_parallel() {
    let repository = Repository::new();
    thread::scope(|scope| {
        for task in 0..20 {
            let repository = &repository;
            scope.spawn(move || {
                let name = format!("t{task}");
                let _ = repository.init(&["--task-id", &name]).good();
                if task % 2 == 0 {
                    let _ = cleanup(repository, &["--task-id", &name]).good();
                } else {
                    let _ = cleanup(repository, &["--stale"]).good();
                }
            });
        }
    });
    assert_eq!(listed(&repository).len(), 10);
    assert!(listed(&repository).iter().all(|item| item["state"] == "live" && item["dirty"] == false));
    assert_sound(&repository);
}

#[test]
fn a_hundred_parallel_inits_create_a_hundred_worktrees() {
    let repository = Repository::new();
    thread::scope(|scope| {
        for task in 0..100 {
            let repository = &repository;
            scope.spawn(move || repository.init(&["--task-id", &format!("t{task}")]).good());
        }
    });
    assert_eq!(listed(&repository).iter().filter(|item| item["state"] == "live").count(), 100);
    assert_sound(&repository);
    assert_eq!(cleanup(&repository, &["--all"]).good().lines().count(), 100);
    assert_sound(&repository);
}

#[test]
fn the_next_cleanup_completes_a_killed_one() {
    let repository = Repository::new();
    for round in 0..10 {
        for task in ["a", "b", "c"] {
            let _ = repository.init(&["--task-id", task, "--reuse"]).good();
        }
        let root = repository.root();
        let mut child = repository.program();
        child.args(["worktree", "cleanup", "--all", "--gc", "--root", root.to_str().unwrap()]);
        let mut child = child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(20 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
        assert_eq!(repository.git(&root.join("trees/a"), &["status", "--porcelain"]), "", "round {round}");
        let _ = cleanup(&repository, &["--all"]).good();
        assert_eq!(fs::read_dir(root.join("trees")).unwrap().count(), 0, "round {round}");
        assert_sound(&repository);
    }
}

#[test]
fn refs_that_the_remote_no_longer_has_are_deleted() {
    let repository = Repository::new();
    for (task, named) in [("side", "side"), ("pull", "refs/pull/7/head"), ("main", "main")] {
        let _ = repository.init(&["--task-id", task, "--ref", named]).good();
    }
    repository.git(&repository.source(), &["update-ref", "-d", "refs/heads/side"]);
    let pruned = cleanup(&repository, &["--remote-prune"]);
    assert!(pruned.stderr.contains("deleted refs/remotes/origin/side: the remote no longer has it"), "{pruned:?}");
    let _ = pruned.good();
    let left =
        repository.git(&repository.root().join("base"), &["for-each-ref", "--format=%(refname)", "refs/remotes"]);
    assert_eq!(left, "refs/remotes/origin/main\nrefs/remotes/origin/pull/7/head");
    assert_eq!(repository.git(&repository.root().join("trees/side"), &["status", "--porcelain"]), "");
}

#[test]
fn garbage_is_collected_while_no_git_runs() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let mut git = std::process::Command::new("git");
    let mut git = git.args(["cat-file", "--batch"]).current_dir(repository.root().join("trees/a"));
    git = git.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    let mut working = git.spawn().unwrap();
    let refused = cleanup(&repository, &["--gc"]);
    working.kill().unwrap();
    working.wait().unwrap();
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains(&format!("process {} (git)", working.id())), "{refused:?}");
    let _ = cleanup(&repository, &["--gc"]).good();
    assert_eq!(repository.git(&repository.root().join("trees/a"), &["status", "--porcelain"]), "");
    assert_sound(&repository);
    let _ = repository.init(&["--task-id", "b"]).good();
}

#[test]
fn commits_in_a_submodule_are_work() {
    let repository = Repository::new();
    let module = repository.path("module");
    repository.git(repository.directory(), &["init", "-q", "-b", "main", module.to_str().unwrap()]);
    repository.git(&module, &["commit", "-q", "--allow-empty", "-m", "Module"]);
    let allow = ["-c", "protocol.file.allow=always", "submodule"];
    let url = format!("file://{}", module.display());
    repository.git(&repository.source(), &[&allow[..], &["add", "-q", &url, "sub"]].concat());
    repository.git(&repository.source(), &["commit", "-qm", "Add a submodule"]);
    repository.git(&module, &["commit", "-q", "--allow-empty", "-m", "More"]);
    let tree = repository.root().join("trees/a");
    for (work, code) in [(None, 0), (Some(["commit", "-q", "--allow-empty", "-m", "Mine"]), 7)] {
        let _ = repository.init(&["--task-id", "a"]).good();
        repository.git(&tree, &[&allow[..], &["update", "-q", "--init", "--depth", "1"]].concat());
        // A clone of depth 1 has no other branch.
        repository.git(&tree.join("sub"), &["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
        if let Some(work) = work {
            repository.git(&tree.join("sub"), &work);
            repository.git(&tree, &["commit", "-qam", "Move the submodule"]);
            repository.git(&tree, &["push", "-q", "origin", "HEAD:refs/heads/topic"]);
        }
        let removed = cleanup(&repository, &["--task-id", "a"]);
        assert_eq!(removed.code, Some(code), "{removed:?}");
        assert!(code == 0 || removed.stderr.contains("on no branch of the remote"), "{removed:?}");
    }
    repository.git(&tree.join("sub"), &["push", "-q", "origin", "HEAD:refs/heads/topic"]);
    let _ = cleanup(&repository, &["--task-id", "a"]).good();
    assert_sound(&repository);
}

/// A cleanup must work on a full disk: it can write nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_cleaned() {
    let repository = Repository::new();
    fs::create_dir(repository.root()).unwrap();
    // First no inode is free, then no byte.
    let script = r#"
        set -e
        mount -t tmpfs -o nr_inodes=400 tmpfs "$ROOT"
        for task in a b; do "$PROGRAM" worktree init -q --url "$URL" --root "$ROOT" --task-id $task; done
        while mkdir "$ROOT/base/$((n += 1))" 2>/dev/null; do :; done
        "$PROGRAM" worktree cleanup --root "$ROOT" --task-id a
        mount -o remount,nr_inodes=9999,size=8m "$ROOT"
        dd if=/dev/zero of="$ROOT/base/filler" 2>/dev/null || :
        if "$PROGRAM" worktree init -q --url "$URL" --root "$ROOT" --task-id c; then exit 9; fi
        test ! -e "$ROOT/trees/c"
        "$PROGRAM" worktree cleanup --root "$ROOT" --task-id b
        rm "$ROOT/base/filler"
        "$PROGRAM" worktree init -q --url "$URL" --root "$ROOT" --task-id c
        git -C "$ROOT/trees/c" status --porcelain
        git -C "$ROOT/base" fsck --connectivity-only 2>/dev/null
    "#;
    let mut shell = repository.shell(&["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]);
    shell.env("ROOT", repository.root()).env("PROGRAM", crate::support::PROGRAM).env("URL", repository.url());
    let done = Output::of(&mut shell);
    if done.stderr.contains("unshare: unshare failed") {
        assert!(done.stderr.contains("not permitted"), "{done:?}");
        return;
    }
    assert!(done.stderr.contains("No space left on device"), "{done:?}");
    let path = |task: &str| repository.root().join("trees").join(task).display().to_string();
    let lines = [path("a"), path("b"), "worktree a removed".into(), "worktree b removed".into(), path("c")];
    assert_eq!(done.good(), lines.map(|line| line + "\n").concat());
}
