//! Templates as they stand in their documents, read once for all calls: which of their texts have tags, and what is the same
//! for every call. A call has the tags replaced in its inputs and in these texts; a template with the texts in their places is
//! made for the nodes that run, not for those that are found in a cache. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::arguments::{Surroundings, view};
use super::known_keys::is_of_its_call;
use super::part::{Part, Text};
use super::scopes::results_used_in;
use crate::argo::defaults::with_defaults;
use crate::argo::expression::{Scope, has_open, render_settled};
use crate::argo::model::{Inputs, RetryStrategy, Template};
use crate::argo::template::TemplateType;
use crate::local::resolved::{Reference, TemplateScope};

/// Fields that are read before a node does its work, or after it. Where one has tags, the whole template is made for each call; but for
/// the key of its cache entry, which is read by itself.
const READ_FIRST: [&str; 10] = [
    "name",
    "displayName",
    "inputs",
    "outputs",
    "memoize",
    "synchronization",
    "retryStrategy",
    "daemon",
    "timeout",
    "activeDeadlineSeconds",
];
const KEY: [&str; 2] = ["memoize", "key"];

/// A template over its defaults, and what all of its calls share.
#[derive(Debug)]
pub(super) struct Form {
    value: Value,
    /// Its inputs; an error where they cannot be read.
    inputs: Result<Inputs, String>,
    /// What a call changes: of a template whose texts can wait its inputs and these texts, else all of it.
    part: Part,
    /// The workflow's, for a template that has none.
    retry_strategy: Option<RetryStrategy>,
    /// Names of the steps or tasks to whose result it refers itself.
    results: Arc<HashSet<String>>,
}

/// What the calls share of a template whose texts can wait until a node runs.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The template with the tags as they stand.
    template: Arc<Template>,
    /// Its outputs, in which no tag stands.
    pub(super) outputs: Value,
    places: Vec<Place>,
    pub(super) key: Option<Key>,
}

/// The key of the cache entry.
#[derive(Debug)]
pub(super) struct Key {
    /// Which of the texts it is.
    pub(super) place: usize,
    /// That text, if it reads nothing that a rehearsal may have seen otherwise.
    pub(super) of_call: Option<Arc<str>>,
}

/// Where a text stands in a template.
type Place = Vec<Step>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

impl Form {
    fn new(template: &Value, of: &Surroundings<'_>, retry_strategy: Option<&RetryStrategy>) -> Self {
        let mut value = match of.plan.spec.get("templateDefaults") {
            Some(defaults) if defaults.is_object() => with_defaults(template, defaults),
            _ => template.clone(),
        };
        // Argo asks the template as it is written. (operator.go, includeScriptOutput)
        let results = view(&value).map(|template| results_used_in(&template)).unwrap_or_default();
        settle(&mut value, of.globals);
        let part = match Waiting::of(&value, retry_strategy) {
            Some(waiting) => Part::Texts {
                inputs: value.get("inputs").cloned().unwrap_or_default(),
                texts: waiting
                    .places
                    .iter()
                    .map(|place| Text::new(at(&value, place).as_str().unwrap_or_default()))
                    .collect(),
                waiting: Arc::new(waiting),
            },
            None => Part::Whole(value.clone()),
        };
        let inputs = value.get("inputs").map_or_else(|| Ok(Inputs::default()), view);
        Self { value, inputs, part, retry_strategy: retry_strategy.cloned(), results: Arc::new(results) }
    }

    pub(super) fn name(&self) -> &str {
        self.value["name"].as_str().unwrap_or_default()
    }

    pub(super) fn template_type(&self) -> Option<TemplateType> {
        TemplateType::of(|field| self.value.get(field).is_some())
    }

    pub(super) fn is_retried(&self) -> bool {
        self.value.get("retryStrategy").is_some() || self.retry_strategy.is_some()
    }

    pub(super) fn inputs(&self) -> Result<&Inputs, String> {
        self.inputs.as_ref().map_err(Clone::clone)
    }

    /// What a call changes, before it does.
    pub(super) fn part(&self) -> Part {
        self.part.clone()
    }

    /// A view for what is read before a node does its work.
    pub(super) fn begun(&self, part: &Part) -> Result<Arc<Template>, String> {
        match part {
            Part::Texts { waiting, .. } => Ok(Arc::clone(&waiting.template)),
            Part::Whole(template) => self.read(template),
        }
    }

    /// The template of a call, with its inputs and all texts in their places; none where the view that it began with is that.
    pub(super) fn whole(&self, part: &Part, inputs: Option<&Value>) -> Result<Option<Arc<Template>>, String> {
        match (part, inputs) {
            (Part::Texts { waiting, .. }, _) if !waiting.places.is_empty() => {
                self.read(&self.filled(part, inputs)).map(Some)
            }
            (Part::Texts { waiting, .. }, Some(inputs)) => {
                Ok(Some(Arc::new(Template { inputs: view(inputs)?, ..(*waiting.template).clone() })))
            }
            (Part::Whole(_), _) | (Part::Texts { .. }, None) => Ok(None),
        }
    }

    /// The same as a document.
    pub(super) fn filled(&self, part: &Part, inputs: Option<&Value>) -> Value {
        let (waiting, texts) = match part {
            Part::Texts { waiting, texts, .. } => (waiting, texts),
            Part::Whole(template) => return template.clone(),
        };
        let mut value = self.value.clone();
        if let Some(inputs) = inputs {
            value["inputs"] = inputs.clone();
        }
        for (place, text) in waiting.places.iter().zip(texts) {
            if let Some(target) = at_mut(&mut value, place) {
                *target = Value::String(text.text.clone());
            }
        }
        value
    }

    fn read(&self, value: &Value) -> Result<Arc<Template>, String> {
        let mut template: Template = view(value)?;
        if template.retry_strategy.is_none() {
            template.retry_strategy.clone_from(&self.retry_strategy);
        }
        Ok(Arc::new(template))
    }
}

impl Waiting {
    /// None where a text is read first, or where the template cannot be read: then it is for each call to say why.
    fn of(value: &Value, retry_strategy: Option<&RetryStrategy>) -> Option<Self> {
        let mut template: Template = view(value).ok()?;
        if template.retry_strategy.is_none() {
            template.retry_strategy = retry_strategy.cloned();
        }
        let mut places = Vec::new();
        // Those of the inputs are replaced in any case.
        for (field, value) in value.as_object()?.iter().filter(|(field, _)| *field != "inputs") {
            add_places(value, &mut vec![Step::Field(field.clone())], &mut places);
        }
        let is_key = |place: &Place| place.iter().eq(&KEY.map(|field| Step::Field(field.to_owned())));
        let is_read_first =
            |place: &Place| matches!(place.first(), Some(Step::Field(field)) if READ_FIRST.contains(&field.as_str()));
        if places.iter().any(|place| is_read_first(place) && !is_key(place)) {
            return None;
        }
        let key = places.iter().position(is_key).map(|place| {
            let text = at(value, &places[place]).as_str().unwrap_or_default();
            Key { place, of_call: is_of_its_call(text).then(|| text.into()) }
        });
        let outputs = value.get("outputs").cloned().unwrap_or_default();
        Some(Self { template: Arc::new(template), outputs, places, key })
    }
}

/// Replaces the tags of what stays the same in a whole run.
fn settle(value: &mut Value, globals: &Scope) {
    match value {
        Value::String(text) if has_open(text) => *text = render_settled(text, globals, is_settled),
        Value::Array(values) => values.iter_mut().for_each(|value| settle(value, globals)),
        Value::Object(fields) => fields.values_mut().for_each(|value| settle(value, globals)),
        _ => {}
    }
}

fn is_settled(variable: &str) -> bool {
    variable.starts_with("workflow.parameters.")
        || matches!(variable, "workflow.name" | "workflow.namespace" | "workflow.uid")
}

/// Adds the places of all texts that may have tags.
fn add_places(value: &Value, place: &mut Place, places: &mut Vec<Place>) {
    let mut below = |step: Step, value: &Value| {
        place.push(step);
        add_places(value, place, places);
        place.pop();
    };
    match value {
        Value::String(text) if has_open(text) => places.push(place.clone()),
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| below(Step::Item(index), value)),
        Value::Object(fields) => fields.iter().for_each(|(field, value)| below(Step::Field(field.clone()), value)),
        _ => {}
    }
}

fn at<'a>(value: &'a Value, place: &Place) -> &'a Value {
    place.iter().fold(value, |value, step| match step {
        Step::Field(field) => &value[field],
        Step::Item(index) => &value[index],
    })
}

fn at_mut<'a>(value: &'a mut Value, place: &Place) -> Option<&'a mut Value> {
    place.iter().try_fold(value, |value, step| match step {
        Step::Field(field) => value.get_mut(field),
        Step::Item(index) => value.get_mut(index),
    })
}

/// The forms of templates that were called.
#[derive(Debug, Default)]
pub(super) struct Forms(HashMap<TemplateScope, HashMap<String, Arc<Form>>>);

impl Forms {
    /// The form of a template that a reference names, and the scope in which its own references are looked up.
    pub(super) fn of(
        &mut self,
        reference: &Reference,
        scope: &TemplateScope,
        of: &Surroundings<'_>,
        retry_strategy: Option<&RetryStrategy>,
    ) -> Result<(TemplateScope, Arc<Form>), String> {
        let known = match reference {
            Reference::Name(name) => self.0.get(scope).and_then(|forms| forms.get(name)),
            Reference::Object(_) | Reference::Inline(_) => None,
        };
        if let Some(form) = known {
            return Ok((scope.clone(), Arc::clone(form)));
        }
        let (scope, template) = of.plan.resolve(reference, scope)?;
        let name = match reference {
            // Each of them is another template.
            Reference::Inline(_) => return Ok((scope, Arc::new(Form::new(&template, of, retry_strategy)))),
            Reference::Name(name) => name,
            Reference::Object(object) => &object.template,
        };
        let forms = self.0.entry(scope.clone()).or_default();
        if let Some(form) = forms.get(name) {
            return Ok((scope, Arc::clone(form)));
        }
        let form = Arc::new(Form::new(&template, of, retry_strategy));
        forms.insert(name.clone(), Arc::clone(&form));
        Ok((scope, form))
    }

    /// Names of the steps or tasks to whose result a template refers that was called by its name.
    pub(super) fn results(&self, scope: &TemplateScope, name: &str) -> Option<Arc<HashSet<String>>> {
        self.0.get(scope)?.get(name).map(|form| Arc::clone(&form.results))
    }
}
