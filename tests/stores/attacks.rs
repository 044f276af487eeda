//! What an outsider tries: damaged contents, outputs within outputs, directories that forbid their owner to write, files with
//! odd names.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rstest::rstest;

use crate::rig::{Kind, Rig};

/// What is left of restored outputs that were on their way.
fn leftovers(rig: &Rig) -> Vec<String> {
    let names = fs::read_dir(rig.environment.directory()).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".kubectl-runnable-")).collect()
}

#[rstest]
fn a_blob_of_the_right_size_and_another_content_is_stored_again(#[values(Kind::Directory, Kind::S3)] kind: Kind) {
    let rig = Rig::new(kind);
    let exec = || rig.exec(&["--key", "k", "--output", "o=out"], "echo x >>ran; echo same >out");
    let _ = exec().exits(0);
    for blob in rig.blobs() {
        fs::write(blob, "smae\n").unwrap();
    }
    let broken = exec().exits(0);
    assert_eq!(broken.stderr.matches("ignored a broken cache entry").count(), 1, "{broken}");
    let _ = exec().exits(0).says("cached");
    assert_eq!((rig.runs(), rig.read("out").as_str()), (2, "same\n"));
}

#[rstest]
fn outputs_within_outputs_come_back(#[values(Kind::Directory, Kind::S3)] kind: Kind) {
    let rig = Rig::new(kind);
    let arguments = [
        "--key",
        "k",
        "--output",
        "app=dist/bin/app",
        "--output",
        "all=dist",
        "--output-parameter",
        "v=./dist/version",
        "--output",
        "linked=dist/link/file",
    ];
    let script = "echo x >>ran; mkdir -p dist/bin else; echo app >dist/bin/app; echo 7 >dist/version; echo f >else/file; \
        ln -s ../else dist/link";
    let _ = rig.exec(&arguments, script).exits(0);
    for round in 0..2 {
        if round == 0 {
            fs::remove_dir_all(rig.path("dist")).unwrap();
            fs::remove_dir_all(rig.path("else")).unwrap();
            fs::create_dir(rig.path("else")).unwrap();
        }
        let _ = rig.exec(&arguments, script).exits(0).says("cached");
        let read = |name: &str| rig.read(name);
        assert_eq!((read("dist/bin/app"), read("dist/link/file")), ("app\n".to_owned(), "f\n".to_owned()));
        assert_eq!((read("dist/version").as_str(), rig.runs()), ("7", 1));
        assert!(leftovers(&rig).is_empty(), "{:?}", leftovers(&rig));
    }
}

/// The command as a user who may not write to what has no permission to write.
fn as_user(rig: &Rig, mut command: Command) -> Command {
    if rustix::process::geteuid().is_root() {
        chown(rig.environment.directory(), Some(65534), Some(65534)).unwrap();
        command.uid(65534).gid(65534);
    }
    command
}

#[test]
fn a_user_gets_directories_back_that_forbid_to_write() {
    let rig = Rig::new(Kind::Directory);
    let script = "echo x >>ran; mkdir -p out/sub; echo x >out/sub/f; chmod 555 out/sub out";
    let exec = || {
        let command = rig.command(&["--key", "k", "--output", "o=out"], script);
        rig.environment.finish(&mut as_user(&rig, command))
    };
    let _ = exec().exits(0);
    // Over the one that is there, and where nothing is.
    let _ = exec().exits(0).says("cached");
    fs::set_permissions(rig.path("out"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(rig.path("out/sub"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(rig.path("out")).unwrap();
    let _ = exec().exits(0).says("cached");
    assert_eq!((rig.runs(), rig.read("out/sub/f").as_str()), (1, "x\n"));
    let mode = |name: &str| rig.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("out"), mode("out/sub")), (0o555, 0o555));
    assert!(leftovers(&rig).is_empty());
}

#[test]
fn a_user_gets_back_what_is_in_a_directory_of_another_one() {
    let rig = Rig::new(Kind::Directory);
    fs::create_dir_all(rig.path("closed/own")).unwrap();
    rig.write("closed/file", "old");
    let arguments = ["--key", "k", "--output", "file=closed/file", "--output", "own=closed/own"];
    let script = "echo x >>ran; echo new >closed/file; echo t >closed/own/t; chmod 640 closed/file";
    let exec = || rig.environment.finish(&mut as_user(&rig, rig.command(&arguments, script)));
    for name in ["closed/own", "closed/file"] {
        if rustix::process::geteuid().is_root() {
            chown(rig.path(name), Some(65534), Some(65534)).unwrap();
        }
    }
    fs::set_permissions(rig.path("closed"), Permissions::from_mode(0o555)).unwrap();
    let _ = exec().exits(0);
    rig.write("closed/own/left", "");
    fs::write(rig.path("closed/file"), "changed").unwrap();
    let _ = exec().exits(0).says("cached");
    assert_eq!((rig.runs(), rig.read("closed/file").as_str(), rig.read("closed/own/t").as_str()), (1, "new\n", "t\n"));
    assert!(!rig.path("closed/own/left").exists());
    fs::set_permissions(rig.path("closed"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_lies_behind_links_to_directories_counts() {
    let rig = Rig::new(Kind::Directory);
    rig.write("shared/code", "1");
    fs::create_dir(rig.path("src")).unwrap();
    std::os::unix::fs::symlink("../shared", rig.path("src/shared")).unwrap();
    std::os::unix::fs::symlink("src", rig.path("linked")).unwrap();
    for pattern in ["src", "src/**", "linked"] {
        let exec = || rig.exec(&["--key-files", pattern], "echo x >>ran");
        let before = rig.runs();
        rig.write("shared/code", &format!("{pattern} before"));
        let _ = exec().exits(0);
        let _ = exec().exits(0).says("cached");
        rig.write("shared/code", pattern);
        let _ = exec().exits(0);
        assert_eq!(rig.runs(), before + 2, "{pattern}");
    }
}

#[test]
fn files_named_like_patterns_are_files() {
    let rig = Rig::new(Kind::Directory);
    rig.write("pages/[id].tsx", "1");
    let exec = || rig.exec(&["--key-files", "pages/[id].tsx"], "echo x >>ran");
    let _ = exec().exits(0);
    rig.write("pages/[id].tsx", "2");
    let _ = exec().exits(0);
    assert_eq!(rig.runs(), 2);
}

#[test]
fn a_key_file_that_cannot_be_read_is_a_fault_of_the_cache_and_nothing_runs() {
    let rig = Rig::new(Kind::Directory);
    let pipe = rig.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    rig.exec(&["--key-files", "pipe"], "echo x >>ran").fails(125, &["cannot read pipe"]);
    assert_eq!(rig.runs(), 0);
}
