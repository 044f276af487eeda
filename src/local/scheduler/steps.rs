//! Steps templates: groups one after another, the steps of a group side by side.

use std::sync::Arc;

use serde_json::Value;

use super::Scheduler;
use super::arguments::view;
use super::finish::OPERATION_ERROR;
use super::hooks::EXIT;
use super::outputs::of_template;
use super::references::resolve;
use super::runs::{Run, false_condition, runs};
use super::state::{Body, Call, Caller, NodeIndex, Owner, StepsBody};
use super::step_group::{Member, StepGroup};
use crate::argo::expression::{self, STOPPED};
use crate::argo::model::{Step, Template};
use crate::argo::status::{NodeFlag, NodeType, Phase};
use crate::local::resolved::Reference;

/// Why nobody can read what the items of a loop over a template within the step gave: Argo asks their nodes for its name.
/// (workflow/templateresolution/context.go, GetTemplate)
pub(super) const NO_TEMPLATE: &str = "failed to get a template";
/// Why a template that fails fast ends.
pub(super) const FAILED_FAST: &str = "template has failed or errored children and failFast enabled";

impl Scheduler {
    pub(super) fn start_steps(&mut self, node: NodeIndex, template: &Arc<Template>) {
        let groups = template.steps.iter().flatten().map(|group| match group {
            Value::Array(steps) => steps.clone(),
            // Argo also takes a step where a list of steps is expected.
            step => vec![step.clone()],
        });
        let body = StepsBody { groups: groups.collect(), current: 0, group: None };
        self.open(node, template);
        self.nodes.frame_mut(node).body = Body::Steps(body);
        self.next_group(node);
    }

    /// Opens what the children of a steps or dag node share.
    pub(super) fn open(&mut self, node: NodeIndex, template: &Template) {
        let status = &self.nodes[node];
        let results = self.forms.results(&self.nodes.frame(node).inner_scope, status.called());
        self.scopes.open(node, template, status.inputs.as_ref(), results);
        let is_attempt = matches!(self.nodes.frame(node).owner, Owner::Attempt(_));
        self.places.open(node, template, is_attempt);
    }

    fn next_group(&mut self, steps: NodeIndex) {
        let Body::Steps(body) = &self.nodes.frame(steps).body else { return };
        let (current, before) = (body.current, body.group);
        let Some(group) = body.groups.get(current).cloned() else { return self.end_steps(steps) };
        if self.stopping(steps) {
            let why = self.nodes.broken_off(steps).map_or_else(|| self.stop.of_run(), str::to_owned);
            return self.finish(steps, Phase::Failed, &why);
        }

        let node = self.create_group(steps, current);
        for parent in self.parents_of_group(steps, before) {
            self.nodes.join(parent, node);
        }
        if let Body::Steps(body) = &mut self.nodes.frame_mut(steps).body {
            body.group = Some(node);
        }
        if let Err(why) = self.start_group(steps, node, &group) {
            self.nodes.fail_group(node, why);
        }
        for step in self.nodes.group_mut(node).map(StepGroup::all_begun).unwrap_or_default() {
            if self.nodes[step].phase.is_fulfilled() {
                self.fire_hooks_of_ended(step);
                self.settle(step);
            } else {
                self.fire_hooks(step);
            }
        }
        self.step_done(node);
    }

    fn parents_of_group(&self, steps: NodeIndex, before: Option<NodeIndex>) -> Vec<NodeIndex> {
        let Some(before) = before else { return vec![steps] };
        let last = self.nodes.of_group(before);
        if last.is_empty() {
            return vec![before];
        }
        last.iter().flat_map(|&child| self.nodes.outbound(child)).collect()
    }

    fn create_group(&mut self, steps: NodeIndex, number: usize) -> NodeIndex {
        let name = format!("{}[{number}]", self.nodes[steps].name);
        let frame = self.nodes.frame(steps);
        let (scope, on_exit) = (frame.inner_scope.clone(), frame.on_exit);
        let call = Call {
            boundary: Some(steps),
            flag: Some(NodeFlag::default()),
            on_exit,
            ..Call::new(name, Reference::Name(String::new()), scope, Owner::Steps(steps))
        };
        let node = self.create(&call, NodeType::StepGroup, Phase::Running);
        self.nodes.frame_mut(node).body = Body::Group(StepGroup::new());
        node
    }

    fn start_group(&mut self, steps: NodeIndex, group: NodeIndex, members: &[Value]) -> Result<(), String> {
        for run in self.expand_group(steps, group, members)? {
            // What could not even start keeps the rest of the group from starting, as in Argo.
            if self.nodes.is_group_stopped(group) {
                return Ok(());
            }
            if self.scopes.stop().is_raised() {
                return Err(STOPPED.to_owned());
            }
            self.start_through(|scheduler| scheduler.start_step(steps, group, run));
        }
        Ok(())
    }

    /// The runs of a group's steps that are to start, loops written out.
    fn expand_group(&mut self, steps: NodeIndex, group: NodeIndex, members: &[Value]) -> Result<Vec<Run>, String> {
        let (scope, artifacts) = (self.scopes.variables(Some(steps)), self.scopes.artifacts(Some(steps)));
        let resolve =
            |member| resolve(member, &scope, &artifacts).map_err(|why| format!("failed to resolve references: {why}"));
        let resolved = members.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;

        let mut expanded = Vec::with_capacity(members.len());
        for (member, resolved) in members.iter().zip(resolved) {
            let (runs, is_expanded) = runs(member, resolved, &scope)?;
            if let Some(group) = self.nodes.group_mut(group) {
                group.add(member, is_expanded);
            }
            for run in runs {
                // Argo makes the node of an empty loop while it expands the group, whatever becomes of the rest. (expandStepGroup)
                if run.is_empty_loop() {
                    self.start_step(steps, group, run);
                } else {
                    expanded.push(run);
                }
            }
        }
        Ok(expanded)
    }

    fn start_step(&mut self, steps: NodeIndex, group: NodeIndex, run: Run) {
        let node_name = format!("{}.{}", self.nodes[group].name, run.name);
        if let Some(group) = self.nodes.group_mut(group) {
            group.begun();
        }
        if let Some(node) = self.start_run(run, node_name, "steps", steps, Owner::Group(group)) {
            self.join_step(group, node);
        }
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
        let mut hooks = self.plan.hooks_of(&step);
        if matches!(owner, Owner::Item(_)) {
            hooks.retain(|event, _| event == EXIT);
        }
        let call = Call {
            name,
            reference: Reference::from(&step),
            scope: self.nodes.frame(boundary).inner_scope.clone(),
            caller: Caller { kind, name: run.name },
            hooks,
            arguments: step.arguments,
            boundary: Some(boundary),
            owner,
            flag: None,
            on_exit: self.nodes.frame(boundary).on_exit,
            continue_on: step.continue_on,
        };
        let skipped = |call: Call| Call { flag: Some(NodeFlag::default()), ..call };
        if let Some(why) = run.skipped {
            return Some(self.create_not_run(&skipped(call), Phase::Skipped, &why));
        }
        if let Some(number) = run.undecided {
            return Some(self.create_undecided(&skipped(call), &run.step, number));
        }
        let holds = if step.when.is_empty() { Ok(true) } else { expression::when(&step.when) };
        match (broken, holds) {
            (None, Ok(true)) => self.begin(call),
            (None, Ok(false)) => {
                Some(self.create_not_run(&skipped(call), Phase::Skipped, &false_condition(&step.when)))
            }
            (Some(why), _) => Some(self.create_broken(&skipped(call), &why)),
            (None, Err(error)) => Some(self.create_broken(&skipped(call), &error.to_string())),
        }
    }

    /// Makes the node of a run whose step or condition makes no sense; a group of steps errors with it.
    fn create_broken(&mut self, call: &Call, why: &str) -> NodeIndex {
        if let Owner::Group(group) = call.owner {
            self.nodes.fail_group(group, why.to_owned());
        }
        self.create_not_run(call, Phase::Error, why)
    }

    pub(super) fn join_step(&mut self, group: NodeIndex, node: NodeIndex) {
        self.nodes.join(group, node);
        let name = self.nodes.frame(node).caller.name.clone();
        if let Some(group) = self.nodes.group_mut(group) {
            group.join(&name, node);
        }
    }

    pub(super) fn step_given_up(&mut self, group: NodeIndex) {
        if let Some(group) = self.nodes.group_mut(group) {
            group.give_up();
        }
        self.step_done(group);
    }

    /// A step has ended with its hooks, or will never run.
    pub(super) fn step_done(&mut self, node: NodeIndex) {
        if !self.nodes.group_mut(node).is_some_and(StepGroup::settled) {
            return;
        }
        let tripped = self.nodes.frame(node).boundary.is_some_and(|steps| self.places.has_tripped(steps));
        if let Some((phase, message)) = self.nodes.group(node).map(|group| group.end(tripped, &self.nodes)) {
            self.finish(node, phase, &message);
        }
    }

    /// A group has ended, hooks included. Where that came of a hook at fault, the steps are Running until the next look.
    /// (workflow/controller/steps.go, executeStepGroup)
    pub(super) fn group_settled(&mut self, steps: NodeIndex, group: NodeIndex) {
        if self.nodes.group(group).is_some_and(|group| group.is_seen_later(self.now.elapsed)) {
            return self.agenda.add_look(group);
        }
        self.group_ended(steps, group);
    }

    pub(super) fn group_ended(&mut self, steps: NodeIndex, group: NodeIndex) {
        if self.nodes[group].phase.is_unsuccessful() {
            // Where Argo ends them before it looks at the group, nothing is joined to what comes after. (checkParallelism)
            if !self.places.has_tripped(steps) {
                self.nodes.set_outbound(steps, &self.nodes.of_group(group));
            }
            let message = self.nodes[group].message.clone();
            if self.ends_the_workflow(steps, group) {
                return self.end_handing_up(steps, message);
            }
            return self.finish(steps, Phase::Failed, &message);
        }
        if self.nodes.frame(group).stubbed {
            self.nodes.frame_mut(steps).given_stubs = true;
        }
        if let Err(why) = self.learn(steps, group) {
            return self.raise(steps, &why);
        }
        if let Body::Steps(body) = &mut self.nodes.frame_mut(steps).body {
            body.current += 1;
        }
        self.next_group(steps);
    }

    /// Whether a group hands an error up to the workflow, which ends before it looks at the steps again. While an exit handler runs or
    /// daemons are ended, Argo comes to the group once more, finds it in Error if nothing of it is at work, and ends its steps as ever.
    /// (executeStepGroup; operator.go, markWorkflowPhase)
    fn ends_the_workflow(&mut self, steps: NodeIndex, group: NodeIndex) -> bool {
        let Some(group) = self.nodes.group(group).filter(|group| group.hands_up()) else { return false };
        let was_left = group.was_left(self.now.elapsed);
        let owner = self.nodes.frame(steps).owner;
        let has_handler = owner == Owner::Entry && self.plan.exit_handler().is_some();
        let is_seen_again = !was_left && (has_handler || !self.daemons.is_empty());
        if is_seen_again && owner == Owner::Entry {
            self.workflow.see_again();
        }
        !is_seen_again && matches!(owner, Owner::Entry | Owner::ExitHandler)
    }

    fn end_handing_up(&mut self, steps: NodeIndex, why: String) {
        if self.nodes.frame(steps).owner == Owner::ExitHandler {
            return self.finish(steps, Phase::Error, &why);
        }
        self.workflow.hand_up(why);
        self.finish(steps, Phase::Error, OPERATION_ERROR);
    }

    /// Adds what a group's steps gave to what later steps can refer to.
    fn learn(&mut self, steps: NodeIndex, node: NodeIndex) -> Result<(), String> {
        let Some(group) = self.nodes.group(node) else { return Ok(()) };
        for member in group.steps() {
            if member.expanded && member.step.get("inline").is_some() && self.has_run(member) {
                return Err(NO_TEMPLATE.to_owned());
            }
            let template = self.template_not_run(steps, member);
            let Some(known) = self.scopes.known(steps) else { return Ok(()) };
            known.add_step(member, node, template.as_ref(), &self.nodes)?;
        }
        Ok(())
    }

    /// Whether an item of a loop was not skipped.
    fn has_run(&self, member: &Member) -> bool {
        member.nodes.iter().any(|&node| self.nodes[node].kind != NodeType::Skipped)
    }

    /// The template of a step that did not run, for the outputs that it would have had.
    fn template_not_run(&self, steps: NodeIndex, member: &Member) -> Option<Template> {
        let node = member.nodes.first().filter(|_| !member.expanded)?;
        let not_run = matches!(self.nodes[*node].phase, Phase::Skipped | Phase::Omitted);
        if not_run { self.called_template(steps, &member.step) } else { None }
    }

    /// The template that a step or task of `boundary` calls, without its inputs.
    pub(super) fn called_template(&self, boundary: NodeIndex, step: &Value) -> Option<Template> {
        let step: Step = view(step).ok()?;
        let (_, template) = self.plan.resolve(&Reference::from(&step), &self.nodes.frame(boundary).inner_scope).ok()?;
        view(&template).ok()
    }

    fn end_steps(&mut self, steps: NodeIndex) {
        let Body::Steps(body) = &self.nodes.frame(steps).body else { return };
        let last = body.group.map(|group| self.nodes.of_group(group)).unwrap_or_default();
        self.nodes.set_outbound(steps, &last);
        self.end_with_outputs(steps);
    }

    /// Ends a steps or dag node well, with the outputs that its template takes from its children.
    pub(super) fn end_with_outputs(&mut self, node: NodeIndex) {
        let Some(template) = self.nodes.frame(node).template.clone() else { return };
        let (scope, artifacts) = (self.scopes.variables(Some(node)), self.scopes.artifacts(Some(node)));
        match of_template(&template, &scope, &artifacts) {
            Ok(outputs) => {
                self.nodes[node].outputs = outputs;
                self.finish(node, Phase::Succeeded, "");
            }
            Err(why) => self.raise(node, &why),
        }
    }
}
