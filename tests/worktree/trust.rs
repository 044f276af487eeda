//! `--safe-directory`: bases of other users, and what is written into the configuration of this one.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;

use crate::rig::{Done, Rig, done};

/// `safe.directory` of the user.
fn trusted(rig: &Rig) -> BTreeSet<String> {
    let config = rig.directory.path().join(".gitconfig");
    let read = rig.git(rig.directory.path(), &["config", "--file", config.to_str().unwrap(), "--list"]);
    let paths = read.lines().filter_map(|line| line.strip_prefix("safe.directory="));
    paths.map(|path| path.trim_start_matches(rig.directory.path().to_str().unwrap()).to_owned()).collect()
}

fn paths(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

fn trust(rig: &Rig, path: &str) {
    let path = rig.directory.path().join(path);
    rig.git(rig.directory.path(), &["config", "--global", "--add", "safe.directory", path.to_str().unwrap()]);
}

fn cleanup(rig: &Rig, arguments: &[&str]) -> Done {
    let root = rig.root();
    rig.run(&[&["cleanup", "--root", root.to_str().unwrap()], arguments].concat())
}

/// `init` of a git that takes every repository for another user's, as git's own tests tell it to.
fn stranger(rig: &Rig, arguments: &[&str]) -> Done {
    done(rig.command(arguments).env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").output().unwrap())
}

fn assert_trust_is_asked_for(rig: &Rig, init: impl Fn(&Rig, &[&str]) -> Done) {
    let refused = init(rig, &["--task-id", "b"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = ["belongs to another user", "--safe-directory"];
    assert!(said.iter().all(|said| refused.talk.contains(said)), "{refused:?}");
    let _ = init(rig, &["--task-id", "b", "--safe-directory"]).good();
    assert_eq!(rig.git(&rig.root().join("trees/b"), &["status", "--porcelain"]), "");
    let config = fs::read_to_string(rig.directory.path().join(".gitconfig")).unwrap();
    let _ = init(rig, &["--task-id", "b", "--reuse", "--safe-directory"]).good();
    assert_eq!(fs::read_to_string(rig.directory.path().join(".gitconfig")).unwrap(), config, "each is added once");
}

#[test]
fn a_base_of_another_user_is_trusted_when_that_is_asked() {
    let rig = Rig::new();
    // Whom git serves the source to is another matter.
    for path in ["source", "source/.git"] {
        trust(&rig, path);
    }
    let _ = rig.init(&["--task-id", "a"]).good();
    assert_trust_is_asked_for(&rig, stranger);
}

/// Only root can give files away; git's own word for it is tested above for everybody.
#[test]
fn a_base_that_root_gave_to_another_user_is_trusted_when_that_is_asked() {
    let rig = Rig::new();
    let _ = rig.init(&["--task-id", "a"]).good();
    let given = Command::new("chown").args(["-R", "1234:1234"]).arg(rig.root()).output().unwrap();
    if given.status.success() {
        assert_trust_is_asked_for(&rig, Rig::init);
    } else {
        assert!(String::from_utf8_lossy(&given.stderr).contains("not permitted"), "{given:?}");
    }
}

#[test]
fn an_entry_goes_with_what_it_was_added_for() {
    let rig = Rig::new();
    for own in ["root/trees/own", "elsewhere"] {
        trust(&rig, own);
    }
    for task in ["a", "b", "own"] {
        let _ = rig.init(&["--task-id", task, "--safe-directory"]).good();
    }
    let all = ["/elsewhere", "/root/base", "/root/trees/a", "/root/trees/b", "/root/trees/own"];
    assert_eq!(trusted(&rig), paths(&all));
    let _ = cleanup(&rig, &["--task-id", "a", "--dry-run"]).good();
    assert_eq!(trusted(&rig), paths(&all));
    let one = cleanup(&rig, &["--task-id", "a"]);
    assert!(one.talk.contains("one entry of safe.directory"), "{one:?}");
    assert_eq!(trusted(&rig), paths(&["/elsewhere", "/root/base", "/root/trees/b", "/root/trees/own"]));
    let _ = cleanup(&rig, &["--all"]).good();
    assert_eq!(trusted(&rig), paths(&["/elsewhere", "/root/base", "/root/trees/own"]), "what is the user's stays");
    fs::remove_dir_all(rig.root().join("base")).unwrap();
    let _ = cleanup(&rig, &["--all"]).good();
    assert_eq!(trusted(&rig), paths(&["/elsewhere", "/root/trees/own"]));
    let left = rig.git(rig.directory.path(), &["config", "--global", "--list"]);
    assert!(!left.contains("kubectl-runnable"), "{left}");
}

#[test]
fn an_init_that_fails_leaves_no_entry_of_its_worktree() {
    let rig = Rig::new();
    let refused = rig.init(&["--task-id", "a", "--safe-directory", "--sparse", "absent"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(trusted(&rig), paths(&["/root/base"]));
}

#[test]
fn inits_of_many_roots_share_one_configuration() {
    let rig = Rig::new();
    let url = rig.url();
    thread::scope(|scope| {
        for number in 0..12 {
            let (rig, url) = (&rig, &url);
            scope.spawn(move || {
                let root = rig.directory.path().join(format!("root{number}"));
                let root = ["--root", root.to_str().unwrap(), "--task-id", "a", "--safe-directory"];
                rig.run(&[&["init", "--url", url], &root[..]].concat()).good()
            });
        }
    });
    assert_eq!(trusted(&rig).len(), 24);
}
