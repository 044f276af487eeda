//! Steps: their names, loops, arguments and tags, in the order in which they run. (validateSteps)

use hashbrown::HashSet;
use serde_json::Value;

use super::call::Called;
use super::checker::{At, Checker};
use super::finding::Rule;
use super::names::Names;
use super::read::{at, get, items, list, text};
use super::substitute::{has_placeholder, without_placeholders};
use super::template::{Arguments, kind};

impl Checker<'_> {
    pub(super) fn steps(&mut self, template: &Value, place: &At, names: &mut Names) {
        self.leaf_only(template, "steps", place);
        let mut seen = HashSet::new();
        for (number, group) in list(template, "steps").iter().enumerate() {
            let at = place.field("steps").index(number);
            for (index, step) in group.as_array().into_iter().flatten().enumerate() {
                let at = at.index(index);
                let name = text(step, "name");
                self.step_name(name, &at);
                if !name.is_empty() && !seen.insert(name) {
                    self.error(Rule::Name, &at.field("name"), format!("two steps of the template are named `{name}`"));
                }
                self.step(step, &at, names);
            }
        }
    }

    fn step(&mut self, step: &Value, at: &At, names: &mut Names) {
        let name = text(step, "name");
        names.add(format!("steps.{name}.status"));
        self.loop_of(step, at, names);
        let arguments = get(step, "arguments").unwrap_or(&Value::Null);
        self.arguments(arguments, &at.field("arguments"), false);
        let called = self.call(step, at, Arguments::Any);
        if has_exit_hook(step) {
            self.add_outputs("steps", name, called, names, false);
        }
        self.hooks(step, at);

        let inputs = inline_inputs(step);
        self.resolve_call(step, at, names, &|name| inputs.iter().any(|input| input == name));
        self.add_outputs("steps", name, called, names, aggregates(step));

        if let Called::Template(template) = called {
            self.given(step, template, at);
            self.call(step, at, Arguments::Given(arguments));
        }
    }

    /// (isValidStepName)
    fn step_name(&mut self, name: &str, at: &At) {
        if name.is_empty() {
            self.error(Rule::Name, at, "a step has a name");
        } else if has_placeholder(name) {
            self.field_name(&without_placeholders(name), &at.field("name"));
        } else {
            self.field_name(name, &at.field("name"));
        }
    }

    /// What the items of a loop are called. (addItemsToScope)
    pub(super) fn loop_of(&mut self, call: &Value, place: &At, names: &mut Names) {
        let with_items = list(call, "withItems");
        let with_param = text(call, "withParam");
        let sequence = get(call, "withSequence");
        let loops = [
            ("withItems", !with_items.is_empty()),
            ("withParam", !with_param.is_empty()),
            ("withSequence", sequence.is_some()),
        ];
        let given: Vec<&str> = loops.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        if let [first, second, ..] = given.as_slice() {
            self.error(Rule::Loop, &place.field(second), format!("`{first}` and `{second}` exclude each other"));
        }
        if !with_items.is_empty() {
            for item in with_items {
                match item {
                    Value::Array(values) => (0..values.len()).for_each(|index| names.add(format!("item.[{index}]"))),
                    Value::Object(fields) => fields.keys().for_each(|key| names.add(format!("item.{key}"))),
                    _ => names.add("item"),
                }
            }
        } else if !with_param.is_empty() {
            names.add("item");
            names.any_item = true;
        } else if let Some(sequence) = sequence {
            if get(sequence, "count").is_some() && get(sequence, "end").is_some() {
                let at = place.path(&["withSequence", "count"]);
                self.error(Rule::Loop, &at, "a sequence has `count` or `end`, not both");
            }
            names.add("item");
        }
    }

    /// What is known of a step or task once it is called. (addOutputsToScope)
    pub(super) fn add_outputs(
        &mut self,
        root: &str,
        name: &str,
        called: Called<'_>,
        names: &mut Names,
        aggregate: bool,
    ) {
        for field in ["id", "startedAt", "finishedAt", "hostNodeName"] {
            names.add(format!("{root}.{name}.{field}"));
        }
        let template = match called {
            Called::Template(template) => template,
            Called::Dynamic => return,
            Called::Unknown => return names.add_unknown(&format!("{root}.{name}")),
        };
        let kind = kind(template).unwrap_or_default();
        if get(template, "daemon").and_then(Value::as_bool) == Some(true) {
            names.add(format!("{root}.{name}.ip"));
        }
        let has_result = match kind {
            "containerSet" => has_main(template),
            kind => matches!(kind, "container" | "script" | "data" | "http" | "plugin"),
        };
        if has_result || aggregate && kind == "containerSet" {
            names.add(format!("{root}.{name}.outputs.result"));
            names.add(format!("{root}.{name}.exitCode"));
        }
        if aggregate {
            names.add(format!("{root}.{name}.outputs.parameters"));
        }
        for side in ["parameters", "artifacts"] {
            for output in items(template, &["outputs", side]) {
                names.add(format!("{root}.{name}.outputs.{side}.{}", text(output, "name")));
                self.add_global(side, text(output, "globalName"), names);
            }
        }
    }

    fn add_global(&mut self, side: &str, global: &str, names: &mut Names) {
        if global.is_empty() {
            return;
        }
        if !super::outputs::has_parameter(global) {
            let name = format!("workflow.outputs.{side}.{global}");
            let placeholder = self.placeholder();
            self.globals.entry(name).or_insert(placeholder);
        } else if side == "parameters" {
            names.any_global_parameter = true;
        } else {
            names.any_global_artifact = true;
        }
    }

    /// Hooks other than `exit` ask when they run. (validateHooks)
    pub(super) fn hooks(&mut self, holder: &Value, at: &At) {
        for (event, hook) in get(holder, "hooks").and_then(Value::as_object).into_iter().flatten() {
            if event != "exit" && text(hook, "expression").is_empty() {
                self.error(Rule::Hook, &at.path(&["hooks", event]), format!("hook `{event}` needs an `expression`"));
            }
        }
    }

    /// What is for templates with a pod. (validateNonLeaf)
    pub(super) fn leaf_only(&mut self, template: &Value, kind: &str, at: &At) {
        if get(template, "activeDeadlineSeconds").is_some() {
            let message = format!("a {kind} template has no activeDeadlineSeconds: it is for templates with a pod");
            self.error(Rule::Deadline, &at.field("activeDeadlineSeconds"), message);
        }
    }
}

/// Whether the outputs of its items become a list.
pub(super) fn aggregates(call: &Value) -> bool {
    !list(call, "withItems").is_empty() || !text(call, "withParam").is_empty()
}

/// The names that an inline template's inputs have where the call stands.
pub(super) fn inline_inputs(call: &Value) -> Vec<String> {
    let parameters = at(call, &["inline", "inputs"]).map(|inputs| list(inputs, "parameters")).unwrap_or_default();
    parameters.iter().map(|parameter| format!("inputs.parameters.{}", text(parameter, "name"))).collect()
}

pub(super) fn has_exit_hook(call: &Value) -> bool {
    at(call, &["hooks", "exit"]).is_some() || !text(call, "onExit").is_empty()
}

/// Whether one of the containers is the one whose output counts. (HasContainerNamed)
pub(super) fn has_main(template: &Value) -> bool {
    items(template, &["containerSet", "containers"]).iter().any(|container| text(container, "name") == "main")
}
