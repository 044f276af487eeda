//! Values of parameters, and quantities, as texts. Argo reads a number or a boolean as its text (AnyString, Quantity), but its
//! full definitions refuse everything but a text; a quantity may be a whole number too.

use serde_json::{Map, Value};

use crate::argo::document::any_string;

/// The fields of a parameter that are texts, and `enum`, a list of them.
const TEXTS: [&str; 3] = ["value", "default", "description"];

/// Objects whose fields are quantities.
const QUANTITIES: [&str; 2] = ["limits", "requests"];

/// Writes numbers and booleans among the parameters of a spec as texts. Fields of this name that are not Argo's, such
/// as those in a resource's manifest, are inside texts.
pub(super) fn write(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for holder in ["arguments", "inputs", "outputs"] {
                let parameters = fields.get_mut(holder).and_then(|holder| holder.get_mut("parameters"));
                for parameter in parameters.and_then(Value::as_array_mut).into_iter().flatten() {
                    write_parameter(parameter);
                }
            }
            for quantities in QUANTITIES {
                let quantities = fields.get_mut(quantities).and_then(Value::as_object_mut);
                quantities.into_iter().flat_map(Map::values_mut).filter(|value| value.is_f64()).for_each(as_text);
            }
            for (name, value) in fields.iter_mut() {
                // Items are numbers where they are written as such, and what a plugin takes is its own affair.
                if name != "withItems" && name != "plugin" {
                    write(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(write),
        _ => {}
    }
}

fn write_parameter(parameter: &mut Value) {
    let Some(fields) = parameter.as_object_mut() else { return };
    for name in TEXTS {
        fields.get_mut(name).into_iter().for_each(as_text);
    }
    fields.get_mut("enum").and_then(Value::as_array_mut).into_iter().flatten().for_each(as_text);
    fields.get_mut("valueFrom").and_then(|source| source.get_mut("default")).into_iter().for_each(as_text);
}

fn as_text(value: &mut Value) {
    if let Some(text) = any_string(value).filter(|_| !value.is_string()) {
        *value = Value::String(text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_booleans_become_texts_where_parameters_stand() {
        let mut spec = json!({
            "arguments": {"parameters": [{"name": "a", "value": 1e5, "enum": [1, "2", true]}]},
            "templates": [{
                "inputs": {"parameters": [{"name": "b", "default": false}]},
                "outputs": {"parameters": [{"name": "c", "valueFrom": {"path": "/c", "default": 0.50}}]},
                "steps": [[{"withItems": [1], "arguments": {"parameters": [{"name": "d", "value": null}]}}]],
                "parallelism": 2,
                "container": {"resources": {"requests": {"cpu": 0.1, "memory": "1Gi"}, "limits": {"cpu": 1}}}
            }]
        });
        write(&mut spec);
        let expected = json!({
            "arguments": {"parameters": [{"name": "a", "value": "100000", "enum": ["1", "2", "true"]}]},
            "templates": [{
                "inputs": {"parameters": [{"name": "b", "default": "false"}]},
                "outputs": {"parameters": [{"name": "c", "valueFrom": {"path": "/c", "default": "0.5"}}]},
                "steps": [[{"withItems": [1], "arguments": {"parameters": [{"name": "d", "value": null}]}}]],
                "parallelism": 2,
                "container": {"resources": {"requests": {"cpu": "0.1", "memory": "1Gi"}, "limits": {"cpu": 1}}}
            }]
        });
        assert_eq!(spec, expected);
    }
}
