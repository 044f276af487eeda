//! What waits until Argo looks again: hooks of some tasks of a dag, what comes after a loop that could not start, and the end of steps of
//! which a hook is at fault.

use std::collections::{HashSet, VecDeque};

use super::Scheduler;
use super::dag_tasks::DagTasks;
use super::node_table::NodeTable;
use super::state::{NodeIndex, Owner};
use crate::argo::status::{NodeType, Phase};

impl Scheduler {
    pub(super) fn wait_for_a_look(&mut self, dag: NodeIndex, node: NodeIndex) {
        if let Some(tasks) = self.nodes.dag_mut(dag) {
            tasks.waits_for_a_look();
            self.agenda.add_look(node);
        }
    }

    /// Starts the hooks of a node that ended. Argo comes to some of a task when it comes to the task again.
    pub(super) fn fire_hooks_of_ended(&mut self, node: NodeIndex) {
        let [are_late, is_exit_late] = self.nodes.late_hooks(node);
        if !are_late {
            self.fire_hooks(node);
        }
        if !is_exit_late {
            self.fire_exit_hook(node);
        }
        if are_late && self.nodes.frame(node).hooks.are_running() {
            self.fire_hooks(node);
        }
    }

    /// All else of a look has been done: what comes after a task of a dag begins, or its late hooks, unless the dag ends with it; steps go
    /// on, or end, with a group of which a hook is at fault.
    pub(super) fn look_again(&mut self, node: NodeIndex) {
        let (dag, task) = match self.nodes.frame(node).owner {
            Owner::Task(dag, task) => (dag, task),
            Owner::Steps(steps) => {
                self.look_at_hooks();
                return self.group_ended(steps, node);
            }
            _ => return,
        };
        let goes_on = self.nodes.dag_mut(dag).is_some_and(DagTasks::goes_on_after_a_look);
        if self.nodes.items_mut(node).is_some_and(|items| items.has_left()) {
            return self.look_at_items(dag, task, node);
        }
        let Some(tasks) = self.nodes.dag(dag) else { return };
        if !tasks.has_gone_on(task) {
            if !goes_on && tasks.fails_before_it_ends(&self.nodes) {
                return self.task_done(dag);
            }
            self.look_at_hooks();
            return self.task_settled(dag, task);
        }
        if goes_on && tasks.is_come_to(task, &self.nodes) {
            let [are_late, is_exit_late] = self.nodes.late_hooks(node);
            if are_late {
                self.fire_hooks(node);
            }
            if is_exit_late {
                self.fire_exit_hook(node);
            }
        }
        if !self.nodes.frame(node).hooks.are_running() {
            self.task_done(dag);
        }
    }

    /// Argo looks once more at what a task depends on, and marks what it cannot read the surroundings of. (executeDAGTask)
    pub(super) fn look_at_needs(&mut self, dag: NodeIndex, task: usize) {
        let unread = self.nodes.dag(dag).map(|tasks| tasks.unread_before_needs(task)).unwrap_or_default();
        for (node, why) in unread {
            if self.nodes.frame(node).ended < self.now.elapsed {
                self.nodes.set(node, Phase::Error, &why);
            }
        }
    }

    /// Looks at a group of which an item could not start and others have not begun: it ends, or goes on if Argo does not come to it, or
    /// hooks of a target are at work.
    fn look_at_items(&mut self, dag: NodeIndex, task: usize, group: NodeIndex) {
        let is_come_to = self.nodes.is_come_to(dag, group);
        let is_target = self.nodes.dag(dag).is_some_and(|tasks| tasks.is_target(task));
        if is_come_to && is_target {
            self.fire_hooks(group);
        }
        // It goes on when these have ended.
        if self.nodes.frame(group).hooks.are_running() {
            return;
        }
        let Some(items) = self.nodes.items_mut(group) else { return };
        if is_come_to {
            items.drop_left();
            if !is_target {
                self.look_at_hooks();
            }
            return self.item_settled(group);
        }
        self.go_on_with_items(dag, group);
    }

    /// Argo comes again to a group of which an item could not start, and begins the next one.
    pub(super) fn go_on_with_items(&mut self, dag: NodeIndex, group: NodeIndex) {
        if let Some(items) = self.nodes.items_mut(group) {
            items.take_cut();
        }
        self.fire_hooks(group);
        self.start_left_items(dag, group);
    }
}

impl NodeTable {
    /// Whether a node is of a task of this dag for whose hooks alone a look is waited for.
    pub(super) fn waits_for_hooks_in(&self, dag: NodeIndex, node: NodeIndex) -> bool {
        match self.frame(node).owner {
            Owner::Task(of, task) if of == dag => self.dag(dag).is_some_and(|tasks| tasks.has_gone_on(task)),
            _ => false,
        }
    }

    /// Whether Argo comes to the hooks of a task, and to its exit handler, only when it comes to the task again, if the dag has not
    /// ended by then. Of a pod it sees the end first. Of what ends on the way it looks at the exit handler, but of what could not
    /// begin and of a group of items at nothing, unless it has ended the group on its way; of a target it looks at the hooks as well.
    /// (workflow/controller/dag.go, executeDAGTask and executeDAG)
    pub(super) fn late_hooks(&self, node: NodeIndex) -> [bool; 2] {
        let Owner::Task(dag, task) = self.frame(node).owner else { return [false; 2] };
        let kind = self[node].kind;
        let has_not_begun = kind == NodeType::Skipped || self.frame(node).raised.is_some();
        let is_seen_first = !has_not_begun && matches!(kind, NodeType::Pod | NodeType::Http | NodeType::Plugin);
        if is_seen_first || self.has_been_ended(dag, node) {
            return [false; 2];
        }
        let is_target = self.dag(dag).is_some_and(|tasks| tasks.is_target(task));
        [!is_target, has_not_begun || kind == NodeType::TaskGroup]
    }

    /// Whether Argo has ended a group of items on its way, while a handler of an item ran or for an item that erred: it then comes to the
    /// group again.
    fn has_been_ended(&self, dag: NodeIndex, group: NodeIndex) -> bool {
        let ended = self.frame(group).ended;
        let errs = |item: NodeIndex| self.frame(item).raised.is_some() && self.frame(item).ended == ended;
        self.items(group).iter().any(|&item| self.is_held_up(item) || errs(item)) && self.is_come_to(dag, group)
    }

    /// Whether Argo comes to a group of items on its way through the nodes of a dag, as far as these have ended, and ends it if
    /// those of its items have that have begun. (dag.go, assessDAGPhase)
    fn is_come_to(&self, dag: NodeIndex, group: NodeIndex) -> bool {
        let mut queue: VecDeque<NodeIndex> = self.followers(dag).into();
        let mut seen: HashSet<NodeIndex> = queue.iter().copied().collect();
        while let Some(node) = queue.pop_front() {
            if node == group {
                return true;
            }
            let status = &self[node];
            if !status.phase.is_fulfilled() && status.daemoned != Some(true) {
                return false;
            }
            queue.extend(self.followers(node).into_iter().filter(|&next| seen.insert(next)));
        }
        false
    }
}
