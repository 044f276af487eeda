//! Templates that call others: steps and dags.

use serde_json::{Value, json};

use super::dice::Dice;
use super::leaves::Offer;
use super::values::{Known, Shape, condition, loop_of, text};

/// How the tasks of a dag say what they wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Steps,
    Dependencies,
    Depends,
}

pub(crate) struct Caller<'d> {
    pub(crate) dice: &'d mut Dice,
    pub(crate) offers: &'d [Offer],
    pub(crate) globals: &'d [Known],
    /// Whether the number of calls that run at once is limited: a hook that is over the limit is an error of Argo's.
    pub(crate) limited: bool,
}

/// A call that stands already: what can be read of it.
struct Call {
    name: String,
    known: Vec<Known>,
    looped: bool,
    /// The calls that end before it begins, by number.
    before: Vec<usize>,
}

impl Caller<'_> {
    pub(crate) fn nested(&mut self, name: &str, inputs: usize) -> (Value, Offer) {
        let inputs: Vec<String> = ["a", "b"].iter().take(inputs).map(|input| (*input).to_owned()).collect();
        let mut template = json!({"name": name});
        if !inputs.is_empty() {
            let declared: Vec<Value> = inputs.iter().map(|input| json!({"name": input})).collect();
            template["inputs"] = json!({"parameters": declared});
        }
        self.limits(&mut template);
        let waiting = self.dice.of(&[Waiting::Steps, Waiting::Steps, Waiting::Dependencies, Waiting::Depends]);
        let calls = self.calls(&mut template, waiting, &inputs);
        let outputs = self.outputs(&mut template, &calls);
        let (limited, retried) = (self.limited, template.get("retryStrategy").is_some());
        (template, Offer { inputs, outputs, limited, retried, ..Offer::new(name) })
    }

    fn limits(&mut self, template: &mut Value) {
        self.limited = self.dice.chance(12);
        if self.limited {
            let (field, limit) = self.dice.of(&[("parallelism", json!(1)), ("failFast", json!(true))]);
            // An attempt that is repeated is no failure here: docs/differences.md.
            if field == "parallelism" || !self.offers.iter().any(|offer| offer.retried) {
                template[field] = limit;
            }
        }
        if self.dice.chance(8) {
            template["retryStrategy"] = json!({"limit": 1});
        }
    }

    /// Fills a template with calls.
    fn calls(&mut self, template: &mut Value, waiting: Waiting, inputs: &[String]) -> Vec<Call> {
        let root = if waiting == Waiting::Steps { "steps" } else { "tasks" };
        let mut known = self.globals.to_vec();
        known.extend(inputs.iter().map(|input| Known::new(format!("inputs.parameters.{input}"), Shape::Text)));

        let (mut groups, mut calls): (Vec<Vec<Value>>, Vec<Call>) = (Vec::new(), Vec::new());
        let mut group_start = 0;
        for index in 0..self.dice.of(&[1, 2, 2, 3, 3, 4]) {
            if index == 0 || self.dice.chance(65) {
                group_start = index;
                groups.push(Vec::new());
            }
            let (before, waits) = self.before(waiting, group_start, &calls);
            let mut here = known.clone();
            here.extend(before.iter().flat_map(|number| calls[*number].known.clone()));
            let (mut value, mut call) = self.call(&format!("c{index}"), root, &here);
            if let Some((field, waits)) = waits {
                value[field] = waits;
            }
            if waiting != Waiting::Depends && self.dice.chance(15) {
                let forms = [json!({"failed": true}), json!({"error": true}), json!({"failed": true, "error": true})];
                value["continueOn"] = self.dice.of(&forms);
            }
            call.before = before;
            calls.push(call);
            groups.last_mut().unwrap().push(value);
        }

        if waiting == Waiting::Steps {
            template["steps"] = groups.into();
            return calls;
        }
        template["dag"] = json!({"tasks": groups.concat()});
        if self.dice.chance(20) {
            template["dag"]["failFast"] = self.dice.chance(30).into();
        }
        if self.dice.chance(8) {
            template["dag"]["target"] = calls[self.dice.below(calls.len())].name.clone().into();
        }
        calls
    }

    /// What ends before a call begins, and how it says so.
    fn before(
        &mut self,
        waiting: Waiting,
        group_start: usize,
        calls: &[Call],
    ) -> (Vec<usize>, Option<(&'static str, Value)>) {
        if waiting == Waiting::Steps {
            return ((0..group_start).collect(), None);
        }
        let direct: Vec<usize> = (0..calls.len()).filter(|_| self.dice.chance(45)).collect();
        let mut before: Vec<usize> =
            direct.iter().flat_map(|number| calls[*number].before.clone()).chain(direct.clone()).collect();
        before.sort_unstable();
        before.dedup();
        if direct.is_empty() {
            return (before, None);
        }
        let names = direct.iter().map(|number| calls[*number].name.clone());
        if waiting == Waiting::Dependencies {
            return (before, Some(("dependencies", names.collect())));
        }
        let mut depends = String::new();
        for number in direct {
            let call = &calls[number];
            let results = ["", "", ".Succeeded", ".Failed", ".Errored", ".Skipped", ".Omitted"];
            let of_items = [".AnySucceeded", ".AllFailed"];
            let result =
                if call.looped && self.dice.chance(30) { self.dice.of(&of_items) } else { self.dice.of(&results) };
            let term = format!("{}{}{result}", if self.dice.chance(8) { "!" } else { "" }, call.name);
            let term = if self.dice.chance(15) { format!("({term} || {}.Skipped)", call.name) } else { term };
            let join = self.dice.of(&[" && ", " || ", "&&"]);
            depends = if depends.is_empty() { term } else { format!("{depends}{join}{term}") };
        }
        (before, Some(("depends", depends.into())))
    }

    fn call(&mut self, name: &str, root: &str, known: &[Known]) -> (Value, Call) {
        let mut value = json!({"name": name});
        let offer = self.callee(&mut value, known);
        let mut here = known.to_vec();
        let looped = self.dice.chance(25);
        if looped {
            // Twice, so that items are read often.
            let items = loop_of(self.dice, known, &mut value);
            here.extend(items.iter().cloned().chain(items.clone()));
        }
        let arguments: Vec<Value> =
            offer.inputs.iter().map(|input| json!({"name": input, "value": text(self.dice, &here)})).collect();
        if !arguments.is_empty() {
            value["arguments"] = json!({"parameters": arguments});
        }
        if self.dice.chance(20) {
            value["when"] = condition(self.dice, &here).into();
        }
        self.hooks(&mut value, name, root);
        let call =
            Call { name: name.to_owned(), known: known_of(name, root, &offer, looped), looped, before: Vec::new() };
        (value, call)
    }

    /// What is called, by its name, by another object's, or as it stands in the call.
    fn callee(&mut self, value: &mut Value, known: &[Known]) -> Offer {
        if self.dice.chance(6) {
            let said = text(self.dice, known);
            value["inline"] = json!({"container": {"image": "alpine", "command": ["echo"], "args": [said]}});
            return Offer { result: Some(Shape::Text), ..Offer::new("") };
        }
        // A daemon takes a place of those that are limited: docs/differences.md.
        let offers: Vec<&Offer> = self.offers.iter().filter(|offer| !(offer.daemon && self.limited)).collect();
        let offer = self.dice.any(&offers).unwrap_or(&self.offers[0]).clone();
        if offer.shared {
            value["templateRef"] = json!({"name": "shared", "template": offer.name});
        } else {
            value["template"] = offer.name.clone().into();
        }
        offer
    }

    fn hooks(&mut self, value: &mut Value, name: &str, root: &str) {
        // What becomes of a hook that cannot begin depends on when Argo looks: docs/differences.md.
        let handlers: Vec<Offer> = self
            .offers
            .iter()
            .filter(|offer| {
                offer.inputs.is_empty() && !offer.shared && !offer.limited && !offer.broken && !offer.daemon
            })
            .cloned()
            .collect();
        let Some(handler) = self.dice.any(&handlers).filter(|_| !self.limited && self.dice.chance(12)) else {
            return;
        };
        if self.dice.chance(10) {
            value["hooks"] = json!({"begun": self.faulty_hook(&handler.name, &format!("{root}['{name}'].status"))});
            return;
        }
        if self.dice.chance(25) {
            value["onExit"] = handler.name.into();
            return;
        }
        if self.dice.chance(25) {
            let phase = self.dice.of(&["Running", "Running", "Pending", "Succeeded", "Failed"]);
            let expression = format!("{root}['{name}'].status == \"{phase}\"");
            value["hooks"] = json!({"begun": {"template": handler.name, "expression": expression}});
            return;
        }
        let mut hook = json!({"template": handler.name});
        if self.dice.chance(40) {
            hook["expression"] =
                format!("{root}['{name}'].status == \"{}\"", self.dice.of(&["Succeeded", "Failed", "Error"])).into();
        }
        value["hooks"] = json!({"exit": hook});
    }

    /// A hook that cannot be asked or called.
    fn faulty_hook(&mut self, handler: &str, status: &str) -> Value {
        let phase = self.dice.of(&["Running", "Running", "Pending", "Succeeded", "Failed", "Error"]);
        let holds = format!("{status} == \"{phase}\"");
        let is_broken = |offer: &&Offer| offer.broken && offer.inputs.is_empty() && !offer.shared;
        let broken: Vec<&Offer> = self.offers.iter().filter(is_broken).collect();
        match self.dice.any(&broken) {
            Some(broken) if self.dice.chance(70) => json!({"template": broken.name, "expression": holds}),
            _ if self.dice.chance(50) => json!({"template": "none", "expression": holds}),
            _ => json!({"template": handler, "expression": "steps['none'].status == \"x\""}),
        }
    }

    fn outputs(&mut self, template: &mut Value, calls: &[Call]) -> Vec<(String, Shape)> {
        let known: Vec<Known> = calls.iter().flat_map(|call| call.known.clone()).collect();
        let Some(one) = self.dice.any(&known).filter(|_| self.dice.chance(45)) else { return Vec::new() };
        let mut from = if self.dice.chance(60) {
            json!({"parameter": format!("{{{{{}}}}}", one.name)})
        } else {
            let (root, rest) = one.name.split_once('.').unwrap_or_default();
            let (call, rest) = rest.split_once('.').unwrap_or_default();
            let other = self.dice.of(&["'none'", "'0'", "nil"]);
            let term = format!("{root}['{call}'].{rest}");
            let forms = [
                term.clone(),
                format!("{root}['{call}'].status == 'Succeeded' ? {term} : {other}"),
                format!("{root}.{call}?.{rest} ?? {other}"),
            ];
            json!({"expression": self.dice.of(&forms)})
        };
        if self.dice.chance(30) {
            from["default"] = "dd".into();
        }
        template["outputs"] = json!({"parameters": [{"name": "res", "valueFrom": from}]});
        vec![("res".to_owned(), one.shape)]
    }
}

fn known_of(name: &str, root: &str, offer: &Offer, looped: bool) -> Vec<Known> {
    let at = |field: String, shape: Shape| {
        let shape = if looped { Shape::List } else { shape };
        Known::new(format!("{root}.{name}.{field}"), shape)
    };
    let mut known: Vec<Known> = offer.result.map(|shape| at("outputs.result".to_owned(), shape)).into_iter().collect();
    known.extend(offer.outputs.iter().map(|(output, shape)| at(format!("outputs.parameters.{output}"), *shape)));
    if looped && !offer.outputs.is_empty() {
        known.push(Known::new(format!("{root}.{name}.outputs.parameters"), Shape::Objects));
    }
    if !looped && offer.result.is_some() {
        known.push(Known::new(format!("{root}.{name}.exitCode"), Shape::Number));
    }
    known.push(Known::new(format!("{root}.{name}.status"), Shape::Text));
    known
}
