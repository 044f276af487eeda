//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>.

use serde_json::{Value, json};

use super::{line_and_column, message, word};
use crate::argo::check::Rule;
use crate::argo::document::{Problem, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn finding(severity: Severity, problem: &Problem) -> Value {
    let (line, column) = line_and_column(problem);
    json!({
        "ruleId": problem.rule,
        "level": word(severity),
        "message": {"text": message(problem)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": *problem.source},
            "region": {"startLine": line, "startColumn": column},
        }}],
    })
}

pub(super) fn log(results: &[Value]) -> Value {
    let rules: Vec<Value> = Rule::ALL
        .iter()
        .map(|rule| json!({"id": rule.id(), "fullDescription": {"text": rule.summary()}, "help": {"text": rule.explanation()}}))
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kubectl-runnable",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}
