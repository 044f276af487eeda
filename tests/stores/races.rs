//! Many at once, and kills at random instants: a key's command runs once, and no manifest lacks a blob.

use std::time::{Duration, Instant};

use rand::RngExt;
use rstest::rstest;
use serde_json::Value;

use crate::rig::{Kind, Rig};
use crate::support::process::Running;

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn fifty_at_once_run_the_command_once(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script = "echo x >>ran; sleep 1; echo made; echo content >out";
    let start =
        |_| Running::start(rig.command(&["--key", "k", "--output", "o=out"], script), rig.environment.directory());
    let running: Vec<Running> = (0..50).map(start).collect();
    for one in running {
        let _ = one.end_within(Duration::from_mins(4)).prints(0, "made\n");
    }
    assert_eq!(rig.runs(), 1);
    rig.assert_whole();
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_kill_at_any_instant_leaves_no_half_entry(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script = "head -c 12000000 /dev/urandom >big; mkdir -p tree; date +%N >tree/f; echo made";
    let arguments = ["--output", "big=big", "--output", "tree=tree"];
    let command = |key: &str| rig.command(&[&["--key", key][..], &arguments].concat(), script);
    // How long a whole one takes.
    let began = Instant::now();
    let _ = rig.environment.finish(&mut command("whole")).exits(0);
    let whole = began.elapsed();
    let mut random = rand::rng();
    for round in 0..12 {
        let mut running = Running::start(command(&format!("k{round}")), rig.environment.directory());
        std::thread::sleep(whole.mul_f64(random.random_range(0.0..1.1)));
        running.dies();
        rig.assert_whole();
        // What is there is a hit that has all, and what is not is made again. A lease of a killed one would take its time.
        let again =
            rig.exec(&[&["--key", &format!("k{round}")][..], &arguments, &["--lease-wait", "1ms"]].concat(), script);
        let _ = again.exits(0);
        rig.assert_whole();
    }
}

const WORKFLOW: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: one, template: make}
    - - {name: two, template: make}
    - - {name: ends, template: fail}
  - name: make
    container: {image: busybox, command: [sh, -c, "head -c 8 /dev/urandom | od -An -tx8 >/tmp/made"]}
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}], artifacts: [{name: made, path: /tmp/made}]}
  - name: fail
    container: {image: busybox, command: ["false"]}
"#;

#[test]
fn twenty_engines_and_fifty_commands_on_one_bucket_make_each_entry_once() {
    let rig = Rig::new(Kind::S3);
    let script = "echo x >>ran; sleep 1; echo content >out";
    let exec = |_| {
        Running::start(
            rig.command(&["--cache", "c", "--key", "k", "--output", "o=out"], script),
            rig.environment.directory(),
        )
    };
    let machines: Vec<Rig> = (0..20).map(|_| rig.elsewhere()).collect();
    let engine = |machine: &Rig| {
        machine.write("w.yaml", WORKFLOW);
        let words =
            ["submit", "--local", "w.yaml", "--store", &rig.url, "--run-id", "r", "--cache-name", "c", "-o", "json"];
        Running::start(machine.environment.command(words), machine.environment.directory())
    };
    let commands: Vec<Running> = (0..50).map(exec).collect();
    let engines: Vec<Running> = machines.iter().map(engine).collect();
    for one in commands {
        let _ = one.end_within(Duration::from_mins(8)).exits(0);
    }
    assert_eq!(rig.runs(), 1);
    let made = |run: Value| {
        let nodes = run["status"]["nodes"].as_object().unwrap().clone();
        let of = |name: &str| nodes.values().find(|node| node["displayName"] == name).unwrap().clone();
        ["one", "two"].map(|name| {
            let node = of(name);
            let hit = node["memoizationStatus"]["hit"] == true;
            (node["outputs"]["parameters"][0]["value"].as_str().unwrap().to_owned(), hit)
        })
    };
    let runs: Vec<_> = engines
        .into_iter()
        .map(|one| made(serde_json::from_str(&one.end_within(Duration::from_mins(8)).exits(3).stdout).unwrap()))
        .collect();
    for node in 0..2 {
        assert_eq!(runs.iter().filter(|run| !run[node].1).count(), 1, "one makes it: {runs:?}");
        assert!(runs.iter().all(|run| run[node].0 == runs[0][node].0), "{runs:?}");
    }
    rig.assert_whole();
}
