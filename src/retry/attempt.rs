//! The identity of the next attempt: the run's id stays, the number counts on.

use serde_json::Value;

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
        let number = parameter(live, "retry_indicator").and_then(|text| text.parse::<u32>().ok()).unwrap_or(1).max(1);
        let run_id = parameter(live, "run_id").and_then(|text| text.parse().ok());
        Self { run_id, number: number.saturating_add(1) }
    }
}

/// The value of a workflow's parameter.
pub(super) fn parameter(workflow: &Value, name: &str) -> Option<String> {
    let parameters = workflow.pointer("/spec/arguments/parameters")?.as_array()?;
    let parameter = parameters.iter().find(|parameter| parameter["name"] == name)?;
    let value = ["value", "default"].iter().find_map(|field| parameter.get(field).filter(|value| !value.is_null()))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
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
