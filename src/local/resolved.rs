//! What a local run works from: the workflow with its template resolved, the templates, ConfigMaps and Secrets beside
//! it. Pure; everything the scheduler looks up is here.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::stub::Stubs;
use crate::argo::Metadata;
use crate::argo::model::{Hook, KeyRef, Step, TemplateRef};
use crate::argo::workflow_spec::templates;
use crate::artifact::Repository;

/// Where a template's name is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TemplateScope {
    /// The workflow itself.
    Local,
    /// A WorkflowTemplate.
    Namespaced(String),
    /// A ClusterWorkflowTemplate.
    Cluster(String),
}

impl TemplateScope {
    /// Argo's text for the scope, as it stands in a node's `templateScope`.
    pub(crate) fn label(&self, workflow: &str) -> String {
        match self {
            Self::Local => format!("local/{workflow}"),
            Self::Namespaced(name) => format!("namespaced/{name}"),
            Self::Cluster(name) => format!("cluster/{name}"),
        }
    }
}

/// How a caller names a template.
#[derive(Debug, Clone)]
pub(crate) enum Reference {
    /// A template of the same scope.
    Name(String),
    /// A template of another object.
    Object(TemplateRef),
    /// A template written in place.
    Inline(Value),
}

impl From<&Step> for Reference {
    /// In Argo's order (`GetTemplate` in templateresolution/context.go, v4.1.2).
    fn from(step: &Step) -> Self {
        match (&step.inline, &step.template_ref) {
            (Some(template), _) => Self::Inline(template.clone()),
            (None, Some(object)) => Self::Object(object.clone()),
            (None, None) => Self::Name(step.template.clone()),
        }
    }
}

impl From<&Hook> for Reference {
    fn from(hook: &Hook) -> Self {
        match &hook.template_ref {
            Some(object) => Self::Object(object.clone()),
            None => Self::Name(hook.template.clone()),
        }
    }
}

/// The data of a ConfigMap or Secret as text.
pub(crate) type Data = BTreeMap<String, String>;

/// What a local run works from.
#[derive(Debug)]
pub struct Resolved {
    /// The Workflow object with its name, namespace and uid fixed.
    pub(crate) workflow: Value,
    /// Its spec.
    pub(crate) spec: Value,
    templates: HashMap<TemplateScope, HashMap<String, Arc<Value>>>,
    places: HashMap<TemplateScope, HashMap<String, usize>>,
    /// ConfigMaps by name.
    pub(crate) config_maps: BTreeMap<String, Data>,
    /// Secrets by name, decoded.
    pub(crate) secrets: BTreeMap<String, Data>,
    /// Where the run keeps what its tasks leave.
    pub(crate) run_directory: PathBuf,
    /// Where artifacts are that only say their key.
    pub(crate) repository: Option<Repository>,
    /// Whether containers run in their images.
    pub(crate) in_images: bool,
    /// Outcomes of nodes that do not run.
    pub(crate) stubs: Stubs,
    /// How many tasks may run at once on this machine, whatever the workflow says.
    pub(crate) task_limit: usize,
    /// How many nodes the run may have.
    pub(crate) node_limit: usize,
}

/// More nodes than any controller could hold in a Workflow object; so many take some gigabytes here.
const MOST_NODES: usize = 300_000;

impl Resolved {
    /// A plan for a Workflow object; objects beside it are added one by one.
    pub fn new(workflow: Value, run_directory: PathBuf, task_limit: usize) -> Self {
        let mut plan = Self {
            spec: without_nulls(&workflow["spec"]),
            workflow,
            templates: HashMap::new(),
            places: HashMap::new(),
            config_maps: BTreeMap::new(),
            secrets: BTreeMap::new(),
            run_directory,
            repository: None,
            in_images: false,
            stubs: Stubs::default(),
            task_limit,
            node_limit: MOST_NODES,
        };
        let spec = plan.spec.clone();
        plan.add_templates(TemplateScope::Local, &spec);
        plan
    }

    /// Adds the templates of an object's spec.
    pub fn add_templates(&mut self, scope: TemplateScope, spec: &Value) {
        for (place, template) in templates(spec).enumerate() {
            let (name, template) = (template.name(), Arc::new(without_nulls(template.value())));
            self.places.entry(scope.clone()).or_default().insert(name.to_owned(), place);
            self.templates.entry(scope.clone()).or_default().insert(name.to_owned(), template);
        }
        self.templates.entry(scope).or_default();
    }

    /// The workflow's name.
    pub(crate) fn name(&self) -> &str {
        self.metadata("name")
    }

    /// A text of the workflow's metadata; empty when it is not there.
    pub(crate) fn metadata(&self, field: &str) -> &str {
        Metadata::of(&self.workflow).field(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a text stands anywhere in the workflow or in a template beside it.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        let templates = self.templates.values().flat_map(HashMap::values).map(AsRef::as_ref);
        templates.chain([&self.spec]).any(|value| mentions(value, text))
    }

    /// Whether any object has a template of this name.
    pub(crate) fn has_template(&self, name: &str) -> bool {
        self.templates.values().any(|templates| templates.contains_key(name))
    }

    /// A value of the Secrets beside the run.
    pub(crate) fn secret(&self, key: &KeyRef) -> Option<String> {
        self.secrets.get(&key.name)?.get(&key.key).cloned()
    }

    /// Where a template stands among those of its object.
    pub(crate) fn place(&self, scope: &TemplateScope, name: &str) -> usize {
        self.places.get(scope).and_then(|names| names.get(name)).copied().unwrap_or_default()
    }

    /// The template that a reference names, and the scope in which its own references are looked up.
    pub(crate) fn resolve(
        &self,
        reference: &Reference,
        scope: &TemplateScope,
    ) -> Result<(TemplateScope, Arc<Value>), String> {
        let (scope, name, place) = match reference {
            Reference::Inline(template) => return Ok((scope.clone(), Arc::new(template.clone()))),
            Reference::Name(name) => (scope.clone(), name, String::new()),
            Reference::Object(object) => {
                let scope = if object.cluster_scope {
                    TemplateScope::Cluster(object.name.clone())
                } else {
                    TemplateScope::Namespaced(object.name.clone())
                };
                (scope, &object.template, format!(" in workflow template {}", object.name))
            }
        };
        let templates = self.templates.get(&scope).ok_or_else(|| missing_object(&scope))?;
        let template = templates.get(name).ok_or_else(|| format!("template {name} not found{place}"))?;
        Ok((scope, Arc::clone(template)))
    }
}

fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value.contains(text),
        Value::Array(values) => values.iter().any(|value| mentions(value, text)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, text)),
        _ => false,
    }
}

/// (workflow/templateresolution/context.go, GetTemplateFromRef)
fn missing_object(scope: &TemplateScope) -> String {
    match scope {
        TemplateScope::Local => "the workflow has no templates".to_owned(),
        TemplateScope::Namespaced(name) | TemplateScope::Cluster(name) => {
            format!("workflow template {name} not found")
        }
    }
}

/// The value without the fields that are null, which Go reads as if they were not there. Items are left as they are.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
                let value = if name == "withItems" { value.clone() } else { without_nulls(value) };
                (name.clone(), value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
