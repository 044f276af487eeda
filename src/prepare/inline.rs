//! The WorkflowTemplate that a workflow is made of by reference: merged into it, or left where it is.
//!
//! Merging follows the controller's: what the workflow sets wins, objects are merged field by field, a list whose
//! items have a name is merged by it, any other list is the workflow's when it has one.

use serde_json::{Map, Value};

use super::catalogue::Templates;
use super::memoize::{Context, existing_cache};
use super::warnings::Notice;
use super::{Memoize, PrepareError};
use crate::argo::identity::CacheName;
use crate::argo::template::text;
use crate::argo::workflow_spec::templates;

/// Lists that are merged item by item, and the field that tells the items apart.
const MERGED_LISTS: [(&str, &str); 7] = [
    ("templates", "name"),
    ("parameters", "name"),
    ("artifacts", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("tolerations", "key"),
    ("hostAliases", "ip"),
];

/// The fields of an artifact that say where it is stored.
const STORES: [&str; 10] = ["artifactory", "azure", "gcs", "git", "hdfs", "http", "oss", "plugin", "raw", "s3"];

/// Merges the object named by `spec.workflowTemplateRef`, if there is one, into the spec and drops the reference.
pub(super) fn apply(workflow: &mut Value, templates: &Templates, namespace: Option<&str>) -> Result<(), PrepareError> {
    let Some(spec) = workflow.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
    let Some(reference) = spec.get("workflowTemplateRef").filter(|reference| reference.is_object()) else {
        return Ok(());
    };
    let cluster_scope = is_cluster_scope(reference);
    let Some(document) = templates.find(text(reference, "name"), cluster_scope, namespace) else {
        let kind = if cluster_scope { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" };
        return Err(PrepareError::UnknownTemplate { kind, name: text(reference, "name").to_owned() });
    };
    spec.shift_remove("workflowTemplateRef");
    let Some(base) = document.get("spec").and_then(Value::as_object) else { return Ok(()) };
    for (field, value) in base {
        match (field.as_str(), spec.get_mut(field)) {
            // Whether a workflow starts suspended is its own affair.
            ("suspend", _) => {}
            ("hooks", Some(own)) => add_absent(own, value),
            (_, Some(own)) => merge(field, own, value),
            (_, None) => {
                spec.insert(field.clone(), value.clone());
            }
        }
    }
    Ok(())
}

/// The workflow as a controller runs it: with the object that it is made from, where that is known.
pub(crate) fn merged(workflow: &Value, templates: &Templates) -> Value {
    let mut merged = workflow.clone();
    let namespace = workflow.pointer("/metadata/namespace").and_then(Value::as_str);
    // One that is not known leaves the workflow as it is.
    let _ = apply(&mut merged, templates, namespace);
    merged
}

/// Merges `base` under `own`.
fn merge(field: &str, own: &mut Value, base: &Value) {
    let own_is_null = own.is_null();
    match (own, base) {
        (Value::Object(own), Value::Object(base)) => merge_objects(own, base),
        (Value::Array(own), Value::Array(base)) => {
            if let Some((_, identity)) = MERGED_LISTS.iter().find(|(list, _)| *list == field) {
                merge_lists(field, identity, own, base);
            }
        }
        (own, base) if own_is_null => *own = base.clone(),
        _ => {}
    }
}

fn merge_objects(own: &mut Map<String, Value>, base: &Map<String, Value>) {
    for (field, value) in base {
        match own.get_mut(field) {
            Some(mine) if field == "labelsFrom" => add_absent(mine, value),
            Some(mine) => merge(field, mine, value),
            None => {
                own.insert(field.clone(), value.clone());
            }
        }
    }
}

/// The items of `base` in their order, each with the workflow's laid over it, then those of the workflow alone.
fn merge_lists(field: &str, identity: &str, own: &mut Vec<Value>, base: &[Value]) {
    let mut mine = std::mem::take(own);
    for item in base {
        let same = mine.iter().position(|other| text(other, identity) == text(item, identity));
        own.push(match same.map(|at| mine.remove(at)) {
            Some(given) if stands_alone(field, &given, item) => given,
            Some(mut given) => {
                merge("", &mut given, item);
                given
            }
            None => item.clone(),
        });
    }
    own.append(&mut mine);
}

/// Whether an argument leaves nothing of the one below it: a parameter with a value of its own, an artifact that is
/// stored elsewhere.
fn stands_alone(field: &str, own: &Value, base: &Value) -> bool {
    let has = |item: &Value, name: &str| item.get(name).is_some_and(|value| !value.is_null());
    match field {
        "parameters" => ["value", "valueFrom", "default"].iter().any(|name| has(own, name)),
        "artifacts" => STORES.iter().all(|store| !(has(own, store) && has(base, store))),
        _ => false,
    }
}

fn add_absent(own: &mut Value, base: &Value) {
    if let (Some(own), Some(base)) = (own.as_object_mut(), base.as_object()) {
        for (name, value) in base {
            own.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// The cache of the object that stays where it is. Tells when nothing is memoized there.
pub(super) fn referenced_cache(spec: &Value, context: &Context<'_>, notices: &mut Vec<Notice>) -> Option<CacheName> {
    let reference = spec.get("workflowTemplateRef").filter(|reference| reference.is_object())?;
    let namespace = context.metadata.get("namespace").and_then(Value::as_str);
    let document = context.templates.find(text(reference, "name"), is_cluster_scope(reference), namespace);
    let cache = document.and_then(|document| document.get("spec")).and_then(existing_cache);
    let wanted = context.options.memoize != Memoize::Off && templates(spec).next().is_none();
    if cache.is_none() && wanted {
        notices.push(Notice::ByReference { name: text(reference, "name").to_owned() });
    }
    cache
}

fn is_cluster_scope(reference: &Value) -> bool {
    reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false)
}
