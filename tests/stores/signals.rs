//! Signals reach the command once, and end `exec` as they ended the command.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;

use crate::rig::{Kind, Rig};
use crate::support::process::{Running, signal};
use crate::support::wait::wait_for_word;

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn a_signal_reaches_the_command_once_and_leaves_no_entry(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let script =
        "trap 'echo caught >>caught' TERM; echo ready >ready; while [ ! -s caught ]; do sleep 0.05; done; sleep 0.3";
    let running = Running::start(rig.command(&["--key", "k"], script), rig.environment.directory());
    wait_for_word(&rig.path("ready"), "ready");
    running.signal(Signal::TERM);
    let _ = running.end_within(Duration::from_secs(20)).exits(0);
    assert_eq!(rig.read("caught"), "caught\n");
    assert!(!rig.entry("k").join("manifest.json").exists(), "it was interrupted");
    assert!(!rig.entry("k").join("lease.json").exists());
}

#[test]
fn exec_dies_of_the_signal_that_its_command_died_of() {
    let rig = Rig::new(Kind::Directory);
    for number in [Signal::TERM, Signal::KILL, Signal::INT, Signal::ABORT] {
        let output = rig.command(&["--key", "k"], &format!("kill -{} $$", number.as_raw())).output().unwrap();
        assert_eq!(output.status.signal(), Some(number.as_raw()), "{output:?}");
        assert!(!output.status.core_dumped());
    }
    let mut command = rig.command(&["--key", "k"], "echo ready >ready; sleep 100");
    let child = command.stdin(Stdio::null()).spawn().unwrap();
    wait_for_word(&rig.path("ready"), "ready");
    signal(&child, Signal::HUP);
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(Signal::HUP.as_raw()));
}

#[rstest]
#[case::directory(Kind::Directory)]
#[case::s3(Kind::S3)]
fn who_waits_hears_for_whom_and_a_signal_ends_the_wait(#[case] kind: Kind) {
    let rig = Rig::new(kind);
    let long = "echo ready >ready; while [ ! -e end ]; do sleep 0.1; done";
    let mut first = Running::start(rig.command(&["--key", "k"], long), rig.environment.directory());
    wait_for_word(&rig.path("ready"), "ready");
    let second = Running::start(rig.command(&["--key", "k"], "echo second"), rig.environment.directory());
    second.wait_for_talk("waiting for ");
    second.signal(Signal::TERM);
    let ended = second.end_within(Duration::from_secs(10));
    assert_eq!((ended.code, ended.stdout.as_str()), (None, ""));
    assert!(ended.stderr.contains("(process "), "{ended}");

    let hasty = rig.exec(&["--key", "k", "--lease-wait", "1s"], "echo hasty");
    let _ = hasty.prints(0, "hasty\n").says("takes too long");
    if kind == Kind::S3 {
        assert!(rig.entry("k").join("manifest.json").exists(), "the entry of whoever comes first stays");
    }
    first.dies();
    // The killed one has left its command running; the lock ends with the process, the lease after half a minute.
    let _ = rig.exec(&["--key", "k", "--max-age", "1h"], "echo last").exits(0);
    assert!(rig.entry("k").join("manifest.json").exists());
    rig.write("end", "");
}
