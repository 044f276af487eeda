//! How soon the program does anything.

use std::process::{Command, Stdio};

use crate::measure::{medians, program, row, succeed};

pub(crate) fn start() {
    let quiet = || {
        let mut git = Command::new("git");
        git.arg("--version").stdout(Stdio::null());
        git
    };
    let (ours, peer) = medians(|| succeed(program().arg("--version")), || succeed(&mut quiet()));
    row("start: --version, against git --version", ours, peer);
}
