//! The workflow that drains a semaphore: it is first in the queue, becomes the only holder and never ends.
//!
//! It consists of one Suspend node, which needs no pod. The workflow must be Running: a restarted controller restores
//! holders only from Running workflows (initManagers in workflow/controller/controller.go, v4.1.2), and a workflow with
//! `spec.suspend` stays Pending with its lock. A limit of 0 does not survive a restart either: every workflow that
//! requests a semaphore whose first known limit is 0 fails.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Key;
use crate::argo::Workflow;

/// The annotation that marks the workflow of a drain; its value is `CONFIGMAP/KEY`.
pub(super) const DRAIN_ANNOTATION: &str = "kubectl-runnable/drains";
/// Ten years, in seconds.
const DEADLINE_SECONDS: u32 = 315_360_000;
/// The number of the key's characters in the name.
const KEY_PART: usize = 40;

/// The name of the workflow that drains a semaphore. It is always the same, so that a second drain finds the first.
pub(crate) fn drain_name(config_map: &str, key: &Key) -> String {
    let digest: [u8; 32] = Sha256::digest(target(config_map, key)).into();
    let [first, second, third, fourth, ..] = digest;
    let plain = |next: char| next.is_ascii_lowercase() || next.is_ascii_digit();
    let shown = key.as_str().to_ascii_lowercase();
    let shown: String = shown.chars().take(KEY_PART).map(|next| if plain(next) { next } else { '-' }).collect();
    format!("drain-{}-{:08x}", shown.trim_matches('-'), u32::from_be_bytes([first, second, third, fourth]))
}

/// The workflow that drains a semaphore. `synchronization` names the semaphore in the form that the cluster knows;
/// `labels` assign it to the controller of the semaphore's other workflows.
pub(crate) fn drain_workflow(config_map: &str, key: &Key, synchronization: &Value, labels: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": drain_name(config_map, key),
            "labels": labels,
            "annotations": {
                DRAIN_ANNOTATION: target(config_map, key),
                "workflows.argoproj.io/description":
                    format!("Drains semaphore {key}; `kubectl runnable semaphore set {key} --undrain` ends the drain."),
            },
        },
        "spec": {
            "entrypoint": "wait",
            "priority": i32::MAX,
            // The controller's workflowDefaults may set a shorter deadline.
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "synchronization": synchronization,
            "templates": [{"name": "wait", "suspend": {}}],
        },
    })
}

/// Whether a workflow is the one that drains the semaphore.
pub(crate) fn is_drain_of(workflow: &Value, config_map: &str, key: &str) -> bool {
    Workflow::view(workflow).annotation(DRAIN_ANNOTATION) == Some(&format!("{config_map}/{key}"))
}

fn target(config_map: &str, key: &Key) -> String {
    format!("{config_map}/{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argo::identity::ObjectName;

    #[test]
    fn a_name_is_legal_short_and_unique() {
        let long = format!("A_.{}", "k".repeat(240));
        let names = ["a-b-main", "A-b-main", "a_b-main", "...x"[1..].trim_start_matches('.'), "_", &long].map(|key| {
            let key = key.parse::<Key>().unwrap();
            let name = drain_name("workflow-semaphores", &key);
            assert!(name.parse::<ObjectName>().is_ok() && name.len() <= 63, "{name}");
            assert_ne!(name, drain_name("other", &key));
            name
        });
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }
}
