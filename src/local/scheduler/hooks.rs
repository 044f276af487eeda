//! Hooks: templates that run on the events of a node, and a step's exit handler.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Scheduler;
use super::arguments::view;
use super::dag_tasks::DagTasks;
use super::hook_faults::HookFault;
use super::outputs::Known;
use super::references::{mark_absent, resolve_artifacts};
use super::state::{Call, NodeIndex, Owner};
use crate::argo::expression::{self, Scope, Unresolved, golang, render_value};
use crate::argo::model::{Arguments, Hook, Step};
use crate::argo::status::{NodeFlag, NodeType, Phase};
use crate::argo::workflow_spec;
use crate::local::resolved::{Reference, Resolved, TemplateScope};

/// The name of the event of a node's end.
pub(super) const EXIT: &str = "exit";
/// What the name of an exit handler's node ends with.
pub(super) const ON_EXIT: &str = ".onExit";

/// Handlers of a node's events.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    /// By the event's name, `exit` among them; those that have started are taken out.
    waiting: BTreeMap<String, Hook>,
    running: usize,
    /// What has ended within the node, and is told of when they have ended.
    held: Vec<NodeIndex>,
}

impl Hooks {
    pub(super) fn new(waiting: BTreeMap<String, Hook>) -> Self {
        Self { waiting, ..Self::default() }
    }

    /// Has none start any more.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn are_running(&self) -> bool {
        self.running > 0
    }

    pub(super) fn hold(&mut self, node: NodeIndex) {
        self.held.push(node);
    }

    /// The events that are waited for, but for the node's end.
    fn events(&self) -> Vec<String> {
        self.waiting.keys().filter(|name| *name != EXIT).cloned().collect()
    }

    fn get(&self, event: &str) -> Option<Hook> {
        self.waiting.get(event).cloned()
    }

    pub(super) fn take(&mut self, event: &str) -> Option<Hook> {
        self.waiting.remove(event)
    }

    fn begun(&mut self) {
        self.running += 1;
    }

    fn ended(&mut self) {
        self.running -= 1;
    }
}

impl Scheduler {
    /// Starts the hooks whose expression holds now. Of a pending task Argo looks at none, unless the dag ends with the task, and of one
    /// before which something cannot be read at none at all. Steps of which one has erred have failed for Argo: it looks at their hooks
    /// with that phase, here when the other steps have ended. (workflow/controller/dag.go, executeDAGTask and executeDAG; steps.go,
    /// executeStepGroup)
    pub(super) fn fire_hooks(&mut self, node: NodeIndex) {
        let phase = self.nodes[node].phase;
        let is_entry = self.nodes.frame(node).owner == Owner::Entry;
        let is_early =
            !phase.is_fulfilled() && if is_entry { !self.workflow.has_begun() } else { self.nodes.have_failed(node) };
        let is_passed_over = phase == Phase::Pending && self.nodes.is_passed_by(node) || self.nodes.is_unreadable(node);
        if is_early || is_passed_over || self.nodes.looks_later(node) {
            return;
        }
        for name in self.nodes.frame(node).hooks.events() {
            if self.stopping(node) || self.has_failed_fast(node) || self.nodes.is_silent(node) {
                return;
            }
            let hook_node = format!("{}.hooks.{name}", self.nodes[node].name);
            let Some(hook) = self.nodes.frame(node).hooks.get(&name) else { continue };
            if let Some(number) = self.nodes.frame(node).unknown {
                let hook = hook.clone();
                self.nodes.frame_mut(node).hooks.take(&name);
                self.create_undecided_hook(node, &hook, hook_node, number);
                continue;
            }
            let scope = self.scope_of_hooks(node);
            match holds(&hook, &hook_node, &scope) {
                Ok(true) => {
                    self.nodes.frame_mut(node).hooks.take(&name);
                    self.start_hook(node, &hook, hook_node, &scope, false);
                }
                Ok(false) => {}
                Err(why) => {
                    self.nodes.frame_mut(node).hooks.take(&name);
                    self.hook_failed(node, &why, HookFault::Unasked);
                }
            }
        }
    }

    /// Starts the exit handler of a step or task that ran to an end.
    pub(super) fn fire_exit_hook(&mut self, node: NodeIndex) {
        let is_entry = self.nodes.frame(node).owner == Owner::Entry;
        if is_entry
            || self.stop.is_termination()
            || self.has_failed_fast(node)
            || self.nodes.is_silent(node)
            || self.nodes.is_unreadable(node)
            || self.nodes.broken_off_around(node).is_some()
            || !self.nodes[node].phase.is_completed()
        {
            return;
        }
        let Some(hook) = self.nodes.frame_mut(node).hooks.take(EXIT) else { return };
        let name = format!("{}{ON_EXIT}", self.nodes[node].name);
        let frame = self.nodes.frame(node);
        let unknown = if hook.expression.is_empty() { frame.undecided } else { frame.unknown };
        if let Some(number) = unknown {
            return self.create_undecided_hook(node, &hook, name, number);
        }
        let scope = self.scope_of_hooks(node);
        let holds = if hook.expression.is_empty() { Ok(true) } else { holds(&hook, &name, &scope) };
        match holds {
            Ok(true) => self.start_hook(node, &hook, name, &scope, true),
            Ok(false) => {}
            Err(why) => self.exit_hook_failed(node, &why),
        }
    }

    /// The exit handler of a step could not be called. Of a task Argo forgets it. (workflow/controller/steps.go,
    /// executeStepGroup; dag.go, executeDAGTask)
    pub(super) fn exit_hook_failed(&mut self, hooked: NodeIndex, why: &str) {
        if let Owner::Group(group) = self.nodes.frame(hooked).owner
            && let Some(group) = self.nodes.group_mut(group)
        {
            group.hand_up(hooked, why.to_owned(), self.now.elapsed);
        }
    }

    /// Whether the template that calls a node starts nothing more, because a child failed.
    fn has_failed_fast(&self, node: NodeIndex) -> bool {
        self.nodes.frame(node).boundary.is_some_and(|boundary| self.places.has_failed_fast(boundary))
    }

    /// The variables that a node's hooks see: those of its caller, its status and its output parameters.
    fn scope_of_hooks(&mut self, node: NodeIndex) -> Arc<Scope> {
        let base = self.scopes.variables(self.nodes.frame(node).boundary);
        let caller = &self.nodes.frame(node).caller;
        if caller.name.is_empty() {
            return base;
        }
        let mut scope = Scope::child(&base);
        let prefix = caller.prefix_of_hooks();
        scope.set(format!("{prefix}.status"), self.nodes[node].phase.as_str());
        if let Some(outputs) = &self.nodes[self.nodes.last_attempt(node)].outputs {
            Known { scope: &mut scope, artifacts: &mut HashMap::new() }.add_handed_on(&prefix, outputs);
        }
        Arc::new(scope)
    }

    fn hook_call(&self, node: NodeIndex, hook: &Hook, name: String, on_exit: bool) -> Call {
        let boundary = self.nodes.frame(node).boundary;
        let scope_of_templates =
            boundary.map_or(TemplateScope::Local, |boundary| self.nodes.frame(boundary).inner_scope.clone());
        Call {
            boundary,
            flag: Some(NodeFlag { hooked: true, retried: false }),
            on_exit: on_exit || self.nodes.frame(node).on_exit,
            ..Call::new(name, Reference::from(hook), scope_of_templates, Owner::Hook(node))
        }
    }

    /// In a plan: a hook of which nobody knows yet whether it runs.
    fn create_undecided_hook(&mut self, node: NodeIndex, hook: &Hook, name: String, number: usize) {
        let call = self.hook_call(node, hook, name, false);
        self.nodes.frame_mut(node).hooks.begun();
        let hook = self.create(&call, NodeType::Pod, Phase::Pending);
        self.nodes.frame_mut(hook).counted = false;
        self.nodes.join(node, hook);
        self.assume(hook, number);
    }

    /// Starts a hook; of one whose arguments cannot be resolved there is no node. (workflow/controller/hooks.go,
    /// executeTmplLifeCycleHook; exit_handler.go, runOnExitNode)
    fn start_hook(&mut self, node: NodeIndex, hook: &Hook, name: String, scope: &Arc<Scope>, on_exit: bool) {
        let call = self.hook_call(node, hook, name, on_exit);
        match self.hook_arguments(node, &hook.arguments, scope) {
            Ok(arguments) => {
                self.nodes.frame_mut(node).hooks.begun();
                let hook = self.begin(Call { arguments, ..call });
                // Argo joins a hook that could not begin to nothing, but an exit handler.
                if let Some(hook) = hook.filter(|&hook| on_exit || self.nodes.frame(hook).raised.is_none()) {
                    self.nodes.join(node, hook);
                }
            }
            Err(why) if on_exit => self.exit_hook_failed(node, &why),
            Err(why) => self.hook_failed(node, &why, HookFault::Uncalled),
        }
    }

    fn hook_arguments(&self, node: NodeIndex, arguments: &Value, scope: &Arc<Scope>) -> Result<Arguments, String> {
        if arguments.is_null() {
            return Ok(Arguments::default());
        }
        let mut document = json!({ "arguments": arguments });
        mark_absent(&mut document, scope);
        let rendered =
            render_value(&document["arguments"], scope, Unresolved::Keep).map_err(|error| error.to_string())?;
        let mut arguments: Arguments = view(&rendered)?;
        let frame = self.nodes.frame(node);
        let mut known = self.scopes.artifacts(frame.boundary);
        if let Some(outputs) = &self.nodes[self.nodes.last_attempt(node)].outputs {
            let artifacts = Arc::make_mut(&mut known.own);
            Known { scope: &mut Scope::new(), artifacts }.add_handed_on(&frame.caller.prefix_of_hooks(), outputs);
        }
        resolve_artifacts(&mut arguments.artifacts, scope, &known)
            .map_err(|why| format!("unable to resolve references: {why}"))?;
        Ok(arguments)
    }

    pub(super) fn hook_settled(&mut self, hooked: NodeIndex) {
        let hooks = &mut self.nodes.frame_mut(hooked).hooks;
        hooks.ended();
        for node in std::mem::take(&mut hooks.held) {
            self.settle(node);
        }
        if self.nodes.frame(hooked).hooks.are_running() {
            return;
        }
        if self.nodes[hooked].phase.is_fulfilled() || self.is_daemoned(hooked) {
            self.settle(hooked);
        } else if let Owner::Task(dag, _) = self.nodes.frame(hooked).owner
            && self.nodes.items_mut(hooked).is_some_and(|items| items.has_left())
        {
            self.go_on_with_items(dag, hooked);
        } else if self.nodes.dag(hooked).is_some_and(DagTasks::waits_for_hooks) {
            self.end_dag(hooked);
        }
    }
}

impl Resolved {
    /// The hooks of a step or task. An item of a task has only its exit handler: the others are for the whole task.
    pub(super) fn hooks_of(&self, step: &Step) -> BTreeMap<String, Hook> {
        let mut hooks = step.hooks.clone();
        if let Some(exit) = self.exit_hook(&step.on_exit, &hooks) {
            hooks.insert(EXIT.to_owned(), exit);
        }
        hooks
    }

    /// The hooks of the workflow but for its exit handler.
    pub(super) fn hooks_of_workflow(&self) -> BTreeMap<String, Hook> {
        let mut hooks: BTreeMap<String, Hook> =
            self.spec.get("hooks").map(|hooks| view(hooks).unwrap_or_default()).unwrap_or_default();
        hooks.remove(EXIT);
        hooks
    }

    /// The workflow's exit handler: `onExit`, or `hooks.exit`.
    pub(super) fn exit_handler(&self) -> Option<Hook> {
        let hooks = self.spec.get("hooks").map(|hooks| view(hooks).unwrap_or_default()).unwrap_or_default();
        self.exit_hook(self.spec["onExit"].as_str().unwrap_or_default(), &hooks)
    }

    /// An exit handler: `onExit` before `hooks.exit`; one without arguments of its own gets the workflow's.
    fn exit_hook(&self, on_exit: &str, hooks: &BTreeMap<String, Hook>) -> Option<Hook> {
        let hook = match hooks.get(EXIT) {
            Some(hook) if on_exit.is_empty() => hook.clone(),
            None if on_exit.is_empty() => return None,
            _ => Hook { template: on_exit.to_owned(), ..Hook::default() },
        };
        let given = |field: &str| hook.arguments[field].as_array().is_some_and(|list| !list.is_empty());
        if given("parameters") || given("artifacts") {
            return Some(hook);
        }
        Some(Hook { arguments: workflow_spec::arguments(&self.spec).cloned().unwrap_or_default(), ..hook })
    }
}

fn holds(hook: &Hook, name: &str, scope: &Scope) -> Result<bool, String> {
    if hook.expression.is_empty() {
        return Err(format!("Expression required for hook {name}"));
    }
    let value = expression::evaluate(&hook.expression, scope)
        .map_err(|error| format!("unable to evaluate expression '{}': {error}", hook.expression))?;
    let printed = || format!("unable to cast expression result '{}' to bool", golang::display(&value));
    value.as_bool().ok_or_else(printed)
}
