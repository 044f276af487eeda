//! What tags and expressions can name: the workflow's values and artifacts, and for each steps or dag node at work what has
//! ended in it so far. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::arguments::view;
use super::globals;
use super::marshalled::{self, Failure};
use super::outputs::Known;
use super::part::{PARAMETERS, input_variables, parameters_as_text};
use super::pod::referred_results;
use super::references::Artifacts;
use super::state::NodeIndex;
use crate::argo::expression::{Scope, StopFlag, unknown};
use crate::argo::model::{Artifact, Template};
use crate::argo::status::{Outputs, Phase};
use crate::local::resolved::Resolved;

/// The scopes of a run.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    workflow: Arc<Scope>,
    stop: StopFlag,
    workflow_artifacts: Arc<HashMap<String, Artifact>>,
    boundaries: HashMap<NodeIndex, Boundary>,
    /// Outputs of the whole workflow in the order of their first appearance.
    parameters: Vec<(String, String)>,
    artifacts: Vec<(String, Value)>,
}

/// What the children of a steps or dag node can name.
#[derive(Debug)]
struct Boundary {
    /// `steps.…` or `tasks.…` of what has ended, over the template's own inputs.
    scope: Arc<Scope>,
    /// Artifacts of what has ended, and of the template's inputs, by the name of their variable.
    artifacts: Arc<HashMap<String, Artifact>>,
    /// Names of the steps or tasks to whose result the template refers.
    results: Arc<HashSet<String>>,
}

impl Scopes {
    /// What stops the evaluations in these scopes.
    pub(super) fn stop(&self) -> &StopFlag {
        &self.stop
    }

    /// Declares the workflow's values.
    pub(super) fn declare(&mut self, plan: &Resolved) -> Result<(), String> {
        self.workflow = Arc::new(globals::of(plan, &self.stop)?);
        Ok(())
    }

    /// `{{workflow.duration}}` as it is now.
    pub(super) fn declare_duration(&mut self, seconds: f64) {
        Arc::make_mut(&mut self.workflow).set("workflow.duration", format!("{seconds:.6}"));
    }

    /// How the entrypoint has ended, for the exit handler. In a plan its end may be an unknown value.
    pub(super) fn declare_end(&mut self, phase: Phase, failures: &[Failure], number: Option<usize>) {
        let workflow = Arc::make_mut(&mut self.workflow);
        workflow.set("workflow.status", phase.as_str());
        workflow.set("workflow.failures", marshalled::failures(failures));
        for name in ["status", "failures"] {
            if let Some(number) = number {
                workflow.set(format!("workflow.{name}"), unknown::unknown(number));
            }
        }
    }

    /// Makes outputs known in the whole workflow that ask for it.
    pub(super) fn publish(&mut self, outputs: &Outputs) {
        for parameter in &outputs.parameters {
            if let (Some(name), Some(value)) = (&parameter.global_name, &parameter.value) {
                Arc::make_mut(&mut self.workflow).set(format!("workflow.outputs.parameters.{name}"), value.clone());
                replace(&mut self.parameters, name, value.clone());
            }
        }
        for document in &outputs.artifacts {
            if let Ok(artifact) = view::<Artifact>(document)
                && let Some(name) = artifact.global_name.clone()
            {
                let artifact = Artifact { name: name.clone(), path: String::new(), global_name: None, ..artifact };
                replace(&mut self.artifacts, &name, artifact.document());
                let artifacts = Arc::make_mut(&mut self.workflow_artifacts);
                artifacts.insert(format!("workflow.outputs.artifacts.{name}"), artifact);
            }
        }
    }

    /// `status.outputs`.
    pub(super) fn published(&self) -> Option<Value> {
        if self.parameters.is_empty() && self.artifacts.is_empty() {
            return None;
        }
        let parameters: Vec<Value> =
            self.parameters.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let artifacts: Vec<&Value> = self.artifacts.iter().map(|(_, document)| document).collect();
        Some(json!({"parameters": parameters, "artifacts": artifacts}))
    }

    /// Opens the scope of a steps or dag node with these inputs. `results` are those that the template refers to as it is written;
    /// none where it stands in the call.
    pub(super) fn open(
        &mut self,
        node: NodeIndex,
        template: &Template,
        inputs: Option<&Value>,
        results: Option<Arc<HashSet<String>>>,
    ) {
        let mut scope = Scope::child(&self.workflow);
        let inputs = inputs.unwrap_or(&Value::Null);
        for (name, value) in input_variables(inputs, &Value::Null) {
            scope.set(name, value);
        }
        scope.set(PARAMETERS, parameters_as_text(inputs));
        let artifacts = template.inputs.artifacts.iter();
        let artifacts = artifacts.map(|artifact| (format!("inputs.artifacts.{}", artifact.name), artifact.clone()));
        let boundary = Boundary {
            scope: Arc::new(scope),
            artifacts: Arc::new(artifacts.collect()),
            results: results.unwrap_or_else(|| Arc::new(results_used_in(template))),
        };
        self.boundaries.insert(node, boundary);
    }

    /// Drops the scope of a node that has ended.
    pub(super) fn close(&mut self, node: NodeIndex) {
        self.boundaries.remove(&node);
    }

    /// The workflow's values alone.
    pub(super) fn workflow(&self) -> &Arc<Scope> {
        &self.workflow
    }

    /// The variables that the children of a boundary see, over the workflow's values as they are now.
    pub(super) fn variables(&mut self, boundary: Option<NodeIndex>) -> Arc<Scope> {
        match boundary.and_then(|boundary| self.boundaries.get_mut(&boundary)) {
            Some(boundary) => {
                Arc::make_mut(&mut boundary.scope).set_parent(&self.workflow);
                Arc::clone(&boundary.scope)
            }
            None => Arc::clone(&self.workflow),
        }
    }

    /// The artifacts to which the children of a boundary may refer.
    pub(super) fn artifacts(&self, boundary: Option<NodeIndex>) -> Artifacts {
        let boundary = boundary.and_then(|boundary| self.boundaries.get(&boundary));
        let own = boundary.map(|boundary| Arc::clone(&boundary.artifacts)).unwrap_or_default();
        Artifacts { own, globals: Arc::clone(&self.workflow_artifacts) }
    }

    /// What a boundary knows of its children, to add to it.
    pub(super) fn known(&mut self, boundary: NodeIndex) -> Option<Known<'_>> {
        let boundary = self.boundaries.get_mut(&boundary)?;
        Some(Known { scope: Arc::make_mut(&mut boundary.scope), artifacts: Arc::make_mut(&mut boundary.artifacts) })
    }

    /// Whether the template of a boundary refers to `outputs.result` of a step: only then Argo records it.
    pub(super) fn asks_for_result(&self, boundary: Option<NodeIndex>, step: &str) -> bool {
        let boundary = boundary.and_then(|boundary| self.boundaries.get(&boundary));
        boundary.is_some_and(|boundary| boundary.results.contains(step))
    }
}

fn replace<T>(list: &mut Vec<(String, T)>, name: &str, value: T) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => list.push((name.to_owned(), value)),
    }
}

/// Names of the steps or tasks of a template to whose result it refers itself.
pub(super) fn results_used_in(template: &Template) -> HashSet<String> {
    let root = if template.dag.is_some() { "tasks" } else { "steps" };
    let mut names = HashSet::new();
    let tasks = template.dag.iter().flat_map(|dag| &dag.tasks);
    for step in template.steps.iter().flatten().chain(tasks) {
        names.extend(referred_results(&step.to_string(), root));
    }
    for source in template.outputs.parameters.iter().filter_map(|parameter| parameter.value_from.as_ref()) {
        for text in [&source.parameter, &source.expression].into_iter().flatten() {
            names.extend(referred_results(text, root));
        }
    }
    names
}
