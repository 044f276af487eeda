//! Breaks a document as people do: a field gone, a name changed, something said twice.

use serde_json::{Value, json};

use super::additions::addition;
use super::dice::Dice;

/// A document with one to three changes.
pub(crate) fn break_document(seed: u64, mut objects: Vec<Value>) -> Vec<Value> {
    let mut dice = Dice::new(seed ^ 0x5eed);
    for _ in 0..dice.of(&[1, 1, 2, 3]) {
        let of = dice.below(objects.len());
        let mut places = Vec::new();
        places_below(&objects[of]["spec"], "/spec".to_owned(), &mut places);
        let texts: Vec<String> =
            places.iter().filter_map(|place| objects[of].pointer(place)?.as_str().map(str::to_owned)).collect();
        let place = dice.of(&places);
        change(&mut dice, &mut objects[of], &place, &texts);
    }
    objects
}

fn places_below(value: &Value, pointer: String, places: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places_below(item, format!("{pointer}/{index}"), places);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                places_below(field, format!("{pointer}/{key}"), places);
            }
        }
        _ => {}
    }
    places.push(pointer);
}

fn change(dice: &mut Dice, object: &mut Value, place: &str, texts: &[String]) {
    match dice.below(10) {
        0 => return of_another_type(dice, object, place),
        1 => return misspelt(dice, object, place),
        2 => return moved(dice, object, place),
        _ => {}
    }
    let Some(value) = object.pointer_mut(place) else { return };
    match value {
        Value::String(text) => *text = other_text(dice, text, texts),
        Value::Array(items) => match dice.below(4) {
            0 => items.clear(),
            1 => {
                let again = dice.any(items);
                items.extend(again);
            }
            2 if !items.is_empty() => {
                items.remove(dice.below(items.len()));
            }
            _ => items.reverse(),
        },
        Value::Object(fields) if dice.chance(50) => {
            let keys: Vec<String> = fields.keys().filter(|key| *key != "image").cloned().collect();
            if let Some(key) = dice.any(&keys) {
                fields.remove(&key);
            }
        }
        Value::Object(fields) => {
            let (key, value) = addition(dice, place, fields.contains_key("template"));
            fields.entry(key).or_insert(value);
        }
        _ => {}
    }
}

/// A number for a text, a list for an object and so on.
fn of_another_type(dice: &mut Dice, object: &mut Value, place: &str) {
    let others = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(0.5),
        json!(true),
        json!(""),
        json!("1"),
        json!([]),
        json!({}),
        json!(["a"]),
        json!([{"name": "a"}]),
        json!({"name": "a"}),
    ];
    if let Some(value) = object.pointer_mut(place) {
        *value = dice.of(&others);
    }
}

/// A key with a letter too few, too many or of the other case. Below steps Argo's own reader takes any case, and a cluster
/// drops the field: docs/differences.md.
fn misspelt(dice: &mut Dice, object: &mut Value, place: &str) {
    let Some(fields) = object.pointer_mut(place).and_then(Value::as_object_mut) else { return };
    let keys: Vec<String> = fields.keys().cloned().collect();
    let Some(key) = dice.any(&keys).filter(|key| key.len() > 2) else { return };
    let other = match dice.below(4) {
        0 => key[1..].to_owned(),
        1 => format!("{key}s"),
        _ if place.contains("/steps/") => format!("{key}x"),
        2 => key.to_ascii_lowercase(),
        _ => format!("{}{}", &key[..1].to_ascii_uppercase(), &key[1..]),
    };
    if let Some(value) = fields.remove(&key) {
        fields.insert(other, value);
    }
}

/// What stands at another place of the same name.
fn moved(dice: &mut Dice, object: &mut Value, place: &str) {
    let mut places = Vec::new();
    places_below(&object["spec"], "/spec".to_owned(), &mut places);
    let key = place.rsplit('/').next().unwrap_or_default();
    let alike: Vec<String> = places.into_iter().filter(|other| other.rsplit('/').next() == Some(key)).collect();
    let Some(other) = dice.any(&alike) else { return };
    if let Some(value) = object.pointer(&other).cloned()
        && let Some(here) = object.pointer_mut(place)
    {
        *here = value;
    }
}

fn other_text(dice: &mut Dice, text: &str, texts: &[String]) -> String {
    match dice.below(8) {
        0 => String::new(),
        1 => dice.of(texts),
        2 if text.contains('.') => text.replacen('.', ".x", 1),
        3 => text.replace("parameters", dice.of(&["parameter", "artifacts", "params"])),
        4 => text.replace("steps.", "tasks.").replace("inputs.", "outputs."),
        5 => text
            .replace("}}", dice.of(&[".x}}", " }}", "}", "}}}}"]))
            .replace("{{", dice.of(&["{{", "{{ ", "{{=", "{{{{"])),
        6 => {
            let tags = [
                "{{item}}",
                "{{item.k}}",
                "{{inputs.parameters.a}}",
                "{{inputs.parameters.zz}}",
                "{{steps.c0.outputs.result}}",
                "{{tasks.c0.outputs.result}}",
                "{{workflow.parameters.zz}}",
                "{{workflow.parameters}}",
                "{{workflow.status}}",
                "{{pod.name}}",
                "{{retries}}",
                "{{lastRetry.exitCode}}",
                "{{workflow.outputs.parameters.g-t1}}",
                "{{workflow.labels.x}}",
                "{{outputs.result}}",
                "{{steps.c0.id}}",
                "{{steps.name}}",
                "{{inputs.parameters}}",
                "{{nope}}",
                "{{=nope}}",
                "{{= 1 +}}",
                "{{inputs.artifacts.a}}",
                "{{steps.c1.startedAt}}",
                "{{tasks.c1.status}}",
                "{{workflow.failures}}",
                "{{node.name}}",
                "{{workflow.duration}}",
                "{{steps.c0.outputs.parameters}}",
                "{{steps.c0.ip}}",
                "{{workflow.priority}}",
                "{{item.}}",
            ];
            let tag = dice.of(&tags);
            if dice.chance(50) { tag.to_owned() } else { format!("{text} {tag}") }
        }
        _ => format!("{text}x"),
    }
}
