//! `--safe-directory`: bases that belong to other users, and the entries in the configuration of this user.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;

use crate::support::output::Output;
use crate::support::repository::Repository;

/// `safe.directory` of the user.
fn trusted(repository: &Repository) -> BTreeSet<String> {
    let config = repository.path(".gitconfig");
    let read = repository.git(repository.directory(), &["config", "--file", config.to_str().unwrap(), "--list"]);
    let paths = read.lines().filter_map(|line| line.strip_prefix("safe.directory="));
    paths.map(|path| path.trim_start_matches(repository.directory().to_str().unwrap()).to_owned()).collect()
}

fn paths(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

fn trust(repository: &Repository, path: &str) {
    let path = repository.path(path);
    repository.git(repository.directory(), &["config", "--global", "--add", "safe.directory", path.to_str().unwrap()]);
}

fn cleanup(repository: &Repository, arguments: &[&str]) -> Output {
    let root = repository.root();
    repository.run(&[&["cleanup", "--root", root.to_str().unwrap()], arguments].concat())
}

/// `init` with a git that takes every repository for another user's, by the variable of git's own tests.
fn stranger(repository: &Repository, arguments: &[&str]) -> Output {
    Output::of(repository.command(arguments).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1"))
}

fn assert_trust_is_required(repository: &Repository, init: impl Fn(&Repository, &[&str]) -> Output) {
    let refused = init(repository, &["--task-id", "b"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = ["belongs to another user", "--safe-directory"];
    assert!(said.iter().all(|said| refused.stderr.contains(said)), "{refused:?}");
    let _ = init(repository, &["--task-id", "b", "--safe-directory"]).good();
    assert_eq!(repository.git(&repository.root().join("trees/b"), &["status", "--porcelain"]), "");
    let config = fs::read_to_string(repository.path(".gitconfig")).unwrap();
    let _ = init(repository, &["--task-id", "b", "--reuse", "--safe-directory"]).good();
    assert_eq!(fs::read_to_string(repository.path(".gitconfig")).unwrap(), config, "each is added once");
}

#[test]
fn a_base_of_another_user_is_trusted_on_request() {
    let repository = Repository::new();
    // The server must not be affected by the setting.
    for path in ["source", "source/.git"] {
        trust(&repository, path);
    }
    let _ = repository.init(&["--task-id", "a"]).good();
    assert_trust_is_required(&repository, stranger);
}

/// Only root can change the owner of files; the test above covers git's refusal for other users.
#[test]
fn a_base_that_root_gave_to_another_user_is_trusted_on_request() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let given = Command::new("chown").args(["-R", "1234:1234"]).arg(repository.root()).output().unwrap();
    if given.status.success() {
        assert_trust_is_required(&repository, Repository::init);
    } else {
        assert!(String::from_utf8_lossy(&given.stderr).contains("not permitted"), "{given:?}");
    }
}

#[test]
fn an_entry_is_removed_with_its_directory() {
    let repository = Repository::new();
    for own in ["root/trees/own", "elsewhere"] {
        trust(&repository, own);
    }
    for task in ["a", "b", "own"] {
        let _ = repository.init(&["--task-id", task, "--safe-directory"]).good();
    }
    let all = ["/elsewhere", "/root/base", "/root/trees/a", "/root/trees/b", "/root/trees/own"];
    assert_eq!(trusted(&repository), paths(&all));
    let _ = cleanup(&repository, &["--task-id", "a", "--dry-run"]).good();
    assert_eq!(trusted(&repository), paths(&all));
    let one = cleanup(&repository, &["--task-id", "a"]);
    assert!(one.stderr.contains("removed 1 safe.directory entry"), "{one:?}");
    assert_eq!(trusted(&repository), paths(&["/elsewhere", "/root/base", "/root/trees/b", "/root/trees/own"]));
    let _ = cleanup(&repository, &["--all"]).good();
    assert_eq!(
        trusted(&repository),
        paths(&["/elsewhere", "/root/base", "/root/trees/own"]),
        "what is the user's stays"
    );
    fs::remove_dir_all(repository.root().join("base")).unwrap();
    let _ = cleanup(&repository, &["--all"]).good();
    assert_eq!(trusted(&repository), paths(&["/elsewhere", "/root/trees/own"]));
    let left = repository.git(repository.directory(), &["config", "--global", "--list"]);
    assert!(!left.contains("kubectl-runnable"), "{left}");
}

#[test]
fn a_failed_init_leaves_no_entry_of_its_worktree() {
    let repository = Repository::new();
    let refused = repository.init(&["--task-id", "a", "--safe-directory", "--sparse", "absent"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(trusted(&repository), paths(&["/root/base"]));
}

#[test]
fn inits_of_many_roots_share_one_configuration() {
    let repository = Repository::new();
    let url = repository.url();
    thread::scope(|scope| {
        for number in 0..12 {
            let (repository, url) = (&repository, &url);
            scope.spawn(move || {
                let root = repository.path(&format!("root{number}"));
                let root = ["--root", root.to_str().unwrap(), "--task-id", "a", "--safe-directory"];
                repository.run(&[&["init", "--url", url], &root[..]].concat()).good()
            });
        }
    });
    assert_eq!(trusted(&repository).len(), 24);
}
