//! Kinds.

use super::*;

#[test]
fn other_kinds_and_versions_are_refused_by_name() {
    for (text, expected) in [
        (
            "kind: Pod\napiVersion: v1",
            "wf.yaml:1:1: field `kind`: expected Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow, ConfigMap or Secret, found `Pod`",
        ),
        ("apiVersion: v1", "wf.yaml:1:1: no `kind`, expected Workflow, "),
        ("kind: Workflow", "wf.yaml:1:1: no `apiVersion`, expected `argoproj.io/v1alpha1`"),
        (
            "kind: Workflow\napiVersion: v1",
            "wf.yaml:2:1: field `apiVersion`: expected `argoproj.io/v1alpha1` for a Workflow, found `v1`",
        ),
        ("kind: ConfigMap\napiVersion: 1", "wf.yaml:2:1: field `apiVersion`: expected a string, found an integer"),
        ("- a", "wf.yaml:1:1: expected an object, found a list"),
        ("just text", "wf.yaml:1:1: expected an object, found a string"),
    ] {
        let error = refusal(text).to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
