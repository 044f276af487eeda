//! Suspend templates: a pause, after which outputs that nobody supplied have their defaults.

use super::call::{Body, NodeIndex};
use super::{Scheduler, Timer};
use crate::argo::duration;
use crate::argo::spec::Template;
use crate::argo::status::{OutputParameter, Outputs, Phase};

impl Scheduler {
    pub(super) fn suspend(&mut self, node: NodeIndex, template: &Template) {
        self.frame_mut(node).body = Body::Suspend;
        self.set(node, Phase::Running, "");
        let duration = template.suspend.as_ref().and_then(|suspend| suspend.duration.as_deref());
        match duration.map(duration::parse) {
            Some(Ok(duration)) => self.wake(duration, Timer::Resume(node)),
            Some(Err(error)) => self.raise(node, &error.to_string()),
            None => {}
        }
        self.end_unstarted(node);
    }

    /// The pause is over.
    pub(super) fn resume(&mut self, node: NodeIndex) {
        if self.node(node).phase != Phase::Running {
            return;
        }
        let Some(template) = self.frame(node).template.clone() else { return };
        match supplied(&template) {
            Ok(outputs) => {
                self.node_mut(node).outputs = outputs;
                self.finish(node, Phase::Succeeded, "");
            }
            Err(why) => self.raise(node, &why),
        }
    }
}

/// The outputs of a suspend template that nobody supplied: their defaults, or those of the inputs of the same name.
fn supplied(template: &Template) -> Result<Option<Outputs>, String> {
    let mut parameters = Vec::new();
    for parameter in &template.outputs.parameters {
        let Some(source) = parameter.value_from.as_ref().filter(|source| source.supplied.is_some()) else { continue };
        let input = template.inputs.parameters.iter().find(|input| input.name == parameter.name);
        let default = source.default.clone().or_else(|| input.and_then(|input| input.default.clone()));
        let name = &parameter.name;
        parameters.push(OutputParameter {
            name: name.clone(),
            value: Some(default.ok_or_else(|| {
                format!("raw output parameter '{name}' has not been set and does not have a default value")
            })?),
            global_name: parameter.global_name.clone(),
            value_from: None,
        });
    }
    Ok((!parameters.is_empty()).then(|| Outputs { parameters, ..Outputs::default() }))
}
