//! The tasks of a dag: what each waits for, which are ready, and how the dag ends. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::Value;

use super::arguments::view;
use super::node_table::NodeTable;
use super::state::NodeIndex;
use crate::argo::expression::depends::{self, Depends, TaskResult};
use crate::argo::model::{ContinueOn, Dag, Step};
use crate::argo::status::Phase;

/// The tasks of a dag at work.
#[derive(Debug)]
pub(super) struct DagTasks {
    tasks: Vec<Task>,
    places: HashMap<String, usize>,
    targets: Vec<usize>,
    /// Tasks of which what their items gave cannot be read.
    unread: HashMap<usize, Unread>,
    fail_fast: bool,
    /// Tasks that have started and not settled.
    active: usize,
}

/// Why what the items of a task gave cannot be read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) why: String,
    /// Whether it can be once the dag has ended: Argo then does not ask for the template.
    pub(super) until_the_end: bool,
}

#[derive(Debug)]
struct Task {
    document: Value,
    name: String,
    continue_on: ContinueOn,
    depends: Option<Depends>,
    needs: Vec<usize>,
    needed_by: Vec<usize>,
    /// Dependencies that have not settled.
    missing: usize,
    wanted: bool,
    node: Option<NodeIndex>,
}

impl DagTasks {
    /// The tasks of a dag that cannot end before all that are ready have been started: it counts one more than there are.
    pub(super) fn new(dag: &Dag) -> Result<Self, String> {
        let (mut tasks, places) = read(&dag.tasks)?;
        let targets = targets(&dag.target, &tasks, &places)?;
        mark_wanted(&mut tasks, &targets);
        let fail_fast = dag.fail_fast != Some(false);
        Ok(Self { tasks, places, targets, unread: HashMap::new(), fail_fast, active: 1 })
    }

    /// The tasks that wait for nothing, in the order in which Argo comes to them: from each target down to what it needs.
    /// (workflow/controller/dag.go, executeDAGTask)
    pub(super) fn first(&self) -> Vec<usize> {
        let mut first = Vec::new();
        let mut seen = vec![false; self.tasks.len()];
        let mut rest: Vec<usize> = self.targets.iter().rev().copied().collect();
        while let Some(task) = rest.pop() {
            if std::mem::replace(&mut seen[task], true) {
                continue;
            }
            if self.tasks[task].missing == 0 {
                first.push(task);
            }
            rest.extend(self.tasks[task].needs.iter().rev());
        }
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

    /// Whether more than one task is at work.
    pub(super) fn are_others_at_work(&self) -> bool {
        self.active > 1
    }

    /// The tasks that waited for nothing but this one.
    pub(super) fn ready_after(&mut self, task: usize) -> Vec<usize> {
        let mut ready = Vec::new();
        for next in self.tasks[task].needed_by.clone() {
            let next_task = &mut self.tasks[next];
            next_task.missing -= 1;
            if next_task.missing == 0 && next_task.wanted {
                ready.push(next);
            }
        }
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

    /// Whether another task comes after this one.
    pub(super) fn is_followed(&self, task: usize) -> bool {
        self.tasks[task].needed_by.iter().any(|&next| self.tasks[next].wanted)
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
        let at_the_end = self.unread.iter().filter(|(_, unread)| !unread.until_the_end);
        Some(&at_the_end.min_by_key(|(task, _)| **task)?.1.why)
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
    /// `failFast` the last one: assessDAGPhase in workflow/controller/dag.go, v4.1.2.
    pub(super) fn phase(&self, dag: NodeIndex, nodes: &NodeTable) -> Phase {
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

        let mut failed = self.targets.iter().filter_map(|&task| {
            let task = &self.tasks[task];
            let phase = phases.get(&task.node?).copied().flatten()?;
            let tolerated = match phase {
                Phase::Failed => task.continue_on.failed,
                Phase::Error => task.continue_on.error,
                _ => true,
            };
            (!tolerated).then_some(phase)
        });
        let failed = if self.fail_fast { failed.next() } else { failed.next_back() };
        failed.unwrap_or(Phase::Succeeded)
    }
}

fn ended_as(node: NodeIndex, result: TaskResult, nodes: &NodeTable) -> bool {
    let phase = nodes[node].phase;
    let mut items = nodes.items(node).iter().map(|&item| nodes[item].phase);
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

fn read(documents: &[Value]) -> Result<(Vec<Task>, HashMap<String, usize>), String> {
    let steps: Vec<Step> = documents.iter().map(view).collect::<Result<_, _>>()?;
    let places: HashMap<String, usize> =
        steps.iter().enumerate().map(|(place, step)| (step.name.clone(), place)).collect();
    let mut tasks = Vec::with_capacity(steps.len());
    for (step, document) in steps.iter().zip(documents) {
        let depends = depends_of(step, &steps, &places)?;
        let mut needs = Vec::new();
        let mut seen = HashSet::new();
        for name in depends.as_ref().map(Depends::tasks).unwrap_or_default() {
            let place = places
                .get(name)
                .ok_or_else(|| format!("task {:?} depends on {name:?}, which is no task", step.name))?;
            if seen.insert(*place) {
                needs.push(*place);
            }
        }
        tasks.push(Task {
            document: document.clone(),
            name: step.name.clone(),
            continue_on: step.continue_on,
            depends,
            missing: needs.len(),
            needs,
            needed_by: Vec::new(),
            wanted: false,
            node: None,
        });
    }
    for place in 0..tasks.len() {
        for need in tasks[place].needs.clone() {
            tasks[need].needed_by.push(place);
        }
    }
    Ok((tasks, places))
}

fn depends_of(step: &Step, steps: &[Step], places: &HashMap<String, usize>) -> Result<Option<Depends>, String> {
    let continues = |name: &str| {
        let continue_on = places.get(name).map(|&place| steps[place].continue_on).unwrap_or_default();
        let results = [(continue_on.error, TaskResult::Errored), (continue_on.failed, TaskResult::Failed)];
        results.into_iter().filter_map(|(holds, result)| holds.then_some(result)).collect()
    };
    if !step.depends.is_empty() {
        let depends = depends::parse(&step.depends).map_err(|error| format!("task {:?}: {error}", step.name))?;
        Ok(Some(depends.expanded(&continues)))
    } else if step.dependencies.is_empty() {
        Ok(None)
    } else {
        Ok(Some(Depends::all_of(&step.dependencies).expanded(&continues)))
    }
}

fn targets(target: &str, tasks: &[Task], places: &HashMap<String, usize>) -> Result<Vec<usize>, String> {
    let place = |name: &str| places.get(name).copied().ok_or_else(|| format!("dag.target: {name:?} is no task"));
    if target.is_empty() {
        let mut leaves: Vec<usize> = (0..tasks.len()).filter(|&task| tasks[task].needed_by.is_empty()).collect();
        leaves.sort_by(|&left, &right| tasks[left].name.cmp(&tasks[right].name));
        Ok(leaves)
    } else {
        target.split_whitespace().map(place).collect()
    }
}

fn mark_wanted(tasks: &mut [Task], targets: &[usize]) {
    let mut rest = targets.to_vec();
    while let Some(task) = rest.pop() {
        if !std::mem::replace(&mut tasks[task].wanted, true) {
            rest.extend_from_slice(&tasks[task].needs);
        }
    }
}
