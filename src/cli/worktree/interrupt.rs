//! Work on worktrees that a signal asks to stop and tidy up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::signals::Signals;
use crate::exit::Exit;
use crate::git::GitError;

/// Once the work has been told to stop, it gets so long.
const GRACE: Duration = Duration::from_secs(5);

/// Does the work. What it cannot tidy up in time after a signal, the `next` call does.
pub(super) async fn until_signal<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
    cancelled: Arc<AtomicBool>,
    next: &str,
) -> Result<T, Failure> {
    let mut signals = Signals::new()?;
    let mut work = tokio::task::spawn_blocking(work);
    tokio::select! {
        done = &mut work => return done.map_err(anyhow::Error::from)?.map_err(Failure::from),
        () = signals.next() => {}
    }
    cancelled.store(true, Ordering::Relaxed);
    let ended = tokio::select! {
        done = tokio::time::timeout(GRACE, work) => done.is_ok(),
        () = signals.next() => false,
    };
    let left = if ended { "nothing is left half-made" } else { next };
    Err(Failure::new(Exit::Interrupted, format!("interrupted: {left}")))
}
