//! `stop` and `terminate`: end a run early, with or without its exit handlers.

use serde_json::{Value, json};

use super::{Change, Decision, Refusal, refuse_ended};
use crate::argo::{Shutdown, Workflow};

/// Decides how to end the run. A termination replaces a stop, never the other way round.
///
/// The controller does not end a suspended run (`operate` in workflow/controller/operator.go, v4.1.2, returns before it
/// runs any template), so the suspension is removed.
pub(crate) fn decide(workflow: &Workflow, wanted: Shutdown) -> Result<Decision, Refusal> {
    let current = workflow.shutdown();
    if current.is_some() && workflow.has_ended() {
        return Ok(Decision::Already(already(current)));
    }
    refuse_ended(workflow)?;
    let enough = current == Some("Terminate") || current == Some(wanted.as_str());
    if enough && !workflow.is_suspended() {
        return Ok(Decision::Already(already(current)));
    }

    let word = if enough { current.unwrap_or_default() } else { wanted.as_str() };
    let mut spec = json!({"shutdown": word});
    if workflow.is_suspended() {
        spec["suspend"] = Value::Null;
    }
    Ok(Decision::Change(Change::of(workflow, json!({"spec": spec}), done(wanted))))
}

fn done(wanted: Shutdown) -> &'static str {
    match wanted {
        Shutdown::Stop => "stopped",
        Shutdown::Terminate => "terminated",
    }
}

fn already(current: Option<&str>) -> String {
    let word = if current == Some("Terminate") { "terminated" } else { "stopped" };
    format!("already {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(phase: &str, spec: &Value) -> Workflow {
        json!({"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": spec, "status": {"phase": phase}}).into()
    }

    fn spec_of(decision: Result<Decision, Refusal>) -> Value {
        match decision {
            Ok(Decision::Change(change)) => change.patch["spec"].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_run_is_stopped_in_the_state_that_was_read() {
        let decision = decide(&workflow("Running", &json!({})), Shutdown::Stop);
        let patch = json!({"spec": {"shutdown": "Stop"}, "metadata": {"uid": "u", "resourceVersion": "7"}});
        assert_eq!(decision, Ok(Decision::Change(Change { patch, done: "stopped".to_owned() })));
    }

    #[test]
    fn a_termination_replaces_a_stop_but_not_the_other_way_round() {
        let stopping = workflow("Running", &json!({"shutdown": "Stop"}));
        assert_eq!(decide(&stopping, Shutdown::Stop), Ok(Decision::Already("already stopped".to_owned())));
        assert_eq!(spec_of(decide(&stopping, Shutdown::Terminate)), json!({"shutdown": "Terminate"}));
        let terminating = workflow("Running", &json!({"shutdown": "Terminate"}));
        assert_eq!(decide(&terminating, Shutdown::Stop), Ok(Decision::Already("already terminated".to_owned())));
    }

    #[test]
    fn the_suspension_of_a_stopped_run_is_removed() {
        let suspended = workflow("Running", &json!({"suspend": true}));
        assert_eq!(spec_of(decide(&suspended, Shutdown::Stop)), json!({"shutdown": "Stop", "suspend": null}));
        let held = workflow("Running", &json!({"suspend": true, "shutdown": "Terminate"}));
        assert_eq!(spec_of(decide(&held, Shutdown::Stop)), json!({"shutdown": "Terminate", "suspend": null}));
    }

    #[test]
    fn a_run_that_ended_by_itself_is_not_stopped() {
        for phase in ["Succeeded", "Failed", "Error"] {
            assert_eq!(decide(&workflow(phase, &json!({})), Shutdown::Stop), Err(Refusal::Ended(phase.to_owned())));
        }
        let stopped = workflow("Failed", &json!({"shutdown": "Stop"}));
        assert_eq!(decide(&stopped, Shutdown::Terminate), Ok(Decision::Already("already stopped".to_owned())));
    }

    #[test]
    fn a_run_that_has_not_started_is_stopped() {
        let fresh = json!({"metadata": {"name": "a"}, "spec": {}}).into();
        assert_eq!(spec_of(decide(&fresh, Shutdown::Terminate)), json!({"shutdown": "Terminate"}));
    }
}
