//! Templates as they stand in their documents, read once for all calls: which of their texts have tags, and what is the same
//! for every call. A call has the tags replaced in its inputs and in these texts; a template with the texts in their places is
//! made for the nodes that run, not for those that are found in a cache. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::{Surroundings, view};
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
    part: Value,
    texts: Option<Texts>,
    /// The workflow's, for a template that has none.
    retry_strategy: Option<RetryStrategy>,
}

/// The texts with tags of a template that can wait until a node runs.
#[derive(Debug)]
struct Texts {
    /// The template with the tags as they stand.
    template: Arc<Template>,
    places: Vec<Place>,
    /// Which of them is the key.
    key: Option<usize>,
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
        settle(&mut value, of.globals);
        let texts = Texts::of(&value, retry_strategy);
        let part = match &texts {
            Some(texts) => {
                let texts: Vec<Value> = texts.places.iter().map(|place| at(&value, place).clone()).collect();
                json!({"inputs": value.get("inputs"), "texts": texts})
            }
            None => value.clone(),
        };
        let inputs = value.get("inputs").map_or_else(|| Ok(Inputs::default()), view);
        Self { value, inputs, part, texts, retry_strategy: retry_strategy.cloned() }
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
    pub(super) fn part(&self) -> Value {
        self.part.clone()
    }

    /// Whether the part is that of a template whose texts can wait.
    pub(super) fn texts_can_wait(&self) -> bool {
        self.texts.is_some()
    }

    /// The outputs, where they are not in the part that a call changes.
    pub(super) fn outputs(&self) -> Option<&Value> {
        self.texts.is_some().then_some(&self.value["outputs"])
    }

    /// A view for what is read before a node does its work.
    pub(super) fn begun(&self, part: &Value) -> Result<Arc<Template>, String> {
        match &self.texts {
            Some(texts) => Ok(Arc::clone(&texts.template)),
            None => self.read(part),
        }
    }

    /// The key of the cache entry, where the view holds it with its tags.
    pub(super) fn key<'a>(&self, part: &'a Value) -> Option<&'a str> {
        part["texts"][self.texts.as_ref()?.key?].as_str()
    }

    /// The template of a call, with its inputs and all texts in their places; none where the view that it began with is that.
    pub(super) fn whole(&self, part: &Value, inputs: Option<&Value>) -> Result<Option<Arc<Template>>, String> {
        match &self.texts {
            Some(texts) if !texts.places.is_empty() => self.read(&self.filled(part, inputs)).map(Some),
            Some(texts) => match inputs {
                Some(inputs) => Ok(Some(Arc::new(Template { inputs: view(inputs)?, ..(*texts.template).clone() }))),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// The same as a document.
    pub(super) fn filled(&self, part: &Value, inputs: Option<&Value>) -> Value {
        let Some(texts) = &self.texts else { return part.clone() };
        let mut value = self.value.clone();
        if let Some(inputs) = inputs {
            value["inputs"] = inputs.clone();
        }
        for (place, text) in texts.places.iter().zip(part["texts"].as_array().into_iter().flatten()) {
            if let Some(target) = at_mut(&mut value, place) {
                target.clone_from(text);
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

impl Texts {
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
        let key = places.iter().position(is_key);
        Some(Self { template: Arc::new(template), places, key })
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
}
