//! How far a run has come, and what it was told to do.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Workflow, object_in};
use crate::argo::template::{at, field, list, text};

/// The phase of a workflow that the controller has not given one yet.
const PENDING: &str = "Pending";

impl Workflow {
    /// Pending where the controller has not given one yet.
    pub(crate) fn phase(&self) -> &str {
        match text(self.status(), "phase") {
            "" => PENDING,
            phase => phase,
        }
    }

    /// Whether the controller has looked at the run: it gives it a phase at once.
    pub(crate) fn is_seen(&self) -> bool {
        !text(self.status(), "phase").is_empty()
    }

    /// Whether nothing more will happen. The one rule: Argo's `WorkflowPhase.Completed` (workflow_types.go, v4.1.2).
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase(), "Succeeded" | "Failed" | "Error")
    }

    pub(crate) fn message(&self) -> &str {
        text(self.status(), "message")
    }

    /// Completed pods of all pods, as `1/3`.
    pub(crate) fn progress(&self) -> Option<&str> {
        Some(text(self.status(), "progress")).filter(|progress| !progress.is_empty())
    }

    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        text(self.status(), "startedAt").parse().ok()
    }

    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        text(self.status(), "finishedAt").parse().ok()
    }

    /// The output parameters that are known in the whole workflow.
    pub(crate) fn output_parameters(&self) -> &[Value] {
        list(at(self.status(), &["outputs", "parameters"]))
    }

    /// The output artifacts that are known in the whole workflow.
    pub(crate) fn output_artifacts(&self) -> &[Value] {
        list(at(self.status(), &["outputs", "artifacts"]))
    }

    /// `spec.shutdown`: `Stop` or `Terminate`, where the run is on its way to its end.
    pub(crate) fn shutdown(&self) -> Option<&str> {
        Some(text(self.spec(), "shutdown")).filter(|strategy| !strategy.is_empty())
    }

    /// Whether the run as a whole waits for `resume`. Its Suspend nodes wait by themselves.
    pub(crate) fn is_suspended(&self) -> bool {
        field(self.spec(), "suspend") == Some(&Value::Bool(true))
    }

    /// The higher comes first where workflows wait for a lock.
    pub(crate) fn priority(&self) -> i64 {
        field(self.spec(), "priority").and_then(Value::as_i64).unwrap_or_default()
    }

    /// Takes back that the run was ended from outside.
    pub(crate) fn unstop(&mut self) {
        let Some(spec) = self.0.get_mut("spec").and_then(Value::as_object_mut) else { return };
        spec.shift_remove("shutdown");
        if spec.get("activeDeadlineSeconds").is_some_and(|seconds| seconds == 0) {
            spec.shift_remove("activeDeadlineSeconds");
        }
    }

    /// Takes back that the run has ended, so that the controller looks at it again; its nodes stay as they are
    /// (`FormulateRetryWorkflow` in workflow/util/util.go, v4.1.2).
    pub(crate) fn begin_again(&mut self, now: &str) {
        self.unstop();
        if let Some(labels) = self.0.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.shift_remove("workflows.argoproj.io/completed");
            labels.shift_remove("workflows.argoproj.io/workflow-archiving-status");
        }
        let Some(status) = object_in(&mut self.0, "status") else { return };
        if let Some(stored) = status.get_mut("storedWorkflowTemplateSpec").and_then(Value::as_object_mut) {
            stored.shift_remove("shutdown");
        }
        if let Some(fields) = status.as_object_mut() {
            for field in ["phase", "message", "finishedAt", "persistentVolumeClaims"] {
                fields.shift_remove(field);
            }
        }
        status["startedAt"] = now.into();
        not_completed(status);
    }

    /// Takes out what a server gave the object, so that it can be created again under its name.
    pub(crate) fn forget_server(&mut self) {
        let Some(metadata) = object_in(&mut self.0, "metadata").and_then(Value::as_object_mut) else { return };
        for field in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"] {
            metadata.shift_remove(field);
        }
    }

    /// Begins with these nodes of a workflow before it, and with the templates that they name
    /// (`FormulateResubmitWorkflow` in workflow/util/util.go, v4.1.2).
    pub(crate) fn carry_over(&mut self, before: &Self, nodes: &Map<String, Value>) {
        let mut status = json!({
            "nodes": nodes,
            "conditions": [{"type": "Completed", "status": "False"}],
        });
        if let Some(stored) = field(before.status(), "storedTemplates") {
            status["storedTemplates"] = stored.clone();
        }
        self.set_status(status);
    }

    pub(crate) fn set_status(&mut self, status: Value) {
        if let Some(object) = self.0.as_object_mut() {
            object.insert("status".to_owned(), status);
        }
    }

    pub(crate) fn status_mut(&mut self) -> Option<&mut Value> {
        self.0.get_mut("status")
    }

    /// Takes back that the run as a whole was suspended.
    pub(crate) fn unsuspend(&mut self) {
        if let Some(spec) = self.0.get_mut("spec").and_then(Value::as_object_mut) {
            spec.shift_remove("suspend");
        }
    }

    /// Ends the run in this phase, for one whose engine is gone.
    pub(crate) fn set_phase(&mut self, phase: &str) {
        if let Some(status) = object_in(&mut self.0, "status") {
            status["phase"] = phase.into();
        }
    }
}

fn not_completed(status: &mut Value) {
    let conditions = &mut status["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    if let Some(conditions) = conditions.as_array_mut() {
        match conditions.iter_mut().find(|condition| condition["type"] == "Completed") {
            Some(condition) => condition["status"] = "False".into(),
            None => conditions.push(json!({"type": "Completed", "status": "False"})),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(value: Value) -> Workflow {
        Workflow::from(value)
    }

    #[test]
    fn a_run_has_ended_in_three_phases_only() {
        for (phase, ended) in [("Succeeded", true), ("Failed", true), ("Error", true), ("Running", false), ("", false)]
        {
            assert_eq!(workflow(json!({"status": {"phase": phase}})).has_ended(), ended, "{phase}");
        }
        assert_eq!(workflow(json!({"status": {"phase": ""}})).phase(), "Pending");
    }
}
