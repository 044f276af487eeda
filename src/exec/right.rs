//! Waits for the right to make an entry, and says for whom.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, interval_at, sleep_until};

use super::ended::{Early, ExecError, Interrupted};
use super::session::{Session, joined};
use super::told::Told;
use crate::blocking::blocking;
use crate::cache::{Right, Seen, Stop};

/// How often those who wait for another are told about it.
const REPORT: Duration = Duration::from_mins(1);

/// What waiting for the right to make the entry comes to.
pub(super) enum Waited {
    Right(Right),
    /// Somebody has made one.
    Made,
    /// It took too long: the entry is made without the right.
    TooLong,
}

impl Session {
    /// Waits for the right to make the entry.
    pub(super) async fn right(&mut self, seen: &Seen) -> Result<Waited, Early> {
        let prefix = self.prefix.clone();
        let right = self.until_signal(move |_| prefix.right_now()).await?.map_err(ExecError::Store)?;
        if let Some(right) = right {
            return Ok(Waited::Right(right));
        }
        let begin = Instant::now();
        let deadline = self.job.policy.lease_wait.and_then(|wait| begin.checked_add(wait));
        let mut report = interval_at(begin + REPORT, REPORT);
        self.tell_waiting(begin);
        let (prefix, seen) = (self.prefix.clone(), seen.clone());
        let stop = Stop::default();
        let told = stop.clone();
        let mut waiting = blocking(move || prefix.right_unless_made(&seen, &told));
        loop {
            tokio::select! {
                right = &mut waiting => {
                    let right = joined(right).map_err(ExecError::Store)?;
                    return Ok(right.map_or(Waited::Made, Waited::Right));
                }
                signal = self.signals.recv() => {
                    stop.stop();
                    return Err(Interrupted(signal.unwrap_or(Signal::TERM)).into());
                }
                _ = report.tick() => self.tell_waiting(begin),
                () = sleep_until(deadline.unwrap_or(begin)), if deadline.is_some() => {
                    stop.stop();
                    self.warn("the other process takes too long: the command runs here, too".to_owned());
                    return Ok(Waited::TooLong);
                }
            }
        }
    }

    fn tell_waiting(&self, begin: Instant) {
        (self.tell)(Told::Waiting { holder: self.prefix.holder(), waited: begin.elapsed() });
    }
}
