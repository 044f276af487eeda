//! Keeping secrets out of what people read: the values of parameters whose names look like a secret's.

use serde_json::Value;

use crate::argo::status::Node;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// A shorter value may be any word, and would blot out half of a message.
const SHORTEST: usize = 4;

/// Whether a parameter of this name looks like a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "passwd", "passphrase", "token", "secret", "dsn", "credential"].iter().any(|word| name.contains(word))
        || name.split(|letter: char| !letter.is_alphanumeric()).any(|word| word.ends_with("key") || word == "keys")
}

/// A parameter's value as people may read it.
pub fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) && !value.is_empty() { MASK } else { value }
}

/// The values that must not be read in names and messages of a run.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    values: Vec<String>,
}

impl Mask {
    /// The secrets among the parameters of a workflow and its nodes.
    pub fn of(workflow: &Value, nodes: &[Node]) -> Self {
        let mut values: Vec<String> = Vec::new();
        let mut take = |parameters: Option<&Value>| {
            let parameters = parameters.and_then(Value::as_array).into_iter().flatten();
            for parameter in parameters {
                let name = parameter["name"].as_str().unwrap_or_default();
                let value = parameter["value"].as_str().unwrap_or_default();
                if value.len() >= SHORTEST && is_secret(name) {
                    values.push(value.to_owned());
                }
            }
        };
        take(workflow.pointer("/spec/arguments/parameters"));
        for node in nodes {
            take(node.inputs.as_ref().and_then(|inputs| inputs.get("parameters")));
        }
        let outputs = nodes.iter().filter_map(|node| node.outputs.as_ref()).flat_map(|outputs| &outputs.parameters);
        for parameter in outputs.filter(|parameter| is_secret(&parameter.name)) {
            values.extend(parameter.value.clone().filter(|value| value.len() >= SHORTEST));
        }
        // The longer first: one may be a part of another.
        values.sort_by(|left, right| right.len().cmp(&left.len()).then_with(|| left.cmp(right)));
        values.dedup();
        Self { values }
    }

    /// The text without the secrets.
    pub fn text(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK))
    }

    /// The nodes as people may read them.
    pub fn nodes(&self, nodes: Vec<Node>) -> Vec<Node> {
        if self.values.is_empty() {
            return nodes;
        }
        let masked = |node: Node| Node {
            name: self.text(&node.name),
            display_name: self.text(&node.display_name),
            message: self.text(&node.message),
            ..node
        };
        nodes.into_iter().map(masked).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in ["password", "DB_PASSWORD", "apiToken", "sentry-dsn", "api_key", "apikey", "client-secret", "keys"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["date", "keyboard", "run_id", "target_urls", ""] {
            assert!(!is_secret(name), "{name}");
        }
        assert_eq!((shown("token", "abc"), shown("date", "abc"), shown("token", "")), (MASK, "abc", ""));
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let workflow = json!({"spec": {"arguments": {"parameters": [
            {"name": "token", "value": "s3cr3t"}, {"name": "api-key", "value": "s3cr3t-too"}, {"name": "pin-key", "value": "1"},
            {"name": "date", "value": "today"}, {"name": "password", "value": 7},
        ]}}});
        let mask = Mask::of(&workflow, &[]);
        assert_eq!(mask.text("today 1: s3cr3t-too, s3cr3t"), "today 1: ***, ***");
    }
}
