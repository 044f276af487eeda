//! Field selectors over nodes: `displayName=a,phase!=Failed`, with the fields that argo knows.

use std::str::FromStr;

use serde_json::Value;

/// Which nodes are meant. All of its terms must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: String,
    value: String,
    equal: bool,
}

/// Why a text is no selector.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid node selector {0:?}: expected FIELD=VALUE or FIELD!=VALUE, the field one of {FIELDS}")]
pub struct SelectorError(String);

const FIELDS: &str =
    "displayName, name, id, phase, templateName, templateRef.name, templateRef.template, inputs.parameters.NAME.value";

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let error = || SelectorError(text.to_owned());
        let terms: Vec<Term> =
            text.split(',').map(|term| Term::read(term.trim())).collect::<Option<_>>().ok_or_else(error)?;
        if terms.is_empty() { Err(error()) } else { Ok(Self(terms)) }
    }
}

impl Term {
    fn read(text: &str) -> Option<Self> {
        let (field, value, equal) = if let Some((field, value)) = text.split_once("!=") {
            (field, value, false)
        } else {
            let (field, value) = text.split_once("==").or_else(|| text.split_once('='))?;
            (field, value, true)
        };
        let plain = ["displayName", "name", "id", "phase", "templateName", "templateRef.name", "templateRef.template"];
        let input = field.strip_prefix("inputs.parameters.").and_then(|rest| rest.strip_suffix(".value"));
        let known = plain.contains(&field) || input.is_some_and(|name| !name.is_empty());
        known.then(|| Self { field: field.to_owned(), value: value.to_owned(), equal })
    }

    fn matches(&self, node: &Value) -> bool {
        let input = self.field.strip_prefix("inputs.parameters.").and_then(|rest| rest.strip_suffix(".value"));
        let found = if let Some(name) = input {
            let parameters = node.pointer("/inputs/parameters").and_then(Value::as_array);
            let named = parameters.into_iter().flatten().find(|parameter| parameter["name"] == name);
            named.and_then(|parameter| parameter["value"].as_str())
        } else {
            let text = |field: &str| node.pointer(&format!("/{}", field.replace('.', "/"))).and_then(Value::as_str);
            let of_reference = text("templateRef.template").filter(|_| self.field == "templateName");
            of_reference.or_else(|| text(&self.field))
        };
        (found.unwrap_or_default() == self.value) == self.equal
    }
}

impl Selector {
    /// Whether the node is meant.
    pub fn matches(&self, node: &Value) -> bool {
        self.0.iter().all(|term| term.matches(node))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_terms_must_hold() -> Result<(), SelectorError> {
        let node = json!({"displayName": "a", "phase": "Succeeded", "templateRef": {"name": "lib", "template": "x"},
            "inputs": {"parameters": [{"name": "n", "value": "1"}]}});
        for (text, expected) in [
            ("displayName=a", true),
            ("displayName==a,phase!=Failed", true),
            ("displayName=a,phase=Failed", false),
            ("inputs.parameters.n.value=1", true),
            ("inputs.parameters.m.value=1", false),
            ("templateRef.name=lib,templateRef.template=x", true),
        ] {
            assert_eq!(text.parse::<Selector>()?.matches(&node), expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in ["", "a", "color=red", "inputs.parameters..value=1", "displayName=a,"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
