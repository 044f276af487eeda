//! What a run waits for: somebody who resumes it, or a lock that others hold.

use crate::argo::status::{NodeType, Phase};
use crate::argo::synchronization::Recorded;
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
        held_by: Vec<String>,
    },
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

        let recorded = Recorded::of(workflow.value()).waiting;
        waits.extend(recorded.iter().map(|waiting| Self::Lock {
            lock: waiting.lock.to_string(),
            held_by: waiting.held_by.iter().map(ToString::to_string).collect(),
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
            held_by: held_by.iter().map(|holder| (*holder).to_owned()).collect(),
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
}
