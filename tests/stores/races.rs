//! Many at once, and kills at random instants: a key's command runs once, and no manifest lacks a blob.

use std::time::{Duration, Instant};

use rand::RngExt;
use rstest::rstest;

use crate::rig::{Kind, Rig};
use crate::support::process::Running;

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn twenty_at_once_run_the_command_once(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script = "echo x >>ran; sleep 1; echo made; echo content >out";
    let start =
        |_| Running::start(rig.command(&["--key", "k", "--output", "o=out"], script), rig.environment.directory());
    let running: Vec<Running> = (0..20).map(start).collect();
    for one in running {
        let _ = one.end_within(Duration::from_mins(2)).prints(0, "made\n");
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
