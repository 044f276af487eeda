//! What ended nodes give to those after them: variables, aggregated outputs of items, outputs of a template. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::arguments::view;
use super::items::Item;
use super::node_table::NodeTable;
use super::state::NodeIndex;
use super::step_group::Member;
use super::{marshalled, references};
use crate::argo::expression::{self, Scope, golang, unknown};
use crate::argo::model::{Artifact, Parameter, Template};
use crate::argo::status::{Node, NodeType, OutputParameter, Outputs, Phase};

/// Variables and artifacts to which an ended node adds.
pub(super) struct Known<'a> {
    pub(super) scope: &'a mut Scope,
    pub(super) artifacts: &'a mut HashMap<String, Artifact>,
}

impl Known<'_> {
    /// What a node gives under `prefix`, such as `steps.NAME`.
    fn add_node(&mut self, prefix: &str, node: &Node) {
        self.scope.set(format!("{prefix}.id"), node.id.clone());
        self.scope.set(format!("{prefix}.status"), node.phase.as_str());
        if let Some(at) = node.started_at {
            self.scope.set(format!("{prefix}.startedAt"), marshalled::time(at));
        }
        if let Some(at) = node.finished_at {
            self.scope.set(format!("{prefix}.finishedAt"), marshalled::time(at));
        }
        if let Some(host) = &node.host_node_name {
            self.scope.set(format!("{prefix}.hostNodeName"), host.clone());
        }
        if let Some(address) = &node.pod_ip {
            self.scope.set(format!("{prefix}.ip"), address.clone());
        }
        if let Some(outputs) = &node.outputs {
            self.add_outputs(prefix, outputs);
        }
    }

    fn add_outputs(&mut self, prefix: &str, outputs: &Outputs) {
        if let Some(result) = &outputs.result {
            self.scope.set(format!("{prefix}.outputs.result"), result.clone());
        }
        if let Some(code) = &outputs.exit_code {
            self.scope.set(format!("{prefix}.exitCode"), code.clone());
        }
        self.add_handed_on(prefix, outputs);
    }

    /// A node's output parameters and artifacts under `prefix`.
    pub(super) fn add_handed_on(&mut self, prefix: &str, outputs: &Outputs) {
        for parameter in &outputs.parameters {
            if let Some(value) = &parameter.value {
                self.scope.set(format!("{prefix}.outputs.parameters.{}", parameter.name), value.clone());
            }
        }
        for artifact in &outputs.artifacts {
            if let Ok(artifact) = view::<Artifact>(artifact) {
                self.artifacts.insert(format!("{prefix}.outputs.artifacts.{}", artifact.name), artifact);
            }
        }
    }

    /// What the items of an expanded step give together, as JSON lists; `nodes` in the order of the items.
    fn add_items(&mut self, prefix: &str, nodes: &[&Node]) -> Result<(), String> {
        let mut all = Vec::new();
        let mut results: Vec<String> = Vec::new();
        let mut by_name: Vec<(String, Vec<String>)> = Vec::new();
        for outputs in
            nodes.iter().filter(|node| node.phase == Phase::Succeeded).filter_map(|node| node.outputs.as_ref())
        {
            let mut parameters = Map::new();
            for parameter in &outputs.parameters {
                let value = parameter.value.clone().unwrap_or_default();
                match by_name.iter_mut().find(|(name, _)| *name == parameter.name) {
                    Some((_, values)) => values.push(value.clone()),
                    None => by_name.push((parameter.name.clone(), vec![value.clone()])),
                }
                parameters.insert(parameter.name.clone(), value.into());
            }
            if !parameters.is_empty() {
                all.push(Value::Object(parameters));
            }
            if let Some(result) = &outputs.result {
                if unknown::in_text(result).is_some() {
                    results.push(Value::from(result.as_str()).to_string());
                    continue;
                }
                let result = Item::parse(result)?;
                results.push(golang::escape_html(result.text()));
            }
        }
        self.scope.set(format!("{prefix}.outputs.result"), format!("[{}]", results.join(",")));
        self.scope.set(format!("{prefix}.outputs.parameters"), golang::json(&Value::Array(all)));
        for (name, values) in by_name {
            self.scope.set(format!("{prefix}.outputs.parameters.{name}"), json_list(&values));
        }
        Ok(())
    }

    /// What a step of a group gives; `not_run` is its template where it did not run.
    pub(super) fn add_step(
        mut self,
        step: &Member,
        group: NodeIndex,
        not_run: Option<&Template>,
        nodes: &NodeTable,
    ) -> Result<(), String> {
        let prefix = format!("steps.{}", step.name);
        let last: Vec<NodeIndex> = step.nodes.iter().map(|&node| nodes.last_attempt(node)).collect();
        match last.as_slice() {
            [node] if !step.expanded => {
                self.add_node(&prefix, &nodes[*node]);
                if let Some(template) = not_run {
                    self.add_not_run(&prefix, template, true);
                }
            }
            last => {
                let ran: Vec<_> =
                    last.iter().map(|&node| &nodes[node]).filter(|node| node.kind != NodeType::Skipped).collect();
                if !ran.is_empty() {
                    self.add_items(&prefix, &ran)?;
                }
                self.add_node(&prefix, &nodes[group]);
            }
        }
        self.add_unknown(&prefix, step.nodes.iter().find_map(|&node| nodes.frame(node).unknown));
        Ok(())
    }

    /// What a task gives, in place of what it gave before; `not_run` is its template where it did not run.
    pub(super) fn add_task(
        mut self,
        name: &str,
        node: NodeIndex,
        not_run: Option<&Template>,
        nodes: &NodeTable,
    ) -> Result<(), String> {
        let prefix = format!("tasks.{name}");
        self.scope.clear_below(&prefix);
        if nodes[node].kind == NodeType::TaskGroup {
            let items: Vec<_> = nodes.items(node).iter().map(|&item| &nodes[nodes.last_attempt(item)]).collect();
            self.add_items(&prefix, &items)?;
        }
        self.add_node(&prefix, &nodes[nodes.last_attempt(node)]);
        if let Some(template) = not_run {
            self.add_not_run(&prefix, template, false);
        }
        self.add_unknown(&prefix, nodes.frame(node).unknown);
        Ok(())
    }

    /// In a plan: how a node ends that has to run is not known.
    fn add_unknown(&mut self, prefix: &str, number: Option<usize>) {
        let Some(number) = number else { return };
        for field in ["status", "exitCode"] {
            self.scope.set(format!("{prefix}.{field}"), unknown::unknown(number));
        }
    }

    /// The declared outputs of a node that did not run: their defaults, or null for "there is none".
    fn add_not_run(&mut self, prefix: &str, template: &Template, artifacts: bool) {
        for parameter in &template.outputs.parameters {
            let default = parameter.value_from.as_ref().and_then(|source| source.default.clone());
            self.scope.set(
                format!("{prefix}.outputs.parameters.{}", parameter.name),
                default.map_or(Value::Null, Value::String),
            );
        }
        if artifacts {
            for artifact in &template.outputs.artifacts {
                self.artifacts.insert(format!("{prefix}.outputs.artifacts.{}", artifact.name), Artifact::default());
            }
        }
    }
}

/// A JSON list of the values: parsed where all are lists or maps, as texts otherwise.
fn json_list(values: &[String]) -> String {
    let parsed: Option<Vec<Value>> = values
        .iter()
        .map(|value| golang::from_json(value).ok().filter(|value| value.is_array() || value.is_object()))
        .collect();
    golang::json(&parsed.map_or_else(|| json!(values), Value::Array))
}

/// The outputs of a steps or dag template, from what its children gave.
pub(super) fn of_template(
    template: &Template,
    scope: &Arc<Scope>,
    artifacts: &references::Artifacts,
) -> Result<Option<Outputs>, String> {
    if template.outputs.parameters.is_empty() && template.outputs.artifacts.is_empty() {
        return Ok(None);
    }
    let mut outputs = Outputs::default();
    for parameter in &template.outputs.parameters {
        outputs.parameters.push(OutputParameter {
            name: parameter.name.clone(),
            value: Some(value_of(parameter, scope)?),
            global_name: parameter.global_name.clone(),
            value_from: None,
        });
    }
    for artifact in &template.outputs.artifacts {
        if artifact.from.is_empty() && artifact.from_expression.is_empty() {
            continue;
        }
        match references::source(artifact, scope, artifacts) {
            Ok(found) if found == Artifact::default() && artifact.optional => {}
            Ok(found) => {
                let found = Artifact { name: artifact.name.clone(), path: String::new(), ..found };
                let mut document = found.document();
                if let (Some(name), Some(fields)) = (&artifact.global_name, document.as_object_mut()) {
                    fields.insert("globalName".to_owned(), name.clone().into());
                }
                outputs.artifacts.push(document);
            }
            Err(_) if artifact.optional => {}
            Err(why) => return Err(format!("unable to resolve outputs from scope: {why}")),
        }
    }
    Ok(Some(outputs))
}

fn value_of(parameter: &Parameter, scope: &Arc<Scope>) -> Result<String, String> {
    let source = parameter
        .value_from
        .as_ref()
        .ok_or_else(|| format!("output parameter {:?} must have a valueFrom specified", parameter.name))?;
    let value = if let Some(expression) = source.expression.as_deref().filter(|text| !text.is_empty()) {
        expression::evaluate(expression, scope).map_err(|error| error.to_string()).and_then(|value| {
            if value.is_null() { Err(format!("failed to evaluate expression {expression:?}")) } else { Ok(value) }
        })
    } else if let Some(text) = source.parameter.as_deref().filter(|text| !text.is_empty()) {
        referred(text, scope)
    } else {
        Err(format!("output parameter {:?}: valueFrom names no source", parameter.name))
    };
    match (value, &source.default) {
        (Ok(Value::Null) | Err(_), Some(default)) => Ok(default.clone()),
        (Ok(Value::Null), None) => Err(format!(
            "output parameter {:?}: {:?} is an absent optional (skipped/omitted node output with no default)",
            parameter.name,
            source.parameter.as_deref().unwrap_or_default()
        )),
        (Ok(value), _) => Ok(golang::display(&value)),
        (Err(why), None) => Err(why),
    }
}

/// The value of a text that is one tag; a text without a tag is its own value.
fn referred(text: &str, scope: &Arc<Scope>) -> Result<Value, String> {
    let Some(tag) = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}")) else {
        return Ok(Value::String(text.to_owned()));
    };
    match tag.strip_prefix('=') {
        Some(expression) => expression::evaluate(expression, scope).map_err(|error| error.to_string()),
        None => scope.get(tag.trim()).cloned().ok_or_else(|| format!("Unable to resolve: {tag:?}")),
    }
}
