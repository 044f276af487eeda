//! Changing an object that others change too: the one loop that reads, decides, sends, and begins again on a conflict.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::ClusterError;

/// A change is tried this often.
const ATTEMPTS: usize = 8;

/// What came of one attempt.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// The change is made, or none is needed.
    Settled(T),
    /// Someone else was quicker: the object is not the one any more that was decided on.
    Stale {
        /// Whether that someone may be an earlier sending of this very change, the answer to which was lost.
        perhaps_ours: bool,
    },
}

/// Makes attempts until one settles, with growing pauses. An attempt reads the object, decides on what it has read, and
/// sends the change under the condition that the object is still the same. It is told whether an earlier sending may have
/// made the change.
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
