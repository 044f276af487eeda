//! `exec` over large files.

use std::fs::File;
use std::process::{Command, Stdio};

use assert_fs::TempDir;

use crate::measure::{medians, program, quiet, row, succeed};

/// The size of the file that counts.
const SIZE: u64 = 1 << 30;

/// The key of a command over a large file, against the file's hash alone.
pub(crate) fn hashed() {
    if Command::new("b3sum").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("the key of a large file: left out, for there is no b3sum on the PATH");
        return;
    }
    let home = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
    let (file, store) = (home.path().join("large"), home.path().join("store"));
    let made = File::create(&file).and_then(|file| file.set_len(SIZE));
    made.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let ours = || {
        let mut command = program();
        command.arg("exec").arg("--store").arg(&store).arg("--key-files").arg(&file).args(["--", "true"]);
        succeed(command.env("RUNNABLE_HOME", home.path()));
    };
    let peer = || {
        let mut command = Command::new("b3sum");
        quiet(&mut command);
        succeed(command.arg(&file));
    };
    let (ours, peer) = medians(ours, peer);
    row("the key of a file of 1 GiB, against b3sum", ours, peer);
}
