//! Following a run to its end, wherever it is carried out.

use std::time::{Duration, Instant};

use futures::stream::{BoxStream, once};
use futures::{StreamExt, TryStreamExt};

use super::run::{completed, live};
use super::{BackendError, Run, Snapshot};
use crate::argo::Workflow;
use crate::local::follow::CALM;
use crate::local::record::Record;

/// Until when runs are waited for: all of a command's together.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    begun: Instant,
    timeout: Option<Duration>,
}

impl Deadline {
    /// So long from now on; none is no limit.
    pub fn after(timeout: Option<Duration>) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    /// What is left of it: never nothing, for a look at the run is always due.
    fn left(&self) -> Duration {
        let left = self.timeout.map(|timeout| timeout.saturating_sub(self.begun.elapsed()));
        left.map_or(Duration::MAX, |left| left.max(Duration::from_millis(1)))
    }
}

/// Sees what a run is on the way to its end.
pub(crate) type OnUpdate<'a> = Option<&'a mut (dyn FnMut(&Snapshot) + Send)>;

impl Run {
    /// The run as it is now and after each change; ends with its last state. A run that is deleted on the way ends with
    /// an error; one whose process is killed ends with the snapshot that says so.
    pub(crate) fn follow(&self) -> BoxStream<'static, Result<Snapshot, BackendError>> {
        match self {
            Self::Cluster { cluster, name, uid } => {
                let (cluster, name, uid) = (cluster.clone(), name.clone(), uid.clone());
                let from_now = async move {
                    let known = live(&cluster, &name, uid.as_deref()).await?;
                    Ok::<_, BackendError>(cluster.follow(known).map_err(BackendError::from))
                };
                once(from_now).try_flatten().map_ok(Snapshot::from).boxed()
            }
            Self::Local(record) => states(record, CALM),
        }
    }

    /// Follows the run until it has ended, for no longer than the deadline allows, and gives its last state. `on_update`
    /// sees it on the way; `known` is a state that the backend has told of.
    pub async fn end(
        &self,
        known: Option<&Workflow>,
        deadline: Deadline,
        on_update: OnUpdate<'_>,
    ) -> Result<Snapshot, BackendError> {
        let mut phase = String::new();
        if let Ok(last) = tokio::time::timeout(deadline.left(), self.last(known, on_update, &mut phase)).await {
            return last;
        }

        let name = match self {
            Self::Cluster { name, .. } => name.clone(),
            Self::Local(record) => {
                let now = Snapshot::of_record(record)?;
                now.phase().clone_into(&mut phase);
                now.name().to_owned()
            }
        };
        let phase = if phase.is_empty() { "Pending".to_owned() } else { phase };
        Err(BackendError::TimedOut { name, after: deadline.timeout.unwrap_or_default(), phase })
    }

    /// The last state of the run; the phase is told on the way.
    async fn last(
        &self,
        known: Option<&Workflow>,
        mut on_update: OnUpdate<'_>,
        phase: &mut String,
    ) -> Result<Snapshot, BackendError> {
        let mut states = match (self, known) {
            (Self::Cluster { cluster, .. }, Some(known)) => {
                cluster.follow_known(known.value()).map_err(BackendError::from).map_ok(Snapshot::from).boxed()
            }
            // Whoever does not look on needs no state on the way, each of which would be read from the whole journal.
            (Self::Local(record), _) if on_update.is_none() => {
                record.until_left().await?;
                let record = record.clone();
                once(async move { Ok(Snapshot::of_record(&record)?) }).boxed()
            }
            _ => self.follow(),
        };
        let mut last = None;
        while let Some(state) = states.try_next().await? {
            state.phase().clone_into(phase);
            if let Some(on_update) = &mut on_update {
                on_update(&state);
            }
            last = Some(state);
        }
        let last = last.expect("a run that is followed has a state");
        match self {
            Self::Cluster { cluster, .. } => Ok(completed(last, cluster).await),
            Self::Local(_) if last.killed => {
                let retry = self.address().command("retry", &[]);
                Err(BackendError::Killed { name: last.name().to_owned(), retry })
            }
            Self::Local(_) => Ok(last),
        }
    }
}

/// The states of a local run; changes within `gather` are one.
pub(super) fn states(record: &Record, gather: Duration) -> BoxStream<'static, Result<Snapshot, BackendError>> {
    let (changes, record) = (record.changes(gather), record.clone());
    changes.and_then(move |()| std::future::ready(Snapshot::of_record(&record))).map_err(BackendError::from).boxed()
}
