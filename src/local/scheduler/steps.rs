//! Steps templates: groups one after another, the steps of a group side by side.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::Scheduler;
use super::arguments::{input_variables, view};
use super::hooks::EXIT;
use super::items::{Expanded, expand, items};
use super::outputs::{Known, of_template};
use super::pod::referred_results;
use super::references::{Artifacts, Resolved, resolve};
use super::state::{Body, Call, Caller, Children, Ended, GroupBody, NodeIndex, Owner, Slots, StepsBody};
use crate::argo::expression::{self, Scope};
use crate::argo::model::{Step, Template};
use crate::argo::status::{NodeFlag, NodeType, Phase};
use crate::local::resolved::Reference;

/// Why a template that fails fast ends.
pub(super) const FAILED_FAST: &str = "template has failed or errored children and failFast enabled";

impl Scheduler {
    pub(super) fn start_steps(&mut self, node: NodeIndex, template: &Arc<Template>) {
        let groups = template.steps.iter().flatten().map(|group| match group {
            Value::Array(steps) => steps.clone(),
            // Argo also takes a step where a list of steps is expected.
            step => vec![step.clone()],
        });
        let body = StepsBody {
            groups: groups.collect(),
            current: 0,
            group: None,
            children: self.new_children(node, template),
        };
        self.frame_mut(node).body = Body::Steps(body);
        self.next_group(node);
    }

    /// What the children of a steps or dag node share at its start.
    pub(super) fn new_children(&self, node: NodeIndex, template: &Template) -> Children {
        let value = serde_json::json!({ "inputs": self.node(node).inputs });
        let mut scope = Scope::child(&self.globals);
        for (name, value) in input_variables(&value) {
            scope.set(name, value);
        }
        let inputs = template.inputs.artifacts.iter();
        let artifacts = inputs.map(|artifact| (format!("inputs.artifacts.{}", artifact.name), artifact.clone()));
        let slots = Slots {
            limit: template.parallelism.filter(|&limit| limit > 0),
            fail_fast: template.fail_fast == Some(true),
            ..Slots::default()
        };
        Children {
            scope: Arc::new(scope),
            artifacts: Arc::new(artifacts.collect()),
            results: results_used_in(template),
            slots,
        }
    }

    fn next_group(&mut self, steps: NodeIndex) {
        let Body::Steps(body) = &self.frame(steps).body else { return };
        let (current, before) = (body.current, body.group);
        let Some(group) = body.groups.get(current).cloned() else { return self.end_steps(steps) };
        if self.stopping(steps) {
            return self.finish(steps, Phase::Failed, &self.stop_message());
        }
        let node = self.create_group(steps, current);
        match before {
            None => self.join(steps, node),
            Some(before) => {
                let last = self.group_nodes(before);
                let parents: Vec<_> = if last.is_empty() {
                    vec![before]
                } else {
                    last.iter().flat_map(|&child| self.outbound(child)).collect()
                };
                for parent in parents {
                    self.join(parent, node);
                }
            }
        }
        if let Body::Steps(body) = &mut self.frame_mut(steps).body {
            body.group = Some(node);
        }
        if let Err(why) = self.start_group(steps, node, &group)
            && let Body::Group(body) = &mut self.frame_mut(node).body
        {
            body.error = Some(why);
        }
        self.step_done(node);
    }

    fn create_group(&mut self, steps: NodeIndex, number: usize) -> NodeIndex {
        let name = format!("{}[{number}]", self.node(steps).name);
        let scope = self.frame(steps).inner_scope.clone();
        let call = Call {
            boundary: Some(steps),
            flag: Some(NodeFlag::default()),
            on_exit: self.frame(steps).on_exit,
            ..Call::new(name, Reference::Name(String::new()), scope, Owner::Steps(steps))
        };
        let node = self.create(&call, NodeType::StepGroup, Phase::Running);
        // One more than there are steps, so that the group cannot end before all of them have been started.
        let body = GroupBody { unsettled: 1, error: None, failed_fast: false, steps: Vec::new() };
        self.frame_mut(node).body = Body::Group(body);
        node
    }

    fn start_group(&mut self, steps: NodeIndex, group: NodeIndex, members: &[Value]) -> Result<(), String> {
        let (scope, artifacts) = (self.scope_of_children(steps), self.artifacts_of_children(steps));
        let mut resolved = Vec::with_capacity(members.len());
        for member in members {
            resolved.push(
                resolve(member, &scope, &artifacts).map_err(|why| format!("failed to resolve references: {why}"))?,
            );
        }
        let mut expanded = Vec::with_capacity(members.len());
        for (member, resolved) in members.iter().zip(resolved) {
            expanded.push(runs(member, resolved, &scope)?);
        }
        for (member, (runs, expanded)) in members.iter().zip(expanded) {
            let name = member["name"].as_str().unwrap_or_default().to_owned();
            if let Body::Group(body) = &mut self.frame_mut(group).body {
                body.steps.push(Ended { step: member.clone(), name, expanded, nodes: Vec::new() });
            }
            for run in runs {
                // What could not even start keeps the rest of the group from starting, as in Argo.
                if self.group_has_error(group) {
                    return Ok(());
                }
                self.start_step(steps, group, run);
            }
        }
        Ok(())
    }

    fn start_step(&mut self, steps: NodeIndex, group: NodeIndex, run: Run) {
        let node_name = format!("{}.{}", self.node(group).name, run.name);
        if let Body::Group(body) = &mut self.frame_mut(group).body {
            body.unsettled += 1;
        }
        if let Some(node) = self.start_run(run, node_name, "steps", steps, Owner::Group(group)) {
            self.join_step(group, node);
        }
    }

    /// The artifacts to which the children of a boundary may refer.
    pub(super) fn artifacts_of_children(&self, boundary: NodeIndex) -> Artifacts {
        let own = self.children(boundary).map(|children| Arc::clone(&children.artifacts)).unwrap_or_default();
        Artifacts { own, globals: Arc::clone(&self.global_artifacts) }
    }

    /// Starts one run of a step or task, or makes the node that says why it does not run.
    pub(super) fn start_run(
        &mut self,
        run: Run,
        name: String,
        kind: &'static str,
        boundary: NodeIndex,
        owner: Owner,
    ) -> Option<NodeIndex> {
        let step: Result<Step, String> = view(&run.step);
        let (step, broken) = match step {
            Ok(step) => (step, None),
            Err(why) => (Step::default(), Some(why)),
        };
        let mut hooks = self.hooks_of(&step);
        if matches!(owner, Owner::Item(_)) {
            hooks.retain(|event, _| event == EXIT);
        }
        let call = Call {
            name,
            reference: Reference::from(&step),
            scope: self.frame(boundary).inner_scope.clone(),
            caller: Caller { kind, name: run.name },
            hooks,
            arguments: step.arguments,
            boundary: Some(boundary),
            owner,
            flag: None,
            on_exit: self.frame(boundary).on_exit,
            continue_on: step.continue_on,
        };
        let skipped = Call { flag: Some(NodeFlag::default()), ..call.clone() };
        if let Some(why) = run.skipped {
            return Some(self.create_not_run(&skipped, Phase::Skipped, &why));
        }
        if let Some(number) = run.undecided {
            return Some(self.create_undecided(&skipped, &run.step, number));
        }
        let holds = if step.when.is_empty() { Ok(true) } else { expression::when(&step.when) };
        match (broken, holds) {
            (None, Ok(true)) => self.begin(call),
            (None, Ok(false)) => Some(self.create_not_run(&skipped, Phase::Skipped, &false_condition(&step.when))),
            (Some(why), _) => Some(self.create_broken(&skipped, &why)),
            (None, Err(error)) => Some(self.create_broken(&skipped, &error.to_string())),
        }
    }

    /// Makes the node of a run whose step or condition makes no sense; a group of steps errors with it.
    fn create_broken(&mut self, call: &Call, why: &str) -> NodeIndex {
        if let Owner::Group(group) = call.owner {
            self.group_errs(group, why.to_owned());
        }
        self.create_not_run(call, Phase::Error, why)
    }

    /// Makes a step group end in Error.
    pub(super) fn group_errs(&mut self, group: NodeIndex, why: String) {
        if let Body::Group(body) = &mut self.frame_mut(group).body {
            body.error.get_or_insert(why);
        }
    }

    pub(super) fn group_has_error(&self, group: NodeIndex) -> bool {
        matches!(&self.frame(group).body, Body::Group(body) if body.error.is_some())
    }

    pub(super) fn join_step(&mut self, group: NodeIndex, node: NodeIndex) {
        self.join(group, node);
        let name = self.frame(node).caller.name.clone();
        if let Body::Group(body) = &mut self.frame_mut(group).body {
            let is_of = |ended: &Ended| {
                ended.name == name
                    || ended.expanded && name.strip_prefix(&ended.name).is_some_and(|rest| rest.starts_with('('))
            };
            if let Some(ended) = body.steps.iter_mut().rev().find(|ended| is_of(ended)) {
                ended.nodes.push(node);
            }
        }
    }

    pub(super) fn step_given_up(&mut self, group: NodeIndex) {
        if let Body::Group(body) = &mut self.frame_mut(group).body {
            body.failed_fast = true;
        }
        self.step_done(group);
    }

    /// A step has ended with its hooks, or will never run.
    pub(super) fn step_done(&mut self, group: NodeIndex) {
        let Body::Group(body) = &mut self.frame_mut(group).body else { return };
        body.unsettled -= 1;
        if body.unsettled > 0 {
            return;
        }
        if let Some(why) = body.error.clone() {
            return self.finish(group, Phase::Error, &why);
        }
        let failed_fast = body.failed_fast;
        if failed_fast || self.frame(group).boundary.is_some_and(|steps| self.has_tripped(steps)) {
            return self.finish(group, Phase::Failed, FAILED_FAST);
        }
        let failed = self.group_nodes(group).into_iter().find(|&step| {
            let continue_on = self.frame(step).continue_on;
            match self.node(step).phase {
                Phase::Failed => !continue_on.failed,
                Phase::Error => !continue_on.error,
                _ => false,
            }
        });
        match failed {
            Some(step) => {
                let message = format!("child '{}' failed", self.node(step).id);
                self.finish(group, Phase::Failed, &message);
            }
            None => self.finish(group, Phase::Succeeded, ""),
        }
    }

    /// Whether a pod of a steps or dag node failed whose template fails fast.
    pub(super) fn has_tripped(&self, boundary: NodeIndex) -> bool {
        self.children(boundary).is_some_and(|children| children.slots.tripped)
    }

    fn group_nodes(&self, group: NodeIndex) -> Vec<NodeIndex> {
        match &self.frame(group).body {
            Body::Group(body) => body.steps.iter().flat_map(|ended| ended.nodes.iter().copied()).collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn group_settled(&mut self, steps: NodeIndex, group: NodeIndex) {
        let last = self.group_nodes(group);
        if self.node(group).phase.is_unsuccessful() {
            self.set_outbound(steps, &last);
            let message = self.node(group).message.clone();
            return self.finish(steps, Phase::Failed, &message);
        }
        if let Err(why) = self.learn(steps, group) {
            return self.raise(steps, &why);
        }
        if let Body::Steps(body) = &mut self.frame_mut(steps).body {
            body.current += 1;
        }
        self.next_group(steps);
    }

    /// Adds what a group's steps gave to what later steps can refer to.
    fn learn(&mut self, steps: NodeIndex, group: NodeIndex) -> Result<(), String> {
        let Body::Group(body) = &mut self.frame_mut(group).body else { return Ok(()) };
        let ended = std::mem::take(&mut body.steps);
        let result = ended.iter().try_for_each(|step| self.learn_step(steps, group, step));
        if let Body::Group(body) = &mut self.frame_mut(group).body {
            body.steps = ended;
        }
        result
    }

    fn learn_step(&mut self, steps: NodeIndex, group: NodeIndex, ended: &Ended) -> Result<(), String> {
        let prefix = format!("steps.{}", ended.name);
        let not_run = ended
            .nodes
            .first()
            .filter(|&&node| !ended.expanded && matches!(self.node(node).phase, Phase::Skipped | Phase::Omitted));
        let template = not_run.and_then(|_| self.called_template(steps, &ended.step));
        let nodes: Vec<_> = ended.nodes.iter().map(|&node| self.last_attempt(node)).collect();
        let unknown = ended.nodes.iter().find_map(|&node| self.frame(node).unknown);
        let (Body::Steps(body), statuses) = (&mut self.frames[steps.0].body, &self.nodes) else { return Ok(()) };
        let children = &mut body.children;
        let mut known =
            Known { scope: Arc::make_mut(&mut children.scope), artifacts: Arc::make_mut(&mut children.artifacts) };
        match nodes.as_slice() {
            [node] if !ended.expanded => {
                known.add_node(&prefix, &statuses[node.0]);
                if let Some(template) = template {
                    known.add_not_run(&prefix, &template, true);
                }
            }
            nodes => {
                let nodes = nodes.iter().map(|node| &statuses[node.0]);
                let ran: Vec<_> = nodes.filter(|node| node.kind != NodeType::Skipped).collect();
                if !ran.is_empty() {
                    known.add_items(&prefix, &ran)?;
                }
                known.add_node(&prefix, &statuses[group.0]);
            }
        }
        known.add_unknown(&prefix, unknown);
        Ok(())
    }

    /// The template that a step or task of `boundary` calls, without its inputs.
    pub(super) fn called_template(&self, boundary: NodeIndex, step: &Value) -> Option<Template> {
        let step: Step = view(step).ok()?;
        let (_, template) = self.plan.resolve(&Reference::from(&step), &self.frame(boundary).inner_scope).ok()?;
        view(&template).ok()
    }

    fn end_steps(&mut self, steps: NodeIndex) {
        let Body::Steps(body) = &self.frame(steps).body else { return };
        let last = body.group.map(|group| self.group_nodes(group)).unwrap_or_default();
        self.set_outbound(steps, &last);
        self.end_with_outputs(steps);
    }

    /// Ends a steps or dag node well, with the outputs that its template takes from its children.
    pub(super) fn end_with_outputs(&mut self, node: NodeIndex) {
        let Some(template) = self.frame(node).template.clone() else { return };
        let (scope, artifacts) = (self.scope_of_children(node), self.artifacts_of_children(node));
        match of_template(&template, &scope, &artifacts) {
            Ok(outputs) => {
                self.node_mut(node).outputs = outputs;
                self.finish(node, Phase::Succeeded, "");
            }
            Err(why) => self.raise(node, &why),
        }
    }
}

/// The runs that a step or task becomes: itself, one an item, or one that only says why there is none.
pub(super) fn runs(document: &Value, resolved: Resolved, scope: &Arc<Scope>) -> Result<(Vec<Run>, bool), String> {
    let name = document["name"].as_str().unwrap_or_default();
    let of_step = |skipped, undecided| Run { name: name.to_owned(), step: document.clone(), skipped, undecided };
    let not_run = |why: String| of_step(Some(why), None);
    let (step, value) = match resolved {
        Resolved::Undecided(number) => return Ok((vec![of_step(None, Some(number))], false)),
        Resolved::Skip(when) => {
            let mut value = document.clone();
            value["when"] = when.clone().into();
            let step: Step = view(&value)?;
            // Argo expands a loop before it looks at its condition: each item is skipped by itself.
            if !step.expands() {
                return Ok((vec![not_run(false_condition(&when))], false));
            }
            (Box::new(step), value)
        }
        Resolved::Run(step, value) => (step, value),
    };
    if !step.expands() {
        return Ok((vec![Run { step: value, ..of_step(None, None) }], false));
    }
    let will_not_run = expression::when(&step.when).is_ok_and(|holds| !holds) && !step.when.is_empty();
    let items = match items(&step) {
        Ok(items) => items,
        Err(_) if will_not_run => Vec::new(),
        Err(why) => return Err(why),
    };
    if items.is_empty() {
        return Ok((vec![not_run("Skipped, empty params".to_owned())], false));
    }
    let items = expand(&value, name, &items, scope, will_not_run)?;
    let run = |item: Expanded| Run { name: item.name, step: item.step, skipped: None, undecided: None };
    Ok((items.into_iter().map(run).collect(), true))
}

/// One run of a step or task.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) step: Value,
    /// Why it does not run.
    pub(super) skipped: Option<String>,
    /// In a plan: the unknown value that decides whether it runs, or how often.
    pub(super) undecided: Option<usize>,
}

fn false_condition(when: &str) -> String {
    format!("when '{when}' evaluated false")
}

/// Names of the steps or tasks of a template to whose result it refers itself.
fn results_used_in(template: &Template) -> HashSet<String> {
    let mut names = HashSet::new();
    let tasks = template.dag.iter().flat_map(|dag| &dag.tasks);
    for step in template.steps.iter().flatten().chain(tasks) {
        names.extend(referred_results(&step.to_string()));
    }
    for source in template.outputs.parameters.iter().filter_map(|parameter| parameter.value_from.as_ref()) {
        for text in [&source.parameter, &source.expression].into_iter().flatten() {
            names.extend(referred_results(text));
        }
    }
    names
}
