//! How a measurement is taken and printed.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::PROGRAM;

/// Runs of each measurement; the median counts.
pub(crate) const ROUNDS: usize = 11;

pub(crate) fn header() {
    println!("{:<56} {:>12} {:>12} {:>8}", "", "ours", "peer", "ratio");
}

pub(crate) fn row(what: &str, ours: Duration, peer: Duration) {
    let ratio = ours.as_secs_f64() / peer.as_secs_f64();
    println!("{what:<56} {:>12} {:>12} {ratio:>8.2}", format!("{ours:.2?}"), format!("{peer:.2?}"));
}

/// The medians of both, measured in turns so that the machine's moods reach both.
pub(crate) fn medians(mut ours: impl FnMut(), mut peer: impl FnMut()) -> (Duration, Duration) {
    let time = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let (first, second): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (time(&mut ours), time(&mut peer))).unzip();
    (median(first), median(second))
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    quiet(&mut command);
    command
}

pub(crate) fn quiet(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
}

pub(crate) fn succeed(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}
