//! Runs work on worktrees until a signal; then the work stops and cleans up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::blocking::blocking;
use crate::cli::failure::Failure;
use crate::cli::signals::Signals;
use crate::exit::Exit;
use crate::git::GitError;

/// How long the work may take to clean up after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the work. `next` is the message if the work cannot clean up in time after a signal.
pub(super) async fn until_signal<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
    cancelled: Arc<AtomicBool>,
    next: &str,
) -> Result<T, Failure> {
    let mut signals = Signals::new()?;
    let mut work = blocking(work);
    tokio::select! {
        done = &mut work => return done.map_err(anyhow::Error::from)?.map_err(Failure::from),
        () = signals.next() => {}
    }
    cancelled.store(true, Ordering::Relaxed);
    let ended = tokio::select! {
        done = tokio::time::timeout(GRACE, work) => done.is_ok(),
        () = signals.next() => false,
    };
    let left = if ended { "nothing half-made is left" } else { next };
    Err(Failure::new(Exit::Interrupted, format!("interrupted: {left}")))
}
