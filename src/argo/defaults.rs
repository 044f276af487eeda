//! `templateDefaults`: what a template takes over where it says nothing itself.

use serde_json::{Map, Value};

/// The fields that make a template's type; defaults of another type do not apply.
const TYPES: [&str; 10] =
    ["container", "containerSet", "data", "dag", "http", "plugin", "resource", "script", "steps", "suspend"];

/// The template over its defaults, merged as Kubernetes merges a strategic patch: maps field by field, lists of named
/// things by name, other lists as a whole. Defaults of another template type are left out.
pub(crate) fn with_defaults(template: &Value, defaults: &Value) -> Value {
    let applies = |field: &str| !TYPES.contains(&field) || template.get(field).is_some();
    let defaults = defaults.as_object().into_iter().flatten().filter(|(field, _)| applies(field));
    let defaults: Map<String, Value> = defaults.map(|(field, value)| (field.clone(), value.clone())).collect();
    merged(Value::Object(defaults), template)
}

fn merged(base: Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (field, value) in over {
                let below = base.shift_remove(field);
                base.insert(field.clone(), below.map_or_else(|| value.clone(), |below| merged(below, value)));
            }
            Value::Object(base)
        }
        (Value::Array(base), Value::Array(over)) if are_named(&base) && are_named(over) => {
            let name = |value: &Value| value["name"].clone();
            let mut list: Vec<Value> = over
                .iter()
                .map(|value| match base.iter().find(|below| name(below) == name(value)) {
                    Some(below) => merged(below.clone(), value),
                    None => value.clone(),
                })
                .collect();
            list.extend(base.into_iter().filter(|below| !over.iter().any(|value| name(value) == name(below))));
            Value::Array(list)
        }
        (_, over) => over.clone(),
    }
}

fn are_named(list: &[Value]) -> bool {
    list.iter().all(|value| value["name"].is_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_hides_its_defaults_field_by_field() {
        let defaults = json!({
            "timeout": "10s", "container": {"image": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            "script": {"image": "b"}
        });
        let template = json!({"name": "t", "container": {"command": ["c"], "env": [{"name": "X", "value": "9"}]}});
        assert_eq!(
            with_defaults(&template, &defaults),
            json!({
                "timeout": "10s", "name": "t",
                "container": {"image": "a", "command": ["c"], "env": [{"name": "X", "value": "9"}, {"name": "Y", "value": "2"}]}
            })
        );
    }
}
