//! The only loop for changing an object that others may change too: read, decide, send, and start again on a conflict.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::ClusterError;

/// The maximum number of attempts.
const ATTEMPTS: usize = 8;

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// The change was made, or none was needed.
    Settled(T),
    /// The object was changed since it was read.
    Stale {
        /// Whether this may be our own change: an earlier attempt whose answer was lost.
        perhaps_ours: bool,
    },
}

/// Repeats the attempt until it settles, with growing pauses. An attempt reads the object, decides on the change, and
/// sends it on condition that the object is still the same. Its argument says whether an earlier attempt may already
/// have made the change.
pub(crate) async fn revise<T, E: From<ClusterError>>(
    what: &str,
    mut attempt: impl AsyncFnMut(bool) -> Result<Attempt<T>, E>,
) -> Result<T, E> {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(ATTEMPTS - 1)
        .with_jitter();
    let mut pauses = backoff.build();

    let mut perhaps_done = false;
    loop {
        match attempt(perhaps_done).await? {
            Attempt::Settled(settled) => return Ok(settled),
            Attempt::Stale { perhaps_ours } => perhaps_done |= perhaps_ours,
        }
        let Some(pause) = pauses.next() else {
            return Err(ClusterError::Unsettled { what: what.to_owned(), attempts: ATTEMPTS }.into());
        };
        tokio::time::sleep(pause).await;
    }
}
