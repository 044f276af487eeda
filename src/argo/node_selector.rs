//! `--node-field-selector`: which nodes are meant, in the words of `argo`. A field that a node lacks counts as empty.

use std::str::FromStr;

use serde_json::Value;

use super::field_selector::{Requirements, Selectable, SelectorError};
use crate::argo::status::Node;

/// Requirements, all of which a node has to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeSelector(Requirements);

impl FromStr for NodeSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let nodes = Selectable {
            is_field,
            known: "displayName, name, phase, templateName, templateRef.name, templateRef.template, type, id or inputs.parameters.NAME.value",
            example: "displayName=approve,phase!=Succeeded",
        };
        Requirements::read(text, &nodes).map(Self)
    }
}

impl NodeSelector {
    /// Whether the node meets all requirements.
    pub(crate) fn matches(&self, node: &Node) -> bool {
        self.0.are_met(|field| value(node, field))
    }
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
        assert!(matches!("phase".parse::<NodeSelector>(), Err(SelectorError::Form { .. })));
        assert!(matches!("".parse::<NodeSelector>(), Err(SelectorError::Form { .. })));
        assert!(matches!("=x".parse::<NodeSelector>(), Err(SelectorError::Form { .. })));
        assert!(matches!("fase=Failed".parse::<NodeSelector>(), Err(SelectorError::Field { .. })));
        assert!(matches!("name=a\\b".parse::<NodeSelector>(), Err(SelectorError::Escape(_))));
    }
}
