//! Holders of leases that are killed or silent, and engines that are killed: nothing half-made counts.

use std::time::Duration;

use rand::RngExt;
use rustix::process::Signal;

use crate::rig::{Kind, Rig};
use crate::support::process::Running;
use crate::support::wait::wait_until;

#[test]
fn a_holder_that_is_silent_for_too_long_loses_its_right_and_its_entry() {
    let rig = Rig::new(Kind::S3);
    let start = |script: &str| {
        let command = rig.command(&["--key", "k", "--output", "o=out"], script);
        Running::start(command, rig.environment.directory())
    };
    let silent = start("echo first >>ran; until [ -e end ]; do sleep 0.1; done; echo first >out; echo first");
    wait_until("the first one runs", || rig.runs() == 1);
    silent.signal(Signal::STOP);
    let second = start("echo second >>ran; echo second >out; echo second");
    let _ = second.end_within(Duration::from_mins(2)).prints(0, "second\n").says("waiting for ");
    assert_eq!(rig.manifest("k")["outputs"]["result"], "second");

    silent.signal(Signal::CONT);
    rig.write("end", "");
    let _ = silent.end_within(Duration::from_mins(1)).prints(0, "first\n");
    assert_eq!(rig.manifest("k")["outputs"]["result"], "second", "the entry that is there stays");
    rig.assert_whole();
    assert!(!rig.entry("k").join("lease.json").exists());
    let _ = rig.exec(&["--key", "k", "--output", "o=out"], "false").prints(0, "second\n");
    assert_eq!(rig.runs(), 2);
}

#[test]
fn a_holder_that_is_killed_while_it_renews_leaves_no_entry_and_no_lock() {
    let rig = Rig::new(Kind::S3);
    let mut random = rand::rng();
    let mut holders: Vec<(u64, Running)> = (0..6)
        .map(|number| {
            let command = rig.command(&["--key", &format!("k{number}"), "--output", "o=out"], "sleep 30; echo x >out");
            let when = random.random_range(7_500..9_000);
            (when, Running::start(command, rig.environment.directory()))
        })
        .collect();
    holders.sort_by_key(|(when, _)| *when);
    let mut slept = 0;
    for (when, holder) in &mut holders {
        std::thread::sleep(Duration::from_millis(*when - slept));
        slept = *when;
        holder.dies();
    }
    for number in 0..6 {
        let key = format!("k{number}");
        assert!(!rig.entry(&key).join("manifest.json").exists());
        let again = rig.exec(&["--key", &key, "--output", "o=out", "--lease-wait", "1ms"], "echo y >out").exits(0);
        assert!(!again.stderr.contains("broken"), "{again}");
    }
    rig.assert_whole();
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
    - - {name: make, template: make, arguments: {parameters: [{name: number, value: "{{item}}"}]}, withSequence: {count: "3"}}
  - name: make
    inputs: {parameters: [{name: number}]}
    container: {image: busybox, command: [sh, -c, "head -c 6000000 /dev/urandom >/tmp/big; echo {{inputs.parameters.number}} >/tmp/number"]}
    outputs:
      artifacts: [{name: big, path: /tmp/big}]
      parameters: [{name: number, valueFrom: {path: /tmp/number}}]
"#;

#[test]
fn engines_that_are_killed_at_any_instant_leave_whole_entries() {
    let rig = Rig::new(Kind::S3);
    let submit = |rig: &Rig, run_id: &str| {
        rig.write("w.yaml", WORKFLOW);
        let words = ["submit", "--local", "w.yaml", "-q", "--store", &rig.url, "--run-id", run_id, "--cache-name", "c"];
        rig.environment.command(words)
    };
    let began = std::time::Instant::now();
    let whole = rig.elsewhere();
    let _ = whole.environment.finish(&mut submit(&whole, "whole")).exits(0);
    let whole = began.elapsed();
    let mut random = rand::rng();
    for round in 0..5 {
        let run_id = format!("r{round}");
        let killed = rig.elsewhere();
        let mut running = Running::start(submit(&killed, &run_id), killed.environment.directory());
        std::thread::sleep(whole.mul_f64(random.random_range(0.2..1.0)));
        running.dies();
        rig.assert_whole();
    }
    // Another machine finds what is whole, and makes the rest; it waits for the leases of the killed.
    let last = rig.elsewhere();
    let _ = last.environment.finish(&mut submit(&last, "r4")).exits(0);
    rig.assert_whole();
}
