//! Deleting a run, as long as it is the one that was seen.

use super::run::live;
use super::{BackendError, Run, Snapshot};
use crate::cluster::{Attempt, Changed, ClusterError, revise};

impl Run {
    /// Deletes the run. One that goes on is refused unless `force` is given; of this machine it is refused anyway, for
    /// its process would write on. With `dry_run` a cluster checks the request, and nothing is deleted.
    pub(crate) async fn delete(&self, force: bool, dry_run: bool) -> Result<(), BackendError> {
        match self {
            Self::Cluster { cluster, name, uid } => {
                revise(&format!("workflow {name:?}"), async |perhaps_done| {
                    let workflow = match live(cluster, name, uid.as_deref()).await {
                        // An earlier sending of this request has deleted it, and its answer was lost.
                        Err(BackendError::Cluster(ClusterError::WorkflowMissing { .. })) if perhaps_done => {
                            return Ok(Attempt::Settled(()));
                        }
                        found => found?,
                    };
                    let state = Snapshot::from(workflow);
                    state.agree_to_delete(force)?;
                    Ok(match cluster.delete_workflow(state.workflow.value(), dry_run).await? {
                        Changed::Done(_) => Attempt::Settled(()),
                        Changed::Stale { perhaps_ours } => Attempt::Stale { perhaps_ours },
                    })
                })
                .await
            }
            Self::Local(record) => {
                let state = Snapshot::of_record(record)?;
                state.agree_to_delete(false)?;
                if !dry_run && !record.remove()? {
                    return Err(state.goes_on());
                }
                Ok(())
            }
        }
    }
}

impl Snapshot {
    /// Whether nothing more happens to the run.
    pub(crate) fn is_over(&self) -> bool {
        self.killed || self.workflow.has_ended()
    }

    fn agree_to_delete(&self, force: bool) -> Result<(), BackendError> {
        if force || self.is_over() { Ok(()) } else { Err(self.goes_on()) }
    }

    fn goes_on(&self) -> BackendError {
        BackendError::GoesOn { name: self.name().to_owned(), phase: self.phase().to_owned() }
    }
}
