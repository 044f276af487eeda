//! What submit adds to a document: run parameters, env, memoize. Pure; must never name the clock, randomness or the network.
//!
//! [`prepare`] is idempotent: what it has prepared it leaves as it is, also when the caller mints other names. Fields
//! it does not know survive in their place, and `retryStrategy` is never touched.

mod calls;
mod catalogue;
mod components;
mod decision;
mod environment;
mod graph;
mod inline;
mod key;
mod memoize;
mod metadata;
mod notice;
mod parameters;
mod result_input;
mod source;
mod survey;

use serde_json::{Map, Value, json};

pub use self::catalogue::Templates;
pub use self::environment::VARIABLES;
pub use self::notice::{Notice, Reason};
pub use self::parameters::missing_parameters;
pub use self::result_input::RESULT_INPUT;
pub use self::source::{Source, from_source};
use crate::argo::duration::GoDuration;
use crate::argo::identity::{CacheName, IdentityError, ObjectName, RunId};
use crate::argo::template::text;

/// Whether templates are memoized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memoize {
    /// All that have work to skip.
    #[default]
    Auto,
    /// None; what prepare wrote before is taken away.
    Off,
}

/// What the user and the caller decide. All that is random comes in here.
#[derive(Debug, Clone)]
pub struct Options {
    /// The run id that was asked for.
    pub run_id: Option<RunId>,
    /// The run id when neither the user nor the document gives one.
    pub minted_run_id: RunId,
    /// Whether templates are memoized.
    pub memoize: Memoize,
    /// The cache when the document names none.
    pub cache_name: Option<CacheName>,
    /// The cache when nobody names one.
    pub generated_cache_name: CacheName,
    /// How old a cache entry may be; without one those of a prepared document stay, else any age will do.
    pub max_age: Option<GoDuration>,
    /// Workflow parameters by name; a later one replaces an earlier one.
    pub parameters: Vec<(String, String)>,
    /// Labels to set on the workflow.
    pub labels: Vec<(String, String)>,
    /// Annotations to set on the workflow.
    pub annotations: Vec<(String, String)>,
    /// The workflow's name; takes the place of a `generateName`.
    pub name: Option<ObjectName>,
    /// The workflow's namespace.
    pub namespace: Option<String>,
    /// The template to begin with.
    pub entrypoint: Option<String>,
    /// The service account of the workflow's pods.
    pub service_account: Option<String>,
    /// The workflow's priority.
    pub priority: Option<i32>,
    /// Whether a referenced WorkflowTemplate is merged into the workflow, so that it can be memoized.
    pub inline: bool,
}

impl Options {
    /// Nothing asked for, with the two names that the caller mints.
    pub fn new(minted_run_id: RunId, generated_cache_name: CacheName) -> Self {
        Self {
            run_id: None,
            minted_run_id,
            memoize: Memoize::Auto,
            cache_name: None,
            generated_cache_name,
            max_age: None,
            parameters: Vec::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            name: None,
            namespace: None,
            entrypoint: None,
            service_account: None,
            priority: None,
            inline: false,
        }
    }
}

/// A document that can be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The document.
    pub workflow: Value,
    /// What identifies the run in it.
    pub run: Run,
    /// What the user should know.
    pub notices: Vec<Notice>,
}

/// The identity of a run and of its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The run, over all its attempts; none in a WorkflowTemplate that leaves it to its workflows.
    pub run_id: Option<RunId>,
    /// The run that this is a retry of; empty on a first attempt.
    pub retry_run_id: String,
    /// The number of the attempt; empty on the first.
    pub retry_indicator: String,
    /// The cache, when something is memoized in it.
    pub cache_name: Option<CacheName>,
}

/// Why a document cannot be prepared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PrepareError {
    /// The document is of another kind.
    #[error("kind {found:?} cannot be prepared: expected {expected}")]
    Kind {
        /// Its kind.
        found: String,
        /// The kinds that can be.
        expected: &'static str,
    },
    /// The document has no spec.
    #[error("the {kind} has no spec")]
    NoSpec {
        /// Its kind.
        kind: String,
    },
    /// A field has another form than Argo gives it.
    #[error("{field} is not {expected}")]
    Form {
        /// The field's path.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The run id in the document or among the parameters is illegal.
    #[error("parameter run_id: {0}")]
    RunId(#[from] IdentityError),
    /// The run id was given twice.
    #[error("two run ids: {option} by option and {parameter} as the parameter run_id")]
    TwoRunIds {
        /// The one given by its own option.
        option: RunId,
        /// The one given as a parameter.
        parameter: RunId,
    },
    /// A memoize has no cache, which would make the controller fail.
    #[error("template {template:?} has a memoize without a cache, and memoization is off")]
    MemoizeWithoutCache {
        /// The template.
        template: String,
    },
    /// The workflow refers to an object that is not known.
    #[error("{kind} {name:?} is not known")]
    UnknownTemplate {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A CronWorkflow cannot give each of its workflows a run id.
    #[error("CronWorkflow {name:?} cannot give each of its workflows a run id; prepare a workflow made from it")]
    CronWorkflow {
        /// Its name.
        name: String,
    },
}

/// Adds to a Workflow what makes it retryable, memoized and recognisable.
///
/// `templates` are the objects it may refer to. A template that is not among them leaves its callers out of memoization.
pub fn prepare(mut workflow: Value, templates: &Templates, options: &Options) -> Result<Prepared, PrepareError> {
    expect_kind(&workflow, &["Workflow"], "a Workflow")?;
    let mut notices = Vec::new();
    metadata::apply(&mut workflow, options)?;
    let namespace = workflow.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
    if options.inline {
        inline::apply(&mut workflow, templates, namespace.as_deref())?;
    }
    let run = prepare_spec(&mut workflow, templates, options, parameters::Owner::Workflow, &mut notices)?;
    Ok(Prepared { workflow, run, notices })
}

/// The same for a WorkflowTemplate or ClusterWorkflowTemplate, so that workflows made from it by reference are
/// memoized. Unless one is given, the run id is left to these: `run_id` becomes a parameter they must have.
///
/// A workflow that calls its templates one by one (`templateRef`) must have the run's parameters too; whether it reads
/// their results is not known here, so it should read them always or never.
pub fn prepare_template(
    mut document: Value,
    templates: &Templates,
    options: &Options,
) -> Result<Prepared, PrepareError> {
    if text(&document, "kind") == "CronWorkflow" {
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Err(PrepareError::CronWorkflow { name });
    }
    let kinds = ["WorkflowTemplate", "ClusterWorkflowTemplate"];
    expect_kind(&document, &kinds, "a WorkflowTemplate or ClusterWorkflowTemplate")?;
    let mut notices = Vec::new();
    metadata::apply(&mut document, options)?;
    let run = prepare_spec(&mut document, templates, options, parameters::Owner::Template, &mut notices)?;
    Ok(Prepared { workflow: document, run, notices })
}

fn prepare_spec(
    document: &mut Value,
    templates: &Templates,
    options: &Options,
    owner: parameters::Owner,
    notices: &mut Vec<Notice>,
) -> Result<Run, PrepareError> {
    let metadata = document.get("metadata").cloned().unwrap_or_default();
    let Some(spec) = document.get_mut("spec") else { return Err(no_spec(document)) };
    let Some(fields) = spec.as_object_mut() else { return Err(no_spec(document)) };
    let attempt = parameters::apply(fields, options, owner, notices)?;
    environment::add(fields);
    let context =
        memoize::Context { templates, options, metadata: &metadata, shared: owner == parameters::Owner::Template };
    let own = memoize::apply(spec, &context, notices)?;
    let cache_name = own.or_else(|| inline::referenced_cache(spec, &context, notices));
    Ok(Run { cache_name, ..attempt })
}

fn expect_kind(document: &Value, kinds: &[&str], expected: &'static str) -> Result<(), PrepareError> {
    let found = text(document, "kind");
    if kinds.contains(&found) { Ok(()) } else { Err(PrepareError::Kind { found: found.to_owned(), expected }) }
}

fn no_spec(document: &Value) -> PrepareError {
    PrepareError::NoSpec { kind: text(document, "kind").to_owned() }
}

/// The object in `field`, made when it is absent.
fn object_field<'a>(
    holder: &'a mut Map<String, Value>,
    field: &str,
    path: &str,
) -> Result<&'a mut Map<String, Value>, PrepareError> {
    let value = holder.entry(field).or_insert_with(|| json!({}));
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut().ok_or_else(|| PrepareError::Form { field: path.to_owned(), expected: "an object" })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
