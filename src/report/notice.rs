//! The completion notice of a run.

use serde::Serialize;

use crate::argo::Workflow;

/// The content of a completion notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Notice {
    /// The workflow's name.
    pub run: String,
    /// The run id, the same in all attempts; empty if there is none.
    pub run_id: String,
    /// Whether it Succeeded.
    pub success: bool,
    /// Succeeded, Failed or Error.
    pub phase: String,
    /// Why it did not succeed.
    pub error: Option<String>,
}

impl Notice {
    /// The notice for a Workflow object that has ended.
    pub(crate) fn of(workflow: &Workflow) -> Self {
        let (phase, message) = (workflow.phase(), workflow.message());
        let success = phase == "Succeeded";
        let error = if message.is_empty() { format!("the workflow ended as {phase}") } else { message.to_owned() };
        Self {
            run: workflow.name().to_owned(),
            run_id: workflow.run_id().unwrap_or_default().to_owned(),
            success,
            phase: phase.to_owned(),
            error: (!success).then_some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_has_the_result_and_the_error() {
        let workflow = |phase: &str, message: &str| {
            json!({
                "metadata": {"name": "etl"}, "status": {"phase": phase, "message": message},
                "spec": {"arguments": {"parameters": [{"name": "run_id", "value": "r1"}]}},
            })
        };
        let told =
            |phase, message| serde_json::to_value(Notice::of(&workflow(phase, message).into())).unwrap_or_default();
        let failed =
            json!({"run": "etl", "run_id": "r1", "success": false, "phase": "Failed", "error": "child failed"});
        assert_eq!(told("Failed", "child failed"), failed);
        let good = json!({"run": "etl", "run_id": "r1", "success": true, "phase": "Succeeded", "error": null});
        assert_eq!(told("Succeeded", "all is well"), good);
        assert_eq!(told("Error", "")["error"], "the workflow ended as Error");
    }
}
