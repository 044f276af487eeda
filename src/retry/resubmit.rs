//! A new Workflow from the live one, with the same run id and cache.

use serde_json::{Map, Value, json};

use super::attempt::Attempt;
use crate::argo::identity::RunId;
use crate::argo::{Workflow, workflow_spec};
use crate::prepare::{Options, PrepareError, Prepared, Templates, existing_cache, prepare};

const PREVIOUS: &str = "workflows.argoproj.io/resubmitted-from-workflow";
/// What the controller and the server write into every workflow themselves.
const LABELS: [&str; 6] = [
    "workflows.argoproj.io/creator",
    "workflows.argoproj.io/creator-email",
    "workflows.argoproj.io/creator-preferred-username",
    "workflows.argoproj.io/phase",
    "workflows.argoproj.io/completed",
    "workflows.argoproj.io/workflow-archiving-status",
];
const ANNOTATIONS: [&str; 3] = [
    "workflows.argoproj.io/pod-name-format",
    "workflows.argoproj.io/trace-id",
    "kubectl.kubernetes.io/last-applied-configuration",
];
/// The longest value of a label.
const LONGEST_LABEL: usize = 63;

/// The next attempt of a run as a document that can be submitted. With an `edited` document its spec takes the place
/// of the live one's, and the run's parameters keep their values; `options.parameters` change them.
pub(crate) fn new_attempt(
    live: &Value,
    edited: Option<&Value>,
    templates: &Templates,
    options: &Options,
) -> Result<Prepared, PrepareError> {
    let attempt = Attempt::after(live);
    let run_id = attempt.run_id.clone().unwrap_or_else(|| options.generated_run_id.clone());
    let mut document = successor(live);
    if let Some(edited) = edited {
        document["spec"] = edited["spec"].clone();
        keep_parameters(&mut document, live);
        keep_limits(&mut document, live);
    }
    let mut parameters = options.parameters.clone();
    parameters.extend(of_attempt(&run_id, attempt.number));
    let generate_name = document["metadata"]["generateName"].clone();
    let cache_name = existing_cache(&live["spec"]).or_else(|| options.cache_name.clone());
    let options = Options { run_id: Some(run_id), cache_name, parameters, ..options.clone() };
    let mut prepared = prepare(document, templates, &options)?;
    // The name is fixed; the prefix stays for the names of later attempts.
    prepared.workflow["metadata"]["generateName"] = generate_name;
    Ok(prepared)
}

/// The parameters by which a program tells a retry.
pub(super) fn of_attempt(run_id: &RunId, number: u32) -> [(String, String); 2] {
    [("retry_run_id".to_owned(), run_id.to_string()), ("retry_indicator".to_owned(), number.to_string())]
}

/// The live workflow without its name, its status and all that its own course has left in it.
pub(super) fn successor(live: &Value) -> Value {
    let from = &live["metadata"];
    let name = from["name"].as_str().unwrap_or_default();
    let mut metadata = Map::new();
    let prefix = from["generateName"].as_str().filter(|prefix| !prefix.is_empty());
    metadata.insert("generateName".to_owned(), prefix.map_or_else(|| format!("{name}-"), str::to_owned).into());
    if let Some(namespace) = from.get("namespace") {
        metadata.insert("namespace".to_owned(), namespace.clone());
    }
    let mut labels = without(from.get("labels"), &LABELS);
    labels.shift_remove(PREVIOUS);
    if name.len() <= LONGEST_LABEL {
        labels.insert(PREVIOUS.to_owned(), name.into());
    }
    metadata.insert("labels".to_owned(), Value::Object(labels));
    let annotations = without(from.get("annotations"), &ANNOTATIONS);
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    if let Some(owners) = from.get("ownerReferences") {
        metadata.insert("ownerReferences".to_owned(), owners.clone());
    }
    let mut spec = live["spec"].clone();
    unstop(&mut spec);
    json!({"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata, "spec": spec})
}

/// Takes back that the run was ended from outside.
pub(super) fn unstop(spec: &mut Value) {
    if let Some(fields) = spec.as_object_mut() {
        fields.shift_remove("shutdown");
        if fields.get("activeDeadlineSeconds").is_some_and(|seconds| seconds == 0) {
            fields.shift_remove("activeDeadlineSeconds");
        }
    }
}

/// Sets parameters of a workflow; one that it does not declare is added.
pub(super) fn override_parameters(workflow: &mut Value, parameters: &[(String, String)]) {
    if parameters.is_empty() || !workflow["spec"].is_object() {
        return;
    }
    for (name, value) in parameters {
        Workflow::view_mut(workflow).set_parameter(name, value);
    }
}

fn keep_parameters(document: &mut Value, live: &Value) {
    let declared = workflow_spec::parameters(&live["spec"]).iter();
    let given: Vec<(String, String)> = declared
        .filter_map(|parameter| Some((parameter["name"].as_str()?.to_owned(), parameter["value"].as_str()?.to_owned())))
        .collect();
    override_parameters(document, &given);
}

/// The locks and the parallelism of the run hold for an edited document that says nothing of them: they may have been
/// given at submit, and an attempt that does without is not what others count on.
fn keep_limits(document: &mut Value, live: &Value) {
    let Some(spec) = document["spec"].as_object_mut() else { return };
    for field in ["synchronization", "parallelism"] {
        if let Some(value) = live["spec"].get(field) {
            spec.entry(field).or_insert_with(|| value.clone());
        }
    }
}

fn without(map: Option<&Value>, dropped: &[&str]) -> Map<String, Value> {
    let fields = map.and_then(Value::as_object).into_iter().flatten();
    fields
        .filter(|(key, _)| !dropped.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
