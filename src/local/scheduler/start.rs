//! Calls on their way to nodes: what they wait for, what keeps them from starting, how they are set going.

use std::sync::Arc;

use super::agenda::Turn;
use super::arguments::{Filled, Surroundings, shown};
use super::attempts::Attempts;
use super::places::Admission;
use super::state::{Body, Call, Frame, NodeIndex, Owner};
use super::{Scheduler, arguments, locks};
use crate::argo::expression::Scope;
use crate::argo::model::Template;
use crate::argo::status::{NodeSynchronization, NodeType, Phase, pod_name};
use crate::argo::template::TemplateType;
use crate::local::resolved::TemplateScope;

/// Templates nested as deep as this are an endless recursion, as in Argo.
const DEEPEST: usize = 100;
/// So many nested templates start one within the other; those deeper wait for their turn, or they would use up the stack.
const AT_ONCE: usize = 10;
const TOO_DEEP: &str = "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/";

impl Scheduler {
    /// Starts a call, or lets it wait for a place among its boundary's children.
    pub(super) fn begin(&mut self, call: Call) -> Option<NodeIndex> {
        if let Owner::Group(group) = call.owner
            && self.nodes.is_group_stopped(group)
        {
            self.step_done(group);
            return None;
        }
        let is_broken_off = |around| self.nodes.broken_off(around).is_some();
        let dag = call.boundary.and_then(|boundary| self.nodes.dag(boundary));
        let errs = dag.is_some_and(|dag| dag.unread_before_a_target().is_some());
        if errs || call.owner.whole().or(call.boundary).is_some_and(is_broken_off) {
            self.give_up(call.owner);
            return None;
        }
        match self.places.admit(call) {
            Admission::Now(call) => Some(self.start(*call)),
            Admission::Later => None,
            Admission::Never(owner) => {
                self.give_up(owner);
                None
            }
        }
    }

    /// Starts what waited for a place that has become free.
    pub(super) fn start_waiting_calls(&mut self, boundary: NodeIndex) {
        for _ in 0..self.places.waiting(boundary) {
            let Some(call) = self.places.next_waiting(boundary) else { return };
            let owner = call.owner;
            self.start_through(|scheduler| {
                if let Some(node) = scheduler.begin(call) {
                    scheduler.started_later(owner, node);
                }
            });
        }
    }

    /// A call that had to wait has become a node: it is joined to its group.
    fn started_later(&mut self, owner: Owner, node: NodeIndex) {
        match owner {
            Owner::Group(group) => self.join_step(group, node),
            Owner::Item(group) => self.join_item(group, node),
            Owner::Task(dag, task) => self.join_task(dag, task, node),
            Owner::Hook(hooked) => self.nodes.join(hooked, node),
            _ => {}
        }
    }

    /// A call will never become a node, because a sibling failed and the template asks to fail fast.
    fn give_up(&mut self, owner: Owner) {
        match owner {
            Owner::Group(group) => self.step_given_up(group),
            Owner::Item(group) => self.item_settled(group),
            Owner::Task(dag, _) => self.task_done(dag),
            Owner::Hook(hooked) => self.hook_settled(hooked),
            _ => {}
        }
    }

    /// Turns a call into a node and sets it going.
    fn start(&mut self, call: Call) -> NodeIndex {
        if self.nodes.depth(call.boundary) + 1 >= DEEPEST {
            let node = self.create(&call, NodeType::Skipped, Phase::Running);
            self.finish(node, Phase::Error, TOO_DEEP);
            return node;
        }
        if self.nodes.statuses().len() >= self.plan.node_limit {
            let most = self.plan.node_limit;
            return self.create_raised(&call, &format!("one more node is beyond the budget of a run ({most} nodes)"));
        }
        match self.prepare_call(&call) {
            Ok((inner_scope, processed)) => self.start_prepared(call, inner_scope, processed),
            Err(why) => self.create_unreadable(&call, &why),
        }
    }

    /// Makes a node for a call.
    pub(super) fn create(&mut self, call: &Call, kind: NodeType, phase: Phase) -> NodeIndex {
        let given_stubs = self.is_given_stubs(call);
        let node = self.nodes.create(call, kind, phase, self.now);
        self.nodes.frame_mut(node).given_stubs = given_stubs;
        if call.owner == Owner::Entry {
            self.workflow.enter(node);
        }
        if kind == NodeType::Pod {
            self.places.add_pod(node);
        }
        node
    }

    /// Makes a node that did not run; its owner is told. Of a task Argo looks at the hooks all the same.
    /// (workflow/controller/dag.go, executeDAGTask)
    pub(super) fn create_not_run(&mut self, call: &Call, phase: Phase, message: &str) -> NodeIndex {
        let node = self.create(call, NodeType::Skipped, Phase::Running);
        let frame = self.nodes.frame_mut(node);
        frame.counted = false;
        if !matches!(call.owner, Owner::Task(..) | Owner::Item(_)) {
            frame.hooks.clear();
        }
        self.finish(node, phase, message);
        node
    }

    /// Makes the node of a call that cannot start; its caller errors too.
    pub(super) fn create_raised(&mut self, call: &Call, why: &str) -> NodeIndex {
        let node = self.create(call, NodeType::Skipped, Phase::Running);
        self.raise(node, why);
        node
    }

    fn prepare_call(&mut self, call: &Call) -> Result<(TemplateScope, Filled), String> {
        let known = (call.name.as_str(), self.known_keys.as_deref());
        let of = Surroundings { plan: &self.plan, globals: self.scopes.workflow(), pod: None, known };
        let (inner_scope, form) = self.forms.of(&call.reference, &call.scope, &of, self.retry_strategy.as_ref())?;
        let mut locals = Scope::child(self.scopes.workflow());
        locals.set("node.name", call.name.clone());
        // To Argo, the entrypoint and all handlers are steps without a name.
        let caller = if call.caller.kind.is_empty() { "steps" } else { call.caller.kind };
        locals.set(format!("{caller}.name"), call.caller.name.clone());
        let is_pod = form.template_type().is_some_and(TemplateType::is_pod);
        let pod = (is_pod && !form.is_retried()).then(|| pod_name(self.plan.name(), form.name(), &call.name));
        if let Some(pod) = &pod {
            locals.set("pod.name", pod.clone());
        }
        let of = Surroundings { pod: pod.as_deref(), ..of };
        Ok((inner_scope, arguments::fill(&form, &call.arguments, &Arc::new(locals), &of)?))
    }

    fn start_prepared(&mut self, call: Call, inner_scope: TemplateScope, mut filled: Filled) -> NodeIndex {
        let template = match filled.begun() {
            Ok(template) => template,
            Err(why) => return self.create_unreadable(&call, &why),
        };
        let Some(kind) = template.template_type() else {
            return self.create_raised(&call, &format!("Template '{}' missing specification", template.name));
        };
        let locks = match self.locks_of(&template) {
            Ok(locks) => locks,
            Err(why) => return self.create_raised(&call, &why),
        };
        // Argo looks at the key when the node has its locks: one that waits for them is there by then, and errs itself.
        // (workflow/controller/operator.go, executeTemplate, v4.1.2)
        if let Some(why) = memoize_fault(&template, &filled).filter(|_| self.locks.can_be_had(&locks)) {
            let node = self.create(&call, NodeType::Skipped, Phase::Running);
            // All of them are free.
            let _ = self.locks.acquire(node, &locks);
            self.raise_with_locks(node, locks, &why);
            return node;
        }
        let kind = if template.retry_strategy.is_some() { NodeType::Retry } else { kind.node_type() };
        let phase = first_phase(kind);
        let node = self.create(&call, kind, phase);
        let status = &mut self.nodes[node];
        if status.template_name.is_none() && !template.name.is_empty() {
            status.template_name = Some(template.name.clone());
        }
        if !template.display_name.is_empty() {
            status.display_name.clone_from(&template.display_name);
        }
        let inputs = filled.take_inputs();
        status.inputs = shown(&inputs).is_some().then_some(inputs);
        let frame = self.nodes.frame_mut(node);
        frame.inner_scope = inner_scope;
        frame.template = Some(template);
        frame.filled = Some(Box::new(filled));
        if kind == NodeType::Retry {
            frame.body = Body::Retry(Attempts::new(call));
        }
        // What is told by what runs in the containers, or by the calls of the template.
        if self.plan.in_images || !self.plan.stubs.is_empty() {
            match self.complete(node) {
                Ok(template) => self.nodes.frame_mut(node).template = template,
                Err(why) => {
                    self.raise(node, &why);
                    return node;
                }
            }
        }
        self.lock_and_run(node, locks);
        node
    }

    /// A node's template with what was left to its work.
    fn complete(&self, node: NodeIndex) -> Result<Option<Arc<Template>>, String> {
        let Frame { template, filled, .. } = self.nodes.frame(node);
        let whole = filled.as_ref().map(|filled| filled.whole(self.nodes[node].inputs.as_ref())).transpose()?;
        Ok(whole.flatten().or_else(|| template.clone()))
    }

    fn locks_of(&self, template: &Template) -> Result<Vec<locks::Lock>, String> {
        let Some(synchronization) = &template.synchronization else { return Ok(Vec::new()) };
        let limit = |map: &str, key: &str| self.plan.limit(map, key);
        locks::named(synchronization, self.plan.metadata("namespace"), limit)
    }

    fn lock_and_run(&mut self, node: NodeIndex, locks: Vec<locks::Lock>) {
        if !locks.is_empty() {
            let acquired = self.locks.acquire(node, &locks);
            self.nodes.frame_mut(node).locks = locks;
            if let Err(locks::Busy { lock, message }) = acquired {
                self.free_pod(node);
                self.nodes.set(node, Phase::Pending, &message);
                self.nodes[node].synchronization_status = Some(NodeSynchronization { waiting: lock });
                self.end_unstarted(node);
                return self.fire_hooks_of_unended(node);
            }
        }
        self.look_up_and_run(node);
    }

    /// A node has got the locks that it waited for.
    pub(super) fn unlocked(&mut self, node: NodeIndex) {
        self.end_unstarted(node);
        if self.nodes[node].phase.is_fulfilled() {
            return;
        }
        let phase = first_phase(self.nodes[node].kind);
        if self.nodes[node].kind == NodeType::Pod {
            self.places.add_pod(node);
        }
        self.nodes.set(node, phase, "");
        self.nodes[node].synchronization_status = None;
        let Frame { template, filled, .. } = self.nodes.frame(node);
        let fault =
            template.as_ref().zip(filled.as_ref()).and_then(|(template, filled)| memoize_fault(template, filled));
        match fault {
            Some(why) => {
                let locks = std::mem::take(&mut self.nodes.frame_mut(node).locks);
                self.raise_with_locks(node, locks, &why);
            }
            None => self.look_up_and_run(node),
        }
    }

    /// Ends a node that errs with locks of its own. Argo gives them back when it comes to the node again, so that what asks for
    /// them at the same look waits. (dag.go, executeDAGTask)
    fn raise_with_locks(&mut self, node: NodeIndex, locks: Vec<locks::Lock>, why: &str) {
        self.raise(node, why);
        if !locks.is_empty() {
            self.nodes.frame_mut(node).locks = locks;
            self.agenda.add(Turn::Holding(node));
        }
    }

    pub(super) fn run(&mut self, node: NodeIndex) {
        if matches!(self.nodes.frame(node).body, Body::Retry(_)) {
            self.nodes.set(node, Phase::Running, "");
            self.start_within(node, |scheduler| scheduler.attempt(node));
            return self.fire_hooks_of_unended(node);
        }
        let template = match self.complete(node) {
            Ok(Some(template)) => template,
            Ok(None) => return,
            Err(why) => return self.raise(node, &why),
        };
        let kind = template.template_type();
        let frame = self.nodes.frame_mut(node);
        frame.filled = None;
        // Of a pod the task has all that the work needs: many pods can wait.
        if !matches!(kind, Some(TemplateType::Container | TemplateType::ContainerSet | TemplateType::Script)) {
            frame.template = Some(Arc::clone(&template));
        }
        if let Some(stub) = self.stub_of(node) {
            return self.end_as_stub(node, stub);
        }
        match kind {
            Some(TemplateType::Http | TemplateType::Data) => self.start_errand(node, &template),
            Some(kind @ (TemplateType::Resource | TemplateType::Plugin)) => self.raise(node, needs_cluster(kind)),
            Some(kind) if kind.is_pod() => self.start_pod(node, &template),
            Some(TemplateType::Steps | TemplateType::Dag) if self.nodes.frame(node).depth.is_multiple_of(AT_ONCE) => {
                return self.agenda.add(Turn::Nested(node));
            }
            Some(TemplateType::Steps | TemplateType::Dag) => return self.start_nested(node),
            Some(TemplateType::Suspend) => self.suspend(node, &template),
            _ => {}
        }
        self.fire_hooks_of_unended(node);
    }

    /// Starts the children of a steps or dag node.
    pub(super) fn start_nested(&mut self, node: NodeIndex) {
        let Some(template) = self.nodes.frame(node).template.clone() else { return };
        self.start_within(node, |scheduler| {
            if template.dag.is_some() {
                scheduler.start_dag(node, &template);
            } else {
                scheduler.start_steps(node, &template);
            }
        });
        self.fire_hooks_of_unended(node);
    }

    fn fire_hooks_of_unended(&mut self, node: NodeIndex) {
        if !self.nodes[node].phase.is_fulfilled() {
            self.fire_hooks(node);
        }
    }

    /// Ends a node that waits or pauses when the whole run is ending, or what it is part of begins nothing more.
    pub(super) fn end_unstarted(&mut self, node: NodeIndex) {
        let of_run = self.ending(node).then(|| self.stop.of_unstarted());
        if let Some(why) = of_run.or_else(|| self.nodes.broken_off(node).map(str::to_owned)) {
            self.finish(node, Phase::Failed, &why);
        }
    }
}

/// Why the work of a template cannot be done here.
fn needs_cluster(kind: TemplateType) -> &'static str {
    match kind {
        TemplateType::Resource => "a resource template needs a cluster, or its outcome by --stub",
        _ => "a plugin template needs a cluster, or its outcome by --stub",
    }
}

/// The phase of a node that has just been made. (initializeExecutableNode's callers in workflow/controller, v4.1.2)
pub(super) fn first_phase(kind: NodeType) -> Phase {
    if matches!(kind, NodeType::Pod | NodeType::Http | NodeType::Plugin) { Phase::Pending } else { Phase::Running }
}

/// What is wrong with the key or the age of a memoized template.
fn memoize_fault(template: &Template, filled: &Filled) -> Option<String> {
    template.memoize.as_ref()?.fault(filled.key())
}
