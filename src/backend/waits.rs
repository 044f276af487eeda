//! What a run waits for, with what only other runs know: since when they hold the lock.

use super::{Run, Snapshot};
use crate::argo::Workflow;
use crate::argo::synchronization::Holder;
use crate::report::waits::{HeldBy, Wait};

/// Holders that are looked at.
const LOOKED_AT: usize = 5;

impl Run {
    /// What the run waits for, with the times of the holders of locks, as far as they are known.
    pub(crate) async fn waits(&self, state: &Snapshot) -> Vec<Wait> {
        if state.killed {
            return Vec::new();
        }
        let mut waits = Wait::of(&state.workflow, &state.nodes);
        self.date_holders(&mut waits).await;
        waits
    }

    /// Adds the times since when the first few holders hold a lock.
    pub(crate) async fn date_holders(&self, waits: &mut [Wait]) {
        let holders = waits.iter_mut().flat_map(|wait| match wait {
            Wait::Lock { held_by, .. } => held_by.as_mut_slice(),
            Wait::Suspended | Wait::Resume(_) => &mut [],
        });
        for HeldBy { holder, since } in holders.take(LOOKED_AT) {
            *since = self.held_since(holder).await;
        }
    }

    /// Since when a workflow holds its locks: it starts when it has all of them. Of a node nobody writes down when it got
    /// a lock: it begins while it waits.
    async fn held_since(&self, holder: &Holder) -> Option<jiff::Timestamp> {
        let Self::Cluster { cluster, .. } = self else { return None };
        if holder.node.is_some() {
            return None;
        }
        let live = cluster.within(&holder.namespace).workflow(&holder.workflow).await.ok()?;
        Workflow::view(&live).started_at()
    }
}
