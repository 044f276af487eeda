//! Hooks: templates that run on the events of a node, and a step's exit handler.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Scheduler;
use super::arguments::view;
use super::call::{Call, NodeIndex, Owner};
use super::outputs::Known;
use super::references::{leave_out_absent, resolve_artifacts};
use crate::argo::expression::{self, Scope, Unresolved, render_value};
use crate::argo::spec::{Arguments, Hook};
use crate::argo::status::{NodeFlag, Phase};
use crate::local::plan::{Reference, TemplateScope};

const EXIT: &str = "exit";

impl Scheduler {
    /// Starts the hooks whose expression holds now.
    pub(super) fn fire_hooks(&mut self, node: NodeIndex) {
        let names: Vec<String> = self.frame(node).hooks.waiting.keys().filter(|name| *name != EXIT).cloned().collect();
        for name in names {
            if self.stopping(node) {
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
        if is_entry || terminated || !self.node(node).phase.is_completed() {
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

    /// The variables that a node's hooks see: those of its caller, and its own under `steps.NAME` or `tasks.NAME`.
    fn scope_of_hooks(&self, node: NodeIndex) -> Arc<Scope> {
        let frame = self.frame(node);
        let base = match frame.boundary.and_then(|boundary| self.children(boundary)) {
            Some(children) => self.current(&children.scope),
            None => Arc::clone(&self.globals),
        };
        if frame.caller.name.is_empty() {
            return base;
        }
        let mut scope = Scope::child(&base);
        let prefix = format!("{}.{}", frame.caller.kind, frame.caller.name);
        let mut status = self.node(self.last_attempt(node)).clone();
        status.phase = self.node(node).phase;
        Known { scope: &mut scope, artifacts: &mut HashMap::new() }.add_node(&prefix, &status);
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
            ..Call::new(name, hook_reference(hook), scope_of_templates, Owner::Hook(node))
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
        let mut known = frame
            .boundary
            .and_then(|boundary| self.children(boundary))
            .map_or_else(|| self.global_artifacts.clone(), |children| children.artifacts.clone());
        if let Some(outputs) = &self.node(self.last_attempt(node)).outputs {
            let prefix = format!("{}.{}", frame.caller.kind, frame.caller.name);
            Known { scope: &mut Scope::new(), artifacts: &mut known }.add_outputs(&prefix, outputs);
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

/// How a hook names its template.
pub(super) fn hook_reference(hook: &Hook) -> Reference {
    match &hook.template_ref {
        Some(object) => Reference::Object(object.clone()),
        None => Reference::Name(hook.template.clone()),
    }
}
