//! What ends a local run from outside: a signal, or its timeout.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::cli::failure::Failure;
use crate::cli::signals::Signals;
use crate::local::engine::Interrupt;
use crate::output::live::Voice;

/// Signals and the timeout, for all runs of a command.
pub(super) struct Interrupts {
    signals: Signals,
    deadline: Option<Instant>,
    timed_out: bool,
    /// Whether the run was asked to end.
    asked: bool,
}

impl Interrupts {
    /// From now on signals are heard, and time counts.
    pub(super) fn new(timeout: Option<Duration>) -> Result<Self, Failure> {
        Ok(Self {
            signals: Signals::new()?,
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            timed_out: false,
            asked: false,
        })
    }

    /// Whether it was the timeout.
    pub(super) fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Passes on what happens, for as long as it is polled: first the run may end, then it must.
    pub(super) async fn forward(&mut self, to: UnboundedSender<Interrupt>, voice: &Voice) -> Infallible {
        loop {
            let signalled = self.next().await;
            let what = if self.asked { Interrupt::Kill } else { Interrupt::Terminate };
            match (self.asked, signalled) {
                (false, true) => voice.say("stopping the run; once more kills its tasks"),
                (false, false) => voice.say("the time is up: stopping the run"),
                (true, _) => voice.say("killing the tasks"),
            }
            self.asked = true;
            // A run that has ended hears nothing.
            let _ = to.send(what);
        }
    }

    /// Waits for a signal (true) or the deadline, which comes once and not after a signal.
    pub(super) async fn next(&mut self) -> bool {
        let deadline = self.deadline.filter(|_| !self.asked);
        tokio::select! {
            () = self.signals.next() => true,
            () = until(deadline) => {
                self.timed_out = true;
                false
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
