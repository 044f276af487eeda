//! `--node-field-selector`: which nodes are meant, in the words of `argo`. A field that a node lacks counts as empty.

use std::str::FromStr;

use serde_json::Value;

use crate::argo::status::Node;

/// Requirements, all of which a node has to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    field: String,
    equal: bool,
    value: String,
}

/// Why a text selects no nodes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SelectorError {
    /// It has no `=` and no `!=`.
    #[error("{0:?}: expected FIELD=VALUE or FIELD!=VALUE, such as displayName=approve,phase!=Succeeded")]
    Form(String),
    /// Nodes have no such field.
    #[error(
        "unknown field {0:?}: expected displayName, name, phase, templateName, templateRef.name, templateRef.template, type, id or inputs.parameters.NAME.value"
    )]
    Field(String),
    /// A backslash stands before a character that needs none.
    #[error("{0:?}: expected \\\\, \\= or \\, after a backslash")]
    Escape(String),
}

impl FromStr for NodeSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let parts = terms(text).into_iter().filter(|part| !part.is_empty());
        let requirements = parts.map(requirement).collect::<Result<Vec<_>, _>>()?;
        if requirements.is_empty() {
            return Err(SelectorError::Form(text.to_owned()));
        }
        Ok(Self { requirements })
    }
}

impl NodeSelector {
    /// Whether the node meets all requirements.
    pub(crate) fn matches(&self, node: &Node) -> bool {
        self.requirements
            .iter()
            .all(|requirement| (value(node, &requirement.field) == requirement.value) == requirement.equal)
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

fn requirement(part: &str) -> Result<Requirement, SelectorError> {
    let form = || SelectorError::Form(part.to_owned());
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
    if !is_field(field) {
        return Err(SelectorError::Field(field.to_owned()));
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

const FIELDS: [&str; 8] =
    ["displayName", "name", "phase", "templateName", "templateRef.name", "templateRef.template", "type", "id"];

fn is_field(name: &str) -> bool {
    FIELDS.contains(&name) || parameter(name).is_some()
}

fn parameter(field: &str) -> Option<&str> {
    field.strip_prefix("inputs.parameters.")?.strip_suffix(".value")
}

fn value(node: &Node, field: &str) -> String {
    let reference = |part: &str| {
        let text = node.template_ref.as_ref().and_then(|reference| reference.get(part)).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match field {
        "displayName" => node.display_name.clone(),
        "name" => node.name.clone(),
        "phase" => node.phase.as_str().to_owned(),
        "id" => node.id.clone(),
        "type" => {
            serde_json::to_value(node.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default()
        }
        // The template that is called by reference goes by its name there.
        "templateName" => reference("template").or_else(|| node.template_name.clone()).unwrap_or_default(),
        "templateRef.name" => reference("name").unwrap_or_default(),
        "templateRef.template" => reference("template").unwrap_or_default(),
        field => parameter(field).and_then(|name| input(node, name)).unwrap_or_default(),
    }
}

fn input(node: &Node, name: &str) -> Option<String> {
    let parameters = node.inputs.as_ref()?.get("parameters")?.as_array()?;
    let value = parameters.iter().find(|parameter| parameter["name"] == name)?.get("value")?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node() -> Node {
        let document = json!({
            "id": "w-1", "name": "w.a(0:x,y)", "displayName": "a(0:x,y)", "type": "Pod", "phase": "Failed",
            "templateName": "work", "inputs": {"parameters": [{"name": "item", "value": "a=b"}]},
        });
        serde_json::from_value(document).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_node_is_selected_by_all_requirements() -> Result<(), SelectorError> {
        for (text, matches) in [
            ("displayName=a(0:x\\,y)", true),
            ("name==w.a(0:x\\,y),phase=Failed", true),
            ("phase!=Failed", false),
            ("templateName=work,type=Pod,id=w-1", true),
            ("inputs.parameters.item.value=a\\=b", true),
            ("inputs.parameters.item.value=a=b", true),
            ("inputs.parameters.other.value=", true),
            ("templateRef.name!=x", true),
            ("phase=failed", false),
        ] {
            assert_eq!(text.parse::<NodeSelector>()?.matches(&node()), matches, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        assert!(matches!("phase".parse::<NodeSelector>(), Err(SelectorError::Form(_))));
        assert!(matches!("".parse::<NodeSelector>(), Err(SelectorError::Form(_))));
        assert!(matches!("=x".parse::<NodeSelector>(), Err(SelectorError::Form(_))));
        assert!(matches!("fase=Failed".parse::<NodeSelector>(), Err(SelectorError::Field(_))));
        assert!(matches!("name=a\\b".parse::<NodeSelector>(), Err(SelectorError::Escape(_))));
    }
}
