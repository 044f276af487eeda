//! What `exec` does with any store.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use rstest::rstest;

use crate::rig::{Kind, Rig};

const COUNT: &str = "echo x >>ran";

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_command_runs_once_and_its_outputs_come_back(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    rig.write("src/in", "1");
    let arguments = ["--key-files", "src", "--output", "file=out/file", "--output", "tree=out/tree"];
    let script = "echo x >>ran; mkdir -p out/tree/sub; echo made; cat src/in >out/file; chmod 750 out/file; \
        echo t >out/tree/sub/t; ln -s sub/t out/tree/link; echo talk >&2";
    let first = rig.exec(&arguments, script);
    assert_eq!((first.code, first.stdout.as_str(), first.stderr.as_str()), (Some(0), "made\n", "talk\n"));

    fs::remove_dir_all(rig.path("out/tree")).unwrap();
    rig.write("out/file", "changed");
    rig.write("out/tree/left/over", "");
    let again = rig.exec(&arguments, script);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "made\n"), "{again}");
    assert!(again.stderr.starts_with("cached: made ") && again.stderr.lines().count() == 1, "{again}");
    assert_eq!((rig.runs(), rig.read("out/file").as_str(), rig.read("out/tree/link").as_str()), (1, "1", "t\n"));
    assert_eq!(rig.path("out/file").metadata().unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(fs::read_link(rig.path("out/tree/link")).unwrap().to_str(), Some("sub/t"));
    assert!(!rig.path("out/tree/left").exists());

    rig.write("src/in", "2");
    let _ = rig.exec(&arguments, script).prints(0, "made\n").says("talk");
    assert_eq!((rig.runs(), rig.read("out/file").as_str()), (2, "2"));
    rig.assert_whole();
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_failure_leaves_no_entry_and_its_code(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let arguments = ["--key", "k", "--output", "o=out"];
    let _ = rig.exec(&arguments, &format!("{COUNT}; echo half >out; exit 7")).exits(7);
    assert_eq!(rig.read("out"), "half\n", "outputs of a failed command are left alone");
    assert!(!rig.entry("k").join("manifest.json").exists());
    assert!(fs::read_to_string(rig.entry("k").join("error.json")).unwrap().contains("exit code 7"));
    let killed = rig.exec(&arguments, "kill -TERM $$");
    assert_eq!(killed.code, None, "{killed}");
    let _ = rig.exec(&arguments, &format!("{COUNT}; echo whole >out")).exits(0);
    assert!(rig.entry("k").join("manifest.json").exists() && !rig.entry("k").join("error.json").exists());
    let _ = rig.exec(&arguments, COUNT).exits(0).says("cached");
    assert_eq!(rig.runs(), 2);
    assert!(!rig.entry("k").join("lease.json").exists(), "the right was given back");
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_stale_entry_is_replaced(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script = "echo x >>ran; wc -l <ran >out";
    let arguments = ["--key", "k", "--output", "o=out"];
    let _ = rig.exec(&arguments, script).exits(0);

    // Expired.
    let _ = rig.exec(&["--key", "k", "--output", "o=out", "--max-age", "1h"], script).exits(0).says("cached");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let _ = rig.exec(&["--key", "k", "--output", "o=out", "--max-age", "1s"], script).exits(0);
    assert_eq!(rig.runs(), 2);
    // Forced.
    let _ = rig.exec(&["--key", "k", "--output", "o=out", "--force"], script).exits(0);
    assert_eq!(rig.runs(), 3);
    // A declared output is missing.
    let _ =
        rig.exec(&["--key", "k", "--output", "o=out", "--output", "p=out"], script).exits(0).says("lacks the output p");
    assert_eq!(rig.runs(), 4);
    // Its content has changed, or is gone.
    for damage in [
        |path: &std::path::Path| fs::write(path, "x\n").unwrap(),
        |path: &std::path::Path| fs::remove_file(path).unwrap(),
    ] {
        let before = rig.runs();
        for blob in rig.blobs() {
            damage(&blob);
        }
        let _ = rig.exec(&arguments, script).exits(0).says("ignored a broken cache entry");
        let _ = rig.exec(&arguments, script).exits(0).says("cached");
        assert_eq!(rig.runs(), before + 1);
    }
    // Truncated, and of a version to come.
    let path = rig.entry("k").join("manifest.json");
    for (text, said) in [("{", "is no manifest"), (r#"{"version": 9}"#, "another version")] {
        let before = rig.runs();
        fs::write(&path, text).unwrap();
        let _ = rig.exec(&arguments, script).exits(0).says(said);
        let _ = rig.exec(&arguments, script).exits(0).says("cached");
        assert_eq!(rig.runs(), before + 1);
    }
    rig.assert_whole();
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn outputs_may_be_optional_and_results_any_bytes(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script = "echo x >>ran; printf 'a\\377b'";
    for said in ["", "cached"] {
        let output = rig.command(&["--key", "k", "--output", "maybe?=out"], script).output().unwrap();
        assert_eq!(output.stdout, b"a\xffb");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said));
    }
    assert!(!rig.path("out").exists());
    assert_eq!(rig.runs(), 1);
    let _ = rig.exec(&["--key", "k", "--output", "maybe=out"], "true").exits(0).says("lacks the output maybe");
    let _ = rig.exec(&["--key", "none", "--output", "o=out"], COUNT).exits(0).says("leaves no cache entry: output o");
    assert!(!rig.entry("none").join("manifest.json").exists());
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn only_what_is_worth_it_is_kept_and_readers_write_nothing(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let _ = rig.exec(&["--key", "k", "--min-duration", "1h"], COUNT).exits(0);
    let _ = rig.exec(&["--key", "k", "--read-only"], COUNT).exits(0);
    assert!(!rig.entry("k").join("manifest.json").exists());
    let _ = rig.exec(&["--key", "k"], COUNT).exits(0);
    let _ = rig.exec(&["--key", "k", "--read-only"], COUNT).exits(0).says("cached");
    assert_eq!(rig.runs(), 3);
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn the_manifest_tells_what_was_made(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let _ = rig.exec(&["--key", "k", "--output", "o=out"], "echo text; echo content >out").exits(0);
    let manifest = rig.manifest("k");
    assert_eq!((&manifest["version"], &manifest["cacheName"]), (&2.into(), &"exec".into()));
    assert_eq!((&manifest["outputs"]["result"], &manifest["outputs"]["exitCode"]), (&"text".into(), &"0".into()));
    assert_eq!((&manifest["stdout"]["text"], &manifest["artifacts"][0]["blob"]["size"]), (&"text\n".into(), &8.into()));
    assert_eq!(rig.blobs().len(), 1);
    let explained = rig.exec(&["--key", "k", "--explain"], COUNT).good();
    assert!(explained.contains("entry: made "), "{explained}");
    assert_eq!(rig.runs(), 0);
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn large_outputs_come_back_whole(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let arguments = ["--key", "k", "--output", "file=big", "--output", "tree=tree"];
    let script =
        "head -c 40000000 /dev/urandom >big; mkdir tree; head -c 20000000 /dev/urandom >tree/a; cksum big tree/a";
    let first = rig.exec(&arguments, script).good();
    fs::remove_file(rig.path("big")).unwrap();
    fs::remove_dir_all(rig.path("tree")).unwrap();
    let _ = rig.exec(&arguments, script).prints(0, &first).says("cached");
    let sums = rig.environment.finish(rig.environment.other("sh").args(["-c", "cksum big tree/a"])).good();
    assert_eq!(sums, first);
    rig.assert_whole();
}

#[test]
fn a_key_covers_files_command_outputs_variables_and_nothing_else() {
    let rig = Rig::new(Kind::Directory);
    rig.write("src/a", "1");
    rig.write("other", "1");
    let key = |arguments: &[&str], script: &str| {
        let all = [&["--key-files", "src/*", "--explain"], arguments].concat();
        let text = rig.exec(&all, script).good();
        text.lines().next().unwrap().to_owned()
    };
    let first = key(&[], "true");
    assert!(first.starts_with("key: ") && first.len() == 69, "{first}");
    assert_ne!(key(&[], "false"), first);
    assert_ne!(key(&["--output", "o=out"], "true"), first);
    assert_ne!(key(&["--key-env", "CC"], "true"), first);
    assert_eq!(key(&["--output", "o=out"], "true"), key(&["--output", "o=elsewhere"], "true"));
    rig.write("other", "2");
    assert_eq!(key(&[], "true"), first);
    symlink("../other", rig.path("src/link")).unwrap();
    let linked = key(&[], "true");
    assert_ne!(linked, first);
    rig.write("other", "3");
    assert_ne!(key(&[], "true"), linked, "a link's file counts");
    fs::remove_file(rig.path("src/link")).unwrap();
    fs::set_permissions(rig.path("src/a"), Permissions::from_mode(0o755)).unwrap();
    assert_ne!(key(&[], "true"), first);
    rig.exec(&["--key-files", "none/**"], "true").fails(2, &["no file matches \"none/**\"", "hint: quote"]);
}

#[test]
fn faults_of_the_tool_have_codes_of_their_own() {
    let rig = Rig::new(Kind::Directory);
    let exec = |command: &[&str]| rig.run([&["exec", "--store", &rig.url, "--key", "k", "--"], command].concat());
    exec(&["no-such-program"]).fails(127, &["error: command \"no-such-program\" does not exist"]);
    rig.write("text", "not a program");
    exec(&["./text"]).fails(126, &["cannot be executed"]);
    fs::write(rig.path("file"), "").unwrap();
    let log = rig.path("reason");
    fs::write(&log, "").unwrap();
    let mut command = rig.environment.command(["exec", "--store", "file/below", "--key", "k", "--", "true"]);
    command.env("RUNNABLE_TERMINATION_LOG", &log);
    rig.environment.finish(&mut command).fails(125, &["error: the cache cannot be used"]);
    assert!(fs::read_to_string(&log).unwrap().starts_with("the cache cannot be used: "));
    let arguments = ["exec", "--store", "file/below", "--key", "k", "--on-store-error", "run", "--", "echo", "ran"];
    let _ = rig.run(arguments).prints(0, "ran\n").says("warning: ");
    rig.run(["exec", "--store", &rig.url, "--", "true"]).fails(2, &["--key"]);
    rig.run(["exec", "--store", &rig.url, "--key", "a/b", "--", "true"]).fails(2, &["invalid cache key"]);
}

#[test]
fn the_command_sees_no_credentials_of_the_store() {
    let rig = Rig::new(Kind::Directory);
    let mut command =
        rig.command(&["--key", "k"], "echo ${RUNNABLE_STORE_SECRET_ACCESS_KEY-none} $AWS_SECRET_ACCESS_KEY");
    command.env("RUNNABLE_STORE_SECRET_ACCESS_KEY", "s3cret").env("AWS_SECRET_ACCESS_KEY", "users");
    let _ = rig.environment.finish(&mut command).prints(0, "none users\n");
}

#[test]
fn standard_output_is_kept_to_its_limit_and_no_one_waits_for_what_was_left_running() {
    let rig = Rig::new(Kind::Directory);
    let script = "seq 1 100000; sleep 60 2>/dev/null & echo end";
    let whole = rig.exec(&["--key", "k"], script).good();
    assert!(whole.starts_with("1\n2\n") && whole.ends_with("100000\nend\n"));
    let cached = rig.exec(&["--key", "k"], script).says("cached").good();
    assert_eq!(cached.len(), 256 * 1024);
    assert!(whole.ends_with(&cached));
}
