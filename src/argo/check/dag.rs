//! Dags: their tasks, what these wait for, and what they read of each other. (validateDAG)

use std::collections::{BTreeMap, VecDeque};

use hashbrown::{HashMap, HashSet};
use serde_json::Value;

use super::call::Called;
use super::checker::{At, Checker};
use super::finding::Rule;
use super::names::Names;
use super::nearest::nearest_of_few;
use super::outputs::has_parameter;
use super::read::{get, items, list, scalar, text};
use super::steps::{aggregates, has_exit_hook, inline_inputs};
use super::template::Arguments;
use super::waits::{Waits, terms, waits};
use crate::argo::stranding::{is_retried, strandable};

/// (ancestry.go, TaskResult)
const RESULTS: [&str; 8] =
    ["Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"];

struct Tasks<'t> {
    tasks: &'t [Value],
    numbers: HashMap<&'t str, usize>,
    /// What each waits for, by name.
    waits: Vec<BTreeMap<String, Waits>>,
    /// The same by number, without what is no task.
    before: Vec<Vec<usize>>,
    /// Whether any task says `depends`.
    uses_depends: bool,
}

impl<'t> Tasks<'t> {
    fn new(tasks: &'t [Value]) -> Self {
        let numbers: HashMap<&str, usize> =
            tasks.iter().enumerate().map(|(number, task)| (text(task, "name"), number)).collect();
        let waits: Vec<BTreeMap<String, Waits>> = tasks.iter().map(waits).collect();
        let before = waits.iter().map(|waits| waits.keys().filter_map(|name| numbers.get(name.as_str())));
        let before = before.map(|numbers| numbers.copied().collect()).collect();
        let uses_depends = tasks.iter().any(|task| !text(task, "depends").is_empty());
        Self { tasks, numbers, waits, before, uses_depends }
    }

    /// Whether the named task ends before another begins. It looks from there upwards, the nearest first, as tasks mostly
    /// read what they wait for themselves. (ancestry.go, GetTaskAncestry)
    fn ends_before(&self, name: &str, number: usize) -> bool {
        let Some(wanted) = self.numbers.get(name).copied().filter(|wanted| *wanted != number) else { return false };
        let (mut seen, mut next): (HashSet<usize>, _) = (HashSet::from([number]), VecDeque::from([number]));
        while let Some(number) = next.pop_front() {
            for before in &self.before[number] {
                if *before == wanted {
                    return true;
                }
                if seen.insert(*before) {
                    next.push_back(*before);
                }
            }
        }
        false
    }

    /// The tasks so that each comes after those that it waits for; those in a circle come last. (util/sorting)
    fn order(&self) -> Vec<usize> {
        let mut left: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); self.tasks.len()];
        for (number, before) in self.before.iter().enumerate() {
            for before in before {
                followers[*before].push(number);
            }
        }
        let mut order: Vec<usize> = (0..self.tasks.len()).filter(|number| left[*number] == 0).collect();
        let mut next = 0;
        while let Some(number) = order.get(next).copied() {
            next += 1;
            for follower in &followers[number] {
                left[*follower] -= 1;
                if left[*follower] == 0 {
                    order.push(*follower);
                }
            }
        }
        order.extend((0..self.tasks.len()).filter(|number| left[*number] > 0));
        order
    }

    /// A task that waits for itself in the end, and the way round.
    fn cycle(&self) -> Option<Vec<&'t str>> {
        let mut done = vec![false; self.tasks.len()];
        (0..self.tasks.len()).find_map(|start| self.cycle_from(start, &mut Vec::new(), &mut done))
    }

    fn cycle_from(&self, number: usize, way: &mut Vec<usize>, done: &mut [bool]) -> Option<Vec<&'t str>> {
        let name = |number: &usize| text(&self.tasks[*number], "name");
        if let Some(start) = way.iter().position(|seen| *seen == number) {
            return Some(way[start..].iter().chain([&number]).map(name).collect());
        }
        if done[number] {
            return None;
        }
        way.push(number);
        let found = self.before[number].iter().copied().find_map(|next| self.cycle_from(next, way, done));
        way.pop();
        done[number] = true;
        found
    }
}

impl<'a> Checker<'a> {
    pub(super) fn dag(&mut self, template: &Value, place: &At, names: &mut Names) {
        self.leaf_only(template, "dag", place);
        let dag = get(template, "dag").unwrap_or(&Value::Null);
        let tasks = Tasks::new(list(dag, "tasks"));
        let place = place.field("dag");
        if tasks.tasks.is_empty() {
            return self.error(Rule::Required, &place.field("tasks"), "a dag has at least one task");
        }
        self.field_names(tasks.tasks, "task", &place.field("tasks"));
        self.graph(&tasks, &place);

        let order = tasks.order();
        let called: Vec<(usize, Called<'_>)> =
            order.into_iter().map(|number| (number, self.task_called(&tasks, number, &place, names))).collect();
        self.target(dag, &tasks, &place, names);
        // Hooks that are an empty map are none. (omitempty)
        let has_hooks =
            |task: &&Value| get(task, "hooks").and_then(Value::as_object).is_some_and(|hooks| !hooks.is_empty());
        for task in tasks.tasks.iter().filter(has_hooks) {
            names.add(format!("tasks.{}.status", text(task, "name")));
        }
        self.stranded(&tasks, &called, &place);
        for (number, called) in called {
            self.task(&tasks, number, called, &place, names);
        }
    }

    /// No task depends on nothing but calls whose entries a controller may find, and which are retried.
    fn stranded(&mut self, tasks: &Tasks<'_>, called: &[(usize, Called<'_>)], place: &At) {
        if self.options.local {
            return;
        }
        let spec = self.bases[0].spec;
        let default = get(spec, "templateDefaults").and_then(|defaults| get(defaults, "memoize"));
        let may_hit = |template: &Value| get(template, "memoize").or(default).is_some_and(Value::is_object);
        let stranding: HashSet<&str> = called
            .iter()
            .filter(|(_, called)| {
                matches!(called, Called::Template(template) if may_hit(template) && is_retried(template, spec))
            })
            .map(|(number, _)| text(&tasks.tasks[*number], "name"))
            .collect();
        if stranding.is_empty() {
            return;
        }

        for (number, task) in tasks.tasks.iter().enumerate() {
            let before = strandable(task, |name| stranding.contains(name));
            if before.is_empty() {
                continue;
            }
            let field = if text(task, "depends").is_empty() { "dependencies" } else { "depends" };
            let message = format!(
                "the task depends on nothing but memoized calls with a retryStrategy, `{}`: if these are found in the cache, a \
                 controller does not find the task, and the dag never ends",
                before.join("`, `")
            );
            let hint = "leave `memoize` or `retryStrategy` out there, or let the task depend on a call without one of them too";
            self.warn(Rule::Stranded, &place.field("tasks").index(number).field(field), message, Some(hint));
        }
    }

    /// Every task that is waited for is there, and none waits for itself. (sortDAGTasks, verifyNoCycles)
    fn graph(&mut self, tasks: &Tasks<'_>, place: &At) {
        let known = || tasks.numbers.keys().copied();
        for (number, waits) in tasks.waits.iter().enumerate() {
            let task = &tasks.tasks[number];
            let field = if text(task, "depends").is_empty() { "dependencies" } else { "depends" };
            let at = place.field("tasks").index(number).field(field);
            for (name, waits) in waits {
                let Some(other) = tasks.numbers.get(name.as_str()) else {
                    let near = nearest_of_few(name, known()).map(|near| format!("did you mean `{near}`?"));
                    self.error_with(Rule::Depends, &at, format!("`{name}` is no task of this dag"), near);
                    continue;
                };
                let other = &tasks.tasks[*other];
                if *waits == Waits::ForItems && !aggregates(other) && get(other, "withSequence").is_none() {
                    let message = format!(
                        "`{name}` has no items, which AnySucceeded and AllFailed are about: use Succeeded or Failed"
                    );
                    self.error(Rule::Depends, &at, message);
                }
            }
        }
        if let Some(cycle) = tasks.cycle() {
            let message = format!("the tasks wait for each other in a circle: {}", cycle.join(" → "));
            let first = cycle.first().and_then(|name| tasks.numbers.get(name)).copied().unwrap_or_default();
            self.error(Rule::Cycle, &place.field("tasks").index(first), message);
        }
    }

    fn task_called<'t>(&mut self, tasks: &Tasks<'t>, number: usize, place: &At, names: &mut Names) -> Called<'t>
    where
        'a: 't,
    {
        let task = &tasks.tasks[number];
        let at = place.field("tasks").index(number);
        let uses_depends = tasks.uses_depends;
        let has_dependencies = !list(task, "dependencies").is_empty();
        let name = text(task, "name");
        if (uses_depends || has_dependencies) && name.starts_with(|first: char| first.is_ascii_digit()) {
            let message = format!("`{name}` begins with a digit, which a dag with depends or dependencies cannot have");
            self.error(Rule::Name, &at.field("name"), message);
        }
        if uses_depends && has_dependencies {
            self.error(Rule::Depends, &at.field("dependencies"), "a dag uses `depends` or `dependencies`, not both");
        }
        if uses_depends && get(task, "continueOn").is_some() {
            let hint = Some("wait for `TASK.Failed` or `TASK.Errored` in `depends`".to_owned());
            self.error_with(
                Rule::Depends,
                &at.field("continueOn"),
                "a dag that uses `depends` has no `continueOn`",
                hint,
            );
        }
        let called = self.call(task, &at, Arguments::Any);
        self.add_outputs("tasks", name, called, names, aggregates(task));
        self.results(task, &at);
        called
    }

    /// (ancestry.go, ValidateTaskResults)
    fn results(&mut self, task: &Value, at: &At) {
        for (name, result) in terms(text(task, "depends")) {
            let Some(result) = result else { continue };
            if !RESULTS.contains(&result) {
                let near =
                    nearest_of_few(result, RESULTS.into_iter()).map(|near| format!("did you mean `{name}.{near}`?"));
                let message = format!("`{result}` is no result of a task: expected one of {}", RESULTS.join(", "));
                self.error_with(Rule::Depends, &at.field("depends"), message, near);
            }
        }
    }

    /// (validateDAGTargets)
    fn target(&mut self, dag: &Value, tasks: &Tasks<'_>, place: &At, names: &Names) {
        let target = text(dag, "target");
        let at = place.field("target");
        self.resolve_text(target, &at, names, &|_| false);
        for name in target.split(' ').filter(|_| !target.is_empty()) {
            if !has_parameter(name) && !tasks.numbers.contains_key(name) {
                let near =
                    nearest_of_few(name, tasks.numbers.keys().copied()).map(|near| format!("did you mean `{near}`?"));
                self.error_with(Rule::Depends, &at, format!("target `{name}` is no task of this dag"), near);
            }
        }
    }

    fn task(&mut self, tasks: &Tasks<'_>, number: usize, called: Called<'_>, place: &At, names: &mut Names) {
        let task = &tasks.tasks[number];
        let at = place.field("tasks").index(number);
        let name = text(task, "name");
        self.add_outputs("tasks", name, called, names, has_exit_hook(task) && aggregates(task));
        let inputs = inline_inputs(task);
        let mut loops = Names::default();
        self.loop_of(task, &at, &mut loops);

        let any_item = loops.any_item;
        let here = |name: &str| {
            let status = name.strip_prefix("tasks.").and_then(|rest| rest.strip_suffix(".status"));
            status.is_some_and(|task| tasks.ends_before(task, number))
                || loops.has(name)
                || any_item && name.starts_with("item.")
                || inputs.iter().any(|input| input == name)
        };
        self.resolve_call(task, &at, names, &here);
        let arguments = get(task, "arguments").unwrap_or(&Value::Null);
        self.arguments(arguments, &at.field("arguments"), false);
        self.reads_ancestors(number, tasks, &at);
        if let Called::Template(template) = called {
            self.given(task, template, &at);
            self.call(task, &at, Arguments::Given(arguments));
        }
    }

    /// A value that is another task's needs the task to be waited for. (validateDAGTaskArgumentDependency)
    fn reads_ancestors(&mut self, number: usize, tasks: &Tasks<'_>, place: &At) {
        let task = &tasks.tasks[number];
        let values =
            items(task, &["arguments", "parameters"]).iter().map(|one| scalar(one, "value").unwrap_or_default());
        let artifacts = items(task, &["arguments", "artifacts"]).iter().map(|one| text(one, "from").to_owned());
        let values = values.enumerate().map(|(index, value)| ("parameters", "value", index, value));
        let artifacts = artifacts.enumerate().map(|(index, from)| ("artifacts", "from", index, from));
        for (side, field, index, value) in values.chain(artifacts).collect::<Vec<_>>() {
            let Some(other) = value.strip_prefix("{{tasks.").and_then(|rest| rest.split('.').next()) else { continue };
            if !tasks.ends_before(other, number) {
                let at = place.path(&["arguments", side]).index(index).field(field);
                let message = format!("`{value}` is read, and the task does not wait for `{other}`");
                let own = if text(task, "depends").is_empty() { "dependencies" } else { "depends" };
                self.error_with(Rule::Depends, &at, message, Some(format!("add `{other}` to its `{own}`")));
            }
        }
    }
}
