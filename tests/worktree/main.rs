//! `worktree` by the real program on real repositories, with git itself as the judge.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod cleanup;
mod hook;
mod random;
mod remote;
mod trust;
mod work;

use std::os::unix::fs::symlink;
use std::thread;

use crate::support::repository::Repository;

#[test]
fn a_worktree_shows_the_ref_as_git_itself_would() {
    let repository = Repository::new();
    let path = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    assert_eq!(path, format!("{}\n", tree.display()));
    assert_eq!(std::fs::read_to_string(repository.root().join("workspace_path")).unwrap().trim(), path.trim());
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.commit("main"));
    assert_eq!(repository.git(&tree, &["symbolic-ref", "-q", "--short", "HEAD"]), "", "it is detached");

    let judge = repository.path("judge");
    repository.git(
        &repository.root().join("base"),
        &["worktree", "add", "--detach", judge.to_str().unwrap(), "HEAD"]
            .map(|word| if word == "HEAD" { repository.main.as_str() } else { word }),
    );
    for name in ["plain.txt", "dir/run.sh", "crlf.txt", "link"] {
        let read = |root: &std::path::Path| {
            let path = root.join(name);
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            (mode, std::fs::read_link(&path).ok(), std::fs::read(&path).unwrap())
        };
        assert_eq!(read(&tree), read(&judge), "{name}");
    }
}

#[test]
fn work_is_committed_and_pushed_from_it() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    std::fs::write(tree.join("new.txt"), "new\n").unwrap();
    repository.git(&tree, &["add", "new.txt"]);
    repository.git(&tree, &["commit", "-qm", "Add a file"]);
    repository.git(&tree, &["push", "-q", "origin", "HEAD:refs/heads/topic"]);
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.commit("topic"));
}

#[test]
fn a_branch_a_tag_a_pull_request_and_a_commit_are_resolved() {
    let repository = Repository::new();
    for (task, named) in [("branch", "refs/heads/side"), ("tag", "refs/tags/v1"), ("pull", "refs/pull/7/head")] {
        let _ = repository.init(&["--task-id", task, "--ref", named]).good();
        let head = repository.git(&repository.root().join("trees").join(task), &["rev-parse", "HEAD"]);
        assert_eq!(head, repository.commit(&format!("{named}^{{commit}}")), "{named}");
    }
    let _ = repository.init(&["--task-id", "id", "--ref", &repository.main]).good();
    assert_eq!(repository.git(&repository.root().join("trees/id"), &["rev-parse", "HEAD"]), repository.main);
    let missing = repository.init(&["--task-id", "none", "--ref", "refs/heads/none"]);
    assert_eq!(missing.code, Some(6), "{missing:?}");
    assert!(!repository.root().join("trees/none").exists());
}

#[test]
fn nothing_is_fetched_if_the_base_has_the_commit() {
    let repository = Repository::new();
    let first: serde_json::Value =
        serde_json::from_str(&repository.init(&["--task-id", "a", "-o", "json"]).good()).unwrap();
    let second: serde_json::Value =
        serde_json::from_str(&repository.init(&["--task-id", "b", "-o", "json"]).good()).unwrap();
    assert_eq!((&first["fetched"], &second["fetched"]), (&true.into(), &false.into()));
    assert_eq!(second["commit"], first["commit"]);
    assert_eq!(second["taskId"], "b");
}

#[test]
fn a_task_has_one_worktree_which_reuse_uses() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    std::fs::write(tree.join("plain.txt"), "mine\n").unwrap();
    let again = repository.init(&["--task-id", "a"]);
    assert_eq!(again.code, Some(7), "{again:?}");
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(std::fs::read_to_string(tree.join("plain.txt")).unwrap(), "mine\n");
    let other = repository.init(&["--task-id", "a", "--reuse", "--ref", "refs/heads/side"]);
    assert_eq!(other.code, Some(7), "work would be lost: {other:?}");
    repository.git(&tree, &["checkout", "-q", "--", "plain.txt"]);
    let _ = repository.init(&["--task-id", "a", "--reuse", "--ref", "refs/heads/side"]).good();
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.commit("side"));
}

/// What the next attempt of a task finds: the files and the commit of the last one, whatever the ref names by now.
#[test]
fn keep_goes_on_in_the_worktree_as_it_is() {
    let repository = Repository::new();
    let first = repository.init(&["--task-id", "a", "--keep", "-q"]).good();
    let tree = repository.root().join("trees/a");
    std::fs::write(tree.join("plain.txt"), "mine\n").unwrap();
    std::fs::rename(repository.source(), repository.path("elsewhere")).unwrap();
    let again = repository.init(&["--task-id", "a", "--keep", "--ref", "refs/heads/none", "-q"]);
    assert_eq!(again.good(), first, "the remote is not asked");
    assert_eq!(std::fs::read_to_string(tree.join("plain.txt")).unwrap(), "mine\n");
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.main);
    let other = repository.init(&["--task-id", "b", "--keep", "-q"]);
    assert_ne!(other.code, Some(0), "a new worktree needs the remote: {other:?}");
}

#[test]
fn the_umask_lets_others_write() {
    use std::os::unix::fs::PermissionsExt;
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a", "--umask", "000"]).good();
    let tree = repository.root().join("trees/a");
    for (name, mode) in [("plain.txt", 0o666), ("dir", 0o777), ("dir/run.sh", 0o666)] {
        let found = std::fs::symlink_metadata(tree.join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(repository.init(&["--task-id", "b", "--umask", "9"]).code, Some(2));
}

#[test]
fn twenty_parallel_inits_create_twenty_worktrees() {
    let repository = Repository::new();
    thread::scope(|scope| {
        for task in 0..20 {
            let repository = &repository;
            scope.spawn(move || repository.init(&["--task-id", &format!("t{task}")]).good());
        }
    });
    let base = repository.root().join("base");
    repository.git(&base, &["fsck", "--full", "--connectivity-only"]);
    assert_eq!(repository.git(&base, &["worktree", "list", "--porcelain"]).matches("\ndetached").count(), 20);
    for task in 0..20 {
        assert_eq!(repository.git(&repository.root().join(format!("trees/t{task}")), &["status", "--porcelain"]), "");
    }
}

#[test]
fn the_next_init_completes_a_killed_one() {
    let repository = Repository::new();
    for round in 0..12 {
        let mut child = repository.command(&["--task-id", "a", "-q"]).spawn().unwrap();
        thread::sleep(std::time::Duration::from_millis(15 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
        let tree = repository.root().join("trees/a");
        assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "", "round {round}");
        repository.git(&repository.root().join("base"), &["fsck", "--full", "--connectivity-only"]);
        repository.git(&repository.root().join("base"), &["worktree", "remove", tree.to_str().unwrap()]);
    }
}

/// The worktree moves to another commit and to other directories; files of a killed move are not work.
#[test]
fn the_next_reuse_completes_a_killed_one() {
    let repository = Repository::new();
    for number in 0..300 {
        std::fs::write(repository.source().join(format!("dir/{number}")), "text").unwrap();
    }
    repository.git(&repository.source(), &["add", "-A"]);
    repository.git(&repository.source(), &["commit", "-qm", "Many"]);
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    for round in 0..16 {
        let named = if round % 2 == 0 { "side" } else { "main" };
        let mut child = repository.command(&["--task-id", "a", "-q", "--reuse", "--ref", named]).spawn().unwrap();
        thread::sleep(std::time::Duration::from_millis(20 + 6 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let mark = std::fs::read_to_string(repository.root().join("base/.git/worktrees/a/locked"));
        assert_ne!(mark.ok().as_deref(), Some(""), "round {round}: an empty file is a lock of the user");
        let _ = repository.init(&["--task-id", "a", "--reuse", "--ref", named]).good();
        assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "", "round {round}");
        assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.commit(named), "round {round}");
    }
}

/// As a killed reuse leaves it: files and index of one commit, `HEAD` of another.
#[test]
fn a_partly_moved_worktree_is_created_again() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a", "--depth", "0"]).good();
    let tree = repository.root().join("trees/a");
    repository.git(&tree, &["reset", "-q", "--soft", &repository.commit("main~1")]);
    let locked = repository.root().join("base/.git/worktrees/a/locked");
    let kept = repository.init(&["--task-id", "a", "--reuse"]);
    assert_eq!(kept.code, Some(7), "this may be somebody's work: {kept:?}");
    std::fs::write(locked, "kubectl runnable: being made\n").unwrap();
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
    assert_eq!(repository.git(&tree, &["rev-parse", "HEAD"]), repository.main);
}

#[test]
fn a_directory_without_its_git_file_is_not_a_worktree() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    std::fs::remove_file(repository.root().join("trees/a/.git")).unwrap();
    for more in [&[][..], &["--reuse"]] {
        let refused = repository.init(&[&["--task-id", "a"], more].concat());
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("trees/a exists and is not a worktree of"), "{refused:?}");
    }
    assert!(repository.root().join("trees/a/plain.txt").exists());
}

#[test]
fn reuse_applies_the_requested_sparse_directories() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a", "--sparse", "dir"]).good();
    let tree = repository.root().join("trees/a");
    let there = || ["dir", "other", "plain.txt"].map(|name| tree.join(name).exists());
    assert_eq!(there(), [true, false, true]);
    let again = ["--task-id", "a", "--reuse", "--sparse"];
    let refused = repository.init(&[&again[..], &["absent"]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let _ = repository.init(&[&again[..], &["other"]].concat()).good();
    assert_eq!(there(), [false, true, true]);
    std::fs::write(tree.join("plain.txt"), "mine\n").unwrap();
    let _ = repository.init(&[&again[..], &["other", "dir"]].concat()).good();
    assert_eq!(there(), [true, true, true]);
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), " M plain.txt");
    let _ = repository.init(&["--task-id", "a", "--reuse"]).good();
    assert_eq!(there(), [true, true, true], "without --sparse it stays as it is");
    let _ = repository.init(&["--task-id", "b"]).good();
    let _ = repository.init(&["--task-id", "b", "--reuse", "--sparse", "dir", "--ref", "side"]).good();
    let b = repository.root().join("trees/b");
    assert!(b.join("dir/run.sh").exists() && !b.join("other").exists());
    assert_eq!(repository.git(&b, &["status", "--porcelain"]), "");
}

#[test]
fn hostile_names_never_leave_the_root() {
    let repository = Repository::new();
    for task in ["../a", "..", ".a", "a/b", "a..b", "-a", "", "a b"] {
        let refused = repository.init(&[&format!("--task-id={task}")]);
        assert_eq!(refused.code, Some(2), "{task}: {refused:?}");
    }
    for named in ["--upload-pack=touch x", "-x", "a..b", "refs/heads/a b"] {
        let refused = repository.init(&["--task-id", "a", &format!("--ref={named}")]);
        assert_eq!(refused.code, Some(2), "{named}: {refused:?}");
    }
    for url in ["ext::sh -c touch% x", "--upload-pack=x", ""] {
        let refused = repository.run(&[
            "init",
            "--task-id",
            "a",
            "--root",
            repository.root().to_str().unwrap(),
            &format!("--url={url}"),
        ]);
        assert_eq!(refused.code, Some(2), "{url}: {refused:?}");
    }
    for url in ["https://me:s3cret@", "foo://me:s3cret@h/x", "https:/me:s3cret@h/x", "https://me:s3cret/x@h/y"] {
        let refused =
            repository.run(&["init", "--task-id", "a", "--root", repository.root().to_str().unwrap(), "--url", url]);
        assert_eq!(refused.code, Some(2), "{url}: {refused:?}");
        assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    }
    for (owner, name) in [("../x", "r"), ("o", "../r"), ("-o", "r"), ("o", "..")] {
        let refused = repository.run(&["init", &format!("--owner={owner}"), &format!("--repo={name}")]);
        assert_eq!(refused.code, Some(2), "{owner}/{name}: {refused:?}");
    }
    assert!(!repository.root().exists(), "nothing was made");
}

#[test]
fn a_link_in_the_roots_place_is_refused() {
    let repository = Repository::new();
    let outside = repository.path("outside");
    std::fs::create_dir_all(&outside).unwrap();
    for place in ["", "base", "trees"] {
        let root = repository.path(&format!("root-{place}"));
        if place.is_empty() {
            symlink(&outside, &root).unwrap();
        } else {
            std::fs::create_dir(&root).unwrap();
            symlink(&outside, root.join(place)).unwrap();
        }
        let refused =
            repository.run(&["init", "--task-id", "a", "--url", &repository.url(), "--root", root.to_str().unwrap()]);
        assert_ne!(refused.code, Some(0), "{place}: {refused:?}");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0, "{place}");
    }
}

#[test]
fn only_a_part_is_checked_out_when_that_is_asked() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a", "--sparse", "dir"]).good();
    let tree = repository.root().join("trees/a");
    assert!(tree.join("dir/run.sh").exists() && tree.join("plain.txt").exists());
    assert!(!tree.join("other").exists());
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
}

#[test]
fn another_repository_under_the_same_root_is_refused() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let root = repository.root();
    let refused =
        repository.run(&["init", "--task-id", "b", "--url", "file:///nowhere", "--root", root.to_str().unwrap()]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(!root.join("trees/b").exists());
}

#[test]
fn a_repository_of_somebody_s_own_is_no_base() {
    let repository = Repository::new();
    let base = repository.root().join("base");
    std::fs::create_dir(repository.root()).unwrap();
    repository.git(&repository.root(), &["init", "-q", "base"]);
    repository.git(&base, &["commit", "-q", "--allow-empty", "-m", "Own"]);
    let refused = repository.init(&["--task-id", "a"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("base is a clone of another repository"), "{refused:?}");
    assert_eq!(repository.git(&base, &["remote"]), "");
}
