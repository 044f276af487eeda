//! What submit adds to a document: run parameters, env, memoize, locks, an owner. Pure; must never name the clock, randomness or the network.
//!
//! [`prepare`] is idempotent: what it has prepared it leaves as it is, also when the caller generates other names. Fields
//! it does not know survive in their place, and `retryStrategy` is never touched.

mod artifacts;
mod call_identity;
mod catalogue;
mod components;
mod copied;
mod difference;
mod environment;
mod error;
mod exec_cache;
mod graph;
mod graph_builder;
mod inline;
mod isolation;
mod key;
mod memoizable;
mod memoize;
mod metadata;
mod options;
mod owner;
mod parameters;
mod reason;
mod result_input;
mod reuse;
mod shared_keys;
mod source;
mod stranding;
mod synchronization;
mod template_scan;
mod texts;
mod warnings;

use serde_json::{Map, Value, json};

pub(crate) use self::artifacts::open_artifacts;
pub use self::catalogue::Templates;
pub(crate) use self::difference::differences;
#[cfg(test)]
use self::environment::VARIABLES;
pub(crate) use self::error::PrepareError;
pub(crate) use self::exec_cache::{BRING, ExecCache, ExecCaching, MORE_CERTIFICATES, said as exec_cache_of, unwrapped};
pub(crate) use self::inline::merged;
pub(crate) use self::isolation::{Checkout, Isolation, SecretKey, TreeScope, Volume};
pub(crate) use self::key::KeyParts;
pub(crate) use self::key::RUN_PARAMETERS;
pub(crate) use self::key::is_prepared_key;
pub(crate) use self::key::is_without_call;
pub(crate) use self::key::{is_of_any_run, will_name_its_call};
pub(crate) use self::memoize::existing_cache;
pub(crate) use self::options::Inline;
pub use self::options::Memoize;
pub use self::options::Options;
pub(crate) use self::owner::set_owner;
pub(crate) use self::parameters::missing_parameters;
pub use self::reason::Reason;
#[cfg(test)]
use self::result_input::RESULT_INPUT;
pub(crate) use self::source::{Source, from_source};
pub(crate) use self::synchronization::{LockForm, Locks};
pub use self::warnings::Notice;
pub(crate) use self::warnings::{Detail, told};
use crate::argo::identity::{CacheName, RunId};
use crate::argo::template::text;

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
    pub(crate) run_id: Option<RunId>,
    /// The run that this is a retry of; empty on a first attempt.
    pub(crate) retry_run_id: String,
    /// The number of the attempt; empty on the first.
    pub(crate) retry_indicator: String,
    /// The cache, when something is memoized in it.
    pub cache_name: Option<CacheName>,
}

/// Adds to a Workflow what makes it retryable, memoized and recognisable.
///
/// `templates` are the objects it may refer to. A template that is not among them leaves its callers out of memoization.
pub fn prepare(mut workflow: Value, templates: &Templates, options: &Options) -> Result<Prepared, PrepareError> {
    expect_kind(&workflow, &["Workflow"], "a Workflow")?;
    let options = &options.said_by(&workflow);
    let mut notices = Vec::new();
    metadata::apply(&mut workflow, options)?;
    let namespace = workflow.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
    if options.inline != Inline::No {
        inline::apply(&mut workflow, templates, namespace.as_deref())?;
    }
    if let (Inline::All, Some(spec)) = (options.inline, workflow.get_mut("spec"))
        && copied::apply(spec, templates, namespace.as_deref())
    {
        metadata::annotate(&mut workflow, options::INLINE)?;
    }
    let run = prepare_spec(&mut workflow, templates, options, parameters::Owner::Workflow, &mut notices)?;
    isolation::relabel(&mut workflow);
    Ok(Prepared { workflow, run, notices })
}

/// The same for a WorkflowTemplate or ClusterWorkflowTemplate, so that workflows made from it by reference are
/// memoized. Unless one is given, the run id is left to these: `run_id` becomes a parameter they must have.
///
/// A workflow that calls its templates one by one (`templateRef`) must have the run's parameters too; whether it reads
/// their results is not known here, so it should read them always or never.
pub(crate) fn prepare_template(
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
    let options = &options.said_by(&document);
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
    let exec_cache = options.exec_cache.or_said(document)?;
    let Some(spec) = document.get_mut("spec") else { return Err(no_spec(document)) };
    exec_cache::unwrap(spec);
    if let (Some(_), Some(reference)) = (&exec_cache, spec.get("workflowTemplateRef").filter(|name| name.is_object())) {
        return Err(PrepareError::ExecCacheByReference { name: text(reference, "name").to_owned() });
    }
    if let Some(isolation) = &options.isolation {
        isolation::apply(spec, isolation, options.locks.form, notices)?;
    }
    let Some(fields) = spec.as_object_mut() else { return Err(no_spec(document)) };
    let namespace = metadata.get("namespace").and_then(Value::as_str);
    synchronization::apply(fields, &options.locks, templates, namespace, notices)?;
    let attempt = parameters::apply(fields, options, owner, notices)?;
    artifacts::apply(fields, options)?;
    options.reuse.check(spec)?;
    let has_named_cache = options.cache_name.is_some() || existing_cache(spec).is_some();
    let shared = owner == parameters::Owner::Template;
    let pods = exec_cache.is_some();
    let context = memoize::Context { templates, options, metadata: &metadata, has_named_cache, shared, pods };
    let own = memoize::apply(spec, &context, notices)?;
    environment::add(spec);
    texts::write(spec);
    let cache_name = own.or_else(|| inline::referenced_cache(spec, &context, notices));
    if let Some(cache) = &exec_cache {
        exec_cache::wrap(spec, cache, notices)?;
    }
    exec_cache::note(document, exec_cache.as_ref())?;
    if let Some(said) = options.reuse.said() {
        metadata::annotate(document, (reuse::ANNOTATION, &said))?;
    }
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

/// The list in `field`, made when it is absent.
fn list_field<'a>(holder: &'a mut Map<String, Value>, field: &str) -> Result<&'a mut Vec<Value>, PrepareError> {
    let value = holder.entry(field).or_insert_with(|| json!([]));
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut().ok_or_else(|| PrepareError::Form { field: field.to_owned(), expected: "a list" })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
