//! Templates that run a process each.

use serde_json::{Value, json};

use super::dice::Dice;
use super::values::{Known, Shape, literal, text};

/// What a template takes and gives, for those who call it.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<(String, Shape)>,
    /// What it prints.
    pub(crate) result: Option<Shape>,
    /// Whether another object holds it.
    pub(crate) shared: bool,
    /// Whether it fails fast or limits how many of its calls run at once.
    pub(crate) limited: bool,
    /// Whether it is tried again.
    pub(crate) retried: bool,
    /// Whether it cannot begin.
    pub(crate) broken: bool,
    /// Whether it runs beside what comes after it.
    pub(crate) daemon: bool,
    /// Whether calls with other inputs find its cache entry.
    pub(crate) shares_entries: bool,
}

impl Offer {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            result: None,
            shared: false,
            limited: false,
            retried: false,
            broken: false,
            daemon: false,
            shares_entries: false,
        }
    }
}

pub(crate) fn leaf(dice: &mut Dice, name: &str, globals: &[Known]) -> (Value, Offer) {
    let mut offer = Offer::new(name);
    let mut template = json!({"name": name});
    let mut known = globals.to_vec();
    for input in ["a", "b"].iter().take(dice.of(&[0, 1, 1, 2])) {
        let mut declared = json!({"name": input});
        if dice.chance(25) {
            declared["default"] = literal(dice, Shape::Text).into();
        }
        match template.pointer_mut("/inputs/parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(declared),
            None => template["inputs"] = json!({"parameters": [declared]}),
        }
        offer.inputs.push((*input).to_owned());
        known.push(Known::new(format!("inputs.parameters.{input}"), Shape::Text));
    }
    if dice.chance(5) {
        template["daemon"] = true.into();
        template["container"] = json!({"image": "alpine", "command": ["sleep", "infinity"]});
        offer.daemon = true;
        return (template, offer);
    }
    retry(dice, &mut template);
    lock(dice, &mut template);
    memoize(dice, &mut template, &mut offer);
    offer.retried = template.get("retryStrategy").is_some();
    offer.broken = template.pointer("/memoize/key").is_some_and(|key| key == "bad_key");
    body(dice, &mut template, &mut offer, &known);
    offer.result = offer.result.filter(|_| !offer.shares_entries);
    (template, offer)
}

fn retry(dice: &mut Dice, template: &mut Value) {
    if !dice.chance(20) {
        return;
    }
    let mut strategy = json!({"limit": dice.of(&[json!(0), json!(1), json!("2")])});
    if dice.chance(50) {
        strategy["retryPolicy"] = dice.of(&["Always", "OnFailure", "OnError", "OnTransientError"]).into();
    }
    if dice.chance(30) {
        let expressions = [
            "lastRetry.exitCode != '2'",
            "asInt(lastRetry.exitCode) < 2",
            "lastRetry.status == 'Failed'",
            "false",
            "true",
            "retries",
        ];
        strategy["expression"] = dice.of(&expressions).into();
    }
    template["retryStrategy"] = strategy;
}

/// A lock that other leaves take too: no template that calls others holds one, so that nobody waits in a circle.
fn lock(dice: &mut Dice, template: &mut Value) {
    if dice.chance(12) {
        let names = dice.of(&[&["m"][..], &["m"], &["n"], &["m", "n"]]);
        let mutexes: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        template["synchronization"] = json!({"mutexes": mutexes});
    }
}

/// A cache entry of the user's own, which calls with the same key share.
fn memoize(dice: &mut Dice, template: &mut Value, offer: &mut Offer) {
    if dice.chance(10) {
        let key = match offer.inputs.first() {
            Some(input) if dice.chance(60) => {
                format!("{}-{{{{=sprig.trunc(9, sprig.sha256sum(inputs.parameters.{input}))}}}}", offer.name)
            }
            _ => {
                // Which of several entries stands last depends on when Argo looks.
                offer.shares_entries = true;
                dice.of(&["{{workflow.name}}-k", "k", "bad_key"]).to_owned()
            }
        };
        let max_age = dice.of(&["", "", "1h"]);
        template["memoize"] = json!({"key": key, "maxAge": max_age, "cache": {"configMap": {"name": "cache"}}});
    }
}

fn body(dice: &mut Dice, template: &mut Value, offer: &mut Offer, known: &[Known]) {
    let retried = template.get("retryStrategy").is_some();
    let script = |source: String| json!({"image": "alpine", "command": ["sh"], "source": source});
    let says = |text: String| json!({"image": "alpine", "command": ["echo"], "args": [text]});
    match dice.below(15) {
        0..=2 => {
            template["container"] = says(text(dice, known));
            offer.result = Some(Shape::Text);
        }
        3 => {
            template["container"] = says(literal(dice, Shape::Number));
            offer.result = Some(Shape::Number);
        }
        4 => {
            template["container"] = says(literal(dice, Shape::List));
            offer.result = Some(Shape::List);
        }
        5 => {
            template["container"] = says(literal(dice, Shape::Objects));
            offer.result = Some(Shape::Objects);
        }
        6..=8 => {
            let path = dice.file(&format!("{}-out", offer.name));
            let shape = dice.of(&[Shape::Text, Shape::Number, Shape::List, Shape::Objects]);
            let value = literal(dice, shape);
            template["script"] = script(format!("cat > {path} <<'END'\n{value}\nEND\necho done"));
            let mut output = json!({"name": "out", "valueFrom": {"path": path}});
            if dice.chance(20) {
                output["globalName"] = format!("g-{}", offer.name).into();
            }
            template["outputs"] = json!({"parameters": [output]});
            offer.outputs.push(("out".to_owned(), shape));
            offer.result = Some(Shape::Text);
        }
        9 => {
            let from = json!({"path": dice.file(&format!("{}-none", offer.name)), "default": "d"});
            template["script"] = script("echo nothing".to_owned());
            template["outputs"] = json!({"parameters": [{"name": "out", "valueFrom": from}]});
            offer.outputs.push(("out".to_owned(), Shape::Text));
            offer.result = Some(Shape::Text);
        }
        10 => template["script"] = script(format!("exit {}", dice.of(&[1, 2, 3, 64]))),
        11 if retried => {
            template["script"] = script("[ {{retries}} -ge 1 ] || exit 1; echo \"{{lastRetry.exitCode}}\"".to_owned());
        }
        12 if !offer.inputs.is_empty() => {
            template["script"] = script("[ \"{{inputs.parameters.a}}\" != x ] || exit 4; echo fine".to_owned());
            offer.result = Some(Shape::Text);
        }
        14 => {
            let container = |name: &str, before: &[&str]| json!({"name": name, "image": "alpine", "command": ["true"], "dependencies": before});
            let sets = [
                vec![container("main", &[])],
                vec![container("x", &[]), container("main", &["x"])],
                vec![container("x", &[]), container("y", &["x"]), container("z", &["x"])],
            ];
            template["containerSet"] = json!({"containers": dice.of(&sets)});
        }
        13 if dice.chance(30) => template["suspend"] = json!({"duration": dice.of(&["0", "1", "1s"])}),
        _ => {
            let value = text(dice, known);
            template["container"] = json!({
                "image": "alpine", "command": ["sh", "-c", "echo \"$V\""], "env": [{"name": "V", "value": value}],
            });
            offer.result = Some(Shape::Text);
        }
    }
}
