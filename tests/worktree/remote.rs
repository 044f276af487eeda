//! A remote over HTTP, with credentials and without, and bases that others have to do with.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::support::git_server::GitServer;
use crate::support::output::Output;
use crate::support::repository::Repository;

/// `Basic` of `x-access-token:s3cret`.
const TOKEN: &str = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0";
/// `Basic` of `me:s3cret`.
const OWN: &str = "Basic bWU6czNjcmV0";
const SECRET: &str = "s3cret";

fn init(repository: &Repository, url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = repository.program();
    command.args(["worktree", "init", "--root"]).arg(repository.root()).args(["--url", url]).args(arguments);
    Output::of(command.envs(variables.iter().copied()))
}

/// All files below a directory that hold a text.
fn holding(directory: &Path, text: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let has = |path: &Path| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    entries
        .flat_map(|path| if path.is_dir() && !path.is_symlink() { holding(&path, text) } else { vec![path] })
        .filter(|path| has(path))
        .collect()
}

/// A git in front of the real one that writes down its arguments.
fn witness(repository: &Repository) -> (String, PathBuf) {
    let directory = repository.path("bin");
    fs::create_dir(&directory).unwrap();
    let log = directory.join("log");
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|place| place.join("git")).find(|path| path.exists()).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >>'{}'\nexec '{}' \"$@\"\n", log.display(), real.display());
    fs::write(directory.join("git"), script).unwrap();
    fs::set_permissions(directory.join("git"), Permissions::from_mode(0o755)).unwrap();
    (format!("{}:{}", directory.display(), std::env::var("PATH").unwrap()), log)
}

#[test]
fn twenty_at_once_over_http_and_then_nothing_more() {
    let repository = Repository::new();
    let server = GitServer::start(repository.directory(), None);
    let url = format!("{}/source", server.origin);
    thread::scope(|scope| {
        for task in 0..20 {
            let (repository, url) = (&repository, &url);
            scope.spawn(move || init(repository, url, &["--task-id", &format!("t{task}")], &[]).good());
        }
    });
    let base = repository.root().join("base");
    repository.git(&base, &["fsck", "--full", "--connectivity-only"]);
    assert_eq!(repository.git(&base, &["worktree", "list", "--porcelain"]).matches("\ndetached").count(), 20);
    let packs = fs::read_dir(base.join(".git/objects/pack")).unwrap().flatten();
    assert_eq!(packs.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count(), 1);
    let before = server.requests();
    let _ = init(&repository, &url, &["--task-id", "by-id", "--ref", &repository.main], &[]).good();
    assert_eq!(server.requests(), before, "a commit that is there is asked for by nobody");
}

#[test]
fn a_token_opens_a_private_repository_and_is_written_nowhere() {
    let repository = Repository::new();
    let server = GitServer::start(repository.directory(), Some(TOKEN));
    let url = format!("{}/source", server.origin);
    let refused = init(&repository, &url, &["--task-id", "a"], &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("is private or does not exist") && refused.stderr.contains("GITHUB_TOKEN"),
        "{refused:?}"
    );

    let elsewhere = init(&repository, &url, &["--task-id", "a"], &[("GITHUB_TOKEN", SECRET)]);
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert_eq!(server.requests_with_credentials(), 0, "a token of github.com goes to no other host");

    let (path, log) = witness(&repository);
    let own = [("GITHUB_SERVER_URL", server.origin.as_str()), ("PATH", path.as_str())];
    let wrong = init(&repository, &url, &["--task-id", "a"], &[own[0], own[1], ("GITHUB_TOKEN", "wr0ng")]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(!wrong.stderr.contains("wr0ng"), "{wrong:?}");
    let right = init(&repository, &url, &["--task-id", "a"], &[own[0], own[1], ("GITHUB_TOKEN", SECRET)]);
    assert!(!right.stderr.contains(SECRET), "{right:?}");
    assert!(!right.good().contains(SECRET));
    assert_eq!(repository.git(&repository.root().join("trees/a"), &["status", "--porcelain"]), "");
    assert_eq!(holding(repository.directory(), SECRET), [] as [PathBuf; 0]);
    assert!(fs::read_to_string(log).unwrap().contains("fetch"), "the witness saw git");
}

#[test]
fn credentials_in_a_url_are_used_and_not_stored() {
    let repository = Repository::new();
    let server = GitServer::start(repository.directory(), Some(OWN));
    let url = format!("{}/source", server.origin.replace("://", "://me:s3cret@"));
    let made = init(&repository, &url, &["--task-id", "a", "-o", "json"], &[]);
    assert!(!made.stderr.contains(SECRET), "{made:?}");
    assert!(!made.good().contains(SECRET));
    assert_eq!(holding(repository.directory(), SECRET), [] as [PathBuf; 0]);
    let remote = repository.git(&repository.root().join("base"), &["remote", "get-url", "origin"]);
    assert_eq!(remote, format!("{}/source", server.origin));
}

#[test]
fn a_missing_git_is_an_error() {
    let repository = Repository::new();
    let refused = init(&repository, &repository.url(), &["--task-id", "a"], &[("PATH", "/nonexistent")]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("git was not found on the PATH") && refused.stderr.contains("hint:"),
        "{refused:?}"
    );
    assert!(!repository.root().exists());
}

#[test]
fn the_history_has_the_requested_depth() {
    let repository = Repository::new();
    let server = GitServer::start(repository.directory(), None);
    let url = format!("{}/source", server.origin);
    for (task, depth, commits) in [("one", "1", "1"), ("two", "2", "2"), ("all", "0", "4"), ("again", "1", "4")] {
        let _ = init(&repository, &url, &["--task-id", task, "--depth", depth], &[]).good();
        let tree = repository.root().join("trees").join(task);
        assert_eq!(repository.git(&tree, &["rev-list", "--count", "HEAD"]), commits, "--depth {depth}");
        assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
        repository.git(&repository.root().join("base"), &["fsck", "--full"]);
    }
}

#[test]
fn filters_and_submodules_are_written_as_by_git() {
    let repository = Repository::new();
    let source = repository.source();
    for (key, value) in [("smudge", "tr a-z A-Z"), ("clean", "tr A-Z a-z"), ("required", "true")] {
        repository.git(&source, &["config", "--global", &format!("filter.shout.{key}"), value]);
    }
    fs::write(source.join(".gitattributes"), "*.loud filter=shout\n").unwrap();
    fs::write(source.join("a.loud"), "quiet\n").unwrap();
    repository.git(&source, &["add", "-A"]);
    let gitlink = format!("160000,{},module", repository.main);
    repository.git(&source, &["update-index", "--add", "--cacheinfo", &gitlink]);
    repository.git(&source, &["commit", "-qm", "Filter"]);
    let _ = repository.init(&["--task-id", "a"]).good();
    let tree = repository.root().join("trees/a");
    assert_eq!(fs::read_to_string(tree.join("a.loud")).unwrap(), "QUIET\n");
    assert!(tree.join("module").is_dir());
    assert_eq!(repository.git(&tree, &["status", "--porcelain"]), "");
    let judge = repository.path("judge");
    let place = judge.to_str().unwrap();
    repository
        .git(&repository.root().join("base"), &["worktree", "add", "--detach", place, &repository.commit("main")]);
    assert_eq!(fs::read(judge.join("a.loud")).unwrap(), fs::read(tree.join("a.loud")).unwrap());
    assert!(judge.join("module").is_dir());
}

#[test]
fn a_lock_timeout_names_the_holder() {
    let repository = Repository::new();
    fs::create_dir(repository.root()).unwrap();
    let mut held = File::create(repository.root().join("base.lock")).unwrap();
    held.lock().unwrap();
    held.write_all(b"process 7 on elsewhere (worktree init of task x)").unwrap();
    for verb in [&["init", "--task-id", "a", "--url", &repository.url()][..], &["cleanup", "--all"]] {
        fs::create_dir_all(repository.root().join("trees")).unwrap();
        let root = repository.root();
        let rest = ["--root", root.to_str().unwrap(), "--lock-timeout", "1s"];
        let refused = repository.run(&verb.iter().copied().chain(rest).collect::<Vec<_>>());
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(
            refused.stderr.contains("is locked by process 7 on elsewhere (worktree init of task x)"),
            "{refused:?}"
        );
    }
    drop(held);
    let _ = repository.init(&["--task-id", "a"]).good();
}

#[test]
fn lost_objects_are_fetched_again() {
    let repository = Repository::new();
    let _ = repository.init(&["--task-id", "a"]).good();
    let base = repository.root().join("base");
    let objects = base.join(".git/objects");
    let packs: Vec<PathBuf> = fs::read_dir(objects.join("pack")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let pack = packs.iter().find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    let aside = repository.path("all.pack");
    fs::rename(pack, &aside).unwrap();
    packs.iter().filter(|path| path.exists()).for_each(|path| fs::remove_file(path).unwrap());
    let unpacked = Command::new("git")
        .args(["unpack-objects", "-q"])
        .current_dir(&base)
        .stdin(File::open(aside).unwrap())
        .status();
    assert!(unpacked.unwrap().success());
    let blob = repository.commit("main:plain.txt");
    fs::remove_file(objects.join(&blob[..2]).join(&blob[2..])).unwrap();
    let _ = repository.init(&["--task-id", "b"]).good();
    assert_eq!(repository.git(&repository.root().join("trees/b"), &["status", "--porcelain"]), "");
    repository.git(&base, &["fsck", "--full"]);
}

/// A repository with SHA-256 object ids.
fn sha256(repository: &Repository) -> PathBuf {
    let place = repository.path("sha256");
    repository
        .git(repository.directory(), &["init", "-q", "-b", "main", "--object-format=sha256", place.to_str().unwrap()]);
    repository.git(&place, &["commit", "-q", "--allow-empty", "-m", "First"]);
    place
}

#[test]
fn a_sha256_repository_is_refused_before_anything_is_created() {
    let repository = Repository::new();
    let other = sha256(&repository);
    let server = GitServer::start(repository.directory(), None);
    for url in [format!("file://{}", other.display()), format!("{}/sha256", server.origin)] {
        for named in ["refs/heads/main", "main", "HEAD"] {
            let refused = init(&repository, &url, &["--task-id", "a", "--ref", named], &[]);
            assert_eq!(refused.code, Some(2), "{refused:?}");
            assert!(refused.stderr.contains("SHA-256 object ids: only SHA-1 is supported"), "{refused:?}");
        }
        assert!(!repository.root().join("base").exists() && !repository.root().join("trees/a").exists());
    }
    let id = repository.git(&other, &["rev-parse", "HEAD"]);
    let refused = init(&repository, &repository.url(), &["--task-id", "a", "--ref", &id], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("is a SHA-256 id"), "{refused:?}");
    // An object id needs a fetch, so the base already exists, without objects.
    let refused =
        init(&repository, &format!("file://{}", other.display()), &["--task-id", "a", "--ref", &repository.main], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("only SHA-1") && !repository.root().join("trees/a").exists(), "{refused:?}");
    let _ = repository.init(&["--task-id", "a"]).good();
}

#[test]
fn a_sha256_base_is_left_as_it_is() {
    let repository = Repository::new();
    fs::create_dir(repository.root()).unwrap();
    let base = repository.root().join("base");
    fs::rename(sha256(&repository), &base).unwrap();
    let before = fs::read(base.join(".git/config")).unwrap();
    let root = repository.root();
    let arguments = ["--root", root.to_str().unwrap()];
    for refused in [repository.init(&["--task-id", "a"]), repository.run(&[&["list"], &arguments[..]].concat())] {
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("base uses SHA-256 object ids"), "{refused:?}");
    }
    assert_eq!(fs::read(base.join(".git/config")).unwrap(), before);
}
