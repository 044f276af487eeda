//! The items of an expanded step: withItems, withParam, withSequence. Pure.

mod item;
mod sequence;

use std::sync::Arc;

use serde_json::Value;

pub(super) use self::item::Item;
use self::item::Shape;
use crate::argo::expression::{STOPPED, Scope, Unresolved, render_value};
use crate::argo::model::Step;

/// One run of an expanded step.
pub(super) struct Expanded {
    /// The step's name with the item's place and value, such as `print(0:hello)`.
    pub(super) name: String,
    /// The step with the item's tags replaced.
    pub(super) step: Value,
}

/// The most items of one loop, which is more than any controller could hold in a Workflow object.
const MOST_ITEMS: u64 = 200_000;

/// Refuses a loop of more items than a run can hold, before they are made.
fn fits(field: &str, count: u64) -> Result<(), String> {
    if count <= MOST_ITEMS {
        return Ok(());
    }
    Err(format!("{field}: {count} items are more than the budget of one loop ({MOST_ITEMS} items)"))
}

/// The items of a step; an error names what could not be read as a list.
pub(super) fn items(step: &Step) -> Result<Vec<Item>, String> {
    if let Some(items) = step.with_items.as_ref().filter(|items| !items.is_empty()) {
        fits("withItems", items.len() as u64)?;
        Ok(items.iter().map(Item::of).collect())
    } else if step.with_param.is_empty() {
        step.with_sequence.as_ref().map_or_else(|| Ok(Vec::new()), sequence::items)
    } else {
        let text = step.with_param.trim();
        let unread = |why| format!("withParam value could not be parsed as a JSON list: {text}: {why}");
        let items = Item::list(text).map_err(unread)?;
        fits("withParam", items.len() as u64)?;
        Ok(items)
    }
}

/// One step an item. `value` is the step as it stands in the document, its references replaced. Where `lenient`, tags
/// without a value stay in a step, because it will not run.
pub(super) fn expand(
    value: &Value,
    name: &str,
    items: &[Item],
    scope: &Arc<Scope>,
    lenient: bool,
) -> Result<Vec<Expanded>, String> {
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
        if scope.is_stopped() {
            return Err(STOPPED.to_owned());
        }
        let mut variables = Scope::child(scope);
        let label = declare(item, &mut variables);
        let mut step = match render_value(&step, &variables, Unresolved::Refuse) {
            Ok(step) => step,
            Err(_) if lenient => kept(&step, &variables),
            Err(error) => return Err(error.to_string()),
        };
        if let (Some(hooks), Some(fields)) = (&hooks, step.as_object_mut()) {
            let hooks = render_value(hooks, &variables, Unresolved::Keep).map_err(|error| error.to_string())?;
            fields.insert("hooks".to_owned(), hooks);
        }
        expanded.push(Expanded { name: format!("{name}({index}:{})", label.replace(['(', ')'], "")), step });
    }
    Ok(expanded)
}

/// A step that will not run, with what can be replaced in it: at least its condition, which its node tells.
fn kept(step: &Value, variables: &Scope) -> Value {
    render_value(step, variables, Unresolved::Keep).unwrap_or_else(|_| {
        let mut step = step.clone();
        if let Some(when) = step.get_mut("when")
            && let Ok(rendered) = render_value(when, variables, Unresolved::Keep)
        {
            *when = rendered;
        }
        step
    })
}

/// Sets the variables of an item and gives its text for the node's name: processItem in
/// workflow/controller/operator.go, v4.1.2.
fn declare(item: &Item, variables: &mut Scope) -> String {
    match item.shape() {
        Shape::Scalar => {
            variables.set("item", item.printed());
            item.printed()
        }
        Shape::Text(text) => {
            variables.set("item", text);
            item.printed()
        }
        Shape::Map(fields) => {
            for (key, value) in &fields {
                variables.set(format!("item.{key}"), value.printed());
            }
            variables.set("item", item.json());
            let mut parts: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}:{}", value.printed())).collect();
            parts.sort_unstable();
            parts.join(",")
        }
        Shape::List(items) => {
            variables.set("item", item.json());
            format!("[{}]", items.iter().map(Item::printed).collect::<Vec<_>>().join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(items: &[Value]) -> Vec<String> {
        let items: Vec<Item> = items.iter().map(Item::of).collect();
        expand(&json!({"name": "s"}), "s", &items, &Arc::new(Scope::new()), false)
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
    fn a_list_of_too_many_items_is_refused() {
        let step = |count: usize| Step { with_items: Some(vec![json!(1); count]), ..Step::default() };
        let most = usize::try_from(MOST_ITEMS).unwrap_or(usize::MAX);
        assert!(items(&step(most)).is_ok_and(|items| items.len() == most));
        let refused = "withItems: 200001 items are more than the budget of one loop (200000 items)";
        assert_eq!(items(&step(most + 1)).err().as_deref(), Some(refused));
    }

    #[test]
    fn items_are_named_by_the_text_that_they_were_written_with() {
        let list = r#"[null, ["a", 1.50, ["b"]], {"z": null, "n": 1.0, "k": "tw\"o"}, "", "a\"<b>", 1E3]"#;
        let step = Step { with_param: list.to_owned(), ..Step::default() };
        let expanded = items(&step).and_then(|items| {
            expand(&json!({"name": "s", "m": "{{item}}"}), "s", &items, &Arc::new(Scope::new()), false)
        });
        let found: Vec<_> = expanded.into_iter().flatten().map(|item| (item.name, item.step["m"].clone())).collect();
        let expected = [
            ("s(0:[])", "null"),
            ("s(1:[a 1.50 [\"b\"]])", "[\"a\",1.50,[\"b\"]]"),
            ("s(2:k:tw\\\"o,n:1.0,z:null)", "{\"k\":\"tw\\\"o\",\"n\":1.0,\"z\":null}"),
            ("s(3:)", ""),
            ("s(4:a\\\"<b>)", "a\"<b>"),
            ("s(5:1E3)", "1E3"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), json!(value))));
    }

    #[test]
    fn an_item_s_fields_are_replaced() {
        let step = json!({"arguments": "{{item.a}} {{item}}", "withItems": [1]});
        let items = expand(&step, "s", &[Item::of(&json!({"b": 1, "a": "x"}))], &Arc::new(Scope::new()), false);
        assert_eq!(
            items.map(|items| items.into_iter().map(|item| item.step).collect::<Vec<_>>()),
            Ok(vec![json!({"arguments": "x {\"a\":\"x\",\"b\":1}"})])
        );
    }
}
