//! What a call changes of a template: its inputs, and the texts in which tags stand. Here the tags are replaced, in the passes
//! that Argo makes. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::form::Waiting;
use super::marshalled;
use crate::argo::expression::{Scope, Unresolved, has_open, needs, render, render_in_place};
use crate::argo::model::any_string;

/// A template, or the part of it that a call changes.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Of a template whose texts can wait until a node runs: its inputs and these texts.
    Texts { waiting: Arc<Waiting>, inputs: Value, texts: Vec<Text> },
    /// All of it.
    Whole(Value),
}

/// A text with tags.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    /// Whether each of its tags needs an input: before the inputs are known nothing is replaced in it.
    of_inputs: bool,
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), of_inputs: needs(text, "inputs") }
    }

    fn render(&mut self, scope: &Scope) -> Result<(), String> {
        if has_open(&self.text) {
            self.text = render(&self.text, scope, Unresolved::Keep).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Part {
    /// The inputs.
    pub(super) fn inputs(&self) -> &Value {
        match self {
            Self::Texts { inputs, .. } => inputs,
            Self::Whole(template) => &template["inputs"],
        }
    }

    /// The key of the cache entry, where the view that a node begins with has it with its tags.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Texts { waiting, texts, .. } => texts.get(waiting.key.as_ref()?.place).map(|text| text.text.as_str()),
            Self::Whole(_) => None,
        }
    }

    /// A list of the inputs, to be changed.
    pub(super) fn inputs_mut(&mut self, list: &str) -> impl Iterator<Item = &mut Value> {
        let inputs = match self {
            Self::Texts { inputs, .. } => Some(inputs),
            Self::Whole(template) => template.get_mut("inputs"),
        };
        let list = inputs.and_then(|inputs| inputs.get_mut(list)).and_then(Value::as_array_mut);
        list.into_iter().flatten()
    }

    /// The key as the template has it, which is made of the inputs as they are now and of what stays the same in a whole run.
    pub(super) fn key_of_call(&self) -> Option<&Arc<str>> {
        match self {
            Self::Texts { waiting, inputs, .. } if !any_text(inputs, &has_open) => {
                waiting.key.as_ref()?.of_call.as_ref()
            }
            Self::Texts { .. } | Self::Whole(_) => None,
        }
    }

    /// Puts the key in its place.
    pub(super) fn set_key(&mut self, key: String) {
        if let Self::Texts { waiting, texts, .. } = self
            && let Some(text) = waiting.key.as_ref().and_then(|key| texts.get_mut(key.place))
        {
            text.text = key;
        }
    }

    /// Replaces the tags of `locals`.
    pub(super) fn substitute(&mut self, locals: &Scope) -> Result<(), String> {
        match self {
            Self::Texts { inputs, texts, .. } => {
                render_value(inputs, locals)?;
                texts.iter_mut().filter(|text| !text.of_inputs).try_for_each(|text| text.render(locals))
            }
            Self::Whole(template) => render_value(template, locals),
        }
    }

    /// Replaces the tags of its own inputs then.
    pub(super) fn substitute_inputs(&mut self, locals: &Arc<Scope>) -> Result<(), String> {
        if !self.has_tags() {
            return Ok(());
        }
        let mut scope = Scope::child(locals);
        let outputs = match &*self {
            Self::Texts { waiting, .. } => &waiting.outputs,
            Self::Whole(template) => &template["outputs"],
        };
        for (name, text) in input_variables(self.inputs(), outputs) {
            scope.set(name, text);
        }
        // Written only where it is read: in an expression the name stands for the map of those below it.
        let has_values = list(self.inputs(), "parameters").iter().any(|parameter| parameter.get("value").is_some());
        if !has_values || self.any_text(asks_for_parameters) {
            scope.set(PARAMETERS, parameters_as_text(self.inputs()));
        }
        self.render(&scope)
    }

    /// Replaces what is left of the workflow's tags and the inputs', as in a parameter whose value holds one: Argo does so
    /// once more as it makes the pod (substitutePodParams in workflow/controller/workflowpod.go, v4.1.2).
    pub(super) fn substitute_pod(&mut self, globals: &Arc<Scope>, pod: &str) -> Result<(), String> {
        if !self.has_tags() {
            return Ok(());
        }
        let mut scope = Scope::child(globals);
        scope.set("pod.name", pod);
        for input in list(self.inputs(), "parameters") {
            if let Some(value) = input.get("value") {
                scope.set(format!("inputs.parameters.{}", text(input, "name")), any_string(value));
            }
        }
        self.render(&scope)
    }

    fn render(&mut self, scope: &Scope) -> Result<(), String> {
        match self {
            Self::Texts { inputs, texts, .. } => {
                render_value(inputs, scope)?;
                texts.iter_mut().try_for_each(|text| text.render(scope))
            }
            Self::Whole(template) => render_value(template, scope),
        }
    }

    fn has_tags(&self) -> bool {
        self.any_text(has_open)
    }

    fn any_text(&self, holds: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Texts { inputs, texts, .. } => any_text(inputs, &holds) || texts.iter().any(|text| holds(&text.text)),
            Self::Whole(template) => any_text(template, &holds),
        }
    }
}

fn render_value(value: &mut Value, scope: &Scope) -> Result<(), String> {
    render_in_place(value, scope, Unresolved::Keep).map_err(|error| error.to_string())
}

fn any_text(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(values) => values.iter().any(|value| any_text(value, holds)),
        Value::Object(fields) => fields.values().any(|value| any_text(value, holds)),
        _ => false,
    }
}

/// The variable that all parameters of the inputs are.
pub(super) const PARAMETERS: &str = "inputs.parameters";

/// Its value.
pub(super) fn parameters_as_text(inputs: &Value) -> String {
    marshalled::parameters(list(inputs, "parameters"))
}

/// Whether a text may have a tag of this variable alone, perhaps within another tag.
fn asks_for_parameters(text: &str) -> bool {
    let mut ends = text.match_indices('}').map(|(at, _)| text.split_at(at));
    ends.any(|(before, rest)| rest.starts_with("}}") && before.trim_end().ends_with(PARAMETERS))
}

/// The variables that a template's inputs, one by one, and output paths give, by name.
pub(super) fn input_variables(inputs: &Value, outputs: &Value) -> Vec<(String, Value)> {
    let mut variables = Vec::new();
    let parameters = list(inputs, "parameters");
    for parameter in parameters {
        if let Some(value) = parameter.get("value") {
            variables
                .push((format!("inputs.parameters.{}", text(parameter, "name")), Value::String(any_string(value))));
        }
    }
    for (part, given) in [("inputs", inputs), ("outputs", outputs)] {
        for artifact in list(given, "artifacts") {
            if let Some(path) = artifact.get("path") {
                variables.push((format!("{part}.artifacts.{}.path", text(artifact, "name")), path.clone()));
            }
        }
    }
    for parameter in list(outputs, "parameters") {
        if let Some(path) = parameter.pointer("/valueFrom/path") {
            variables.push((format!("outputs.parameters.{}.path", text(parameter, "name")), path.clone()));
        }
    }
    variables
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
