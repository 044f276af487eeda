//! Hooks: templates that run on the events of a node, and a step's exit handler.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Scheduler;
use super::arguments::view;
use super::outputs::Known;
use super::references::{Artifacts, leave_out_absent, resolve_artifacts};
use super::state::{Call, NodeIndex, Owner};
use crate::argo::expression::{self, Scope, Unresolved, render_value};
use crate::argo::model::{Arguments, Hook, Step};
use crate::argo::status::{NodeFlag, Phase};
use crate::argo::workflow_spec;
use crate::local::resolved::{Reference, TemplateScope};

/// The name of the event of a node's end.
pub(super) const EXIT: &str = "exit";

impl Scheduler {
    /// The hooks of a step or task. An item of a task has only its exit handler: the others are for the whole task.
    pub(super) fn hooks_of(&self, step: &Step) -> BTreeMap<String, Hook> {
        let mut hooks = step.hooks.clone();
        if let Some(exit) = self.exit_hook(&step.on_exit, &hooks) {
            hooks.insert(EXIT.to_owned(), exit);
        }
        hooks
    }

    /// The exit handler: `onExit` before `hooks.exit`; one without arguments of its own gets the workflow's.
    pub(super) fn exit_hook(&self, on_exit: &str, hooks: &BTreeMap<String, Hook>) -> Option<Hook> {
        let hook = match hooks.get(EXIT) {
            Some(hook) if on_exit.is_empty() => hook.clone(),
            None if on_exit.is_empty() => return None,
            _ => Hook { template: on_exit.to_owned(), ..Hook::default() },
        };
        let given = |field: &str| hook.arguments[field].as_array().is_some_and(|list| !list.is_empty());
        if given("parameters") || given("artifacts") {
            return Some(hook);
        }
        Some(Hook { arguments: workflow_spec::arguments(&self.plan.spec).cloned().unwrap_or_default(), ..hook })
    }

    /// Starts the hooks whose expression holds now.
    pub(super) fn fire_hooks(&mut self, node: NodeIndex) {
        let names: Vec<String> = self.frame(node).hooks.waiting.keys().filter(|name| *name != EXIT).cloned().collect();
        for name in names {
            if self.stopping(node) || self.has_failed_fast(node) {
                return;
            }
            let hook_node = format!("{}.hooks.{name}", self.node(node).name);
            let Some(hook) = self.frame(node).hooks.waiting.get(&name).cloned() else { continue };
            let scope = self.scope_of_hooks(node);
            match holds(&hook, &hook_node, &scope) {
                Ok(true) => {
                    self.frame_mut(node).hooks.waiting.remove(&name);
                    self.start_hook(node, &hook, hook_node, &scope, false);
                }
                Ok(false) => {}
                Err(why) => {
                    self.frame_mut(node).hooks.waiting.remove(&name);
                    self.set(node, Phase::Error, &why);
                }
            }
        }
    }

    /// Starts the exit handler of a step or task that ran to an end.
    pub(super) fn fire_exit_hook(&mut self, node: NodeIndex) {
        let terminated = self.shutdown == Some(super::Shutdown::Terminate);
        let is_entry = self.frame(node).owner == Owner::Entry;
        if is_entry || terminated || self.has_failed_fast(node) || !self.node(node).phase.is_completed() {
            return;
        }
        let Some(hook) = self.frame_mut(node).hooks.waiting.remove(EXIT) else { return };
        let name = format!("{}.onExit", self.node(node).name);
        let scope = self.scope_of_hooks(node);
        let holds = if hook.expression.is_empty() { Ok(true) } else { holds(&hook, &name, &scope) };
        match holds {
            Ok(true) => self.start_hook(node, &hook, name, &scope, true),
            Ok(false) => {}
            Err(why) => self.set(node, Phase::Error, &why),
        }
    }

    /// Whether the template that calls a node starts nothing more, because a child failed.
    fn has_failed_fast(&self, node: NodeIndex) -> bool {
        let children = self.frame(node).boundary.and_then(|boundary| self.children(boundary));
        children.is_some_and(|children| children.slots.has_failed_fast())
    }

    /// The variables that a node's hooks see: those of its caller, its status and its output parameters.
    fn scope_of_hooks(&mut self, node: NodeIndex) -> Arc<Scope> {
        let base = match self.frame(node).boundary {
            Some(boundary) => self.scope_of_children(boundary),
            None => Arc::clone(&self.globals),
        };
        let caller = &self.frame(node).caller;
        if caller.name.is_empty() {
            return base;
        }
        let mut scope = Scope::child(&base);
        let prefix = caller.prefix_of_hooks();
        scope.set(format!("{prefix}.status"), self.node(node).phase.as_str());
        if let Some(outputs) = &self.node(self.last_attempt(node)).outputs {
            Known { scope: &mut scope, artifacts: &mut HashMap::new() }.add_handed_on(&prefix, outputs);
        }
        Arc::new(scope)
    }

    fn start_hook(&mut self, node: NodeIndex, hook: &Hook, name: String, scope: &Arc<Scope>, on_exit: bool) {
        let boundary = self.frame(node).boundary;
        let scope_of_templates =
            boundary.map_or(TemplateScope::Local, |boundary| self.frame(boundary).inner_scope.clone());
        let call = Call {
            boundary,
            flag: Some(NodeFlag { hooked: true, retried: false }),
            on_exit: on_exit || self.frame(node).on_exit,
            ..Call::new(name, Reference::from(hook), scope_of_templates, Owner::Hook(node))
        };
        self.frame_mut(node).hooks.running += 1;
        match self.hook_arguments(node, &hook.arguments, scope) {
            Ok(arguments) => {
                let hook = self.begin(Call { arguments, ..call });
                if let Some(hook) = hook {
                    self.join(node, hook);
                }
            }
            Err(why) => {
                let hook = self.create_not_run(&call, Phase::Error, &why);
                self.join(node, hook);
            }
        }
    }

    fn hook_arguments(&self, node: NodeIndex, arguments: &Value, scope: &Arc<Scope>) -> Result<Arguments, String> {
        if arguments.is_null() {
            return Ok(Arguments::default());
        }
        let mut document = json!({ "arguments": arguments });
        leave_out_absent(&mut document, scope);
        let rendered =
            render_value(&document["arguments"], scope, Unresolved::Keep).map_err(|error| error.to_string())?;
        let mut arguments: Arguments = view(&rendered)?;
        let frame = self.frame(node);
        let globals = Arc::clone(&self.global_artifacts);
        let mut known = frame.boundary.map_or_else(
            || Artifacts { globals, ..Artifacts::default() },
            |boundary| self.artifacts_of_children(boundary),
        );
        if let Some(outputs) = &self.node(self.last_attempt(node)).outputs {
            let artifacts = Arc::make_mut(&mut known.own);
            Known { scope: &mut Scope::new(), artifacts }.add_handed_on(&frame.caller.prefix_of_hooks(), outputs);
        }
        resolve_artifacts(&mut arguments.artifacts, scope, &known)
            .map_err(|why| format!("unable to resolve references: {why}"))?;
        Ok(arguments)
    }

    pub(super) fn hook_settled(&mut self, hooked: NodeIndex) {
        let hooks = &mut self.frame_mut(hooked).hooks;
        hooks.running -= 1;
        if hooks.running == 0 && self.node(hooked).phase.is_fulfilled() {
            self.settled.push_back(hooked);
        }
    }
}

fn holds(hook: &Hook, name: &str, scope: &Scope) -> Result<bool, String> {
    if hook.expression.is_empty() {
        return Err(format!("Expression required for hook {name}"));
    }
    let value = expression::evaluate(&hook.expression, scope).map_err(|error| error.to_string())?;
    value.as_bool().ok_or_else(|| format!("hook {name}: {:?} gives no boolean", hook.expression))
}
