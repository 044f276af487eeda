//! A new Workflow from the live one, with the same run id and cache.

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::identity::ObjectName;
use crate::argo::template::field;
use crate::prepare::{Options, PrepareError, Prepared, Templates, existing_cache, prepare};

/// The next attempt of a run as a document that can be submitted. With an `edited` document its spec takes the place
/// of the live one's, and the run's parameters keep their values; `options.parameters` change them. The options tell of
/// the attempt (`Attempt::options`).
pub(crate) fn new_attempt(
    live: &Value,
    edited: Option<&Value>,
    templates: &Templates,
    options: &Options,
) -> Result<Prepared, PrepareError> {
    let live = Workflow::view(live);
    let mut document = live.successor();
    if let Some(edited) = edited {
        document.set_spec(Workflow::view(edited).spec());
        keep_parameters(&mut document, live);
        keep_limits(&mut document, live);
    }

    let prefix = document.generate_name().map(str::to_owned);
    let cache_name = existing_cache(live.spec()).or_else(|| options.cache_name.clone());
    let options = Options { cache_name, ..options.clone() };
    let mut prepared = prepare(document.into_value(), templates, &options)?;
    // The name is fixed; the prefix stays for the names of later attempts.
    let name = options.name.as_ref().map(ObjectName::as_str);
    Workflow::view_mut(&mut prepared.workflow).set_names(name, prefix.as_deref());
    Ok(prepared)
}

/// Sets parameters of a workflow; one that it does not declare is added.
pub(super) fn override_parameters(workflow: &mut Workflow, parameters: &[(String, String)]) {
    if workflow.spec().is_object() {
        for (name, value) in parameters {
            workflow.set_parameter(name, value);
        }
    }
}

/// What the run was given at submit: a document keeps its own artifacts, and gets the run's others.
fn keep_parameters(document: &mut Workflow, live: &Workflow) {
    override_parameters(document, &live.own_values());
    document.keep_artifacts(live);
}

/// The locks and the parallelism of the run hold for an edited document that says nothing of them: they may have been
/// given at submit, and an attempt that does without is not what others count on.
fn keep_limits(document: &mut Workflow, live: &Workflow) {
    for name in ["synchronization", "parallelism"] {
        if let Some(value) = field(live.spec(), name) {
            document.add_to_spec(name, value);
        }
    }
}
