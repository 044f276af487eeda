//! How soon the program does anything.

use std::process::{Command, Stdio};

use crate::measure::{medians, program, row, succeed};
use crate::support::PROGRAM;

pub(crate) fn start() {
    let quiet = || {
        let mut git = Command::new("git");
        git.arg("--version").stdout(Stdio::null());
        git
    };
    let (ours, peer) = medians(|| succeed(program().arg("--version")), || succeed(&mut quiet()));
    row("start: --version, against git --version", ours, peer);
    let size = std::fs::metadata(PROGRAM).map_or(0, |file| file.len());
    println!("the program has {}.{} MB", size / 1_000_000, size / 100_000 % 10);
}
