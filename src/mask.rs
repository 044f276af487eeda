//! Masks secrets in output: the values of parameters with names like those of secrets, and known values of Secrets.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::argo::template::{list, text};

/// The replacement for a secret.
pub(crate) const MASK: &str = "***";

/// Shorter values are not masked: they may occur anywhere in a message.
pub(crate) const SHORTEST: usize = 4;

/// Whether a parameter of this name looks like a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "passwd", "passphrase", "token", "secret", "dsn", "credential"].iter().any(|word| name.contains(word))
        || name.split(|letter: char| !letter.is_alphanumeric()).any(|word| word.ends_with("key") || word == "keys")
}

/// A parameter's value, masked if its name looks like a secret.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) && !value.is_empty() { MASK } else { value }
}

/// A URL without what may be a secret in it: the user before its host, its query and its fragment.
pub(crate) fn url(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (rest, hidden) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let hidden = if hidden.is_empty() { String::new() } else { format!("?{MASK}") };
    format!("{scheme}{host}{path}{hidden}")
}

/// The secrets to mask in the names, messages and logs of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    /// Finds the secrets; `None` if there are none.
    secrets: Option<AhoCorasick>,
}

impl Mask {
    /// The secrets among the parameters of a workflow and its nodes.
    pub(crate) fn of(workflow: &Workflow, nodes: &[Node]) -> Self {
        Self::hiding(workflow, nodes, &[])
    }

    /// The same, and the given values of Secrets, each as a whole and line by line.
    pub(crate) fn hiding(workflow: &Workflow, nodes: &[Node], given: &[String]) -> Self {
        let lines = given.iter().flat_map(|value| value.lines().map(str::trim)).map(str::to_owned);
        let mut values: Vec<String> = given.iter().cloned().chain(lines).collect();
        let run = workflow.parameters().into_iter();
        let secret = run.filter(|parameter| is_secret(parameter.name)).filter_map(|parameter| parameter.value);
        values.extend(secret.map(Cow::into_owned));

        let inputs = nodes.iter().filter_map(|node| node.inputs.as_ref());
        let inputs = inputs.flat_map(|inputs| list(inputs.get("parameters")));
        let secret = inputs.filter(|parameter| is_secret(text(parameter, "name")));
        values.extend(secret.map(|parameter| text(parameter, "value").to_owned()));
        let outputs = nodes.iter().filter_map(|node| node.outputs.as_ref()).flat_map(|outputs| &outputs.parameters);
        for parameter in outputs.filter(|parameter| is_secret(&parameter.name)) {
            values.extend(parameter.value.clone());
        }
        values.retain(|value| value.len() >= SHORTEST);
        values.sort_unstable();
        values.dedup();
        // One secret may be part of another.
        let finder = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&values).ok();
        Self { secrets: (!values.is_empty()).then(finder).flatten() }
    }

    /// The text without the secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        match &self.secrets {
            Some(secrets) => secrets.replace_all(text, &vec![MASK; secrets.patterns_len()]),
            None => text.to_owned(),
        }
    }

    /// The bytes without the secrets.
    pub(crate) fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.secrets {
            Some(secrets) if secrets.is_match(bytes) => {
                Cow::Owned(secrets.replace_all_bytes(bytes, &vec![MASK; secrets.patterns_len()]))
            }
            _ => Cow::Borrowed(bytes),
        }
    }

    /// The nodes without the secrets in names and messages.
    pub(crate) fn nodes<'a>(&self, nodes: &'a [Node]) -> Cow<'a, [Node]> {
        if self.secrets.is_none() {
            return Cow::Borrowed(nodes);
        }
        let masked = |node: &Node| Node {
            name: self.text(&node.name),
            display_name: self.text(&node.display_name),
            message: self.text(&node.message),
            ..node.clone()
        };
        nodes.iter().map(masked).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_url_is_shown_without_user_and_query() {
        for (text, shown) in [
            ("https://example.org:6443/k8s", "https://example.org:6443/k8s"),
            ("https://me:s3cr3t@example.org/a?token=s3cr3t", "https://example.org/a?***"),
            ("https://s3cr3t@example.org?s3cr3t", "https://example.org?***"),
            ("https://me:s3@cr3t@example.org/#s3cr3t", "https://example.org/?***"),
            ("example.org", "example.org"),
        ] {
            assert_eq!(url(text), shown);
        }
    }

    #[test]
    fn names_of_secrets_are_recognized() {
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
    fn a_secret_is_masked_anywhere_in_the_text() {
        let workflow = json!({"spec": {"arguments": {"parameters": [
            {"name": "token", "value": "s3cr3t"}, {"name": "api-key", "value": "s3cr3t-too"}, {"name": "pin-key", "value": "1"},
            {"name": "date", "value": "today"}, {"name": "password", "value": 7},
        ]}}});
        let mask = Mask::of(&workflow.into(), &[]);
        assert_eq!(mask.text("today 1: s3cr3t-too, s3cr3t"), "today 1: ***, ***");
        assert_eq!(&*mask.bytes(b"\xff s3cr3t!"), b"\xff ***!");
    }

    #[test]
    fn the_value_of_a_secret_is_masked_as_a_whole_and_line_by_line() {
        let given = ["-----BEGIN\n  bytes0\n}\n".to_owned(), "abc".to_owned()];
        let mask = Mask::hiding(&Workflow::default(), &[], &given);
        assert_eq!(mask.text("abc -----BEGIN\n  bytes0\n}\n."), "abc ***.");
        assert_eq!(mask.text("got bytes0 }"), "got *** }");
    }
}
