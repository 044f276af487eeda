//! `-l`: label selectors as kubectl writes them, for runs that no API server selects.

use std::collections::HashMap;
use std::str::FromStr;

use serde_json::Value;

/// Requirements, all of which an object's labels have to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelSelector {
    text: String,
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    /// The label is there, or is not.
    Is(String, bool),
    /// Its value is among these.
    In(String, Vec<String>),
    /// It is not there, or its value is not among these.
    NotIn(String, Vec<String>),
}

/// The text is no label selector.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?}: expected a label selector, such as team=data,stage in (dev,test),!hidden")]
pub(crate) struct LabelSelectorError(String);

impl FromStr for LabelSelector {
    type Err = LabelSelectorError;

    fn from_str(text: &str) -> Result<Self, LabelSelectorError> {
        let parts = terms(text).into_iter();
        let requirements =
            parts.map(|part| requirement(part.trim()).ok_or_else(|| LabelSelectorError(text.to_owned())));
        Ok(Self { text: text.to_owned(), requirements: requirements.collect::<Result<_, _>>()? })
    }
}

impl LabelSelector {
    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the object's labels meet all requirements.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels: HashMap<&str, &str> = object["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect();
        let value = |key: &String| labels.get(key.as_str()).copied();
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::Is(key, there) => value(key).is_some() == *there,
            Requirement::In(key, values) => value(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Requirement::NotIn(key, values) => value(key).is_none_or(|value| values.iter().all(|one| one != value)),
        })
    }
}

/// The parts between commas outside parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut depth) = (0, 0_u32);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Is(key_of(key)?, false));
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key_of(key)?, vec![value_of(value)?]));
    }
    if let Some((key, value)) = part.split_once('=') {
        return Some(Requirement::In(key_of(key)?, vec![value_of(value.strip_prefix('=').unwrap_or(value))?]));
    }
    let Some((head, list)) = part.split_once('(') else { return Some(Requirement::Is(key_of(part)?, true)) };
    let values = list.trim_end().strip_suffix(')')?.split(',').map(value_of).collect::<Option<Vec<_>>>()?;
    match head.split_whitespace().collect::<Vec<_>>()[..] {
        [key, "in"] => Some(Requirement::In(key_of(key)?, values)),
        [key, "notin"] => Some(Requirement::NotIn(key_of(key)?, values)),
        _ => None,
    }
}

fn key_of(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    (!text.is_empty() && text.chars().all(legal)).then(|| text.to_owned())
}

fn value_of(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.chars().all(legal).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected_as_kubectl_selects_them() -> Result<(), LabelSelectorError> {
        let object = json!({"metadata": {"labels": {"team": "data", "stage": "dev", "example.org/a": ""}}});
        for (text, matches) in [
            ("team=data", true),
            ("team==data,stage!=prod", true),
            ("team=ops", false),
            ("missing!=x", true),
            ("team", true),
            ("!team", false),
            ("!missing,example.org/a", true),
            ("stage in (dev, test),team", true),
            ("stage notin (dev)", false),
            ("missing notin (dev)", true),
            ("example.org/a=", true),
        ] {
            assert_eq!(text.parse::<LabelSelector>()?.matches(&object), matches, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["", "a,,b", "=x", "a in b", "a like (b)", "a=(b)", "a b"] {
            assert!(text.parse::<LabelSelector>().is_err(), "{text}");
        }
    }
}
