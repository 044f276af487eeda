//! Field selectors as `kubectl` and `argo` write them: `status.phase=Failed,metadata.name!=etl`. What is selected says which
//! fields it has; one that it lacks counts as empty.

use std::str::FromStr;

use serde_json::Value;

/// Requirements, all of which have to be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirements(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    field: String,
    equal: bool,
    value: String,
}

/// Why a text selects nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SelectorError {
    /// It has no `=` and no `!=`.
    #[error("{text:?}: expected FIELD=VALUE or FIELD!=VALUE, such as {example}")]
    Form {
        /// The text.
        text: String,
        /// What would do.
        example: &'static str,
    },
    /// There is no such field.
    #[error("unknown field {field:?}: expected {known}")]
    Field {
        /// The field.
        field: String,
        /// The fields that there are.
        known: &'static str,
    },
    /// A backslash stands before a character that needs none.
    #[error("{0:?}: expected \\\\, \\= or \\, after a backslash")]
    Escape(String),
}

/// What is selected by its fields.
pub(super) struct Selectable {
    pub(super) is_field: fn(&str) -> bool,
    /// The fields, for people.
    pub(super) known: &'static str,
    pub(super) example: &'static str,
}

impl Requirements {
    pub(super) fn read(text: &str, of: &Selectable) -> Result<Self, SelectorError> {
        let parts = terms(text).into_iter().filter(|part| !part.is_empty());
        let requirements = parts.map(|part| requirement(part, of)).collect::<Result<Vec<_>, _>>()?;
        if requirements.is_empty() {
            return Err(SelectorError::Form { text: text.to_owned(), example: of.example });
        }
        Ok(Self(requirements))
    }

    pub(super) fn are_met(&self, value: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|requirement| (value(&requirement.field) == requirement.value) == requirement.equal)
    }
}

/// `--field-selector`: which runs are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunSelector(Requirements);

const FIELDS: [&str; 4] = ["metadata.name", "metadata.namespace", "status.phase", "spec.workflowTemplateRef.name"];

impl FromStr for RunSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let runs = Selectable {
            is_field: |name| FIELDS.contains(&name),
            known: "metadata.name, metadata.namespace, status.phase or spec.workflowTemplateRef.name",
            example: "status.phase=Failed,metadata.name!=etl",
        };
        Requirements::read(text, &runs).map(Self)
    }
}

impl RunSelector {
    /// Whether it asks for a field.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.0.0.iter().any(|requirement| requirement.field == field)
    }

    /// Whether the workflow meets all requirements.
    pub(crate) fn matches(&self, workflow: &Value) -> bool {
        let value = |field: &str| {
            let found = field.split('.').try_fold(workflow, |value, step| value.get(step));
            found.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.0.are_met(value)
    }
}

/// The parts between commas that no backslash stands before.
fn terms(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn requirement(part: &str, of: &Selectable) -> Result<Requirement, SelectorError> {
    let form = || SelectorError::Form { text: part.to_owned(), example: of.example };
    let at = part.find('=').ok_or_else(form)?;
    let (field, equal) = match part[..at].strip_suffix('!') {
        Some(field) => (field, false),
        None => (&part[..at], true),
    };
    let rest = &part[at + 1..];
    let text = if equal { rest.strip_prefix('=').unwrap_or(rest) } else { rest };
    if field.is_empty() {
        return Err(form());
    }
    if !(of.is_field)(field) {
        return Err(SelectorError::Field { field: field.to_owned(), known: of.known });
    }
    let value = unescaped(text).ok_or_else(|| SelectorError::Escape(text.to_owned()))?;
    Ok(Requirement { field: field.to_owned(), equal, value })
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => letters.next().filter(|letter| "\\=,".contains(*letter))?,
            letter => letter,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_selected_by_its_fields() -> Result<(), SelectorError> {
        let workflow = json!({"metadata": {"name": "etl"}, "status": {"phase": "Failed"}});
        for (text, matches) in [
            ("status.phase=Failed", true),
            ("status.phase==Failed,metadata.name!=load", true),
            ("status.phase!=Failed", false),
            ("spec.workflowTemplateRef.name=", true),
        ] {
            assert_eq!(text.parse::<RunSelector>()?.matches(&workflow), matches, "{text}");
        }
        assert!(matches!("phase=Failed".parse::<RunSelector>(), Err(SelectorError::Field { .. })));
        Ok(())
    }
}
