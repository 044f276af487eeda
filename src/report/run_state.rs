//! How far a run is, in the four words that scripts ask for.

use serde::Serialize;

use crate::argo::Workflow;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunState {
    /// It has not started, or waits for its locks.
    Pending,
    /// It is at work, or suspended.
    Running,
    /// It has succeeded.
    Success,
    /// It has failed, has ended in Error, or was killed.
    Failure,
}

impl RunState {
    /// The state of a workflow as its status tells it.
    pub(crate) fn of(workflow: &Workflow) -> Self {
        match workflow.phase() {
            "Succeeded" => Self::Success,
            "Failed" | "Error" => Self::Failure,
            "Running" => Self::Running,
            _ => Self::Pending,
        }
    }

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_phase_has_a_state() {
        for (phase, word) in [
            ("", "pending"),
            ("Pending", "pending"),
            ("Running", "running"),
            ("Succeeded", "success"),
            ("Failed", "failure"),
            ("Error", "failure"),
        ] {
            let workflow = json!({"status": {"phase": phase}});
            assert_eq!(RunState::of(Workflow::view(&workflow)).word(), word, "{phase}");
        }
    }
}
