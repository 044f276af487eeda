//! The tasks of a dag as they are written: what each waits for, with which the dag ends, and in which order Argo comes to them.
//! Pure.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::arguments::view;
use super::state::NodeIndex;
use crate::argo::expression::depends::{self, Depends, TaskResult};
use crate::argo::model::{ContinueOn, Step};

/// A task, and what became of it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) document: Value,
    pub(super) name: String,
    pub(super) continue_on: ContinueOn,
    pub(super) depends: Option<Depends>,
    pub(super) needs: Vec<usize>,
    pub(super) needed_by: Vec<usize>,
    /// Dependencies that have not settled.
    pub(super) missing: usize,
    pub(super) wanted: bool,
    /// What comes after it has begun.
    pub(super) goes_on: bool,
    pub(super) node: Option<NodeIndex>,
}

/// The tasks of a dag, and the place of each by its name.
pub(super) fn read(documents: &[Value]) -> Result<(Vec<Task>, HashMap<String, usize>), String> {
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
            goes_on: false,
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

/// The tasks with which the dag ends: those that `target` names, else those that none comes after.
pub(super) fn targets(target: &str, tasks: &[Task], places: &HashMap<String, usize>) -> Result<Vec<usize>, String> {
    let place = |name: &str| places.get(name).copied().ok_or_else(|| format!("dag.target: {name:?} is no task"));
    if target.is_empty() {
        let mut leaves: Vec<usize> = (0..tasks.len()).filter(|&task| tasks[task].needed_by.is_empty()).collect();
        leaves.sort_by(|&left, &right| tasks[left].name.cmp(&tasks[right].name));
        Ok(leaves)
    } else {
        target.split_whitespace().map(place).collect()
    }
}

/// When Argo comes to each task: from each target down to what it needs, then to the target itself.
/// (workflow/controller/dag.go, executeDAGTask)
pub(super) fn turns(tasks: &[Task], targets: &[usize]) -> Vec<usize> {
    let mut turns = vec![usize::MAX; tasks.len()];
    let mut next = 0;
    let mut seen = vec![false; tasks.len()];
    let mut rest: Vec<(usize, bool)> = targets.iter().rev().map(|&target| (target, false)).collect();
    while let Some((task, are_needs_done)) = rest.pop() {
        if are_needs_done {
            turns[task] = next;
            next += 1;
        } else if !std::mem::replace(&mut seen[task], true) {
            rest.push((task, true));
            rest.extend(tasks[task].needs.iter().rev().map(|&need| (need, false)));
        }
    }
    turns
}

/// Marks what has to run for the targets.
pub(super) fn mark_wanted(tasks: &mut [Task], targets: &[usize]) {
    let mut rest = targets.to_vec();
    while let Some(task) = rest.pop() {
        if !std::mem::replace(&mut tasks[task].wanted, true) {
            rest.extend_from_slice(&tasks[task].needs);
        }
    }
}
