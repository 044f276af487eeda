//! The scheduler: events in, actions out. It decides what runs next and writes the status that the Argo controller
//! would; it never touches a process, a file or the clock. Each event costs the nodes that it changes, not the run.
//!
//! A node ends (`finish`), its hooks run, then its owner is told (`settled`); the owner starts what comes next.

mod arguments;
mod call;
mod dag;
mod hooks;
mod items;
mod locks;
mod outputs;
mod pod;
mod references;
mod retry;
mod root;
mod steps;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::call::{Body, Call, Frame, Hooks, Owner, RetryBody};
use crate::argo::duration;
use crate::argo::expression::Scope;
use crate::argo::spec::{Artifact, Template, TemplateType};
use crate::argo::status::{MemoizationStatus, Node, NodeFlag, NodeType, Outputs, Phase, node_id, pod_name};
use crate::local::plan::{Plan, Reference, TemplateScope};
use crate::local::task::{Outcome, Task};

use self::call::Kill;
pub use self::call::NodeIndex;
pub(crate) use self::pod::image_program;
pub use self::root::Finished;

/// Templates nested deeper than this are an endless recursion, as in Argo.
const DEEPEST: usize = 100;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The run begins.
    Start,
    /// A task ended.
    Ended(NodeIndex, Box<Outcome>),
    /// A time that was asked for has come.
    Due(Timer),
    /// The run is to end.
    Shutdown(Shutdown),
}

/// How a run is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Exit handlers still run.
    Stop,
    /// Nothing more runs.
    Terminate,
}

impl Shutdown {
    /// The word in `spec.shutdown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "Stop",
            Self::Terminate => "Terminate",
        }
    }
}

/// What a time was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// A pod has run long enough.
    Deadline(NodeIndex),
    /// A retry may make its next attempt.
    Retry(NodeIndex),
    /// A suspended node goes on.
    Resume(NodeIndex),
    /// The workflow has run long enough.
    Workflow,
}

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Run a task.
    Run(NodeIndex, Box<Task>),
    /// End a running task, for this reason.
    Kill(NodeIndex, String),
    /// Send the timer back at this time.
    Wake(Timestamp, Timer),
}

/// The state of a run.
#[derive(Debug)]
pub struct Scheduler {
    plan: Arc<Plan>,
    nodes: Vec<Node>,
    frames: Vec<Frame>,
    globals: Arc<Scope>,
    global_artifacts: HashMap<String, Artifact>,
    workflow: root::Workflow,
    settled: VecDeque<NodeIndex>,
    actions: Vec<Action>,
    changed: HashSet<NodeIndex>,
    /// Pods that wait for a place, in order.
    queue: VecDeque<NodeIndex>,
    running: usize,
    pod_limit: usize,
    memory: HashMap<(String, String), (Timestamp, Option<Outputs>)>,
    locks: locks::Locks,
    shutdown: Option<Shutdown>,
    expired: bool,
    now: Timestamp,
}

impl Scheduler {
    /// Takes an event that happened at `now` and gives what is to be done.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Start => self.begin_workflow(),
            Event::Ended(node, outcome) => self.pod_ended(node, &outcome),
            Event::Due(timer) => self.due(timer),
            Event::Shutdown(shutdown) => self.shut_down(shutdown),
        }
        self.go_on();
        std::mem::take(&mut self.actions)
    }

    /// All nodes, in the order of creation.
    pub fn indices(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len()).map(NodeIndex)
    }

    /// The nodes that changed since the last call, in the order of creation.
    pub fn changes(&mut self) -> Vec<NodeIndex> {
        let mut changed: Vec<_> = self.changed.drain().collect();
        changed.sort_unstable();
        changed
    }

    /// A node's status.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// All nodes in the order of creation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn go_on(&mut self) {
        loop {
            while let Some(node) = self.settled.pop_front() {
                self.tell_owner(node);
            }
            if !self.start_waiting_pods() {
                return;
            }
        }
    }

    fn tell_owner(&mut self, node: NodeIndex) {
        match self.frame(node).owner {
            Owner::Entry => self.entry_settled(node),
            Owner::ExitHandler => self.exit_handler_settled(node),
            Owner::Steps(steps) => self.group_settled(steps, node),
            Owner::Group(group) => self.step_settled(group, node),
            Owner::Task(dag, task) => self.task_settled(dag, task),
            Owner::Item(group) => self.item_settled(group),
            Owner::Attempt(retry) => self.attempt_settled(retry),
            Owner::Hook(hooked) => self.hook_settled(hooked),
        }
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Deadline(node) => self.end_pod(node, Kill::Deadline),
            Timer::Retry(node) => {
                if !self.node(node).phase.is_fulfilled() {
                    self.node_mut(node).message.clear();
                    self.attempt(node);
                }
            }
            Timer::Resume(node) => {
                if self.node(node).phase == Phase::Running {
                    self.finish(node, Phase::Succeeded, "");
                }
            }
            Timer::Workflow => self.workflow_expired(),
        }
    }

    /// Starts a call, or lets it wait for a place among its boundary's children.
    fn begin(&mut self, call: Call) -> Option<NodeIndex> {
        if let Some(children) = call.boundary.and_then(|boundary| self.children_mut(boundary)) {
            let slots = &mut children.slots;
            if slots.fail_fast && slots.unsuccessful > 0 {
                slots.dropped = true;
                let owner = call.owner;
                self.give_up(owner);
                return None;
            }
            if slots.limit.is_some_and(|limit| slots.active >= limit) {
                slots.waiting.push_back(call);
                return None;
            }
            slots.active += 1;
        }
        Some(self.start(call))
    }

    /// Turns a call into a node and sets it going.
    fn start(&mut self, call: Call) -> NodeIndex {
        match self.prepare_call(&call) {
            Ok((inner_scope, processed)) => self.start_prepared(call, inner_scope, processed),
            Err(why) => {
                let node = self.create(&call, NodeType::Skipped, Phase::Running);
                self.raise(node, &why);
                node
            }
        }
    }

    fn prepare_call(&self, call: &Call) -> Result<(TemplateScope, arguments::Processed), String> {
        if self.depth(call.boundary) >= DEEPEST {
            return Err(
                "Maximum recursion depth exceeded. See https://argo-workflows.readthedocs.io/en/latest/scaling/"
                    .to_owned(),
            );
        }
        let (inner_scope, template) = self.plan.resolve(&call.reference, &call.scope)?;
        let template = self.with_defaults(&template);
        let name = template["name"].as_str().unwrap_or_default();
        let mut locals = Scope::child(&self.globals);
        locals.set("node.name", call.name.clone());
        if !call.caller.name.is_empty() {
            locals.set(format!("{}.name", call.caller.kind), call.caller.name.clone());
        }
        let view: Template = arguments::view(&template)?;
        if view.kind() == Some(TemplateType::Pod) && view.retry_strategy.is_none() {
            locals.set("pod.name", pod_name(self.plan.name(), name, &call.name));
        }
        let processed = arguments::process(&template, &call.arguments, &Arc::new(locals), &self.plan)?;
        Ok((inner_scope, processed))
    }

    fn start_prepared(&mut self, call: Call, inner_scope: TemplateScope, processed: arguments::Processed) -> NodeIndex {
        let template = Arc::new(processed.template);
        let kind = match (&template.retry_strategy, template.kind()) {
            (_, None) => {
                let node = self.create(&call, NodeType::Skipped, Phase::Running);
                self.raise(node, &format!("Template '{}' missing specification", template.name));
                return node;
            }
            (Some(_), _) => NodeType::Retry,
            (None, Some(TemplateType::Pod)) => NodeType::Pod,
            (None, Some(TemplateType::Steps)) => NodeType::Steps,
            (None, Some(TemplateType::Dag)) => NodeType::Dag,
            (None, Some(TemplateType::Suspend)) => NodeType::Suspend,
        };
        let phase = if kind == NodeType::Pod { Phase::Pending } else { Phase::Running };
        let node = self.create(&call, kind, phase);
        if self.nodes[node.0].template_name.is_none() && !template.name.is_empty() {
            self.nodes[node.0].template_name = Some(template.name.clone());
        }
        self.nodes[node.0].inputs = inputs(&processed.value);
        let frame = self.frame_mut(node);
        frame.inner_scope = inner_scope;
        frame.template = Some(Arc::clone(&template));
        if kind == NodeType::Retry {
            let body = RetryBody { value: processed.value, attempts: Vec::new(), call: Box::new(call) };
            frame.body = Body::Retry(body);
        }
        self.lock_and_run(node, &template);
        node
    }

    fn lock_and_run(&mut self, node: NodeIndex, template: &Template) {
        if let Some(synchronization) = &template.synchronization {
            let plan = Arc::clone(&self.plan);
            let locks = locks::named(synchronization, plan.metadata("namespace"), |map, key| plan.limit(map, key));
            match locks {
                Ok(locks) => {
                    self.frame_mut(node).locks.clone_from(&locks);
                    if let Err(message) = self.locks.acquire(node, &locks) {
                        self.set(node, Phase::Pending, &message);
                        return;
                    }
                }
                Err(why) => return self.raise(node, &why),
            }
        }
        self.look_up_and_run(node);
    }

    /// Ends the node with the outputs of a cache entry, or lets it run.
    fn look_up_and_run(&mut self, node: NodeIndex) {
        let Some(template) = self.frame(node).template.clone() else { return };
        if let Some(memoize) = &template.memoize {
            let cache = memoize.cache.as_ref().map(|cache| cache.config_map.name.clone()).unwrap_or_default();
            let key = (cache.clone(), memoize.key.clone());
            let max_age = memoize.max_age.as_deref().filter(|text| !text.is_empty()).map(duration::parse).transpose();
            let max_age = match max_age {
                Ok(max_age) => max_age,
                Err(error) => return self.raise(node, &format!("invalid maxAge: {error}")),
            };
            let found = self
                .memory
                .get(&key)
                .filter(|(at, _)| max_age.is_none_or(|max_age| self.now.duration_since(*at) <= max_age));
            let status = MemoizationStatus { hit: found.is_some(), key: memoize.key.clone(), cache_name: cache };
            let outputs = found.map(|(_, outputs)| outputs.clone());
            self.node_mut(node).memoization_status = Some(status);
            if let Some(outputs) = outputs {
                self.node_mut(node).outputs = outputs;
                return self.finish(node, Phase::Succeeded, "");
            }
        }
        self.run(node);
    }

    fn run(&mut self, node: NodeIndex) {
        let Some(template) = self.frame(node).template.clone() else { return };
        if matches!(self.frame(node).body, Body::Retry(_)) {
            self.set(node, Phase::Running, "");
            return self.attempt(node);
        }
        match template.kind() {
            Some(TemplateType::Pod) => self.start_pod(node, &template),
            Some(TemplateType::Steps) => self.start_steps(node, &template),
            Some(TemplateType::Dag) => self.start_dag(node, &template),
            Some(TemplateType::Suspend) => self.suspend(node, &template),
            None => {}
        }
        if !self.node(node).phase.is_fulfilled() {
            self.fire_hooks(node);
        }
    }

    fn suspend(&mut self, node: NodeIndex, template: &Template) {
        self.frame_mut(node).body = Body::Suspend;
        self.set(node, Phase::Running, "");
        let duration = template.suspend.as_ref().and_then(|suspend| suspend.duration.as_deref());
        match duration.map(duration::parse) {
            Some(Ok(duration)) => self.wake(duration, Timer::Resume(node)),
            Some(Err(error)) => self.raise(node, &error.to_string()),
            None => {}
        }
    }

    fn wake(&mut self, after: jiff::SignedDuration, timer: Timer) {
        let at = self.now.saturating_add(after).unwrap_or(self.now);
        self.actions.push(Action::Wake(at, timer));
    }

    /// Makes the next attempt of a retry node.
    fn attempt(&mut self, retry: NodeIndex) {
        if self.stopping(retry) {
            return;
        }
        let Body::Retry(body) = &self.frame(retry).body else { return };
        let (number, last) = (body.attempts.len(), body.attempts.last().copied());
        let name = format!("{}({number})", self.node(retry).name);
        let mut locals = Scope::child(&self.globals);
        let template_name = body.value["name"].as_str().unwrap_or_default();
        locals.set("pod.name", pod_name(self.plan.name(), template_name, &name));
        for (variable, value) in retry::variables(number, last.map(|last| self.node(last)), "0") {
            locals.set(variable, value);
        }
        let processed = arguments::substitute(&body.value, &Arc::new(locals));
        let call = Call {
            name,
            owner: Owner::Attempt(retry),
            flag: Some(NodeFlag { retried: true, ..body.call.flag.unwrap_or_default() }),
            hooks: BTreeMap::new(),
            ..(*body.call).clone()
        };
        let inner_scope = self.frame(retry).inner_scope.clone();
        let kind = self.frame(retry).template.as_ref().and_then(|template| template.kind());
        let (kind, phase) = match kind {
            Some(TemplateType::Steps) => (NodeType::Steps, Phase::Running),
            Some(TemplateType::Dag) => (NodeType::Dag, Phase::Running),
            Some(TemplateType::Suspend) => (NodeType::Suspend, Phase::Running),
            _ => (NodeType::Pod, Phase::Pending),
        };
        let node = self.create(&call, kind, phase);
        let template_name = self.node(retry).template_name.clone();
        self.node_mut(node).template_name = template_name;
        self.join(retry, node);
        if let Body::Retry(body) = &mut self.frame_mut(retry).body {
            body.attempts.push(node);
        }
        match processed {
            Ok(processed) => {
                self.nodes[node.0].inputs = inputs(&processed.value);
                let frame = self.frame_mut(node);
                frame.inner_scope = inner_scope;
                frame.template = Some(Arc::new(processed.template));
                self.run(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    fn attempt_settled(&mut self, retry: NodeIndex) {
        let Body::Retry(body) = &self.frame(retry).body else { return };
        let Some(&last) = body.attempts.last() else { return };
        let phase = self.node(last).phase;
        if !phase.is_unsuccessful() {
            self.take_outputs(retry, last);
            return self.finish(retry, Phase::Succeeded, "");
        }
        let strategy = self.frame(retry).template.as_ref().and_then(|template| template.retry_strategy.clone());
        let attempts: Vec<&Node> = body.attempts.iter().map(|&attempt| self.node(attempt)).collect();
        let next = if let Some(shutdown) = self.shutdown.filter(|_| self.stopping(retry)) {
            Ok(retry::Next::End(format!("Stopped with strategy '{}'", shutdown.as_str())))
        } else if self.expired {
            Ok(retry::Next::End("retry exceeded workflow deadline".to_owned()))
        } else {
            retry::next(&strategy.unwrap_or_default(), &attempts, self.now)
        };
        match next {
            Ok(retry::Next::Attempt(at, _)) if at <= self.now => self.attempt(retry),
            Ok(retry::Next::Attempt(at, message)) => {
                self.set(retry, Phase::Running, &message);
                self.actions.push(Action::Wake(at, Timer::Retry(retry)));
            }
            Ok(retry::Next::End(message)) => {
                self.take_outputs(retry, last);
                self.finish(retry, phase, &message);
            }
            Err(why) => self.raise(retry, &why),
        }
    }

    fn take_outputs(&mut self, retry: NodeIndex, attempt: NodeIndex) {
        let outputs = self.node(attempt).outputs.clone();
        self.node_mut(retry).outputs = outputs;
    }

    /// Ends a node: gives back its places and locks, keeps its outputs, runs its hooks, then tells its owner.
    fn finish(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        if self.node(node).phase.is_fulfilled() {
            return;
        }
        let now = self.now;
        let status = self.node_mut(node);
        status.phase = phase;
        message.clone_into(&mut status.message);
        status.finished_at = Some(now);
        let outputs = status.outputs.clone();
        self.remember(node, phase, outputs.as_ref());
        self.publish(outputs.as_ref());
        if self.frame(node).owner == Owner::Entry {
            self.entry_ended(phase);
        }
        self.fire_hooks(node);
        self.fire_exit_hook(node);
        self.release(node, phase);
        if self.frame(node).hooks.running == 0 {
            self.settled.push_back(node);
        }
    }

    /// Ends a node in Error in a way that its caller takes over, as Argo's controller does with returned errors.
    fn raise(&mut self, node: NodeIndex, why: &str) {
        self.frame_mut(node).raised = Some(why.to_owned());
        self.finish(node, Phase::Error, why);
    }

    fn remember(&mut self, node: NodeIndex, phase: Phase, outputs: Option<&Outputs>) {
        let Some(memoization) = &self.node(node).memoization_status else { return };
        if phase == Phase::Succeeded && !memoization.hit {
            let key = (memoization.cache_name.clone(), memoization.key.clone());
            self.memory.insert(key, (self.now, outputs.cloned()));
        }
    }

    fn release(&mut self, node: NodeIndex, phase: Phase) {
        let locks = std::mem::take(&mut self.frame_mut(node).locks);
        if !locks.is_empty() {
            self.locks.abandon(node);
            for next in self.locks.release(&locks) {
                self.set(next, Phase::Running, "");
                if self.node(next).kind == NodeType::Pod {
                    self.set(next, Phase::Pending, "");
                }
                self.look_up_and_run(next);
            }
        }
        let frame = self.frame_mut(node);
        if !std::mem::take(&mut frame.counted) {
            return;
        }
        let Some(boundary) = frame.boundary else { return };
        if let Some(children) = self.children_mut(boundary) {
            children.slots.active -= 1;
            children.slots.unsuccessful += usize::from(phase.is_unsuccessful());
        }
        self.start_waiting_calls(boundary);
    }

    fn start_waiting_calls(&mut self, boundary: NodeIndex) {
        while let Some(children) = self.children_mut(boundary) {
            let slots = &mut children.slots;
            let full = slots.limit.is_some_and(|limit| slots.active >= limit);
            let failed = slots.fail_fast && slots.unsuccessful > 0;
            if full && !failed {
                return;
            }
            let Some(call) = slots.waiting.pop_front() else { return };
            let owner = call.owner;
            if let Some(node) = self.begin(call) {
                self.started_later(owner, node);
            }
        }
    }

    /// A call that had to wait has become a node: it is joined to its group.
    fn started_later(&mut self, owner: Owner, node: NodeIndex) {
        match owner {
            Owner::Group(group) => self.join_step(group, node),
            Owner::Item(group) => self.join_item(group, node),
            Owner::Task(dag, task) => self.join_task(dag, task, node),
            _ => {}
        }
    }

    /// A call will never become a node, because a sibling failed and the template asks to fail fast.
    fn give_up(&mut self, owner: Owner) {
        match owner {
            Owner::Group(group) => self.step_given_up(group),
            Owner::Item(group) => self.item_given_up(group),
            Owner::Task(dag, _) => self.task_given_up(dag),
            Owner::Hook(hooked) => self.hook_settled(hooked),
            _ => {}
        }
    }

    /// Makes a node for a call.
    fn create(&mut self, call: &Call, kind: NodeType, phase: Phase) -> NodeIndex {
        let workflow = self.plan.name();
        let boundary = call.boundary.map(|boundary| &self.nodes[boundary.0]);
        let (template_name, template_ref) = match &call.reference {
            Reference::Name(name) => (Some(name.clone()), None),
            Reference::Inline(_) => (None, None),
            Reference::Object(object) => {
                let mut reference = json!({"name": object.name, "template": object.template});
                if object.cluster_scope {
                    reference["clusterScope"] = true.into();
                }
                (None, Some(reference))
            }
        };
        let node = Node {
            id: node_id(workflow, &call.name),
            display_name: boundary
                .map_or_else(|| call.name.clone(), |boundary| display_name(&boundary.name, &call.name)),
            boundary_id: boundary.map(|boundary| boundary.id.clone()),
            name: call.name.clone(),
            kind,
            template_name: template_name.filter(|name| !name.is_empty()),
            template_ref,
            template_scope: Some(call.scope.label(workflow)),
            phase,
            message: String::new(),
            started_at: Some(self.now),
            finished_at: None,
            progress: None,
            inputs: None,
            outputs: None,
            children: Vec::new(),
            outbound_nodes: Vec::new(),
            memoization_status: None,
            node_flag: call.flag,
            host_node_name: None,
        };
        let index = NodeIndex(self.nodes.len());
        let attempt = matches!(call.owner, Owner::Attempt(_));
        self.frames.push(Frame {
            owner: call.owner,
            boundary: call.boundary,
            caller: call.caller.clone(),
            inner_scope: call.scope.clone(),
            template: None,
            depth: self.depth(call.boundary) + 1,
            on_exit: call.on_exit,
            continue_on: call.continue_on,
            hooks: Hooks { waiting: call.hooks.clone(), running: 0 },
            body: Body::None,
            raised: None,
            counted: call.boundary.is_some() && !attempt && kind != NodeType::StepGroup && kind != NodeType::TaskGroup,
            locks: Vec::new(),
            children: Vec::new(),
            outbound: Vec::new(),
        });
        self.nodes.push(node);
        self.changed.insert(index);
        index
    }

    /// Makes a node that did not run; its owner is told.
    fn create_not_run(&mut self, call: &Call, phase: Phase, message: &str) -> NodeIndex {
        let node = self.create(call, NodeType::Skipped, Phase::Running);
        let frame = self.frame_mut(node);
        frame.counted = false;
        frame.hooks.waiting.clear();
        self.finish(node, phase, message);
        node
    }

    /// Joins a node below another one.
    fn join(&mut self, parent: NodeIndex, child: NodeIndex) {
        // The last one is the usual repetition; a full search for each child of a wide fan-out would be its square.
        if self.frame(parent).children.last() != Some(&child) {
            let id = self.node(child).id.clone();
            self.node_mut(parent).children.push(id);
            self.frame_mut(parent).children.push(child);
        }
    }

    /// The nodes to which what comes after `node` is joined.
    fn outbound(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let hit = self.node(node).memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
        match &self.frame(node).body {
            Body::Items(items) if !items.nodes.is_empty() => {
                items.nodes.iter().flat_map(|&item| self.outbound(item)).collect()
            }
            Body::Retry(retry) => retry.attempts.last().copied().into_iter().collect(),
            Body::Steps(_) | Body::Dag(_) if !hit => {
                self.frame(node).outbound.iter().flat_map(|&last| self.outbound(last)).collect()
            }
            _ => vec![node],
        }
    }

    /// Fixes the last nodes of a steps or dag node, from those of its last children.
    fn set_outbound(&mut self, node: NodeIndex, last: &[NodeIndex]) {
        let outbound: Vec<NodeIndex> = last.iter().flat_map(|&child| self.outbound(child)).collect();
        self.node_mut(node).outbound_nodes = outbound.iter().map(|&node| self.nodes[node.0].id.clone()).collect();
        self.frame_mut(node).outbound = outbound;
    }

    fn publish(&mut self, outputs: Option<&Outputs>) {
        let Some(outputs) = outputs else { return };
        for parameter in &outputs.parameters {
            if let (Some(name), Some(value)) = (&parameter.global_name, &parameter.value) {
                Arc::make_mut(&mut self.globals).set(format!("workflow.outputs.parameters.{name}"), value.clone());
                self.workflow.publish_parameter(name, value);
            }
        }
        for document in &outputs.artifacts {
            if let Ok(artifact) = arguments::view::<Artifact>(document)
                && let Some(name) = artifact.global_name.clone()
            {
                let artifact = Artifact { name: name.clone(), path: String::new(), global_name: None, ..artifact };
                self.workflow.publish_artifact(&name, references::document(&artifact));
                self.global_artifacts.insert(format!("workflow.outputs.artifacts.{name}"), artifact);
            }
        }
    }

    /// A scope of the children of a boundary over the workflow's values as they are now.
    fn current(&self, scope: &Arc<Scope>) -> Arc<Scope> {
        let mut scope = Arc::clone(scope);
        Arc::make_mut(&mut scope).set_parent(&self.globals);
        scope
    }

    fn with_defaults(&self, template: &Arc<Value>) -> Arc<Value> {
        match self.plan.spec.get("templateDefaults") {
            Some(defaults) if defaults.is_object() => {
                Arc::new(crate::argo::defaults::with_defaults(template, defaults))
            }
            _ => Arc::clone(template),
        }
    }

    /// Whether the run is ending and this node is not part of an exit handler that may still run.
    fn stopping(&self, node: NodeIndex) -> bool {
        match self.shutdown {
            None => false,
            Some(Shutdown::Terminate) => true,
            Some(Shutdown::Stop) => !self.frame(node).on_exit,
        }
    }

    fn set(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        let status = self.node_mut(node);
        status.phase = phase;
        message.clone_into(&mut status.message);
    }

    fn depth(&self, boundary: Option<NodeIndex>) -> usize {
        boundary.map_or(0, |boundary| self.frame(boundary).depth)
    }

    fn frame(&self, node: NodeIndex) -> &Frame {
        &self.frames[node.0]
    }

    fn frame_mut(&mut self, node: NodeIndex) -> &mut Frame {
        &mut self.frames[node.0]
    }

    fn node_mut(&mut self, node: NodeIndex) -> &mut Node {
        self.changed.insert(node);
        &mut self.nodes[node.0]
    }

    fn children_mut(&mut self, node: NodeIndex) -> Option<&mut call::Children> {
        match &mut self.frames[node.0].body {
            Body::Steps(steps) => Some(&mut steps.children),
            Body::Dag(dag) => Some(&mut dag.children),
            _ => None,
        }
    }

    fn children(&self, node: NodeIndex) -> Option<&call::Children> {
        match &self.frames[node.0].body {
            Body::Steps(steps) => Some(&steps.children),
            Body::Dag(dag) => Some(&dag.children),
            _ => None,
        }
    }
}

fn inputs(template: &Value) -> Option<Value> {
    let inputs = template.get("inputs")?;
    let has = |field: &str| inputs[field].as_array().is_some_and(|list| !list.is_empty());
    (has("parameters") || has("artifacts")).then(|| inputs.clone())
}

/// A node's name below its boundary: `[0].a` and `.a` are shown as `a`, a step group as `[0]`.
fn display_name(boundary: &str, name: &str) -> String {
    let below = name.strip_prefix(boundary).unwrap_or(name);
    let after_group = below
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]."))
        .filter(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    match (after_group, below.strip_prefix('.')) {
        (Some((_, step)), _) => step.to_owned(),
        (None, Some(task)) => task.to_owned(),
        (None, None) => below.to_owned(),
    }
}
