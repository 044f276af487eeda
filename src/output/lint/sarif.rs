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
            "artifactLocation": {"uri": uri(&problem.source)},
            "region": {"startLine": line, "startColumn": column},
        }}],
    })
}

/// A path relative to where the program runs, or a URL, as a URI reference.
fn uri(source: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:?*=&".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let escaped: String = source.bytes().map(encode).collect();
    // What stands before the first colon would be a scheme.
    let has_scheme = source.contains("://");
    if has_scheme { escaped } else { escaped.replace(':', "%3A").replace('?', "%3F") }
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
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("workflows/etl.yaml"), "workflows/etl.yaml");
        assert_eq!(uri("a b/ä:1?.yaml"), "a%20b/%C3%A4%3A1%3F.yaml");
        assert_eq!(uri("https://example.org/a.yaml?***"), "https://example.org/a.yaml?***");
    }
}
