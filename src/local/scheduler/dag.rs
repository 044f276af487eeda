//! Dag templates: tasks that start when what they depend on has ended as they ask.

use std::sync::Arc;

use serde_json::Value;

use super::Scheduler;
use super::arguments::view;
use super::dag_tasks::{DagTasks, Unread};
use super::item_group::ItemGroup;
use super::node_table::NodeTable;
use super::references::resolve;
use super::runs::{Run, runs};
use super::state::{Body, Call, NodeIndex, Owner};
use super::steps::{FAILED_FAST, NO_TEMPLATE};
use crate::argo::model::{Step, Template};
use crate::argo::status::{NodeFlag, NodeType, Phase};
use crate::local::resolved::Reference;

impl Scheduler {
    pub(super) fn start_dag(&mut self, node: NodeIndex, template: &Arc<Template>) {
        let Some(dag) = &template.dag else { return };
        match DagTasks::new(dag) {
            Ok(tasks) => {
                let first = tasks.first();
                self.open(node, template);
                self.nodes.frame_mut(node).body = Body::Dag(Box::new(tasks));
                for task in first {
                    self.start_through(|run| run.start_task(node, task));
                }
                self.task_done(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    fn start_task(&mut self, dag: NodeIndex, task: usize) {
        if self.stopping(dag) || self.places.has_tripped(dag) {
            return;
        }
        let Some(tasks) = self.nodes.dag_mut(dag) else { return };
        if tasks.unread_before_a_target().is_some() {
            return;
        }
        tasks.begun();

        self.look_at_needs(dag, task);
        let Some(tasks) = self.nodes.dag(dag) else { return };
        let document = tasks.document(task).clone();
        if !tasks.may_run(task, &self.nodes) {
            if let Some(number) = tasks.unknown_before(task, &self.nodes) {
                let call = self.task_call(dag, task);
                let node = self.create_undecided(&call, &document, number);
                return self.join_task(dag, task, node);
            }
            return self.task_not_run(dag, task, Phase::Omitted, "omitted: depends condition not met");
        }
        let unread = tasks.unread_before(task);
        if let Err(why) = unread.map_or_else(|| self.start_runs(dag, task, &document), Err) {
            self.task_not_run(dag, task, Phase::Error, &why);
        }
    }

    fn task_not_run(&mut self, dag: NodeIndex, task: usize, phase: Phase, why: &str) {
        let call = self.task_call(dag, task);
        let node = self.create_not_run(&call, phase, why);
        self.join_task(dag, task, node);
    }

    fn start_runs(&mut self, dag: NodeIndex, task: usize, document: &Value) -> Result<(), String> {
        let (scope, artifacts) = (self.scopes.variables(Some(dag)), self.scopes.artifacts(Some(dag)));
        let resolved = resolve(document, &scope, &artifacts)?;
        let (runs, expanded) = runs(document, resolved, &scope)?;
        // Who still holds them makes what adds to them copy them first.
        drop((scope, artifacts));
        if expanded {
            self.start_items(dag, task, runs);
            return Ok(());
        }
        for run in runs {
            let node_name = format!("{}.{}", self.nodes[dag].name, run.name);
            if let Some(node) = self.start_run(run, node_name, "tasks", dag, Owner::Task(dag, task)) {
                self.join_task(dag, task, node);
            }
        }
        Ok(())
    }

    fn start_items(&mut self, dag: NodeIndex, task: usize, runs: Vec<Run>) {
        let call = self.task_call(dag, task);
        let group = self.create(&call, NodeType::TaskGroup, Phase::Running);
        self.nodes.frame_mut(group).body = Body::Items(ItemGroup::new(runs));
        self.join_task(dag, task, group);
        self.start_left_items(dag, group);
    }

    /// Starts the items of a group that have not begun.
    pub(super) fn start_left_items(&mut self, dag: NodeIndex, group: NodeIndex) {
        let prefix = self.nodes[dag].name.clone();
        let (mut active, mut is_cut) = (false, false);
        let mut begun = Vec::new();
        while !self.scopes.stop().is_raised()
            && let Some(run) = self.nodes.items_mut(group).and_then(ItemGroup::next)
        {
            let node_name = format!("{prefix}.{}", run.name);
            let mut node = None;
            self.start_through(|scheduler| {
                node = scheduler.start_run(run, node_name, "tasks", dag, Owner::Item(group));
                if let Some(node) = node {
                    scheduler.join_item(group, node);
                }
            });
            let errs = node.is_some_and(|node| self.nodes.frame(node).errs());
            active |= node.is_none_or(|node| !self.nodes[node].phase.is_fulfilled() && !errs);
            begun.push(node);
            // An item that could not even start may be the last one, unless others are at work by then.
            is_cut = !active && errs;
            if is_cut {
                break;
            }
        }
        // Argo looks at the hooks of a group when it comes to it again.
        if begun.iter().any(|node| node.is_none_or(|node| !self.nodes[node].phase.is_fulfilled())) {
            self.fire_hooks(group);
        }
        if is_cut { self.cut_short(dag, group) } else { self.item_settled(group) }
    }

    /// Argo ends a group of which an item could not start, if it comes to it when it has come to all else.
    /// (assessDAGPhase, completableTaskGroupPhase)
    fn cut_short(&mut self, dag: NodeIndex, group: NodeIndex) {
        let Some(items) = self.nodes.items_mut(group) else { return };
        items.cut_short();
        if items.has_left() { self.wait_for_a_look(dag, group) } else { self.item_settled(group) }
    }

    /// The call of a task as such: of its group of items, or of a node that only says why it did not run.
    fn task_call(&self, dag: NodeIndex, task: usize) -> Call {
        let tasks = self.nodes.dag(dag);
        let step: Step = tasks.and_then(|tasks| view(tasks.document(task)).ok()).unwrap_or_default();
        let node_name = format!("{}.{}", self.nodes[dag].name, step.name);
        let scope = self.nodes.frame(dag).inner_scope.clone();
        let hooks = self.plan.hooks_of(&step);
        Call {
            boundary: Some(dag),
            flag: Some(NodeFlag::default()),
            on_exit: self.nodes.frame(dag).on_exit,
            continue_on: step.continue_on,
            hooks,
            ..Call::new(node_name, Reference::from(&step), scope, Owner::Task(dag, task))
        }
        .called_by("tasks", step.name)
    }

    /// Records the node that a task became and joins it below what it depends on.
    pub(super) fn join_task(&mut self, dag: NodeIndex, task: usize, node: NodeIndex) {
        let Some(tasks) = self.nodes.dag_mut(dag) else { return };
        let needs = tasks.join(task, node);
        let parents: Vec<_> = if needs.is_empty() {
            vec![dag]
        } else {
            needs.into_iter().flat_map(|need| self.nodes.outbound(need)).collect()
        };
        for parent in parents {
            self.nodes.join(parent, node);
        }
    }

    pub(super) fn join_item(&mut self, group: NodeIndex, node: NodeIndex) {
        self.nodes.join(group, node);
        if let Some(items) = self.nodes.items_mut(group) {
            items.join(node);
        }
    }

    pub(super) fn item_settled(&mut self, group: NodeIndex) {
        let Some(items) = self.nodes.items_mut(group) else { return };
        if !items.settled() {
            return;
        }
        for item in items.nodes().to_vec() {
            self.nodes.explain_raised(item);
        }
        if let Body::Items(items) = &self.nodes.frame(group).body {
            self.finish(group, items.phase(&self.nodes), "");
        }
    }

    pub(super) fn task_settled(&mut self, dag: NodeIndex, task: usize) {
        let Some(node) = self.nodes.dag(dag).and_then(|tasks| tasks.node(task)) else { return };
        if self.nodes.items_mut(node).is_some_and(ItemGroup::take_cut) {
            return self.wait_for_a_look(dag, node);
        }
        if self.nodes.dag_mut(dag).is_some_and(|tasks| tasks.goes_on_again(task)) {
            return self.task_done(dag);
        }
        self.nodes.explain_raised(node);
        let learned = self.learn_task(dag, task, node);
        let is_loop = self.nodes[node].kind == NodeType::TaskGroup;

        let Some(tasks) = self.nodes.dag_mut(dag) else { return };
        let is_inline_loop = is_loop && tasks.document(task).get("inline").is_some();
        if is_inline_loop {
            tasks.set_unread(task, Unread { why: NO_TEMPLATE.to_owned(), at_the_end: learned.err() });
        } else if let Err(why) = learned {
            tasks.set_unread(task, Unread { at_the_end: Some(why.clone()), why });
        }
        match tasks.ready_after(task).as_slice() {
            &[next] => self.start_task(dag, next),
            ready => ready.iter().for_each(|&next| self.start_through(|scheduler| scheduler.start_task(dag, next))),
        }
        let are_late = self.nodes.late_hooks(node) != [false; 2] && self.nodes.frame(node).hooks.are_waiting();
        if are_late { self.wait_for_a_look(dag, node) } else { self.task_done(dag) }
    }

    /// Adds what a task gave to what the tasks after it can refer to.
    pub(super) fn learn_task(&mut self, dag: NodeIndex, task: usize, node: NodeIndex) -> Result<(), String> {
        let Some(tasks) = self.nodes.dag(dag) else { return Ok(()) };
        let not_run = matches!(self.nodes[node].phase, Phase::Skipped | Phase::Omitted);
        let template = if not_run { self.called_template(dag, tasks.document(task)) } else { None };
        let Some(known) = self.scopes.known(dag) else { return Ok(()) };
        known.add_task(tasks.name(task), node, template.as_ref(), &self.nodes)
    }

    /// A task has ended with its hooks, or will never run.
    pub(super) fn task_done(&mut self, dag: NodeIndex) {
        if !self.nodes.dag_mut(dag).is_some_and(DagTasks::settled) {
            return;
        }
        if !self.waits_for_hooks(dag) {
            self.end_dag(dag);
        }
    }

    /// Hooks of the workflow are nodes of its dag, which ends when they have. (assessDAGPhase)
    fn waits_for_hooks(&mut self, dag: NodeIndex) -> bool {
        let frame = self.nodes.frame(dag);
        let waits = frame.owner == Owner::Entry && frame.hooks.are_running();
        if let Some(tasks) = self.nodes.dag_mut(dag).filter(|_| waits) {
            tasks.wait_for_hooks();
        }
        waits
    }

    /// Ends a dag whose tasks have all ended.
    pub(super) fn end_dag(&mut self, dag: NodeIndex) {
        if self.places.has_tripped(dag) {
            return self.finish(dag, Phase::Failed, FAILED_FAST);
        }
        let broken_off = self.nodes.broken_off(dag).map(str::to_owned);
        let has_waited = self.nodes.dag(dag).is_some_and(DagTasks::waits_for_hooks);
        if let Some(why) = broken_off.or_else(|| (self.stopping(dag) && !has_waited).then(String::new)) {
            return self.finish(dag, Phase::Failed, &why);
        }

        let phase = self.nodes.dag(dag).and_then(|tasks| tasks.phase(dag, &self.nodes));
        if phase.is_none() {
            // Argo takes it for Running, and the workflow with it.
            self.look_at_hooks();
            if self.waits_for_hooks(dag) {
                return;
            }
        }
        // Argo finds a child that failed when it looks at it again. (checkParallelism)
        if phase.is_none() && self.places.has_failed_fast(dag) {
            return self.finish(dag, Phase::Failed, FAILED_FAST);
        }
        let Some(tasks) = self.nodes.dag(dag) else { return };
        let phase = phase.unwrap_or_else(|| tasks.phase_by_needs(&self.nodes));
        let last = tasks.last();
        let all = if phase == Phase::Succeeded { tasks.unread().map(str::to_owned) } else { None };
        if let Some(why) = tasks.unread_before_a_target().or(all) {
            return self.raise(dag, &why);
        }
        // Argo joins a call before it gives it up, and takes a dag with a node that is not there for Running. (assessDAGPhase)
        if self.places.has_dropped(dag) {
            self.finish(dag, Phase::Failed, FAILED_FAST);
        } else if phase == Phase::Succeeded {
            self.end_with_outputs(dag);
        } else {
            self.finish(dag, phase, "");
        }
        // To a dag that errs by its outputs Argo joins nothing. (executeDAG)
        if self.nodes.frame(dag).raised.is_none() {
            self.nodes.set_outbound(dag, &last);
        }
    }
}

impl NodeTable {
    pub(super) fn dag(&self, node: NodeIndex) -> Option<&DagTasks> {
        match &self.frame(node).body {
            Body::Dag(tasks) => Some(tasks),
            _ => None,
        }
    }

    pub(super) fn dag_mut(&mut self, node: NodeIndex) -> Option<&mut DagTasks> {
        match &mut self.frame_mut(node).body {
            Body::Dag(tasks) => Some(tasks),
            _ => None,
        }
    }

    pub(super) fn items_mut(&mut self, group: NodeIndex) -> Option<&mut ItemGroup> {
        match &mut self.frame_mut(group).body {
            Body::Items(items) => Some(items),
            _ => None,
        }
    }

    /// Whether the node is of a task that others of its dag come after.
    pub(super) fn is_passed_by(&self, node: NodeIndex) -> bool {
        match self.frame(node).owner {
            Owner::Task(dag, task) => self.dag(dag).is_some_and(|tasks| !tasks.is_target(task)),
            _ => false,
        }
    }

    /// Whether the node is of a task before which something cannot be read.
    pub(super) fn is_unreadable(&self, node: NodeIndex) -> bool {
        match self.frame(node).owner {
            Owner::Task(dag, task) => self.dag(dag).is_some_and(|tasks| tasks.unread_before(task).is_some()),
            _ => false,
        }
    }

    /// Whether a task depends on one that depends on a stub.
    pub(super) fn task_is_given_stubs(&self, dag: NodeIndex, task: usize) -> bool {
        let needed = self.dag(dag).map(|tasks| tasks.needed(task)).unwrap_or_default();
        needed.into_iter().any(|node| self.frame(node).stubbed)
    }

    /// Whether a node is an item that errs while others of its loop are at work: Argo comes to these when it looks for the next
    /// time. (dag.go, executeDAGTask)
    pub(super) fn errs_before_others(&self, node: NodeIndex) -> bool {
        let Owner::Item(group) = self.frame(node).owner else { return false };
        self.frame(node).raised.is_some() && self.items(group).iter().any(|&item| !self[item].phase.is_fulfilled())
    }

    /// Writes into a node's message why its call could not start.
    fn explain_raised(&mut self, node: NodeIndex) {
        if let Some(why) = &self.frame(node).raised {
            let message = format!("task '{}' errored: {why}", self[node].name);
            self[node].message = message;
        }
    }
}
