//! Output parameters, the report of an entry, and the certificates that a store is believed by.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};

use crate::rig::{Kind, Rig};
use crate::server::Server;

fn report(rig: &Rig) -> Value {
    serde_json::from_str(&rig.read("report.json")).unwrap()
}

#[rstest]
fn output_parameters_are_values_of_the_entry(#[values(Kind::Directory, Kind::S3)] kind: Kind) {
    let rig = Rig::new(kind);
    let flags = [
        "--key",
        "k",
        "--output-parameter",
        "word=out/word",
        "--output-parameter",
        "other=out/other",
        "--output-parameter-default",
        "other=none",
        "--report",
        "report.json",
    ];
    let script = "echo x >>ran; mkdir -p out; echo first >out/word; echo said";
    assert_eq!(rig.exec(&flags, script).good(), "said\n");
    assert_eq!(report(&rig), json!({"hit": false, "cache": "exec", "key": "k"}));
    let values = json!([{"name": "word", "value": "first"}, {"name": "other", "value": "none"}]);
    assert_eq!(rig.manifest("k")["outputs"]["parameters"], values);

    fs::remove_dir_all(rig.path("out")).unwrap();
    assert_eq!(rig.exec(&flags, script).good(), "said\n");
    assert_eq!((rig.runs(), rig.read("out/word").as_str(), rig.read("out/other").as_str()), (1, "first", "none"));
    assert_eq!((&report(&rig)["hit"], &report(&rig)["madeBy"]["nodeId"]), (&json!(true), &json!("exec")));

    // An entry without a value that is asked for is none.
    let more = [&flags[..], &["--output-parameter", "third=out/third"]].concat();
    let done = rig.exec(&more, "echo x >>ran; mkdir -p out; echo 1 >out/word; echo 3 >out/third").exits(0);
    assert!(done.stderr.contains("it lacks the output third"), "{}", done.stderr);
    assert_eq!(rig.runs(), 2);

    let missing = rig.exec(&["--key", "m", "--output-parameter", "word=absent"], "true").exits(0);
    assert!(missing.stderr.contains("leaves no cache entry: output parameter word"), "{}", missing.stderr);
    assert!(!rig.entry("m").join("manifest.json").exists());
}

#[test]
fn the_setting_names_the_store_of_exec() {
    let rig = Rig::new(Kind::Directory);
    let without = ["exec", "--key", "k", "--", "sh", "-c", "echo x >>ran"];
    let refused = rig.run(without);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no store is named"), "{}", refused.stderr);
    let config = rig.environment.run(["config", "path"]).good();
    let config = std::path::Path::new(config.trim());
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(config, format!("store: {}\n", rig.url)).unwrap();
    for _ in 0..2 {
        rig.run(without).good();
    }
    assert_eq!(rig.runs(), 1);
}

#[test]
fn an_init_container_brings_the_program_and_certificates() {
    let rig = Rig::new(Kind::Directory);
    fs::create_dir(rig.path("to")).unwrap();
    let mut bring = rig.environment.command(["__bring", "to"]);
    let _ = rig.environment.finish(bring.env("RUNNABLE_CERTIFICATES", "one more")).exits(0);
    let program = rig.path("to/kubectl-runnable");
    assert_eq!(program.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    let version = Command::new(&program).arg("--version").output().unwrap();
    assert!(version.status.success(), "{version:?}");
    assert!(rig.read("to/ca.pem").ends_with("\none more"));
    assert_eq!(rig.run(["__bring"]).code, Some(2));
    assert_eq!(rig.run(["__bring", "absent"]).code, Some(1));
}

#[test]
fn a_store_is_believed_by_the_authorities_that_are_named() {
    let rig = Rig::new(Kind::S3);
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "ca.pem"])
        .current_dir(rig.environment.directory())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = Server::with_certificate(&rig.path("ca.pem"), &rig.path("key.pem"));
    let (bucket, _) = server.bucket();
    let url = format!("s3://{bucket}/team?endpoint=https://localhost:{}&path_style=true", server.port);
    let exec = |ca: &str| {
        let words = ["exec", "--store", &url, "--key", "k", "--", "sh", "-c", "echo x >>ran"];
        rig.environment.finish(rig.environment.command(words).env("RUNNABLE_STORE_CA", ca))
    };
    let unknown = exec("");
    assert_eq!(unknown.code, Some(125), "{unknown:?}");
    for _ in 0..2 {
        let done = exec(rig.path("ca.pem").to_str().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    assert_eq!(rig.runs(), 1);
    let absent = exec("absent.pem");
    assert_eq!(absent.code, Some(125), "{absent:?}");
}
