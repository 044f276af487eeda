//! Hands arguments to a template: Argo's ProcessArgs. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::form::Form;
use super::known_keys::KnownKeys;
use super::part::Part;
use crate::argo::expression::{Scope, Unresolved, render};
use crate::argo::model::{Arguments, Artifact, KeyRef, Parameter, Template, ValueFrom};
use crate::local::resolved::Resolved;

/// The value of an argument that is an output of a step which did not run: the input's own default holds.
/// (workflow/common/common.go, AbsentOptionalArgumentValue)
pub(super) const ABSENT: &str = "__argo-internal.absent-optional-output__";

/// What a call makes of a template's form.
#[derive(Debug)]
pub(super) struct Filled {
    form: Arc<Form>,
    /// The part that the call changes, every tag replaced that has a value by now.
    part: Part,
    /// The key as the template has it, if the same call has the same one in another run of the same workflow.
    key_of_call: Option<Arc<str>>,
}

impl Filled {
    /// The inputs as the node shows them; none are left here where they can be put back from there.
    pub(super) fn take_inputs(&mut self) -> Value {
        match &mut self.part {
            Part::Texts { inputs, .. } => std::mem::take(inputs),
            Part::Whole(template) => template["inputs"].clone(),
        }
    }

    /// A view for what is read before a node does its work.
    pub(super) fn begun(&self) -> Result<Arc<Template>, String> {
        self.form.begun(&self.part)
    }

    /// The key of the cache entry, where that view has it with its tags.
    pub(super) fn key(&self) -> Option<&str> {
        self.part.key()
    }

    /// The key of the cache entry as the template has it, if the same call has the same one whenever the workflow runs.
    pub(super) fn key_of_call(&self) -> Option<&Arc<str>> {
        self.key_of_call.as_ref()
    }

    /// The template for the work, with these inputs; none where the view that it began with is that.
    pub(super) fn whole(&self, inputs: Option<&Value>) -> Result<Option<Arc<Template>>, String> {
        self.form.whole(&self.part, inputs)
    }

    /// The same as a document.
    pub(super) fn document(&self, inputs: Option<&Value>) -> Value {
        self.form.filled(&self.part, inputs)
    }
}

/// What a call stands in.
pub(super) struct Surroundings<'a> {
    pub(super) plan: &'a Resolved,
    /// The workflow's values.
    pub(super) globals: &'a Arc<Scope>,
    /// The name of the pod, of a call that is one.
    pub(super) pod: Option<&'a str>,
    /// The name of its node, and the keys that are known.
    pub(super) known: (&'a str, Option<&'a KnownKeys>),
}

/// Puts arguments, or defaults, into a template's inputs and replaces the tags that have a value by now: first those of
/// `locals` (and the workflow's, which stand behind them), then those of the inputs; of a pod those once more.
pub(super) fn fill(
    form: &Arc<Form>,
    arguments: &Arguments,
    locals: &Arc<Scope>,
    of: &Surroundings<'_>,
) -> Result<Filled, String> {
    let mut part = form.part();
    let inputs = form.inputs()?;
    let supply = Supply { arguments, locals, plan: of.plan };
    for (input, declared) in part.inputs_mut("parameters").zip(&inputs.parameters) {
        supply.parameter(input, declared)?;
    }
    for (input, declared) in part.inputs_mut("artifacts").zip(&inputs.artifacts) {
        supply.artifact(input, declared)?;
    }
    part.substitute(locals)?;
    let key_of_call = part.key_of_call().cloned();
    if let ((node, Some(keys)), Some(text)) = (of.known, &key_of_call)
        && let Some(key) = keys.get(node, text, shown(part.inputs()))
    {
        part.set_key(key.to_owned());
    }
    part.substitute_inputs(locals)?;
    if let Some(pod) = of.pod {
        part.substitute_pod(of.globals, pod)?;
    }
    Ok(Filled { form: Arc::clone(form), part, key_of_call })
}

/// The inputs of a template as its node shows them.
pub(super) fn shown(inputs: &Value) -> Option<&Value> {
    let has = |field: &str| inputs[field].as_array().is_some_and(|list| !list.is_empty());
    (has("parameters") || has("artifacts")).then_some(inputs)
}

/// A part of a document as the engine reads it.
pub(super) fn view<'a, T: serde::Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

/// Where the values of a call's inputs come from.
struct Supply<'a> {
    arguments: &'a Arguments,
    locals: &'a Arc<Scope>,
    plan: &'a Resolved,
}

impl Supply<'_> {
    /// What a call gives counts before what the input has of its own.
    fn parameter(&self, input: &mut Value, declared: &Parameter) -> Result<(), String> {
        let name = &declared.name;
        let own = Given {
            value: declared.value.as_ref().or(declared.default.as_ref()),
            source: declared.value_from.as_ref(),
        };
        let argument = self.arguments.parameters.iter().find(|argument| argument.name == *name);
        let given = match argument.filter(|argument| argument.value.as_deref() != Some(ABSENT)) {
            Some(argument) => {
                let source = if argument.value.is_some() { None } else { argument.value_from.as_ref() };
                Given { value: argument.value.as_ref(), source }
            }
            None if argument.is_some() && own.value.is_none() && own.source.is_none() => {
                return Err(format!(
                    "inputs.parameters.{name}: argument references an absent optional (skipped/omitted node output with no default)"
                ));
            }
            None => own,
        };
        let value = match given.source.and_then(|source| source.config_map_key_ref.as_ref()) {
            Some(key) => self.of_config_map(name, key, given.source.and_then(|source| source.default.as_ref()))?,
            None => given.value.ok_or_else(|| format!("inputs.parameters.{name} was not supplied"))?.clone(),
        };
        if let Some(input) = input.as_object_mut() {
            input.insert("value".to_owned(), Value::String(value));
            input.shift_remove("valueFrom");
        }
        Ok(())
    }

    fn of_config_map(&self, name: &str, key: &KeyRef, default: Option<&String>) -> Result<String, String> {
        let resolve = |text: &str| render(text, self.locals, Unresolved::Refuse).map_err(|error| error.to_string());
        let (map, key) = (resolve(&key.name)?, resolve(&key.key)?);
        let value = self.plan.config_maps.get(&map).and_then(|data| data.get(&key));
        value.or(default).cloned().ok_or_else(|| {
            format!("unable to retrieve inputs.parameters.{name} from ConfigMap: {map:?} has no key {key:?}")
        })
    }

    fn artifact(&self, input: &mut Value, artifact: &Artifact) -> Result<(), String> {
        let argument = self.arguments.artifacts.iter().find(|argument| argument.name == artifact.name);
        if !artifact.optional && !artifact.has_content() {
            let argument = argument.ok_or_else(|| format!("inputs.artifacts.{} was not supplied", artifact.name))?;
            if !argument.has_content() {
                return Err(format!("inputs.artifacts.{} missing location information", artifact.name));
            }
        }
        if let (Some(argument), Some(input)) = (argument, input.as_object_mut()) {
            for field in Artifact::CONTENT {
                input.shift_remove(field);
            }
            if argument.optional {
                input.insert("optional".to_owned(), true.into());
            }
            let content = argument.document();
            for field in Artifact::CONTENT {
                if let Some(value) = content.get(field) {
                    input.insert(field.to_owned(), value.clone());
                }
            }
        }
        Ok(())
    }
}

/// A value, or where it comes from.
struct Given<'a> {
    value: Option<&'a String>,
    source: Option<&'a ValueFrom>,
}
