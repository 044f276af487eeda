//! Work that the remote does not have: no verb removes it without `--force`, which prints what is lost.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::output::Output;
use crate::support::repository::Repository;

fn cleanup(repository: &Repository, arguments: &[&str]) -> Output {
    let root = repository.root();
    let own = ["cleanup", "--root", root.to_str().unwrap()];
    repository.run(&own.into_iter().chain(arguments.iter().copied()).collect::<Vec<_>>())
}

fn listed(repository: &Repository, task: &str) -> Value {
    let done = repository.run(&["list", "--root", repository.root().to_str().unwrap(), "-o", "json"]).good();
    let listed: Value = serde_json::from_str(&done).unwrap();
    let mut items = listed["items"].as_array().unwrap().iter();
    items.find(|item| item["taskId"] == task).unwrap_or(&Value::Null).clone()
}

/// No verb removes the worktree, and each prints the reason; `--force` removes it and prints what is lost.
fn assert_kept(repository: &Repository, task: &str, reason: &str) {
    for arguments in [&["--stale"][..], &["--all"]] {
        assert!(!cleanup(repository, arguments).good().contains(&format!("worktree {task} removed")), "{arguments:?}");
    }
    let kept = cleanup(repository, &["--task-id", task]);
    assert_eq!(kept.code, Some(7), "{kept:?}");
    assert!(kept.stderr.contains(reason), "{kept:?}");
    let forced = cleanup(repository, &["--task-id", task, "--force", "--dry-run"]);
    assert!(
        forced.stderr.contains(&format!("lost with worktree {task}")) && forced.stderr.contains(reason),
        "{forced:?}"
    );
}

#[test]
fn files_written_after_a_failed_reuse_are_kept() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    let blocked = repository.root().join("base/.git/worktrees/a/index.lock");
    fs::write(&blocked, "").unwrap();
    assert_eq!(repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]).code, Some(1));
    fs::remove_file(blocked).unwrap();
    assert_eq!(listed(&repository, "a")["state"], "live", "nothing of it was moved");
    fs::write(tree.join("work.txt"), "mine\n").unwrap();
    assert_eq!(listed(&repository, "a")["dirty"], true);
    let refused = repository.init(&["--task-id", "a", "--reuse", "--ref", "side"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert_kept(&repository, "a", "work.txt");
}

/// A change: its name, the function that makes it in a worktree, and the changed file.
type Change<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

/// Nobody has cleared the mark of a reuse that was killed; somebody has gone on working all the same.
#[test]
fn files_written_into_a_half_made_worktree_are_kept() {
    let repository = Repository::new();
    let tree = |task: &str| repository.root().join("trees").join(task);
    let changes: [Change<'_>; 5] = [
        ("added", &|tree| fs::write(tree.join("dir/new.txt"), "mine\n").unwrap(), "dir/new.txt"),
        ("changed", &|tree| fs::write(tree.join("plain.txt"), "mine\n").unwrap(), "plain.txt"),
        ("converted", &|tree| fs::write(tree.join("crlf.txt"), "mine\r\n").unwrap(), "crlf.txt"),
        ("longer", &|tree| fs::write(tree.join("plain.txt"), "plain 2\nmine\n").unwrap(), "plain.txt"),
        ("linked", &|tree| std::os::unix::fs::symlink("dir", tree.join("other/link")).unwrap(), "other/link"),
    ];
    for (task, change, file) in &changes {
        let _ = repository.init(&["--task-id", task]).good();
        let locked = repository.root().join(format!("base/.git/worktrees/{task}/locked"));
        fs::write(locked, "kubectl runnable: being made\n").unwrap();
        fs::remove_file(tree(task).join("dir/run.sh")).unwrap();
        change(&tree(task));
        assert_eq!(listed(&repository, task)["state"], "half-made");
        for more in [&[][..], &["--reuse"]] {
            let refused = repository.init(&[&["--task-id", task], more].concat());
            assert_eq!(refused.code, Some(7), "{refused:?}");
            assert!(refused.stderr.contains(file), "{refused:?}");
        }
        assert_kept(&repository, task, file);
    }
    // A commit made there is work too; truncated and ignored files are not.
    let _ = repository.init(&["--task-id", "committed"]).good();
    repository.git(&tree("committed"), &["commit", "-q", "--allow-empty", "-m", "Mine alone"]);
    let _ = repository.init(&["--task-id", "cut"]).good();
    fs::write(tree("cut").join("plain.txt"), "pla").unwrap();
    fs::write(tree("cut").join(".gitattributes"), "").unwrap();
    fs::write(repository.root().join("base/.git/info-exclude"), "").unwrap();
    fs::create_dir_all(repository.root().join("base/.git/info")).unwrap();
    fs::write(repository.root().join("base/.git/info/exclude"), "*.o\n").unwrap();
    fs::write(tree("cut").join("a.o"), "built").unwrap();
    for task in ["committed", "cut"] {
        let locked = repository.root().join(format!("base/.git/worktrees/{task}/locked"));
        fs::write(locked, "kubectl runnable: being made\n").unwrap();
    }
    assert_kept(&repository, "committed", "Mine alone");
    let _ = repository.init(&["--task-id", "cut"]).good();
}

#[test]
fn a_commit_that_only_a_tag_of_the_user_holds_is_not_pushed() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    repository.git(&tree, &["commit", "-q", "--allow-empty", "-m", "Release 1.0.1"]);
    repository.git(&tree, &["tag", "v1.0.1"]);
    assert_eq!(listed(&repository, "a")["unpushed"], true);
    assert_kept(&repository, "a", "Release 1.0.1");
    repository.git(&tree, &["push", "-q", "origin", "HEAD:refs/heads/release"]);
    assert_eq!(cleanup(&repository, &["--all"]).good(), "worktree a removed\n");
}

#[test]
fn a_tag_of_the_user_stays_and_a_tag_of_the_remote_is_updated() {
    let repository = Repository::new();
    let base = repository.root().join("base");
    let _ = repository.init(&["--task-id", "a"]).good();
    repository.git(&base, &["tag", "mine", &repository.main]);
    for (tag, at) in [("mine", "side"), ("theirs", "side")] {
        repository.git(&repository.source(), &["tag", tag, at]);
        let _ = repository.init(&["--task-id", tag, "--ref", &format!("refs/tags/{tag}")]).good();
        assert_eq!(
            repository.git(&repository.root().join("trees").join(tag), &["rev-parse", "HEAD"]),
            repository.commit("side")
        );
    }
    assert_eq!(repository.git(&base, &["rev-parse", "mine"]), repository.main);
    assert_eq!(repository.git(&base, &["rev-parse", "theirs"]), repository.commit("side"));
    repository.git(&repository.source(), &["tag", "-f", "theirs", "main"]);
    let _ = repository.init(&["--task-id", "moved", "--ref", "refs/tags/theirs"]).good();
    assert_eq!(repository.git(&base, &["rev-parse", "theirs"]), repository.main);
    let _ = cleanup(&repository, &["--all"]).good();
}

#[test]
fn a_tag_that_became_a_directory_of_tags_is_replaced() {
    let repository = Repository::new();
    let base = repository.root().join("base");
    let nightly = ["--ref", "refs/tags/nightly"];
    repository.git(&repository.source(), &["tag", "nightly"]);
    let _ = repository.init(&[&["--task-id", "a"], &nightly[..]].concat()).good();
    repository.git(&repository.source(), &["tag", "-d", "nightly"]);
    for (task, tag) in [("b", "nightly/1"), ("c", "nightly/1/2")] {
        repository.git(&repository.source(), &["tag", tag]);
        let _ = repository.init(&["--task-id", task, "--ref", &format!("refs/tags/{tag}")]).good();
        assert_eq!(repository.git(&base, &["rev-parse", tag]), repository.main);
        repository.git(&repository.source(), &["tag", "-d", tag]);
    }
    repository.git(&repository.source(), &["tag", "nightly", "side"]);
    let _ = repository.init(&[&["--task-id", "d"], &nightly[..]].concat()).good();
    assert_eq!(repository.git(&base, &["rev-parse", "nightly"]), repository.commit("side"));
    // A conflicting tag of the user stays, and the worktree is created.
    repository.git(&base, &["tag", "own", &repository.main]);
    repository.git(&repository.source(), &["tag", "own/1"]);
    let _ = repository.init(&["--task-id", "e", "--ref", "refs/tags/own/1"]).good();
    assert_eq!(repository.git(&base, &["rev-parse", "own"]), repository.main);
    // Records of tags that the remote no longer has are deleted.
    let pruned = cleanup(&repository, &["--remote-prune"]);
    assert!(
        !pruned.stderr.contains("nightly: the remote no longer has it")
            && !pruned.stderr.contains("own/1: the remote no longer has it"),
        "{pruned:?}"
    );
    repository.git(&repository.source(), &["tag", "-d", "nightly"]);
    assert!(cleanup(&repository, &["--remote-prune"]).stderr.contains("nightly: the remote no longer has it"));
}

#[test]
fn a_worktree_that_was_removed_by_hand_keeps_its_commits() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    repository.git(&tree, &["commit", "-q", "--allow-empty", "-m", "Mine alone"]);
    let mine = repository.git(&tree, &["rev-parse", "HEAD"]);
    fs::remove_dir_all(&tree).unwrap();
    for more in [&[][..], &["--reuse"]] {
        let refused = repository.init(&[&["--task-id", "a"], more].concat());
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("Mine alone") && refused.stderr.contains("branch NAME COMMIT"), "{refused:?}");
    }
    assert_kept(&repository, "a", "Mine alone");
    repository.git(&repository.root().join("base"), &["push", "-q", "origin", &format!("{mine}:refs/heads/saved")]);
    let _ = repository.init(&["--task-id", "a"]).good();

    fs::write(tree.join("staged.txt"), "mine\n").unwrap();
    repository.git(&tree, &["add", "staged.txt"]);
    fs::remove_dir_all(&tree).unwrap();
    assert_eq!(repository.init(&["--task-id", "a"]).code, Some(7));
    assert_kept(&repository, "a", "staged.txt");
}

/// Each case leaves a commit that only the worktree's own records refer to.
#[test]
fn commits_in_the_records_of_the_worktree_are_kept() {
    let repository = Repository::new();
    let ways: [(&str, &[&[&str]]); 6] = [
        ("reset", &[&["reset", "-q", "--hard", "HEAD~1"]]),
        ("detached", &[&["checkout", "-q", "--detach", "HEAD~1"]]),
        ("branch", &[&["branch", "topic"], &["checkout", "-q", "--detach", "HEAD~1"]]),
        ("deleted", &[&["checkout", "-qb", "gone"], &["checkout", "-q", "HEAD~1"], &["branch", "-qD", "gone"]]),
        ("unlogged", &[&["reflog", "expire", "--expire=now", "--all"], &["reset", "-q", "--hard", "HEAD~1"]]),
        (
            "private",
            &[
                &["update-ref", "refs/worktree/x", "HEAD"],
                &["-c", "core.logAllRefUpdates=false", "reset", "-q", "--hard", "HEAD~1"],
            ],
        ),
    ];
    for (task, commands) in ways {
        let _ = repository.init(&["--task-id", task]).good();
        let tree = repository.root().join("trees").join(task);
        fs::write(tree.join("plain.txt"), "mine\n").unwrap();
        repository.git(&tree, &["commit", "-qam", "Mine alone"]);
        for command in commands {
            repository.git(&tree, command);
        }
        assert_eq!(listed(&repository, task)["unpushed"], true, "{task}");
        assert_kept(&repository, task, "Mine alone");
        let moved = repository.init(&["--task-id", task, "--reuse", "--ref", "side"]);
        assert_eq!(moved.code, Some(7), "{moved:?}");
    }
}

#[test]
fn a_stash_is_kept_by_the_worktree_that_it_was_made_in() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "other", "--ref", "side"]).good();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    fs::write(tree.join("plain.txt"), "mine\n").unwrap();
    repository.git(&tree, &["stash", "push", "-q", "-m", "for later"]);
    assert_eq!(listed(&repository, "a")["unpushed"], true);
    assert_eq!(cleanup(&repository, &["--all"]).good(), "worktree other removed\n");
    let kept = cleanup(&repository, &["--task-id", "a"]);
    assert!(kept.code == Some(7) && kept.stderr.contains("for later"), "{kept:?}");
    repository.git(&tree, &["stash", "drop", "-q"]);
    assert_eq!(cleanup(&repository, &["--all"]).good(), "worktree a removed\n");
}

#[test]
fn files_hidden_from_git_status_are_work() {
    let repository = Repository::new();
    for (task, flag) in [("assumed", "--assume-unchanged"), ("skipped", "--skip-worktree")] {
        let _ = repository.init(&["--task-id", task]).good();
        let tree = repository.root().join("trees").join(task);
        repository.git(&tree, &["update-index", flag, "crlf.txt", "plain.txt"]);
        assert_eq!(listed(&repository, task)["dirty"], false, "{task}");
        fs::write(tree.join("plain.txt"), "mine\n").unwrap();
        assert_kept(&repository, task, "plain.txt");
    }
}

#[test]
fn changes_in_submodules_at_any_depth_are_work() {
    let repository = Repository::new();
    let place = |name: &str| repository.path(name);
    let allow = ["-c", "protocol.file.allow=always", "submodule", "-q"];
    let add = |to: &Path, name: &str| {
        repository.git(to, &[&allow[..], &["add", &format!("file://{}", place(name).display()), name]].concat());
        repository.git(to, &["config", "-f", ".gitmodules", &format!("submodule.{name}.ignore"), "all"]);
        repository.git(to, &["commit", "-qam", "Add a submodule"]);
    };
    for name in ["inner", "outer"] {
        repository.git(repository.directory(), &["init", "-q", "-b", "main", name]);
        fs::write(place(name).join("file"), "").unwrap();
        repository.git(&place(name), &["add", "file"]);
        repository.git(&place(name), &["commit", "-qm", name]);
    }
    add(&place("outer"), "inner");
    add(&repository.source(), "outer");
    repository.git(repository.directory(), &["config", "--global", "diff.ignoreSubmodules", "all"]);

    let changes: [(&str, &str, &str); 4] = [
        ("changed", "outer", "outer/file"),
        ("added", "outer", "outer/new"),
        ("changed-inside", "outer/inner", "outer/inner/file"),
        ("added-inside", "outer/inner", "outer/inner/new"),
    ];
    for (task, module, file) in changes {
        let _ = repository.init(&["--task-id", task]).good();
        let tree = repository.root().join("trees").join(task);
        repository.git(&tree, &[&allow[..], &["update", "--init", "--recursive"]].concat());
        assert_eq!(
            (&listed(&repository, task)["dirty"], &listed(&repository, task)["unpushed"]),
            (&false.into(), &false.into())
        );
        fs::write(tree.join(file), "mine\n").unwrap();
        assert_eq!(listed(&repository, task)["dirty"], true, "{task}");
        assert_kept(&repository, task, file);
        repository.git(&tree.join(module), &["add", "-A"]);
        repository.git(&tree.join(module), &["commit", "-qm", "Mine alone"]);
        repository.git(&tree.join(module), &["reset", "-q", "--hard", "HEAD~1"]);
        assert_kept(&repository, task, "Mine alone");
    }

    // A link in the place of a submodule is not followed out of the root.
    let _ = repository.init(&["--task-id", "link"]).good();
    let tree = repository.root().join("trees/link");
    fs::remove_dir(tree.join("outer")).unwrap();
    std::os::unix::fs::symlink(place("outer"), tree.join("outer")).unwrap();
    fs::write(place("outer").join("elsewhere"), "").unwrap();
    let kept = cleanup(&repository, &["--task-id", "link"]);
    assert!(kept.code == Some(7) && !kept.stderr.contains("elsewhere"), "{kept:?}");
}

#[test]
fn gc_keeps_commits_that_only_a_reflog_refers_to() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    let mut commit = repository.shell(&["git", "commit", "-q", "--allow-empty", "-m", "Old"]);
    commit.current_dir(&tree).env("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z");
    assert!(commit.status().unwrap().success());
    let old = repository.git(&tree, &["rev-parse", "HEAD"]);
    let mut reset = repository.shell(&["git", "reset", "-q", "--hard", "HEAD~1"]);
    reset.current_dir(&tree).env("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z");
    assert!(reset.status().unwrap().success());
    let object = repository.root().join("base/.git/objects").join(&old[..2]).join(&old[2..]);
    assert!(repository.shell(&["touch", "-d", "2020-01-01", object.to_str().unwrap()]).status().unwrap().success());
    let _ = cleanup(&repository, &["--gc"]).good();
    assert_eq!(repository.git(&tree, &["cat-file", "-t", &old]), "commit");
    assert_kept(&repository, "a", "Old");
}

#[test]
fn paths_in_gitdirs_may_be_relative() {
    let repository = Repository::new();
    for task in ["a", "b"] {
        let _ = repository.init(&["--task-id", task]).good();
        // Git 2.48 writes relative paths with worktree.useRelativePaths.
        let metadata = repository.root().join("base/.git/worktrees").join(task);
        fs::write(metadata.join("gitdir"), format!("../../../../trees/{task}/.git\n")).unwrap();
        let pointer = format!("gitdir: ../../base/.git/worktrees/{task}\n");
        fs::write(repository.root().join("trees").join(task).join(".git"), pointer).unwrap();
        assert_eq!(listed(&repository, task)["state"], "live");
    }
    let base = repository.root().join("base");
    // A git that knows the extension sets it; the one here may be older, and would refuse the repository.
    repository.git(&base, &["config", "core.repositoryformatversion", "1"]);
    repository.git(&base, &["config", "extensions.relativeWorktrees", "true"]);
    assert_eq!(listed(&repository, "a")["state"], "live");
    assert_eq!(repository.init(&["--task-id", "a"]).code, Some(7));
    fs::write(
        base.join(".git/config"),
        fs::read_to_string(base.join(".git/config")).unwrap().replace("relativeWorktrees = true", ""),
    )
    .unwrap();
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(cleanup(&repository, &["--stale", "--force"]).good(), "");
    assert_eq!(cleanup(&repository, &["--all"]).good(), "worktree a removed\nworktree b removed\n");
}

#[test]
fn an_abbreviated_commit_id_has_its_own_hint() {
    let repository = Repository::new();
    let short = repository.init(&["--task-id", "a", "--ref", &repository.main[..10]]);
    assert_eq!(short.code, Some(6), "{short:?}");
    assert!(short.stderr.contains("full id of 40 digits") && !short.stderr.contains("default branch"), "{short:?}");
    let other = repository.init(&["--task-id", "a", "--ref", "feature"]);
    assert!(other.stderr.contains("its default branch is main"), "{other:?}");
}

#[test]
fn a_failed_init_leaves_nothing_behind() {
    let repository = Repository::new();
    let failing: [&[&str]; 3] = [
        &["--ref", "refs/heads/none"],
        &["--ref", "0123456789012345678901234567890123456789"],
        &["--sparse", "absent"],
    ];
    for arguments in failing {
        assert_ne!(repository.init(&[&["--task-id", "a"], arguments].concat()).code, Some(0));
        assert!(!repository.root().exists(), "{arguments:?}");
        fs::create_dir(repository.root()).unwrap();
        assert_ne!(repository.init(&[&["--task-id", "a"], arguments].concat()).code, Some(0));
        assert_eq!(fs::read_dir(repository.root()).unwrap().count(), 0, "{arguments:?}");
        fs::remove_dir(repository.root()).unwrap();
    }
    let _ = repository.init(&["--task-id", "a"]).good();
    let before = repository.git(&repository.root(), &["-C", "base", "for-each-ref"]);
    for arguments in failing {
        assert_ne!(repository.init(&[&["--task-id", "b"], arguments].concat()).code, Some(0));
    }
    assert_eq!(repository.git(&repository.root(), &["-C", "base", "for-each-ref"]), before);
    assert_eq!(repository.git(&repository.root().join("trees/a"), &["status", "--porcelain"]), "");
}

/// Failing inits remove their root while other inits begin to use it.
#[test]
fn failing_inits_do_not_disturb_others() {
    let repository = Repository::new();
    std::thread::scope(|scope| {
        for task in 0..12 {
            let repository = &repository;
            scope.spawn(move || {
                let task = format!("t{task}");
                if task.len() % 2 == 0 && task != "t0" {
                    for _ in 0..3 {
                        let failed = repository.init(&["--task-id", &task, "--sparse", "absent"]);
                        assert_eq!(failed.code, Some(2), "{failed:?}");
                    }
                }
                let _ = repository.init(&["--task-id", &task]).good();
            });
        }
    });
    repository.git(&repository.root().join("base"), &["fsck", "--full", "--connectivity-only"]);
    assert_eq!(fs::read_dir(repository.root().join("trees")).unwrap().count(), 12);
}

#[test]
fn the_error_names_the_blocking_directory() {
    let repository = Repository::new();
    let file = repository.path("file");
    fs::write(&file, "").unwrap();
    let at = |root: &Path| {
        repository.run(&["init", "--task-id", "a", "--url", &repository.url(), "--root", root.to_str().unwrap()])
    };
    let refused = at(&file.join("deep/root"));
    assert!(refused.stderr.contains(&format!("cannot create a directory in {}:", file.display())), "{refused:?}");
    if cfg!(target_os = "linux") {
        let refused = at(Path::new("/proc/deep/root"));
        assert!(refused.stderr.contains("cannot create a directory in /proc:"), "{refused:?}");
    }
}
