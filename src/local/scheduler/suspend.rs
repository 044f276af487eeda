//! Suspend templates: a pause, after which its outputs have the values that somebody supplied, else their defaults.

use serde_json::json;

use super::state::{Body, NodeIndex};
use super::{Scheduler, Timer};
use crate::argo::duration;
use crate::argo::model::Template;
use crate::argo::status::{OutputParameter, Outputs, Phase};

/// What a suspended node is given on its way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// Its outputs; none where nobody supplied any.
    pub(crate) outputs: Option<Outputs>,
    /// Its message.
    pub(crate) message: String,
}

impl Scheduler {
    /// Suspends a node. Its duration counts from the node's making, also where it has waited for a lock since.
    /// (workflow/controller/operator.go, executeSuspend)
    pub(super) fn suspend(&mut self, node: NodeIndex, template: &Template) {
        self.nodes.frame_mut(node).body = Body::Suspend;
        self.nodes[node].outputs = asked(template);
        self.nodes.set(node, Phase::Running, "");
        let duration = template.suspend.as_ref().and_then(|suspend| suspend.duration.as_deref());
        let waited = self.now.elapsed - self.nodes.frame(node).began;
        match duration.map(duration::parse) {
            Some(Ok(duration)) if duration <= waited => self.resume(node, Given::default()),
            Some(Ok(duration)) => self.wake(duration - waited, Timer::Resume(node)),
            Some(Err(error)) => self.raise(node, &error.to_string()),
            None => {}
        }
        self.end_unstarted(node);
    }

    /// The pause is over.
    pub(super) fn resume(&mut self, node: NodeIndex, given: Given) {
        if self.nodes[node].phase != Phase::Running {
            return;
        }
        let outputs = given.outputs.or_else(|| self.nodes[node].outputs.clone());
        match outputs.map(with_defaults).transpose() {
            Ok(outputs) => {
                self.nodes[node].outputs = outputs;
                self.finish(node, Phase::Succeeded, &given.message);
            }
            Err(why) => self.raise(node, &why),
        }
    }
}

/// The outputs that somebody is to supply. A default may be that of the input of the same name.
fn asked(template: &Template) -> Option<Outputs> {
    let parameters: Vec<OutputParameter> = (template.outputs.parameters.iter())
        .filter_map(|parameter| {
            let source = parameter.value_from.as_ref().filter(|source| source.supplied.is_some())?;
            let input = template.inputs.parameters.iter().find(|input| input.name == parameter.name);
            let default = source.default.clone().or_else(|| input.and_then(|input| input.default.clone()));
            let mut value_from = json!({"supplied": {}});
            if let Some(default) = default {
                value_from["default"] = default.into();
            }
            Some(OutputParameter {
                name: parameter.name.clone(),
                value: None,
                global_name: parameter.global_name.clone(),
                value_from: Some(value_from),
            })
        })
        .collect();
    (!parameters.is_empty()).then(|| Outputs { parameters, ..Outputs::default() })
}

/// The outputs, those that nobody supplied with their defaults.
fn with_defaults(mut outputs: Outputs) -> Result<Outputs, String> {
    let missing = |parameter: &OutputParameter| {
        let source = parameter.value_from.as_ref();
        parameter.value.is_none() && source.is_some_and(|source| source["supplied"].is_object())
    };
    for parameter in outputs.parameters.iter_mut().filter(|parameter| missing(parameter)) {
        let default = parameter.value_from.take().and_then(|source| source["default"].as_str().map(str::to_owned));
        parameter.value = Some(default.ok_or_else(|| {
            format!("raw output parameter '{}' has not been set and does not have a default value", parameter.name)
        })?);
    }
    Ok(outputs)
}
