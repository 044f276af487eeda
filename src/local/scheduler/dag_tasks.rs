//! The tasks of a dag: what each waits for, which are ready, and how the dag ends. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::dag_plan::{Task, mark_wanted, read, targets, turns};
use super::node_table::NodeTable;
use super::state::NodeIndex;
use crate::argo::expression::depends::TaskResult;
use crate::argo::model::Dag;
use crate::argo::status::{NodeType, Phase};

/// The tasks of a dag at work.
#[derive(Debug)]
pub(super) struct DagTasks {
    tasks: Vec<Task>,
    places: HashMap<String, usize>,
    targets: Vec<usize>,
    /// When Argo comes to each task on its way through the dag, counted from the first one.
    turns: Vec<usize>,
    /// Tasks of which what their items gave cannot be read.
    unread: HashMap<usize, Unread>,
    fail_fast: bool,
    /// Tasks that have started and not settled.
    active: usize,
    /// Those of them that have ended and wait until Argo looks at the dag again.
    looked_at_again: usize,
    /// All have ended, and hooks of the workflow are at work.
    waits_for_hooks: bool,
}

/// Why what the items of a task gave cannot be read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) why: String,
    /// The same once the dag has ended: Argo then does not ask for the template.
    pub(super) at_the_end: Option<String>,
}

impl DagTasks {
    /// The tasks of a dag that cannot end before all that are ready have been started: it counts one more than there are.
    pub(super) fn new(dag: &Dag) -> Result<Self, String> {
        let (mut tasks, places) = read(&dag.tasks)?;
        let targets = targets(&dag.target, &tasks, &places)?;
        mark_wanted(&mut tasks, &targets);
        let fail_fast = dag.fail_fast != Some(false);
        let turns = turns(&tasks, &targets);
        Ok(Self {
            tasks,
            places,
            targets,
            turns,
            unread: HashMap::new(),
            fail_fast,
            active: 1,
            looked_at_again: 0,
            waits_for_hooks: false,
        })
    }

    /// The tasks that wait for nothing, in the order in which Argo comes to them.
    pub(super) fn first(&self) -> Vec<usize> {
        let mut first: Vec<usize> =
            (0..self.tasks.len()).filter(|&task| self.tasks[task].wanted && self.tasks[task].missing == 0).collect();
        first.sort_by_key(|&task| self.turns[task]);
        first
    }

    pub(super) fn begun(&mut self) {
        self.active += 1;
    }

    /// A task has ended with its hooks, or will never run; whether it was the last one.
    pub(super) fn settled(&mut self) -> bool {
        self.active -= 1;
        self.active == 0
    }

    /// Notes that the dag waits for hooks of the workflow, although all of its tasks have ended.
    pub(super) fn wait_for_hooks(&mut self) {
        self.waits_for_hooks = true;
    }

    pub(super) fn waits_for_hooks(&self) -> bool {
        self.waits_for_hooks
    }

    /// Notes that what comes after a task begins; whether it has before, and hooks have been waited for since.
    pub(super) fn goes_on_again(&mut self, task: usize) -> bool {
        std::mem::replace(&mut self.tasks[task].goes_on, true)
    }

    pub(super) fn has_gone_on(&self, task: usize) -> bool {
        self.tasks[task].goes_on
    }

    /// Whether Argo comes to a task: on its way from the targets it goes on through what has not ended, unless hooks of that are at
    /// work. (dag.go, executeDAGTask)
    pub(super) fn is_come_to(&self, task: usize, nodes: &NodeTable) -> bool {
        let mut rest = vec![task];
        let mut seen = HashSet::from([task]);
        while let Some(task) = rest.pop() {
            if self.targets.contains(&task) {
                return true;
            }
            let ends_the_way = |task: usize| {
                let ends = |node| nodes[node].phase.is_fulfilled() || nodes.frame(node).hooks.are_running();
                self.tasks[task].node.is_some_and(ends)
            };
            let next = self.tasks[task].needed_by.iter().copied();
            rest.extend(next.filter(|&next| self.tasks[next].wanted && !ends_the_way(next) && seen.insert(next)));
        }
        false
    }

    /// Whether the dag ends with a target that failed, whatever has not begun; without `failFast` all targets have. (dag.go, assessDAGPhase)
    pub(super) fn fails_before_it_ends(&self, nodes: &NodeTable) -> bool {
        let has_failed =
            |&task: &usize| self.tasks[task].node.is_some() && self.failed(task, self.inherited(task, nodes)).is_some();
        let have_begun = || self.targets.iter().all(|&target| self.tasks[target].node.is_some());
        (self.fail_fast || have_begun()) && self.targets.iter().any(has_failed)
    }

    /// A task has ended that waits until Argo looks at the dag again.
    pub(super) fn waits_for_a_look(&mut self) {
        self.looked_at_again += 1;
    }

    /// Whether all tasks have ended, but that some of them wait so.
    pub(super) fn waits_for_nothing_else(&self) -> bool {
        self.active > 0 && self.active == self.looked_at_again
    }

    /// Such a task need wait no more; whether others are at work, so that the dag goes on.
    pub(super) fn goes_on_after_a_look(&mut self) -> bool {
        let goes_on = self.active > self.looked_at_again;
        self.looked_at_again -= 1;
        goes_on
    }

    /// The tasks that waited for nothing but this one, in the order in which Argo comes to them.
    pub(super) fn ready_after(&mut self, task: usize) -> Vec<usize> {
        let mut ready = Vec::new();
        for next in self.tasks[task].needed_by.clone() {
            let next_task = &mut self.tasks[next];
            next_task.missing -= 1;
            if next_task.missing == 0 && next_task.wanted {
                ready.push(next);
            }
        }
        ready.sort_by_key(|&next| self.turns[next]);
        ready
    }

    pub(super) fn document(&self, task: usize) -> &Value {
        &self.tasks[task].document
    }

    pub(super) fn name(&self, task: usize) -> &str {
        &self.tasks[task].name
    }

    pub(super) fn node(&self, task: usize) -> Option<NodeIndex> {
        self.tasks[task].node
    }

    /// Records the node that a task became; told are the nodes of what it depends on.
    pub(super) fn join(&mut self, task: usize, node: NodeIndex) -> Vec<NodeIndex> {
        self.tasks[task].node = Some(node);
        self.needed(task)
    }

    /// The nodes of what a task depends on.
    pub(super) fn needed(&self, task: usize) -> Vec<NodeIndex> {
        self.tasks[task].needs.iter().filter_map(|&need| self.tasks[need].node).collect()
    }

    /// The nodes of the targets.
    pub(super) fn last(&self) -> Vec<NodeIndex> {
        self.targets.iter().filter_map(|&task| self.tasks[task].node).collect()
    }

    /// Whether the dag ends when this task has ended: nothing comes after it, or `target` names it.
    pub(super) fn is_target(&self, task: usize) -> bool {
        self.targets.contains(&task)
    }

    /// Notes that what the items of a task gave cannot be read.
    pub(super) fn set_unread(&mut self, task: usize, unread: Unread) {
        self.unread.insert(task, unread);
    }

    /// Argo reads what comes before a target once more when the target is there, and ends the dag with what goes wrong
    /// then. (workflow/controller/dag.go, executeDAG)
    pub(super) fn unread_before_a_target(&self) -> Option<String> {
        if self.unread.is_empty() {
            return None;
        }
        self.targets.iter().filter(|&&task| self.tasks[task].node.is_some()).find_map(|&task| self.unread_before(task))
    }

    /// What keeps a dag that has ended well from making its outputs: Argo then reads what all tasks gave, in their order.
    /// (workflow/controller/dag.go, executeDAG)
    pub(super) fn unread(&self) -> Option<&str> {
        let at_the_end = self.unread.iter().filter_map(|(task, unread)| Some((task, unread.at_the_end.as_deref()?)));
        at_the_end.min_by_key(|(task, _)| **task).map(|(_, why)| why)
    }

    /// The nodes of what a task depends on before which something cannot be read, and why.
    pub(super) fn unread_before_needs(&self, task: usize) -> Vec<(NodeIndex, String)> {
        if self.unread.is_empty() {
            return Vec::new();
        }
        let needs = self.tasks[task].needs.iter();
        needs.filter_map(|&need| Some((self.tasks[need].node?, self.unread_before(need)?))).collect()
    }

    /// Why what comes before a task cannot be read.
    pub(super) fn unread_before(&self, task: usize) -> Option<String> {
        if self.unread.is_empty() {
            return None;
        }
        let mut before: VecDeque<usize> = self.tasks[task].needs.iter().copied().collect();
        let mut seen: HashSet<usize> = before.iter().copied().collect();
        while let Some(task) = before.pop_front() {
            if let Some(unread) = self.unread.get(&task) {
                return Some(unread.why.clone());
            }
            before.extend(self.tasks[task].needs.iter().copied().filter(|&need| seen.insert(need)));
        }
        None
    }

    /// Whether the tasks that a task depends on have ended as it asks.
    pub(super) fn may_run(&self, task: usize, nodes: &NodeTable) -> bool {
        let Some(depends) = &self.tasks[task].depends else { return true };
        depends.holds(&|name, result| self.named(name).is_some_and(|node| ended_as(node, result, nodes)))
    }

    fn named(&self, name: &str) -> Option<NodeIndex> {
        self.tasks[*self.places.get(name)?].node
    }

    /// In a plan: a task whose end is not known, among those that a task depends on.
    pub(super) fn unknown_before(&self, task: usize, nodes: &NodeTable) -> Option<usize> {
        let names = self.tasks[task].depends.as_ref()?.tasks();
        names.into_iter().filter_map(|name| self.named(name)).find_map(|node| nodes.frame(node).unknown)
    }

    /// The phase of a dag whose tasks have all ended: a target that did not run has the phase of what it would have
    /// followed, failures first. Of several failures the first one counts, by the order of the targets, and without
    /// `failFast` the last one: assessDAGPhase in workflow/controller/dag.go, v4.1.2. None where Argo comes to no phase of a
    /// target: what it would have followed has no nodes to which it could be joined.
    pub(super) fn phase(&self, dag: NodeIndex, nodes: &NodeTable) -> Option<Phase> {
        let mut phases: HashMap<NodeIndex, Option<Phase>> = self.last().into_iter().map(|node| (node, None)).collect();
        let below = |node: NodeIndex, phase: Phase| nodes.followers(node).into_iter().map(move |next| (next, phase));
        let mut queue: VecDeque<(NodeIndex, Phase)> = below(dag, Phase::Succeeded).collect();
        let mut seen: HashSet<(NodeIndex, Phase)> = queue.iter().copied().collect();
        while let Some((node, branch)) = queue.pop_front() {
            let own = nodes[node].phase;
            let branch = if own.is_completed() { own } else { branch };
            if let Some(phase) = phases.get_mut(&node)
                && !phase.is_some_and(Phase::is_unsuccessful)
            {
                *phase = Some(branch);
            }
            for next in below(node, branch) {
                if seen.insert(next) {
                    queue.push_back(next);
                }
            }
        }

        let of_target = |task: usize| phases.get(&self.tasks[task].node?).copied();
        let mut failed = self.targets.iter().filter_map(|&task| self.failed(task, of_target(task).flatten()?));
        let failed = if self.fail_fast { failed.next() } else { failed.next_back() };
        let is_adrift = self.targets.iter().any(|&task| of_target(task) == Some(None));
        match failed {
            Some(phase) if self.fail_fast || !is_adrift => Some(phase),
            _ => (!is_adrift).then_some(Phase::Succeeded),
        }
    }

    /// The phase of such a dag whatever its nodes are joined to.
    pub(super) fn phase_by_needs(&self, nodes: &NodeTable) -> Phase {
        let failed = self.targets.iter().find_map(|&task| self.failed(task, self.inherited(task, nodes)));
        failed.unwrap_or(Phase::Succeeded)
    }

    /// The phase of a target that fails its dag.
    fn failed(&self, target: usize, phase: Phase) -> Option<Phase> {
        let continue_on = self.tasks[target].continue_on;
        let tolerated = match phase {
            Phase::Failed => continue_on.failed,
            Phase::Error => continue_on.error,
            _ => true,
        };
        (!tolerated).then_some(phase)
    }

    /// The phase of a task, or of what it would have followed, failures first.
    fn inherited(&self, task: usize, nodes: &NodeTable) -> Phase {
        let mut rest = vec![task];
        let mut seen = HashSet::from([task]);
        while let Some(task) = rest.pop() {
            let phase = self.tasks[task].node.map_or(Phase::Omitted, |node| nodes[node].phase);
            if phase.is_unsuccessful() {
                return phase;
            }
            if !phase.is_completed() {
                rest.extend(self.tasks[task].needs.iter().copied().filter(|&need| seen.insert(need)));
            }
        }
        Phase::Succeeded
    }
}

fn ended_as(node: NodeIndex, result: TaskResult, nodes: &NodeTable) -> bool {
    let phase = nodes[node].phase;
    // A hook of the whole group counts with its items. (dag.go, evaluateDependsLogic)
    let is_group = nodes[node].kind == NodeType::TaskGroup;
    let members = if is_group { nodes.frame(node).children.as_slice() } else { &[] };
    let mut items = members.iter().map(|&member| nodes[member].phase);
    match result {
        TaskResult::Succeeded => phase == Phase::Succeeded,
        TaskResult::Failed => phase == Phase::Failed,
        TaskResult::Errored => phase == Phase::Error,
        TaskResult::Skipped => phase == Phase::Skipped,
        TaskResult::Omitted => phase == Phase::Omitted,
        TaskResult::Daemoned => nodes[node].daemoned == Some(true),
        TaskResult::AnySucceeded => items.any(|phase| phase == Phase::Succeeded),
        TaskResult::AllFailed => items.len() > 0 && items.all(|phase| phase == Phase::Failed),
    }
}
