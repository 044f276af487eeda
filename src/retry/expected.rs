//! The calls that a run is going to make, as far as its document tells: a rehearsal without any entry.

use jiff::Timestamp;
use serde_json::Value;

use super::Next;
use super::asked::Asked;
use super::entries::{Entries, EntryName};
use super::rehearsal::{Missed, Outcome, Rehearsal};
use crate::argo::Workflow;
use crate::argo::nodes::path;
use crate::argo::status::NodeType;
use crate::prepare::Templates;

/// The calls of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ExpectedCalls {
    /// The calls that do work, in the order in which they start.
    pub(crate) calls: Vec<ExpectedCall>,
    /// The entry that the success of the whole run makes, where its entrypoint is memoized.
    pub(crate) whole: Option<EntryName>,
    /// Whether there may be other ones: a loop or a condition depends on what a node gives.
    pub(crate) partial: bool,
}

/// A call that does work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedCall {
    /// The path of its node, the same in each attempt.
    pub(crate) path: String,
    /// The entry that its success makes; none if it is not memoized or its key depends on what a node gives.
    pub(crate) entry: Option<EntryName>,
}

/// The calls of a workflow that runs with these templates beside it.
pub(crate) fn expected_calls(workflow: &Value, templates: &Templates, now: Timestamp) -> ExpectedCalls {
    let next = Next { workflow, templates, notices: &[], stubs: None };
    let (asked, entries) = (Asked::default(), Entries::default());
    let name = Workflow::view(workflow).name();
    let mut expected = ExpectedCalls::default();
    for one in Rehearsal::of(next, &asked, &entries, now).told() {
        expected.partial |= matches!(one.outcome, Outcome::Decided { .. });
        if let (Outcome::Missed(Missed { cache, key, waits_for: None, .. }), true) =
            (&one.outcome, one.node.name == name)
        {
            expected.whole = Some(EntryName { cache: cache.clone(), key: key.clone() });
        }
        let entry = match one.outcome {
            Outcome::Skipped
            | Outcome::Fails
            | Outcome::Missed(Missed { nested: true, .. })
            | Outcome::NotMemoized { nested: true } => continue,
            Outcome::Missed(Missed { cache, key, waits_for: None, .. }) => Some(EntryName { cache, key }),
            _ => None,
        };
        if !matches!(one.node.kind, NodeType::Steps | NodeType::Dag) {
            expected.calls.push(ExpectedCall { path: path(name, &one.node.name), entry });
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected(spec: &Value) -> ExpectedCalls {
        let workflow = json!({"metadata": {"name": "w"}, "spec": spec});
        expected_calls(&workflow, &Templates::default(), Timestamp::UNIX_EPOCH)
    }

    fn paths(expected: &ExpectedCalls) -> Vec<&str> {
        expected.calls.iter().map(|call| call.path.as_str()).collect()
    }

    #[test]
    fn the_calls_of_nested_templates_and_loops_are_known_before_a_run() {
        let memoize = json!({"key": "k-{{inputs.parameters.i}}", "cache": {"configMap": {"name": "c"}}});
        let expected = expected(&json!({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "build", "template": "inner"}], [
                {"name": "map", "template": "work", "withItems": ["a", "b"],
                    "arguments": {"parameters": [{"name": "i", "value": "{{item}}"}]}},
                {"name": "never", "template": "inner", "when": "1 == 2"},
            ]]},
            {"name": "inner", "dag": {"tasks": [{"name": "one", "template": "alone"}]}},
            {"name": "alone", "container": {"image": "busybox"}},
            {"name": "work", "inputs": {"parameters": [{"name": "i"}]}, "memoize": memoize,
                "container": {"image": "busybox"}},
        ]}));
        assert_eq!(paths(&expected), ["build.one", "map(0:a)", "map(1:b)"]);
        assert!(!expected.partial);
        let keys: Vec<_> =
            expected.calls.iter().map(|call| call.entry.as_ref().map(|entry| entry.key.as_str())).collect();
        assert_eq!(keys, [None, Some("k-a"), Some("k-b")]);
        assert_eq!(expected.whole, None, "the entrypoint is not memoized");
    }

    #[test]
    fn what_depends_on_an_output_is_partial() {
        let expected = expected(&json!({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "list", "template": "work"}], [
                {"name": "each", "template": "work", "withParam": "{{steps.list.outputs.result}}"},
            ]]},
            {"name": "work", "script": {"image": "busybox", "command": ["sh"], "source": "echo [1]"}},
        ]}));
        assert!(expected.partial, "{expected:?}");
        assert_eq!(paths(&expected).first(), Some(&"list"));
    }
}
