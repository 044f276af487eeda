//! The identity of the next attempt: the run's id stays, the number counts on.

use std::borrow::Cow;

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::identity::RunId;

/// The attempt that a retry makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The run's id over all attempts; none when the workflow was not prepared.
    pub run_id: Option<RunId>,
    /// The number of the attempt: 2 for the first retry.
    pub number: u32,
}

impl Attempt {
    /// The attempt after the one that `live` is. A number that is none counts as the first.
    pub(crate) fn after(live: &Value) -> Self {
        let live = Workflow::view(live);
        Self { run_id: live.run_id().and_then(|id| id.parse().ok()), number: live.attempt().saturating_add(1) }
    }
}

/// The value of a workflow's parameter.
pub(super) fn parameter(workflow: &Value, name: &str) -> Option<String> {
    Workflow::view(workflow).parameter(name).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_number_counts_on_from_the_live_one() {
        for (indicator, expected) in [("", 2), ("2", 3), ("9", 10), ("often", 2), ("0", 2)] {
            let live = json!({"spec": {"arguments": {"parameters": [
                {"name": "run_id", "value": "r1"}, {"name": "retry_indicator", "value": indicator}]}}});
            let attempt = Attempt::after(&live);
            assert_eq!((attempt.number, attempt.run_id.map(|id| id.to_string())), (expected, Some("r1".to_owned())));
        }
        assert_eq!(Attempt::after(&json!({"spec": {}})), Attempt { run_id: None, number: 2 });
    }
}
