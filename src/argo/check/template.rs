//! One template: its type, its inputs with the arguments of a call, and what holds for every type. (validateTemplate)

use hashbrown::HashMap;
use serde_json::{Map, Value, json};

use super::artifacts::has_location_or_key;
use super::checker::{At, Checker};
use super::finding::Rule;
use super::names::Names;
use super::read::{get, is_true, items, list, named, scalar, text};
use super::substitute::Values;
use crate::argo::duration;

/// The types of templates, in the order in which Argo asks. (workflow_types.go, GetType)
const TYPES: [&str; 10] =
    ["container", "containerSet", "steps", "dag", "script", "resource", "data", "suspend", "http", "plugin"];

/// Who gives a template its inputs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arguments<'v> {
    /// Anything is given. (FakeArguments)
    Any,
    /// The parameters and artifacts of a call or of the workflow.
    Given(&'v Value),
}

/// The template's type.
pub(super) fn kind(template: &Value) -> Option<&'static str> {
    TYPES.into_iter().find(|kind| get(template, kind).is_some())
}

/// Whether templates of the type run in a pod of their own. (IsPodType)
pub(super) fn makes_pod(kind: &str) -> bool {
    matches!(kind, "container" | "containerSet" | "script" | "resource" | "data")
}

/// Whether templates of the type call no others; suspend is none either. (IsLeaf)
pub(super) fn is_leaf(kind: &str) -> bool {
    makes_pod(kind) || matches!(kind, "http" | "plugin")
}

impl Checker<'_> {
    /// Checks a template as the call at `caller` asks for it.
    pub(super) fn template(&mut self, template: &Value, at: &At, arguments: Arguments<'_>, caller: &At) {
        let Some(kind) = self.one_type(template, at) else { return };
        let key = (at.base, text(template, "name").to_owned());
        if !self.seen.insert(key) {
            self.supplied(template, arguments, caller);
            self.timeouts(template, kind, at, arguments);
            self.unlooked_inline(template, kind, at);
            return;
        }
        self.whole(template, kind, at, arguments, caller);
    }

    /// Inline templates have no name, so that Argo looks at the first of an object only. The others are looked at here,
    /// and what is found is a warning.
    fn unlooked_inline(&mut self, template: &Value, kind: &'static str, at: &At) {
        if text(template, "name").is_empty() && self.seen.insert((at.base, at.pointer.clone())) {
            let before = std::mem::replace(&mut self.unlooked, true);
            self.whole(template, kind, at, Arguments::Any, at);
            self.unlooked = before;
        }
    }

    fn whole(&mut self, template: &Value, kind: &'static str, at: &At, arguments: Arguments<'_>, caller: &At) {
        self.seen.insert((at.base, at.pointer.clone()));
        self.pod_resources_of(template, kind, at);
        let mut names = self.inputs(template, kind, at);
        for (index, container) in list(template, "initContainers").iter().enumerate() {
            if text(container, "name").is_empty() {
                self.error(Rule::Container, &at.field("initContainers").index(index), "an init container has a name");
            }
        }
        let locals = self.locals(template, kind, &mut names);
        self.supplied(template, arguments, caller);
        let processed = self.processed(template, arguments, locals);
        if !list(template, "resourceClaims").is_empty() && !makes_pod(kind) {
            let message = format!("a {kind} template makes no pod that could have resourceClaims");
            self.error(Rule::Resource, &at.field("resourceClaims"), message);
        }
        self.timeouts(template, kind, at, arguments);
        self.plausible(template, kind, at);
        match kind {
            "steps" => self.steps(&processed, at, &mut names),
            "dag" => self.dag(&processed, at, &mut names),
            _ => self.leaf(template, &processed, kind, at, &names),
        }
        self.outputs(&processed, kind, at, &names);
        if let Some(location) = get(template, "archiveLocation") {
            self.location(location, &at.field("archiveLocation"));
        }
        self.metrics(template, at);
    }

    /// (validateTemplateType)
    fn one_type(&mut self, template: &Value, at: &At) -> Option<&'static str> {
        let types: Vec<&str> = TYPES.into_iter().filter(|kind| get(template, kind).is_some()).collect();
        match types.as_slice() {
            [] => {
                let message = format!("the template has no type: expected one of {}", TYPES.join(", "));
                self.error(Rule::TemplateType, at, message);
            }
            [_] => {}
            [_, second, ..] => {
                let message = format!("a template has one type, this one has {}", types.join(" and "));
                self.error(Rule::TemplateType, &at.field(second), message);
            }
        }
        types.first().copied()
    }

    /// (validateInputs)
    fn inputs(&mut self, template: &Value, kind: &str, at: &At) -> Names {
        let mut names = Names::default();
        let (parameters, artifacts) =
            (items(template, &["inputs", "parameters"]), items(template, &["inputs", "artifacts"]));
        let place = at.field("inputs");
        self.parameter_names(parameters, &place.field("parameters"));
        self.parameter_names(artifacts, &place.field("artifacts"));
        for parameter in parameters {
            names.add(format!("inputs.parameters.{}", text(parameter, "name")));
        }
        if !parameters.is_empty() {
            names.add("inputs.parameters");
        }
        for (index, artifact) in artifacts.iter().enumerate() {
            let name = text(artifact, "name");
            names.add(format!("inputs.artifacts.{name}"));
            let at = place.field("artifacts").index(index);
            if is_leaf(kind) {
                self.clean_path(artifact, &at);
                names.add(format!("inputs.artifacts.{name}.path"));
            } else if !text(artifact, "path").is_empty() {
                let message = format!("a {kind} template has no files: `path` is for templates with a container");
                self.error(Rule::Artifact, &at.field("path"), message);
            }
            if !text(artifact, "from").is_empty() {
                self.error(Rule::Artifact, &at.field("from"), "an input has no `from`: the call gives it");
            }
            self.location(artifact, &at);
        }
        names
    }

    /// What is known in the template beside its inputs.
    fn locals(&self, template: &Value, kind: &str, names: &mut Names) -> HashMap<String, String> {
        let mut locals = Vec::new();
        if makes_pod(kind) {
            locals.push("pod.name");
        }
        if get(template, "retryStrategy").is_some() {
            locals.extend([
                "retries",
                "lastRetry.exitCode",
                "lastRetry.status",
                "lastRetry.duration",
                "lastRetry.message",
            ]);
        }
        for name in &locals {
            names.add(*name);
        }
        if is_leaf(kind) {
            for artifact in items(template, &["outputs", "artifacts"]) {
                if !text(artifact, "path").is_empty() {
                    names.add(format!("outputs.artifacts.{}.path", text(artifact, "name")));
                }
            }
            for parameter in items(template, &["outputs", "parameters"]) {
                if get(parameter, "valueFrom").is_some_and(|from| !text(from, "path").is_empty()) {
                    names.add(format!("outputs.parameters.{}.path", text(parameter, "name")));
                }
            }
        }
        locals.into_iter().map(|name| (name.to_owned(), self.placeholder())).collect()
    }

    /// Whether every input has a value. (workflow/common/util.go, ProcessArgs)
    fn supplied(&mut self, template: &Value, arguments: Arguments<'_>, caller: &At) {
        let Arguments::Given(given) = arguments else { return };
        let at = caller.field("arguments");
        let name = match text(template, "name") {
            "" => "the inline template".to_owned(),
            name => format!("template `{name}`"),
        };
        for parameter in items(template, &["inputs", "parameters"]) {
            let input = text(parameter, "name");
            let (value, from) = effective(parameter, arguments, String::new);
            if value.is_none() && from.is_none_or(|from| get(from, "configMapKeyRef").is_none()) {
                let message = format!("{name} needs a value for its input parameter `{input}`");
                self.error(Rule::Argument, &at, message);
            }
        }
        for artifact in items(template, &["inputs", "artifacts"]) {
            let input = text(artifact, "name");
            let needed = !is_true(artifact, "optional") && !has_location_or_key(artifact);
            if needed && named(list(given, "artifacts"), input).is_none() {
                self.error(Rule::Argument, &at, format!("{name} needs its input artifact `{input}`"));
            }
        }
    }

    fn values(&self, template: &Value, arguments: Arguments<'_>, locals: HashMap<String, String>) -> Values<'_> {
        let mut values = Values { globals: &self.globals, locals, inputs: HashMap::new() };
        for parameter in items(template, &["inputs", "parameters"]) {
            if let (Some(value), _) = effective(parameter, arguments, || self.placeholder()) {
                let value = values.outer(&value);
                values.inputs.insert(format!("inputs.parameters.{}", text(parameter, "name")), value);
            }
        }
        // A list, which is no name; Go writes one that is not there as null, which is one.
        let all = if items(template, &["inputs", "parameters"]).is_empty() { "null" } else { "[]" };
        values.inputs.insert("inputs.parameters".to_owned(), all.to_owned());
        for (side, artifact) in ["inputs", "outputs"]
            .iter()
            .flat_map(|side| items(template, &[side, "artifacts"]).iter().map(move |artifact| (side, artifact)))
            .filter(|(_, artifact)| !text(artifact, "path").is_empty())
        {
            let path = values.outer(text(artifact, "path"));
            values.inputs.insert(format!("{side}.artifacts.{}.path", text(artifact, "name")), path);
        }
        for parameter in items(template, &["outputs", "parameters"]) {
            if let Some(path) =
                get(parameter, "valueFrom").map(|from| text(from, "path")).filter(|path| !path.is_empty())
            {
                let path = values.outer(path);
                values.inputs.insert(format!("outputs.parameters.{}.path", text(parameter, "name")), path);
            }
        }
        values
    }

    /// The template with its arguments, and values in the place of tags. (ProcessArgs, SubstituteParams)
    fn processed(&self, template: &Value, arguments: Arguments<'_>, locals: HashMap<String, String>) -> Value {
        let values = self.values(template, arguments, locals);
        let mut processed = template.clone();
        let inputs = |processed: &mut Value, side: &str| -> Vec<Value> {
            processed
                .pointer_mut(&format!("/inputs/{side}"))
                .and_then(Value::as_array_mut)
                .map(std::mem::take)
                .unwrap_or_default()
        };
        let mut parameters = inputs(&mut processed, "parameters");
        for parameter in &mut parameters {
            let name = format!("inputs.parameters.{}", text(parameter, "name"));
            let (_, from) = effective(parameter, arguments, String::new);
            let from = from.cloned();
            if let Some(fields) = parameter.as_object_mut() {
                fields.shift_remove("valueFrom");
                fields.extend(from.map(|from| ("valueFrom".to_owned(), from)));
                match values.inputs.get(&name) {
                    Some(value) => fields.insert("value".to_owned(), Value::from(value.as_str())),
                    None => fields.shift_remove("value"),
                };
            }
        }
        let artifacts: Vec<Value> = inputs(&mut processed, "artifacts")
            .into_iter()
            .map(|artifact| given_artifact(artifact, arguments))
            .collect();
        for (side, list) in [("parameters", parameters), ("artifacts", artifacts)] {
            if let Some(place) = processed.pointer_mut(&format!("/inputs/{side}")) {
                *place = Value::Array(list);
            }
        }
        values.substitute(&mut processed);
        processed
    }

    fn timeouts(&mut self, template: &Value, kind: &str, at: &At, arguments: Arguments<'_>) {
        let written = text(template, "timeout");
        let timeout = if written.contains("{{") {
            let mut timeout = Value::from(written);
            self.values(template, arguments, HashMap::new()).substitute(&mut timeout);
            timeout.as_str().unwrap_or_default().to_owned()
        } else {
            written.to_owned()
        };
        if !timeout.is_empty() {
            let place = at.field("timeout");
            if !is_leaf(kind) {
                self.error(
                    Rule::Deadline,
                    &place,
                    format!("a {kind} template has no timeout: it is for templates with a pod"),
                );
            } else if timeout.parse::<i64>().is_ok() {
                let hint = Some(format!("write `timeout: \"{timeout}s\"`"));
                self.error_with(Rule::Deadline, &place, format!("timeout `{timeout}` has no unit"), hint);
            } else if timeout == written && !timeout.contains("{{") && duration::parse(&timeout).is_err() {
                self.warn(
                    Rule::Deadline,
                    &place,
                    format!("timeout `{timeout}` is no duration such as 30s or 5m"),
                    None,
                );
            }
        }
        if !text(template, "pendingTimeout").is_empty() && !is_leaf(kind) {
            let message = format!("a {kind} template has no pendingTimeout: it is for templates with a pod");
            self.error(Rule::Deadline, &at.field("pendingTimeout"), message);
        }
    }
}

/// The value of an input and where it comes from. (overwriteWithDefaultParams, overwriteWithArguments)
fn effective<'v>(
    parameter: &'v Value,
    arguments: Arguments<'v>,
    any: impl Fn() -> String,
) -> (Option<String>, Option<&'v Value>) {
    let own = scalar(parameter, "value").or_else(|| scalar(parameter, "default"));
    let argument = match arguments {
        Arguments::Any => return (Some(any()), None),
        Arguments::Given(given) => named(list(given, "parameters"), text(parameter, "name")),
    };
    match argument {
        None => (own, get(parameter, "valueFrom")),
        Some(argument) => match scalar(argument, "value") {
            Some(value) => (Some(value), None),
            None => (None, get(argument, "valueFrom")),
        },
    }
}

/// The artifact that is given, at the input's path.
fn given_artifact(input: Value, arguments: Arguments<'_>) -> Value {
    let given = match arguments {
        Arguments::Any => json!({"name": text(&input, "name")}),
        Arguments::Given(given) => match named(list(given, "artifacts"), text(&input, "name")) {
            Some(given) => given.clone(),
            None => return input,
        },
    };
    let mut fields: Map<String, Value> = given.as_object().cloned().unwrap_or_default();
    for field in ["path", "mode", "recurseMode"] {
        fields.shift_remove(field);
        fields.extend(get(&input, field).map(|value| (field.to_owned(), value.clone())));
    }
    Value::Object(fields)
}
