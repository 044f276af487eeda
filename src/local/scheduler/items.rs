//! The items of an expanded step: withItems, withParam, withSequence. Pure.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::argo::expression::{Scope, Unresolved, render_value};
use crate::argo::model::{Sequence, Step};

/// One run of an expanded step.
pub(super) struct Item {
    /// The step's name with the item's place and value, such as `print(0:hello)`.
    pub(super) name: String,
    /// The step with the item's tags replaced.
    pub(super) step: Value,
}

/// The items of a step; an error names what could not be read as a list.
pub(super) fn items(step: &Step) -> Result<Vec<Value>, String> {
    if let Some(items) = step.with_items.as_ref().filter(|items| !items.is_empty()) {
        Ok(items.clone())
    } else if step.with_param.is_empty() {
        step.with_sequence.as_ref().map_or_else(|| Ok(Vec::new()), sequence)
    } else {
        match serde_json::from_str(&step.with_param) {
            Ok(Value::Array(items)) => Ok(items),
            Ok(Value::Null) => Ok(Vec::new()),
            Ok(_) => Err(not_a_list(&step.with_param, "it is no list")),
            Err(error) => Err(not_a_list(&step.with_param, &error.to_string())),
        }
    }
}

fn not_a_list(text: &str, why: &str) -> String {
    format!("withParam value could not be parsed as a JSON list: {}: {why}", text.trim())
}

/// One step an item. `value` is the step as it stands in the document, its references replaced. Where `lenient`, tags
/// without a value are kept, because the step will not run.
pub(super) fn expand(
    value: &Value,
    name: &str,
    items: &[Value],
    scope: &Arc<Scope>,
    lenient: bool,
) -> Result<Vec<Item>, String> {
    let mut step = value.clone();
    let mut hooks = None;
    if let Some(fields) = step.as_object_mut() {
        for field in ["withItems", "withParam", "withSequence"] {
            fields.shift_remove(field);
        }
        hooks = fields.shift_remove("hooks");
    }
    let mut expanded = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let mut variables = Scope::child(scope);
        let label = declare(item, &mut variables).map_err(|why| format!("withItems[{index}] {why}"))?;
        let unresolved = if lenient { Unresolved::Keep } else { Unresolved::Refuse };
        let mut step = render_value(&step, &variables, unresolved).map_err(|error| error.to_string())?;
        if let (Some(hooks), Some(fields)) = (&hooks, step.as_object_mut()) {
            let hooks = render_value(hooks, &variables, Unresolved::Keep).map_err(|error| error.to_string())?;
            fields.insert("hooks".to_owned(), hooks);
        }
        expanded.push(Item { name: format!("{name}({index}:{})", label.replace(['(', ')'], "")), step });
    }
    Ok(expanded)
}

/// Sets the variables of an item and gives its text for the node's name.
fn declare(item: &Value, variables: &mut Scope) -> Result<String, String> {
    match item {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            let text = plain(item);
            variables.set("item", text.clone());
            Ok(text)
        }
        Value::Object(fields) => {
            let mut parts: Vec<String> = fields.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            parts.sort_unstable();
            for (key, value) in fields {
                variables.set(format!("item.{key}"), plain(value));
            }
            variables.set("item", sorted(item).to_string());
            Ok(parts.join(","))
        }
        Value::Array(values) => {
            variables.set("item", sorted(item).to_string());
            Ok(format!("[{}]", values.iter().map(go_text).collect::<Vec<_>>().join(" ")))
        }
        Value::Null => Err("expected string, number, list, or map. received: null".to_owned()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => sorted(other).to_string(),
    }
}

/// A value as Go's `%v` prints it inside a list.
fn go_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let mut parts: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", go_text(value))).collect();
            parts.sort_unstable();
            format!("map[{}]", parts.join(" "))
        }
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// The value with the keys of its maps in order, as Go marshals them.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut entries: Vec<_> = fields.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn sequence(sequence: &Sequence) -> Result<Vec<Value>, String> {
    let number = |field: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| text.parse::<i64>().map_err(|_| format!("withSequence.{field}: {text:?} is no whole number")))
            .transpose()
    };
    let start = number("start", &sequence.start)?.unwrap_or(0);
    let end = match (number("end", &sequence.end)?, number("count", &sequence.count)?) {
        (Some(end), _) => end,
        (None, Some(count)) if count <= 0 => return Ok(Vec::new()),
        (None, Some(count)) => start + count - 1,
        (None, None) => return Err("neither end nor count was specified in withSequence".to_owned()),
    };
    let format = |number: i64| formatted(&sequence.format, number).map(Value::String);
    if start <= end { (start..=end).map(format).collect() } else { (end..=start).rev().map(format).collect() }
}

/// A number in a printf format with one integer verb (`%d`, `%x`, `%X`, `%o`, `%b`), flags `0`, `-`, `+` and a width.
fn formatted(format: &str, number: i64) -> Result<String, String> {
    if format.is_empty() {
        return Ok(number.to_string());
    }
    let unknown = || format!("withSequence.format: {format:?} is no format for a whole number, such as \"%02d\"");
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let verb = rest.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(unknown)?;
        let width = rest[..verb].trim_start_matches(['0', '-', '+']);
        let flags = &rest[..verb - width.len()];
        let width: usize = if width.is_empty() { 0 } else { width.parse().map_err(|_| unknown())? };
        let digits = match &rest[verb..=verb] {
            "d" => number.unsigned_abs().to_string(),
            "x" => format!("{:x}", number.unsigned_abs()),
            "X" => format!("{:X}", number.unsigned_abs()),
            "o" => format!("{:o}", number.unsigned_abs()),
            "b" => format!("{:b}", number.unsigned_abs()),
            _ => return Err(unknown()),
        };
        let sign = if number < 0 {
            "-"
        } else if flags.contains('+') {
            "+"
        } else {
            ""
        };
        let missing = width.min(1000).saturating_sub(sign.len() + digits.len());
        let (spaces, zeros) = (" ".repeat(missing), "0".repeat(missing));
        let parts = match (flags.contains('-'), flags.contains('0')) {
            (true, _) => [sign, &digits, &spaces],
            (false, true) => [sign, &zeros, &digits],
            (false, false) => [spaces.as_str(), sign, &digits],
        };
        text.extend(parts);
        rest = &rest[verb + 1..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(items: &[Value]) -> Vec<String> {
        expand(&json!({"name": "s"}), "s", items, &Arc::new(Scope::new()), false)
            .map(|items| items.into_iter().map(|item| item.name).collect())
            .unwrap_or_default()
    }

    #[test]
    fn items_are_named_as_a_controller_names_them() {
        assert_eq!(
            names(&[json!("a (b)"), json!(2), json!(true), json!({"b": 1, "a": "x"}), json!([1, "y"])]),
            ["s(0:a b)", "s(1:2)", "s(2:true)", "s(3:a:x,b:1)", "s(4:[1 y])"]
        );
    }

    #[test]
    fn an_item_s_fields_are_replaced() {
        let step = json!({"arguments": "{{item.a}} {{item}}", "withItems": [1]});
        let items = expand(&step, "s", &[json!({"b": 1, "a": "x"})], &Arc::new(Scope::new()), false);
        assert_eq!(
            items.map(|items| items.into_iter().map(|item| item.step).collect::<Vec<_>>()),
            Ok(vec![json!({"arguments": "x {\"a\":\"x\",\"b\":1}"})])
        );
    }

    #[test]
    fn a_sequence_counts_up_and_down() {
        let list = |count: Option<&str>, start: Option<&str>, end: Option<&str>, format: &str| {
            sequence(&Sequence {
                count: count.map(str::to_owned),
                start: start.map(str::to_owned),
                end: end.map(str::to_owned),
                format: format.to_owned(),
            })
            .map(|values| values.iter().map(plain).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(list(Some("3"), None, None, ""), Ok("0 1 2".to_owned()));
        assert_eq!(list(Some("2"), Some("9"), None, "x%03d%%"), Ok("x009% x010%".to_owned()));
        assert_eq!(list(None, Some("1"), Some("-1"), "%d"), Ok("1 0 -1".to_owned()));
        assert_eq!(list(Some("0"), None, None, ""), Ok(String::new()));
        assert_eq!(list(Some("1"), Some("255"), None, "%4x"), Ok("  ff".to_owned()));
        assert!(list(None, None, None, "").is_err());
        assert!(list(Some("x"), None, None, "").is_err());
        assert!(list(Some("1"), None, None, "%s").is_err());
    }
}
