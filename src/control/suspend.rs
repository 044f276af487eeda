//! `suspend`: what runs goes on, nothing more begins.

use serde_json::{Value, json};

use super::{Change, Decision, Refusal, is_suspended, refuse_ended, strategy};

/// Decides what suspends the run.
pub(crate) fn decide(workflow: &Value) -> Result<Decision, Refusal> {
    refuse_ended(workflow)?;
    if let Some(word) = strategy(workflow) {
        return Err(Refusal::Stopping(word.to_owned()));
    }
    if is_suspended(workflow) {
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
        assert_eq!(decide(&running), Ok(Decision::Change(Change { patch, done: "suspended".to_owned() })));
        let suspended = json!({"spec": {"suspend": true}, "status": {"phase": "Running"}});
        assert_eq!(decide(&suspended), Ok(Decision::Already("already suspended".to_owned())));
    }

    #[test]
    fn a_run_at_or_near_its_end_is_refused() {
        let ended = json!({"spec": {}, "status": {"phase": "Succeeded"}});
        assert_eq!(decide(&ended), Err(Refusal::Ended("Succeeded".to_owned())));
        let stopping = json!({"spec": {"shutdown": "Stop"}, "status": {"phase": "Running"}});
        assert_eq!(decide(&stopping), Err(Refusal::Stopping("Stop".to_owned())));
    }
}
