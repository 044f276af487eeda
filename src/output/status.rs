//! The status of a run as text: its summary, and its nodes as a tree or a table. Secrets are masked.

use std::borrow::Cow;
use std::fmt::Write;

use console::Style;
use jiff::Timestamp;
use serde_json::Value;

use super::table::Table;
use super::tree::{self, Look, elapsed, printable};
use crate::argo::Workflow;
use crate::argo::status::{Node, NodeType, pod_name};
use crate::mask::{Mask, shown};
use crate::report::address::Address;
use crate::report::outputs::{of_node, of_run};
use crate::report::summary::Summary;
use crate::report::waits::{Wait, lock_text};

/// The number of running nodes named before the rest is counted.
const MAX_CURRENT: usize = 5;
/// The parameters that every run has; other lines show them.
const RUN_PARAMETERS: [&str; 3] = ["run_id", "retry_run_id", "retry_indicator"];

/// What to show of a run.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The Workflow object.
    pub(crate) workflow: &'a Workflow,
    /// Its summary.
    pub(crate) summary: &'a Summary,
    /// The nodes to show.
    pub(crate) nodes: Vec<Node>,
    /// What the run waits for.
    pub(crate) waits: Vec<Wait>,
    /// The number of the last attempt of the run and its workflow, if it is a later one.
    pub(crate) latest: Option<(u32, String)>,
    /// How another command finds the run.
    pub(crate) address: &'a Address,
    /// Show outputs.
    pub(crate) outputs: bool,
    /// The directory of the artifacts of a run of this machine.
    pub(crate) store: Option<String>,
}

/// The run's summary, then its nodes as a tree.
pub(crate) fn text(view: &View<'_>, look: Look) -> String {
    let mask = Mask::of(view.workflow, &view.nodes);
    let head = head(view, &mask, look);
    let tree = tree::draw(&mask.nodes(&view.nodes), look);
    let tree = if tree.is_empty() { tree } else { format!("\n{tree}") };
    format!("{head}{tree}{}", outputs(view, &mask))
}

/// The run's summary, then its nodes as a table.
pub(crate) fn wide(view: &View<'_>, look: Look) -> String {
    let mask = Mask::of(view.workflow, &view.nodes);
    let head = head(view, &mask, look);
    let table = if view.nodes.is_empty() {
        String::new()
    } else {
        format!("\n{}", table(&view.summary.name, &view.nodes, &mask, look))
    };
    format!("{head}{table}{}", outputs(view, &mask))
}

/// The outputs of the run and of its nodes, if they are asked for.
fn outputs(view: &View<'_>, mask: &Mask) -> String {
    if !view.outputs {
        return String::new();
    }
    let mut text = String::from("\nOutputs:\n");
    let mut any = false;
    let of_nodes = view
        .nodes
        .iter()
        .map(|node| (mask.text(&node.name), of_node(view.workflow, node, mask, view.store.as_deref())));
    for (name, outputs) in
        std::iter::once((view.summary.name.clone(), of_run(view.workflow, mask, view.store.as_deref()))).chain(of_nodes)
    {
        for output in outputs {
            any = true;
            let (name, value) = (printable(&name), printable(&output.value));
            let _ = writeln!(text, "  {name}  {}: {value}", printable(&output.name));
        }
    }
    if any { text } else { "\nOutputs: none\n".to_owned() }
}

fn head(view: &View<'_>, mask: &Mask, look: Look) -> String {
    let summary = view.summary;
    let mut lines: Vec<(&str, String)> = vec![("Name", summary.name.clone())];
    let mut add = |label: &'static str, value: Option<String>| {
        lines.extend(value.filter(|value| !value.is_empty()).map(|value| (label, value)));
    };
    add("Namespace", Some(summary.namespace.clone()));
    add("Phase", Some(phase(summary, look.color)));
    add("Message", Some(mask.text(&summary.message)));
    add("Run ID", summary.run_id.clone());
    add("Attempt", attempt(view));
    add("Retry of", summary.retry_of.clone());
    add("Started", summary.start_time.map(moment));
    add("Finished", summary.completion_time.map(moment));
    add("Duration", duration(summary, look.now));
    add("Progress", summary.progress.clone());
    add("Nodes", nodes(summary));
    add("Cached", cached(summary));
    add("Current", Some(mask.text(&current(summary))));
    for wait in &view.waits {
        add("Waits for", Some(mask.text(&waiting(wait, view.address))));
    }
    add("Partial", summary.partial.as_ref().map(ToString::to_string));

    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 1;
    let mut text = String::new();
    for (label, value) in lines {
        // The phase may contain colour codes and is already printable.
        let value = if label == "Phase" { value } else { printable(&value) };
        let _ = writeln!(text, "{:<width$}  {value}", format!("{label}:"));
    }
    text + &parameters(view.workflow, mask)
}

/// `2`, or `2 of 3, the last is etl-x2k9f`; nothing for a run that was never retried.
fn attempt(view: &View<'_>) -> Option<String> {
    let own = view.summary.attempt?;
    match &view.latest {
        Some((number, name)) => Some(format!("{own} of {number}, the last is {name}")),
        None if own > 1 => Some(format!("{own} of {own}")),
        None => None,
    }
}

fn waiting(wait: &Wait, address: &Address) -> String {
    match wait {
        Wait::Suspended => format!("somebody who resumes the run: {}", address.resume(None)),
        Wait::Resume(node) => format!("somebody who resumes node {node}: {}", address.resume(Some(node))),
        Wait::Lock { lock, held_by } => lock_text(lock, held_by),
    }
}

/// A time as Kubernetes writes it, in whole seconds.
fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn phase(summary: &Summary, color: bool) -> String {
    let style = match summary.phase.as_str() {
        "Succeeded" => Style::new().green(),
        "Failed" | "Error" | crate::report::summary::KILLED => Style::new().red(),
        "Running" => Style::new().cyan(),
        _ => Style::new().yellow(),
    };
    let suspended = if summary.is_suspended { " (suspended)" } else { "" };
    format!("{}{suspended}", style.force_styling(color).apply_to(printable(&summary.phase)))
}

/// The duration; none if the end of a killed run is not known.
fn duration(summary: &Summary, now: Timestamp) -> Option<String> {
    let is_over = summary.phase == crate::report::summary::KILLED && summary.completion_time.is_none();
    summary.duration(now).filter(|_| !is_over).map(elapsed)
}

fn nodes(summary: &Summary) -> Option<String> {
    let (succeeded, failed) = (summary.successful_nodes, summary.failed_nodes);
    (summary.total_nodes > 0).then(|| format!("{} ({succeeded} succeeded, {failed} failed)", summary.total_nodes))
}

fn cached(summary: &Summary) -> Option<String> {
    let (hits, of) = (summary.memoization_hits, summary.memoized_nodes);
    (of > 0).then(|| format!("{hits} of {of} memoized nodes"))
}

fn current(summary: &Summary) -> String {
    let names = &summary.current_nodes;
    let more = names.len().saturating_sub(MAX_CURRENT);
    let text = names[..names.len() - more].join(", ");
    if more == 0 { text } else { format!("{text} and {more} more") }
}

fn parameters(workflow: &Workflow, mask: &Mask) -> String {
    let pairs: Vec<(&str, Cow<'_, str>)> = workflow
        .parameters()
        .into_iter()
        .filter(|parameter| !RUN_PARAMETERS.contains(&parameter.name))
        .filter_map(|parameter| Some((parameter.name, parameter.value?)))
        .collect();
    let mut text = String::new();
    if !pairs.is_empty() {
        text.push_str("Parameters:\n");
    }
    for (name, value) in &pairs {
        let _ = writeln!(text, "  {}: {}", printable(name), printable(&mask.text(shown(name, value))));
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn table(workflow: &str, nodes: &[Node], mask: &Mask, look: Look) -> String {
    const HEADER: [&str; 8] = ["NODE", "PHASE", "TYPE", "TEMPLATE", "DURATION", "POD", "INPUTS", "MESSAGE"];
    let mut table = Table::new(HEADER).sparing(&["POD", "TYPE", "TEMPLATE", "INPUTS"]);
    for node in nodes {
        let template = node.called();
        let pod = if node.kind == NodeType::Pod { pod_name(workflow, template, &node.name) } else { String::new() };
        let took = node.started_at.map(|start| elapsed(node.finished_at.unwrap_or(look.now).duration_since(start)));
        let kind = serde_json::to_value(node.kind).map(|kind| plain(&kind)).unwrap_or_default();
        table.row([
            mask.text(&node.name),
            node.phase.as_str().to_owned(),
            kind,
            template.to_owned(),
            took.unwrap_or_default(),
            pod,
            mask.text(&inputs(node)),
            mask.text(&node.message),
        ]);
    }
    table.text(look.width)
}

fn inputs(node: &Node) -> String {
    let parameters = node.inputs.as_ref().and_then(|inputs| inputs.get("parameters")).and_then(Value::as_array);
    let pairs = parameters.into_iter().flatten().filter_map(|parameter| {
        let name = parameter["name"].as_str()?;
        Some(format!("{name}={}", shown(name, &plain(parameter.get("value")?))))
    });
    pairs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Value {
        let pod = |phase: &str, message: &str| {
            json!({
                "id": "w-1", "name": "w.load", "displayName": "load", "type": "Pod", "phase": phase, "message": message,
                "templateName": "load", "startedAt": "1970-01-01T00:00:01Z",
                "inputs": {"parameters": [{"name": "token", "value": "s3cr3t"}, {"name": "date", "value": "today"}]},
            })
        };
        json!({
            "metadata": {"name": "w", "namespace": "ci"},
            "spec": {"arguments": {"parameters": [
                {"name": "run_id", "value": "r1"}, {"name": "date", "value": "today"}, {"name": "db_password", "value": "hunter2"},
            ]}},
            "status": {"phase": "Running", "startedAt": "1970-01-01T00:00:00Z", "progress": "0/1", "nodes": {
                "w": {"id": "w", "name": "w", "displayName": "w", "type": "DAG", "phase": "Running", "startedAt": "1970-01-01T00:00:00Z"},
                "w-1": pod("Failed", "exit code 1: hunter2 s3cr3t"),
            }},
        })
    }

    fn drawn(draw: fn(&View<'_>, Look) -> String) -> String {
        let workflow = Workflow::from(workflow());
        let nodes = workflow.nodes();
        let now = Timestamp::from_second(12).unwrap_or(Timestamp::UNIX_EPOCH);
        let look = Look::plain(now);
        let view = View {
            workflow: &workflow,
            summary: &Summary::of(&workflow, &nodes),
            nodes: nodes.all,
            waits: vec![Wait::Resume("a b".to_owned())],
            latest: Some((3, "w-3".to_owned())),
            address: &Address::local("w", "default"),
            outputs: false,
            store: None,
        };
        draw(&view, look)
    }

    #[test]
    fn a_run_is_shown_without_its_secrets() {
        assert_eq!(
            drawn(text),
            "Name:       w\nNamespace:  ci\nPhase:      Running\nRun ID:     r1\nAttempt:    1 of 3, the last is w-3\nStarted:    1970-01-01T00:00:00Z\n\
             Duration:   12s\nProgress:   0/1\nNodes:      2 (0 succeeded, 1 failed)\n\
             Waits for:  somebody who resumes node a b: kubectl runnable resume w --node-field-selector 'displayName=a b' --local\nParameters:\n  date: today\n  db_password: ***\n\
             \n● w        12s\n└─ ✖ load  Failed  11s  exit code 1: *** ***\n"
        );
    }

    #[test]
    fn a_wide_run_has_a_table_of_nodes() {
        let text = drawn(wide);
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("w.load  Failed   Pod   load      11s       w-load-"), "{last}");
        assert!(last.ends_with("  token=***,date=today  exit code 1: *** ***"), "{last}");
    }
}
