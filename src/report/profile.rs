//! Everything that a report about a run tells: its work in time, the critical path, what each template cost, and the
//! attempt before for comparison. Secrets are masked.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::address::Commands;
use super::dependencies::Dependencies;
use super::failures::{FailedNode, Failures};
use super::node_state::State;
use super::summary::Summary;
use super::work::{is_work, template};
use crate::argo::nodes::path;
use crate::argo::status::Node;
use crate::argo::template::{field, list, text};
use crate::argo::{Nodes, Workflow};
use crate::mask::{Mask, shown};

/// What is known of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The Workflow object.
    pub(crate) workflow: &'a Workflow,
    /// Its nodes.
    pub(crate) nodes: &'a Nodes,
    /// Hides its secrets.
    pub(crate) mask: &'a Mask,
    /// Whether its process was killed.
    pub(crate) killed: bool,
    /// The directory of the artifacts of a run of this machine.
    pub(crate) store: Option<&'a str>,
}

/// A run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    /// The summary.
    pub(crate) summary: Summary,
    /// The number of nodes in each state.
    pub(crate) states: BTreeMap<State, usize>,
    /// The time that all work took together, in milliseconds.
    pub(crate) busy_ms: i64,
    /// The work, in order of start.
    pub(crate) work: Vec<WorkItem>,
    /// The places in `work` that decided when the run ended, the first one first.
    pub(crate) critical_path: Vec<usize>,
    /// The cost of each template, the highest first.
    pub(crate) templates: Vec<TemplateCost>,
    /// The output parameters of the run.
    pub(crate) outputs: Vec<Output>,
    /// What failed.
    pub(crate) failures: Vec<FailedNode>,
    /// The commands that help, if something failed.
    pub(crate) commands: Option<Commands>,
    /// The attempt before.
    pub(crate) before: Option<Before>,
}

/// A piece of work.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkItem {
    /// The id.
    pub(crate) id: String,
    /// The name in every attempt of the run.
    pub(crate) path: String,
    /// The full name.
    pub(crate) node: String,
    /// The template.
    pub(crate) template: String,
    /// What became of it.
    pub(crate) state: Option<State>,
    /// The phase.
    pub(crate) phase: &'static str,
    /// The start, in milliseconds after that of the run.
    pub(crate) start_ms: Option<i64>,
    /// The duration so far, in milliseconds.
    pub(crate) took_ms: Option<i64>,
    /// The pause between the end of its predecessors and its start, in milliseconds.
    pub(crate) waited_ms: i64,
    /// Whether it is on the critical path.
    pub(crate) critical: bool,
    /// The places of its predecessors.
    pub(crate) after: Vec<usize>,
    /// The message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// The exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<String>,
    /// Input parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) inputs: Vec<Output>,
    /// Output parameters, the result and the places of artifacts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) outputs: Vec<Output>,
    /// The last lines of the log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) log: Vec<String>,
    /// The same work in the attempt before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<BeforeItem>,
}

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Output {
    /// Its name.
    pub(crate) name: String,
    /// Its value, shortened if it is long.
    pub(crate) value: String,
}

/// The cost of a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateCost {
    /// The template.
    pub(crate) template: String,
    /// The number of its nodes in each state.
    pub(crate) states: BTreeMap<State, usize>,
    /// The time that it took together, in milliseconds.
    pub(crate) busy_ms: i64,
    /// The longest of its nodes, in milliseconds.
    pub(crate) longest_ms: i64,
    /// The time that its cached nodes took in the attempt before, in milliseconds.
    pub(crate) saved_ms: i64,
    /// What the controller recorded, such as `cpu`, in seconds of the resource's unit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resources: BTreeMap<String, i64>,
}

/// The attempt before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Before {
    /// The workflow's name.
    pub(crate) name: String,
    /// The number of the attempt.
    pub(crate) attempt: Option<u32>,
    /// Its phase.
    pub(crate) phase: String,
    /// Its duration, in milliseconds.
    pub(crate) took_ms: Option<i64>,
    /// The time that all its work took together, in milliseconds.
    pub(crate) busy_ms: i64,
}

/// A piece of work in the attempt before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BeforeItem {
    /// What became of it.
    pub(crate) state: State,
    /// Its duration, in milliseconds.
    pub(crate) took_ms: Option<i64>,
}

/// Longer values are shortened.
const MAX_VALUE: usize = 400;

impl Profile {
    /// The profile of a run; `logs` has the last lines by node id.
    pub(crate) fn of(run: Known<'_>, failures: &Failures, logs: &HashMap<String, Vec<String>>, now: Timestamp) -> Self {
        let summary = Summary::of(run.workflow, run.nodes);
        let summary = if run.killed { summary.killed() } else { summary };
        let order = Dependencies::of(run.nodes);
        let path: Vec<usize> = order.critical_path().iter().map(|step| step.place).collect();
        let critical: HashSet<usize> = path.iter().copied().collect();
        let begin = summary.start_time.or_else(|| order.work.iter().filter_map(|node| node.started_at).min());
        let mut work: Vec<WorkItem> = order
            .work
            .iter()
            .enumerate()
            .map(|(place, node)| WorkItem {
                waited_ms: waited(node, &order, place),
                critical: critical.contains(&place),
                after: order.before[place].clone(),
                log: logs.get(&node.id).cloned().unwrap_or_default(),
                ..item(run, node, begin, now)
            })
            .collect();
        for failed in &failures.nodes {
            if let Some(item) = work.iter_mut().find(|item| item.id == failed.id && item.log.is_empty()) {
                item.log.clone_from(&failed.log);
            }
        }

        let mut states = BTreeMap::new();
        for state in work.iter().filter_map(|item| item.state) {
            *states.entry(state).or_default() += 1;
        }
        Self {
            states,
            busy_ms: work.iter().map(busy).sum(),
            templates: costs(run.workflow, &work),
            work,
            critical_path: path,
            outputs: super::outputs::of_run(run.workflow, run.mask, run.store),
            failures: failures.nodes.clone(),
            commands: failures.is_failure.then(|| failures.commands()),
            before: None,
            summary: Summary { message: run.mask.text(&summary.message), ..summary },
        }
    }

    /// Adds the attempt before.
    #[must_use]
    pub(crate) fn compared_with(mut self, before: &Self) -> Self {
        let known: HashMap<&str, &WorkItem> = before.work.iter().map(|item| (item.path.as_str(), item)).collect();
        for item in &mut self.work {
            item.before = known
                .get(item.path.as_str())
                .and_then(|before| Some(BeforeItem { state: before.state?, took_ms: before.took_ms }));
        }
        for cost in &mut self.templates {
            let cached =
                self.work.iter().filter(|item| item.state == Some(State::Cached) && item.template == cost.template);
            cost.saved_ms = cached.filter_map(|item| item.before.as_ref()?.took_ms).sum();
        }
        let summary = &before.summary;
        let took = summary.completion_time.and_then(|end| summary.duration(end));
        self.before = Some(Before {
            name: summary.name.clone(),
            attempt: summary.attempt,
            phase: summary.phase.clone(),
            took_ms: took.map(milliseconds),
            busy_ms: before.busy_ms,
        });
        self
    }

    /// The duration of the run so far, in milliseconds.
    pub(crate) fn took_ms(&self, now: Timestamp) -> i64 {
        let last = self.work.iter().filter_map(|item| Some(item.start_ms? + item.took_ms.unwrap_or(0))).max();
        let run = self.summary.duration(now).map(milliseconds).filter(|_| self.summary.completion_time.is_some());
        run.into_iter().chain(last).max().unwrap_or(0)
    }
}

/// The durations of work that ran, by its path, in milliseconds.
pub(crate) fn durations(nodes: &Nodes) -> HashMap<String, i64> {
    let ran = nodes.all.iter().filter(|node| is_work(node.kind) && State::of(node, false) != State::Cached);
    let took = ran.filter_map(|node| {
        let took = node.finished_at?.duration_since(node.started_at?);
        Some((path(nodes.workflow(), &node.name), milliseconds(took).max(0)))
    });
    took.collect()
}

fn milliseconds(duration: jiff::SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn busy(item: &WorkItem) -> i64 {
    let counts = matches!(item.state, Some(State::Ran | State::Failed | State::Running | State::Lost));
    item.took_ms.filter(|_| counts).unwrap_or(0)
}

fn waited(node: &Node, order: &Dependencies<'_>, place: usize) -> i64 {
    let end = order.before[place].iter().filter_map(|&before| order.work[before].finished_at).max();
    end.zip(node.started_at).map_or(0, |(end, start)| milliseconds(start.duration_since(end)).max(0))
}

fn item(run: Known<'_>, node: &Node, begin: Option<Timestamp>, now: Timestamp) -> WorkItem {
    let state = State::of(node, run.killed);
    let end = node.finished_at.or((state == State::Running).then_some(now));
    let inputs = list(node.inputs.as_ref().and_then(|inputs| field(inputs, "parameters")));
    WorkItem {
        id: node.id.clone(),
        path: run.mask.text(&path(run.nodes.workflow(), &node.name)),
        node: run.mask.text(&node.name),
        template: run.mask.text(&template(node)),
        state: Some(state),
        phase: node.phase.as_str(),
        start_ms: begin.zip(node.started_at).map(|(begin, start)| milliseconds(start.duration_since(begin))),
        took_ms: node.started_at.zip(end).map(|(start, end)| milliseconds(end.duration_since(start)).max(0)),
        message: run.mask.text(&node.message),
        exit_code: node.outputs.as_ref().and_then(|outputs| outputs.exit_code.clone()),
        inputs: inputs.iter().filter_map(|value| parameter(value, run.mask)).collect(),
        outputs: super::outputs::of_node(run.workflow, node, run.mask, run.store),
        ..WorkItem::default()
    }
}

fn parameter(value: &Value, mask: &Mask) -> Option<Output> {
    let name = text(value, "name").to_owned();
    let value = match field(value, "value")? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(Output::new(name, &value, mask))
}

impl Output {
    /// A named value without secrets; a long one is shortened.
    pub(crate) fn new(name: String, value: &str, mask: &Mask) -> Self {
        let mut value = mask.text(shown(&name, value));
        if let Some((end, _)) = value.char_indices().nth(MAX_VALUE) {
            value.truncate(end);
            value.push('…');
        }
        Self { name, value }
    }
}

fn costs(workflow: &Workflow, work: &[WorkItem]) -> Vec<TemplateCost> {
    let raw = workflow.node_values().ok();
    let mut costs: HashMap<&str, TemplateCost> = HashMap::new();
    for item in work {
        let cost = costs.entry(&item.template).or_default();
        cost.template.clone_from(&item.template);
        if let Some(state) = item.state {
            *cost.states.entry(state).or_default() += 1;
        }
        cost.busy_ms += busy(item);
        cost.longest_ms = cost.longest_ms.max(busy(item));
        let resources = raw.as_ref().and_then(|nodes| field(nodes.get(&item.id)?, "resourcesDuration"));
        for (name, seconds) in resources.and_then(Value::as_object).into_iter().flatten() {
            *cost.resources.entry(name.clone()).or_default() += seconds.as_i64().unwrap_or(0);
        }
    }
    let mut costs: Vec<TemplateCost> = costs.into_values().collect();
    costs.sort_by(|left, right| right.busy_ms.cmp(&left.busy_ms).then_with(|| left.template.cmp(&right.template)));
    costs
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(name: &str, nodes: &[Value]) -> Workflow {
        let map: serde_json::Map<String, Value> =
            nodes.iter().map(|node| (node["name"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        Workflow::from(json!({
            "metadata": {"name": name},
            "spec": {"arguments": {"parameters": [{"name": "token", "value": "s3cr3t"}]}},
            "status": {"phase": "Succeeded", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:00:30Z",
                "nodes": map, "outputs": {"parameters": [{"name": "rows", "value": "7 s3cr3t"}]}},
        }))
    }

    fn pod(name: &str, times: (u8, u8), more: &Value) -> Value {
        let at = |second: u8| format!("2026-11-21T10:00:{second:02}Z");
        let mut node = json!({"id": name, "name": name, "displayName": name, "type": "Pod", "phase": "Succeeded",
            "templateName": "load", "startedAt": at(times.0), "finishedAt": at(times.1)});
        for (field, value) in more.as_object().into_iter().flatten() {
            node[field] = value.clone();
        }
        node
    }

    fn profile(workflow: &Workflow) -> Profile {
        let nodes = workflow.nodes();
        let mask = Mask::of(workflow, &nodes.all);
        let run = Known { workflow, nodes: &nodes, mask: &mask, killed: false, store: None };
        Profile::of(run, &Failures::default(), &HashMap::new(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_run_is_told_in_numbers_and_without_its_secrets() {
        let hit = json!({"memoizationStatus": {"hit": true, "key": "k", "cacheName": "c"}});
        let more = json!({"children": ["w.b"], "resourcesDuration": {"cpu": 4}, "outputs": {"result": "s3cr3t!"},
            "inputs": {"parameters": [{"name": "token", "value": "x"}, {"name": "date", "value": "today"}]}});
        let now =
            workflow("w", &[pod("w.a", (0, 10), &more), pod("w.b", (12, 30), &json!({})), pod("w.c", (1, 1), &hit)]);
        let told = profile(&now);
        assert_eq!((told.busy_ms, told.states[&State::Ran], told.states[&State::Cached]), (28_000, 2, 1));
        let names: Vec<&str> = told.critical_path.iter().map(|&place| told.work[place].path.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let last = told.work.iter().find(|item| item.path == "b").map(|item| (item.waited_ms, item.start_ms));
        assert_eq!(last, Some((2000, Some(12_000))));
        let cost = &told.templates[0];
        assert_eq!((cost.busy_ms, cost.longest_ms, cost.resources["cpu"]), (28_000, 18_000, 4));
        let text = serde_json::to_string(&told).unwrap_or_default();
        assert!(!text.contains("s3cr3t") && text.contains("7 ***") && text.contains("today"), "{text}");
    }

    #[test]
    fn the_attempt_before_tells_what_was_saved() {
        let before = profile(&workflow("v", &[pod("v.a", (0, 9), &json!({}))]));
        let hit = json!({"memoizationStatus": {"hit": true, "key": "k", "cacheName": "c"}});
        let told = profile(&workflow("w", &[pod("w.a", (0, 0), &hit)])).compared_with(&before);
        assert_eq!(told.templates[0].saved_ms, 9000);
        assert_eq!(told.work[0].before, Some(BeforeItem { state: State::Ran, took_ms: Some(9000) }));
        assert_eq!(told.before.map(|before| (before.name, before.took_ms)), Some(("v".to_owned(), Some(30_000))));
    }
}
