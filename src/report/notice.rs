//! The completion notice of a run.

use serde::Serialize;

use super::address::Commands;
use super::failures::{FailedNode, Failures, LOGS};
use crate::argo::Workflow;
use crate::mask::Mask;

/// The content of a completion notice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Notice {
    /// The workflow's name.
    pub(crate) run: String,
    /// The run id, the same in all attempts; empty if there is none.
    pub(crate) run_id: String,
    /// Whether it Succeeded.
    pub(crate) success: bool,
    /// Succeeded, Failed or Error.
    pub(crate) phase: String,
    /// Why it did not succeed.
    pub(crate) error: Option<String>,
    /// The nodes that failed, the earliest first.
    pub(crate) failures: Vec<FailedNode>,
    /// The commands that help, if the run did not succeed.
    pub(crate) commands: Option<Commands>,
}

impl Notice {
    /// The notice for a Workflow object that has ended.
    pub(crate) fn of(workflow: &Workflow, mask: &Mask, failures: &Failures) -> Self {
        let (phase, message) = (workflow.phase(), workflow.message());
        let success = phase == "Succeeded";
        let error = if message.is_empty() { format!("the workflow ended as {phase}") } else { mask.text(message) };
        Self {
            run: workflow.name().to_owned(),
            run_id: workflow.run_id().unwrap_or_default().to_owned(),
            success,
            phase: phase.to_owned(),
            error: (!success).then_some(error),
            failures: failures.nodes.iter().take(LOGS).cloned().collect(),
            commands: (!success).then(|| failures.commands()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::address::Address;

    #[test]
    fn a_notice_has_the_result_and_the_error() {
        let workflow = |phase: &str, message: &str| {
            json!({
                "metadata": {"name": "etl"}, "status": {"phase": phase, "message": message},
                "spec": {"arguments": {"parameters": [{"name": "run_id", "value": "r1"}]}},
            })
        };
        let failures = Failures { address: Address::local("etl", "default"), ..Failures::default() };
        let told = |phase, message| {
            let workflow = Workflow::from(workflow(phase, message));
            serde_json::to_value(Notice::of(&workflow, &Mask::default(), &failures)).unwrap_or_default()
        };
        let failed = told("Failed", "child failed");
        let expected =
            json!({"run": "etl", "run_id": "r1", "success": false, "phase": "Failed", "error": "child failed"});
        for (field, value) in expected.as_object().into_iter().flatten() {
            assert_eq!(&failed[field], value);
        }
        assert_eq!(failed["commands"]["retry"], "kubectl runnable retry etl --local");
        let good = json!({"run": "etl", "run_id": "r1", "success": true, "phase": "Succeeded", "error": null,
            "failures": [], "commands": null});
        assert_eq!(told("Succeeded", "all is well"), good);
        assert_eq!(told("Error", "")["error"], "the workflow ended as Error");
    }
}
