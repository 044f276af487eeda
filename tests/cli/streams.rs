//! Pipes, full disks and colours.

use std::fs::File;
use std::process::Stdio;

use crate::support::environment::Environment;
use crate::workflows::hello;

const SHOW: [&str; 3] = ["submit", "wf.yaml", "--dry-run=client"];

#[test]
fn nobody_reading_is_no_failure() {
    let environment = Environment::with("wf.yaml", hello());
    let commands: [&[&str]; 5] =
        [&["submit", "--help"], &SHOW, &["submit", "wf.yaml", "--local"], &["completion", "bash"], &["--version"]];
    for arguments in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = environment.command(arguments);
        let output = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn nobody_listening_is_no_failure() {
    let environment = Environment::with("wf.yaml", hello());
    for (arguments, code) in [(vec!["submit", "wf.yaml", "--local"], 0), (vec!["submit", "gone.yaml"], 2)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = environment.command(&arguments).stderr(Stdio::from(writer)).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let environment = Environment::with("wf.yaml", hello());
    let mut command = environment.command(SHOW);
    let output = command.stdout(File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.ends_with("error: cannot write to standard output: No space left on device (os error 28)\n"));
}

#[test]
fn colours_stay_out_of_pipes() {
    let double = hello().replace("  generateName", "  generateName: x-\n  generateName");
    for (name, value) in [("CLICOLOR_FORCE", "1"), ("CLICOLOR", "1"), ("TERM", "xterm-256color")] {
        let environment = Environment::with("wf.yaml", hello()).file("double.yaml", &double).file("bad.yaml", "a: [");
        let environment = environment.variable(name, value).variable("RUNNABLE_LOG", "debug");
        for arguments in [
            vec!["--help"],
            vec!["submit", "--help"],
            vec!["submit", "--unknown"],
            vec!["submit", "gone.yaml"],
            vec!["submit", "bad.yaml"],
            vec!["submit", "wf.yaml"],
            vec!["submit", "wf.yaml", "--local"],
            vec!["submit", "double.yaml", "--dry-run=client"],
        ] {
            let output = environment.run(&arguments);
            assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "{name} {arguments:?}");
        }
    }
}
