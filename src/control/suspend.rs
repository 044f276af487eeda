//! `suspend`: running nodes finish, no new ones start.

use serde_json::json;

use super::{Change, Decision, Refusal, refuse_ended};
use crate::argo::Workflow;

/// Decides how to suspend the run.
pub(crate) fn decide(workflow: &Workflow) -> Result<Decision, Refusal> {
    refuse_ended(workflow)?;
    if let Some(word) = workflow.shutdown() {
        return Err(Refusal::Stopping(word.to_owned()));
    }
    if workflow.is_suspended() {
        return Ok(Decision::Already("already suspended".to_owned()));
    }
    Ok(Decision::Change(Change::of(workflow, json!({"spec": {"suspend": true}}), "suspended")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_suspended_once() {
        let running = json!({"metadata": {"resourceVersion": "7"}, "spec": {}, "status": {"phase": "Running"}});
        let patch = json!({"spec": {"suspend": true}, "metadata": {"resourceVersion": "7"}});
        assert_eq!(decide(&running.into()), Ok(Decision::Change(Change { patch, done: "suspended".to_owned() })));
        let suspended = json!({"spec": {"suspend": true}, "status": {"phase": "Running"}});
        assert_eq!(decide(&suspended.into()), Ok(Decision::Already("already suspended".to_owned())));
    }

    #[test]
    fn a_run_at_or_near_its_end_is_refused() {
        let ended = json!({"spec": {}, "status": {"phase": "Succeeded"}});
        assert_eq!(decide(&ended.into()), Err(Refusal::Ended("Succeeded".to_owned())));
        let stopping = json!({"spec": {"shutdown": "Stop"}, "status": {"phase": "Running"}});
        assert_eq!(decide(&stopping.into()), Err(Refusal::Stopping("Stop".to_owned())));
    }
}
