//! What a local run looks things up in: templates, ConfigMaps and Secrets beside the workflow, and limits of semaphores.

use base64::Engine;
use serde_json::{Value, json};

use super::new_run::NewRunError;
use super::resolved::{Data, Resolved, TemplateScope};
use crate::argo::document::{Document, Kind, any_string};

/// Adds a document to what the run looks things up in.
pub(super) fn add(plan: &mut Resolved, document: &Document) -> Result<(), NewRunError> {
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

/// Limits of semaphores, for those to which the documents give none.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The ConfigMap that would hold them.
    pub(crate) config_map: String,
    /// Each semaphore's key with its limit.
    pub(crate) of_keys: Vec<(String, u32)>,
}

impl Limits {
    /// Adds them to what the run looks things up in, and returns the ConfigMap that holds all of them.
    pub(super) fn add(&self, plan: &mut Resolved) -> Value {
        let limits = plan.config_maps.entry(self.config_map.clone()).or_default();
        for (key, limit) in &self.of_keys {
            limits.entry(key.clone()).or_insert_with(|| limit.to_string());
        }
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.config_map}, "data": limits})
    }
}

fn data(map: &Value) -> Data {
    let fields = map.as_object().into_iter().flatten();
    fields.map(|(key, value)| (key.clone(), any_string(value).unwrap_or_default())).collect()
}

fn decoded(document: &Document) -> Result<Data, NewRunError> {
    let mut all = Data::new();
    for (key, value) in document.value["data"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default().split_whitespace().collect::<String>();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        let text = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| {
            NewRunError::NotBase64(document.problem(&format!("/data/{key}"), "expected text in base64").to_string())
        })?;
        all.insert(key.clone(), text);
    }
    Ok(all)
}
