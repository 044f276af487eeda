//! Dag templates: tasks that start when what they depend on has ended as they ask.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::Scheduler;
use super::arguments::view;
use super::hooks::EXIT;
use super::outputs::Known;
use super::references::resolve;
use super::state::{Body, Call, DagBody, ItemsBody, NodeIndex, Owner, TaskState};
use super::steps::{FAILED_FAST, Run, runs};
use crate::argo::expression::depends::{self, Depends, TaskResult};
use crate::argo::model::{Step, Template};
use crate::argo::status::{NodeFlag, NodeType, Phase};
use crate::local::resolved::Reference;

impl Scheduler {
    pub(super) fn start_dag(&mut self, node: NodeIndex, template: &Arc<Template>) {
        let Some(dag) = &template.dag else { return };
        let children = self.new_children(node, template);
        match task_states(&dag.tasks).and_then(|tasks| Ok((targets(&dag.target, &tasks)?, tasks))) {
            Ok((targets, mut tasks)) => {
                mark_wanted(&mut tasks, &targets);
                let first: Vec<usize> =
                    (0..tasks.len()).filter(|&task| tasks[task].wanted && tasks[task].missing == 0).collect();
                // One more than there are tasks, so that the node cannot end before all of them have been started.
                let fail_fast = dag.fail_fast != Some(false);
                self.frame_mut(node).body = Body::Dag(DagBody { children, tasks, targets, fail_fast, active: 1 });
                for task in first {
                    self.start_task(node, task);
                }
                self.task_done(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    fn dag(&self, node: NodeIndex) -> Option<&DagBody> {
        match &self.frame(node).body {
            Body::Dag(dag) => Some(dag),
            _ => None,
        }
    }

    fn dag_mut(&mut self, node: NodeIndex) -> Option<&mut DagBody> {
        match &mut self.frame_mut(node).body {
            Body::Dag(dag) => Some(dag),
            _ => None,
        }
    }

    fn start_task(&mut self, dag: NodeIndex, task: usize) {
        if self.stopping(dag) || self.has_tripped(dag) {
            return;
        }
        let Some(body) = self.dag_mut(dag) else { return };
        body.active += 1;
        let document = body.tasks[task].value.clone();
        let depends = body.tasks[task].depends.clone();
        if let Some(depends) = depends.filter(|depends| !self.depends_hold(dag, depends)) {
            if let Some(number) = self.unknown_end(dag, &depends) {
                let call = self.task_call(dag, task);
                let node = self.create_undecided(&call, &document, number);
                return self.join_task(dag, task, node);
            }
            return self.task_not_run(dag, task, Phase::Omitted, "omitted: depends condition not met");
        }
        if let Err(why) = self.start_runs(dag, task, &document) {
            self.task_not_run(dag, task, Phase::Error, &why);
        }
    }

    fn task_not_run(&mut self, dag: NodeIndex, task: usize, phase: Phase, why: &str) {
        let call = self.task_call(dag, task);
        let node = self.create_not_run(&call, phase, why);
        self.join_task(dag, task, node);
    }

    fn start_runs(&mut self, dag: NodeIndex, task: usize, document: &Value) -> Result<(), String> {
        let (scope, artifacts) = (self.scope_of_children(dag), self.artifacts_of_children(dag));
        let resolved = resolve(document, &scope, &artifacts)?;
        let (runs, expanded) = runs(document, resolved, &scope)?;
        drop(scope);
        if expanded {
            self.start_items(dag, task, runs);
            return Ok(());
        }
        for run in runs {
            let node_name = format!("{}.{}", self.node(dag).name, run.name);
            if let Some(node) = self.start_run(run, node_name, "tasks", dag, Owner::Task(dag, task)) {
                self.join_task(dag, task, node);
            }
        }
        Ok(())
    }

    fn start_items(&mut self, dag: NodeIndex, task: usize, runs: Vec<Run>) {
        let prefix = self.node(dag).name.clone();
        let call = self.task_call(dag, task);
        let group = self.create(&call, NodeType::TaskGroup, Phase::Running);
        // One more than there are items, so that the group cannot end before all of them have been started.
        self.frame_mut(group).body = Body::Items(ItemsBody { unsettled: 1, nodes: Vec::new() });
        self.join_task(dag, task, group);
        let mut active = false;
        for run in runs {
            if let Body::Items(body) = &mut self.frame_mut(group).body {
                body.unsettled += 1;
            }
            let node_name = format!("{prefix}.{}", run.name);
            let node = self.start_run(run, node_name, "tasks", dag, Owner::Item(group));
            if let Some(node) = node {
                self.join_item(group, node);
            }
            active |= node.is_none_or(|node| !self.node(node).phase.is_fulfilled());
            // Argo ends the group with an item that could not even start, unless others are at work by then.
            if !active && node.is_some_and(|node| self.frame(node).raised.is_some()) {
                break;
            }
        }
        self.fire_hooks(group);
        self.item_settled(group);
    }

    /// The call of a task as such: of its group of items, or of a node that only says why it did not run.
    fn task_call(&self, dag: NodeIndex, task: usize) -> Call {
        let document = self.dag(dag).map(|body| &body.tasks[task].value);
        let step: Step = document.map(|document| view(document).unwrap_or_default()).unwrap_or_default();
        let node_name = format!("{}.{}", self.node(dag).name, step.name);
        let scope = self.frame(dag).inner_scope.clone();
        let mut hooks = self.hooks_of(&step);
        if !self.is_followed(dag, task) {
            hooks.remove(EXIT);
        }
        Call {
            boundary: Some(dag),
            flag: Some(NodeFlag::default()),
            on_exit: self.frame(dag).on_exit,
            continue_on: step.continue_on,
            hooks,
            ..Call::new(node_name, Reference::from(&step), scope, Owner::Task(dag, task))
        }
        .called_by("tasks", step.name)
    }

    /// Whether another task comes after this one: Argo runs the exit handler of a whole group of items only then.
    fn is_followed(&self, dag: NodeIndex, task: usize) -> bool {
        self.dag(dag).is_some_and(|body| body.tasks[task].needed_by.iter().any(|&next| body.tasks[next].wanted))
    }

    /// Records the node that a task became and joins it below what it depends on.
    pub(super) fn join_task(&mut self, dag: NodeIndex, task: usize, node: NodeIndex) {
        let Some(body) = self.dag_mut(dag) else { return };
        body.tasks[task].node = Some(node);
        let needs: Vec<_> = body.tasks[task].needs.iter().filter_map(|&need| body.tasks[need].node).collect();
        let parents: Vec<_> =
            if needs.is_empty() { vec![dag] } else { needs.into_iter().flat_map(|need| self.outbound(need)).collect() };
        for parent in parents {
            self.join(parent, node);
        }
    }

    pub(super) fn join_item(&mut self, group: NodeIndex, node: NodeIndex) {
        self.join(group, node);
        if let Body::Items(body) = &mut self.frame_mut(group).body {
            body.nodes.push(node);
        }
    }

    pub(super) fn item_settled(&mut self, group: NodeIndex) {
        let Body::Items(body) = &mut self.frame_mut(group).body else { return };
        body.unsettled -= 1;
        if body.unsettled > 0 {
            return;
        }
        let nodes = body.nodes.clone();
        for &node in &nodes {
            self.explain_raised(node);
        }
        let failed = nodes.iter().map(|&node| self.node(node).phase).rfind(|phase| phase.is_unsuccessful());
        self.finish(group, failed.unwrap_or(Phase::Succeeded), "");
    }

    pub(super) fn task_settled(&mut self, dag: NodeIndex, task: usize) {
        let Some(node) = self.dag(dag).and_then(|body| body.tasks[task].node) else { return };
        self.explain_raised(node);
        let learned = self.learn_task(dag, task, node);
        let Some(body) = self.dag_mut(dag) else { return };
        let mut ready = Vec::new();
        for next in body.tasks[task].needed_by.clone() {
            body.tasks[next].missing -= 1;
            if body.tasks[next].missing == 0 && body.tasks[next].wanted {
                ready.push(next);
            }
        }
        match learned {
            Ok(()) => ready.into_iter().for_each(|next| self.start_task(dag, next)),
            Err(why) => {
                for next in ready {
                    let Some(body) = self.dag_mut(dag) else { return };
                    body.active += 1;
                    self.task_not_run(dag, next, Phase::Error, &why);
                }
            }
        }
        self.task_done(dag);
    }

    fn explain_raised(&mut self, node: NodeIndex) {
        if let Some(why) = self.frame_mut(node).raised.take() {
            let message = format!("task '{}' errored: {why}", self.node(node).name);
            self.node_mut(node).message = message;
        }
    }

    fn learn_task(&mut self, dag: NodeIndex, task: usize, node: NodeIndex) -> Result<(), String> {
        let Some(body) = self.dag(dag) else { return Ok(()) };
        let prefix = format!("tasks.{}", body.tasks[task].name);
        let not_run = matches!(self.node(node).phase, Phase::Skipped | Phase::Omitted);
        let template = if not_run { self.called_template(dag, &body.tasks[task].value) } else { None };
        let last = self.last_attempt(node);
        let unknown = self.frame(node).unknown;
        let items: Vec<_> = match &self.frame(node).body {
            Body::Items(body) => body.nodes.iter().map(|&item| self.last_attempt(item)).collect(),
            _ => Vec::new(),
        };
        let (Body::Dag(body), statuses) = (&mut self.frames[dag.0].body, &self.nodes) else { return Ok(()) };
        let children = &mut body.children;
        let mut known =
            Known { scope: Arc::make_mut(&mut children.scope), artifacts: Arc::make_mut(&mut children.artifacts) };
        if statuses[node.0].kind == NodeType::TaskGroup {
            known.add_items(&prefix, &items.iter().map(|item| &statuses[item.0]).collect::<Vec<_>>())?;
        }
        known.add_node(&prefix, &statuses[last.0]);
        if let Some(template) = template {
            known.add_not_run(&prefix, &template, false);
        }
        known.add_unknown(&prefix, unknown);
        Ok(())
    }

    /// A task has ended with its hooks, or will never run.
    pub(super) fn task_done(&mut self, dag: NodeIndex) {
        let Some(body) = self.dag_mut(dag) else { return };
        body.active -= 1;
        if body.active > 0 {
            return;
        }
        let failed_fast = body.children.slots.dropped || body.children.slots.tripped;
        let last: Vec<_> = body.targets.clone().into_iter().filter_map(|task| body.tasks[task].node).collect();
        if failed_fast {
            return self.finish(dag, Phase::Failed, FAILED_FAST);
        }
        if self.stopping(dag) {
            return self.finish(dag, Phase::Failed, "");
        }
        self.set_outbound(dag, &last);
        match self.judge(dag) {
            Phase::Succeeded => self.end_with_outputs(dag),
            phase => self.finish(dag, phase, ""),
        }
    }

    /// The phase of a dag node whose tasks have all ended: a target that did not run has the phase of what it would
    /// have followed, failures first. Of several failures the first one counts, by the order of the targets, and without
    /// `failFast` the last one: assessDAGPhase in workflow/controller/dag.go, v4.1.2.
    fn judge(&self, dag: NodeIndex) -> Phase {
        let Some(body) = self.dag(dag) else { return Phase::Error };
        let mut phases: HashMap<NodeIndex, Option<Phase>> =
            body.targets.iter().filter_map(|&task| body.tasks[task].node).map(|node| (node, None)).collect();
        let below = |node: NodeIndex, phase: Phase| self.frame(node).children.iter().map(move |&child| (child, phase));
        let mut queue: VecDeque<(NodeIndex, Phase)> = below(dag, Phase::Succeeded).collect();
        let mut seen: HashSet<(NodeIndex, Phase)> = queue.iter().copied().collect();
        while let Some((node, branch)) = queue.pop_front() {
            let own = self.node(node).phase;
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
        let mut failed = body.targets.iter().filter_map(|&task| {
            let state = &body.tasks[task];
            let phase = phases.get(&state.node?).copied().flatten()?;
            let tolerated = match phase {
                Phase::Failed => state.continue_on.failed,
                Phase::Error => state.continue_on.error,
                _ => true,
            };
            (!tolerated).then_some(phase)
        });
        let failed = if body.fail_fast { failed.next() } else { failed.next_back() };
        failed.unwrap_or(Phase::Succeeded)
    }

    /// In a plan: a task whose end is not known, among those that a condition names.
    fn unknown_end(&self, dag: NodeIndex, depends: &Depends) -> Option<usize> {
        let tasks = &self.dag(dag)?.tasks;
        let named = depends.tasks().into_iter().filter_map(|name| tasks.iter().find(|task| task.name == name));
        named.filter_map(|task| task.node).find_map(|node| self.frame(node).unknown)
    }

    fn depends_hold(&self, dag: NodeIndex, depends: &Depends) -> bool {
        let Some(body) = self.dag(dag) else { return false };
        depends.holds(&|name, result| {
            let Some(state) = body.tasks.iter().find(|state| state.name == name) else { return false };
            let Some(node) = state.node else { return false };
            let phase = self.node(node).phase;
            let items = || match &self.frame(node).body {
                Body::Items(items) => items.nodes.iter().map(|&item| self.node(item).phase).collect::<Vec<_>>(),
                _ => Vec::new(),
            };
            match result {
                TaskResult::Succeeded => phase == Phase::Succeeded,
                TaskResult::Failed => phase == Phase::Failed,
                TaskResult::Errored => phase == Phase::Error,
                TaskResult::Skipped => phase == Phase::Skipped,
                TaskResult::Omitted => phase == Phase::Omitted,
                TaskResult::Daemoned => false,
                TaskResult::AnySucceeded => items().contains(&Phase::Succeeded),
                TaskResult::AllFailed => {
                    let items = items();
                    !items.is_empty() && items.iter().all(|&phase| phase == Phase::Failed)
                }
            }
        })
    }
}

fn task_states(documents: &[Value]) -> Result<Vec<TaskState>, String> {
    let steps: Vec<Step> = documents.iter().map(view).collect::<Result<_, _>>()?;
    let places: HashMap<&str, usize> =
        steps.iter().enumerate().map(|(place, step)| (step.name.as_str(), place)).collect();
    let mut states = Vec::with_capacity(steps.len());
    for (step, document) in steps.iter().zip(documents) {
        let depends = depends_of(step, &steps, &places)?;
        let mut needs = Vec::new();
        for name in depends.as_ref().map(Depends::tasks).unwrap_or_default() {
            let place = places
                .get(name)
                .ok_or_else(|| format!("task {:?} depends on {name:?}, which is no task", step.name))?;
            if !needs.contains(place) {
                needs.push(*place);
            }
        }
        states.push(TaskState {
            value: document.clone(),
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
    for place in 0..states.len() {
        for need in states[place].needs.clone() {
            states[need].needed_by.push(place);
        }
    }
    Ok(states)
}

fn depends_of(step: &Step, steps: &[Step], places: &HashMap<&str, usize>) -> Result<Option<Depends>, String> {
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

fn targets(target: &str, tasks: &[TaskState]) -> Result<Vec<usize>, String> {
    let place = |name: &str| {
        tasks.iter().position(|task| task.name == name).ok_or_else(|| format!("dag.target: {name:?} is no task"))
    };
    if target.is_empty() {
        let mut leaves: Vec<usize> = (0..tasks.len()).filter(|&task| tasks[task].needed_by.is_empty()).collect();
        leaves.sort_by(|&left, &right| tasks[left].name.cmp(&tasks[right].name));
        Ok(leaves)
    } else {
        target.split_whitespace().map(place).collect()
    }
}

fn mark_wanted(tasks: &mut [TaskState], targets: &[usize]) {
    let mut rest = targets.to_vec();
    while let Some(task) = rest.pop() {
        if !std::mem::replace(&mut tasks[task].wanted, true) {
            rest.extend_from_slice(&tasks[task].needs);
        }
    }
}
