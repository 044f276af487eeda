//! What a run waits for: somebody who resumes it, or a lock that others hold.

use std::fmt;

use jiff::Timestamp;

use crate::argo::status::{NodeType, Phase};
use crate::argo::synchronization::{Holder, Recorded};
use crate::argo::{Nodes, Workflow};

/// A reason to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The whole run is suspended.
    Suspended,
    /// A node waits for `resume`, by its display name.
    Resume(String),
    /// A lock, with its holders as far as they are known.
    Lock {
        /// The name of the lock.
        lock: String,
        /// Workflows and nodes.
        held_by: Vec<HeldBy>,
    },
}

/// A holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldBy {
    /// The workflow or node.
    pub(crate) holder: Holder,
    /// Since when it has held the lock, where that is known.
    pub(crate) since: Option<Timestamp>,
}

impl From<Holder> for HeldBy {
    fn from(holder: Holder) -> Self {
        Self { holder, since: None }
    }
}

impl fmt::Display for HeldBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.holder)?;
        self.since.iter().try_for_each(|since| write!(formatter, " since {}", since.strftime("%Y-%m-%dT%H:%M:%SZ")))
    }
}

/// A lock with its holders, in words: `lock ci/Mutex/deploy, held by ci/a since 2026-11-21T10:00:00Z`.
pub(crate) fn lock_text(lock: &str, held_by: &[HeldBy]) -> String {
    let holders: Vec<String> = held_by.iter().map(ToString::to_string).collect();
    if holders.is_empty() { format!("lock {lock}") } else { format!("lock {lock}, held by {}", holders.join(", ")) }
}

impl Wait {
    /// What a run waits for; nothing after its end.
    pub(crate) fn of(workflow: &Workflow, nodes: &Nodes) -> Vec<Self> {
        if workflow.has_ended() {
            return Vec::new();
        }
        let mut waits = Vec::new();
        if workflow.is_suspended() {
            waits.push(Self::Suspended);
        }
        let suspended = nodes.all.iter().filter(|node| node.kind == NodeType::Suspend && node.phase == Phase::Running);
        waits.extend(suspended.map(|node| Self::Resume(node.display_name.clone())));

        waits.extend(Self::locks(workflow, nodes));
        waits
    }

    /// The locks that it waits for; none after its end.
    pub(crate) fn locks(workflow: &Workflow, nodes: &Nodes) -> Vec<Self> {
        if workflow.has_ended() {
            return Vec::new();
        }
        let mut waits = Vec::new();
        let recorded = Recorded::of(workflow.value()).waiting;
        waits.extend(recorded.iter().map(|waiting| Self::Lock {
            lock: waiting.lock.to_string(),
            held_by: waiting.held_by.iter().cloned().map(HeldBy::from).collect(),
        }));
        let locks = nodes.all.iter().filter(|node| !node.phase.is_fulfilled());
        let locks = locks.filter_map(|node| node.synchronization_status.as_ref()).map(|status| &status.waiting);
        for lock in locks.filter(|lock| !lock.is_empty()) {
            let is_known = |wait: &Self| matches!(wait, Self::Lock { lock: known, .. } if known == lock);
            if !waits.iter().any(is_known) {
                waits.push(Self::Lock { lock: lock.clone(), held_by: Vec::new() });
            }
        }
        waits
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_waits_for_people_and_for_locks() {
        let mut workflow = json!({
            "metadata": {"name": "w", "namespace": "n"}, "spec": {"suspend": true},
            "status": {"phase": "Running", "synchronization": {"mutex": {"waiting": [{"mutex": "n/Mutex/deploy", "holder": "n/v"}]}},
                "nodes": {
                    "a": {"id": "a", "name": "w.a", "displayName": "approve", "type": "Suspend", "phase": "Running"},
                    "b": {"id": "b", "name": "w.b", "displayName": "b", "type": "Pod", "phase": "Pending",
                        "synchronizationStatus": {"waiting": "n/Mutex/deploy"}},
                    "c": {"id": "c", "name": "w.c", "displayName": "c", "type": "Pod", "phase": "Pending",
                        "synchronizationStatus": {"waiting": "n/ConfigMap/s/k"}},
                }},
        });
        let of = |workflow: &serde_json::Value| {
            let workflow = Workflow::view(workflow);
            Wait::of(workflow, &workflow.nodes())
        };
        let lock = |lock: &str, held_by: &[&str]| Wait::Lock {
            lock: lock.to_owned(),
            held_by: held_by.iter().filter_map(|holder| Holder::read(holder, "n", "w")).map(HeldBy::from).collect(),
        };
        assert_eq!(
            of(&workflow),
            [
                Wait::Suspended,
                Wait::Resume("approve".to_owned()),
                lock("n/Mutex/deploy", &["n/v"]),
                lock("n/ConfigMap/s/k", &[]),
            ]
        );
        workflow["status"]["phase"] = json!("Failed");
        assert_eq!(of(&workflow), []);
    }

    #[test]
    fn a_lock_is_told_with_its_holders() {
        let holder = |text: &str| Holder::read(text, "n", "w").unwrap();
        let known = HeldBy { holder: holder("n/a"), since: "2026-11-21T10:00:00.5Z".parse().ok() };
        assert_eq!(lock_text("n/Mutex/m", &[]), "lock n/Mutex/m");
        assert_eq!(
            lock_text("n/Mutex/m", &[known, holder("n/b/b-1").into()]),
            "lock n/Mutex/m, held by n/a since 2026-11-21T10:00:00Z, n/b/b-1"
        );
    }
}
