//! What stands beside a workflow in the files, for a local run: templates, ConfigMaps and Secrets.

use base64::Engine;
use serde_json::{Value, json};

use crate::argo::document::{Document, Kind, any_string};
use crate::cli::failure::Failure;
use crate::cli::submit::args::Args;
use crate::cli::submit::locks::SemaphoreArg;
use crate::local::resolved::{Data, Plan, TemplateScope};

/// Adds a document to what the run looks things up in.
pub(super) fn add(plan: &mut Plan, document: &Document) -> Result<(), Failure> {
    let name = document.name().unwrap_or_default().to_owned();
    match document.kind {
        Kind::WorkflowTemplate => plan.add_templates(TemplateScope::Namespaced(name), &document.value["spec"]),
        Kind::ClusterWorkflowTemplate => plan.add_templates(TemplateScope::Cluster(name), &document.value["spec"]),
        Kind::ConfigMap => {
            plan.config_maps.insert(name, data(&document.value["data"]));
        }
        Kind::Secret => {
            let mut all = decoded(document)?;
            all.extend(data(&document.value["stringData"]));
            plan.secrets.insert(name, all);
        }
        Kind::Workflow | Kind::CronWorkflow => {}
    }
    Ok(())
}

/// Limits of semaphores, which count where the documents give none.
pub(in crate::cli) struct Limits<'a> {
    config_map: &'a str,
    semaphores: &'a [SemaphoreArg],
}

/// Those of `--semaphore`.
pub(super) fn limits(args: &Args) -> Option<Limits<'_>> {
    let semaphores = args.workflow.semaphores.as_slice();
    let config_map = args.workflow.semaphore_configmap.as_str();
    (!semaphores.is_empty()).then_some(Limits { config_map, semaphores })
}

impl Limits<'_> {
    /// Adds them to what the run looks things up in, and returns the ConfigMap that holds all of them.
    pub(super) fn add(&self, plan: &mut Plan) -> Value {
        let limits = plan.config_maps.entry(self.config_map.to_owned()).or_default();
        for semaphore in self.semaphores {
            limits.entry(semaphore.named.key.to_string()).or_insert_with(|| semaphore.limit().to_string());
        }
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.config_map}, "data": limits})
    }
}

fn data(map: &Value) -> Data {
    let fields = map.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), any_string(value).unwrap_or_default())).collect()
}

fn decoded(document: &Document) -> Result<Data, Failure> {
    let mut all = Data::new();
    for (key, value) in document.value["data"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default().split_whitespace().collect::<String>();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| {
            let problem = document.problem(&format!("/data/{key}"), "expected text in base64");
            Failure::usage(problem.to_string()).hint("plain text goes into stringData")
        })?;
        all.insert(key.clone(), text);
    }
    Ok(all)
}
