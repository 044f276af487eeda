//! What two engines make of the same workflow, and where that differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::documented::{
    Outcomes, TOO_DEEP, breaks_off, ended_by_retried_hooks, ended_otherwise, groups_ended_by_hooks, has_a_retried_hook,
    is_by_memoization, is_documented, is_hook_of_what_waited, is_seen_again,
};
use super::following::After;

/// The workflow's end and each node's, by the node's name.
pub(crate) fn outcome(workflow: &Value) -> Outcomes {
    let status = &workflow["status"];
    let mut outcome = BTreeMap::from([(
        "(workflow)".to_owned(),
        format!("Workflow {} {}", text(&status["phase"]), text(&status["message"])),
    )]);
    for node in status["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values()) {
        let described = [
            text(&node["type"]).to_owned(),
            text(&node["phase"]).to_owned(),
            values(&node["inputs"]),
            values(&node["outputs"]),
            text(&node["message"]).to_owned(),
        ];
        outcome.insert(text(&node["name"]).to_owned(), described.join(" "));
    }
    let exported = values(&status["outputs"]);
    outcome.insert("(outputs)".to_owned(), exported);
    outcome
}

/// A line for each node that is not the same: what Argo has, then what is here.
pub(crate) fn differences(theirs: &Value, ours: &Value) -> Vec<String> {
    let of = |workflow: &Value| text(&workflow["status"]["phase"]).to_owned();
    let breaks_off = breaks_off(theirs, ours);
    let is_left = breaks_off || leaves_nodes(theirs);
    let never: Vec<After> = never_come(ours).map(|node| After::new(node, [theirs, ours])).collect();
    // What fails beside a node that Argo does not have, or waits for, decides there.
    let fails_without = !never.is_empty() && (leaves_nodes(theirs) || [of(theirs), of(ours)] == ["Failed", "Error"]);
    let is_excused = breaks_off
        || is_seen_again(theirs, ours) && (is_left || is_operation_error(ours))
        || !ended_otherwise(theirs, ours).is_empty()
        || fails_without
        || has_a_retried_hook(text(&theirs["metadata"]["name"]), &outcome(theirs));
    let ends = if of(theirs) == of(ours) || is_excused {
        Vec::new()
    } else {
        vec![format!("ends as {:?}", [of(theirs), of(ours)])]
    };
    if is_left || !never.is_empty() {
        let is_meant = |name: &str, outcomes: &[Outcomes; 2]| {
            let [theirs, ours] = outcomes;
            let is_comparable = !is_left || theirs.get(name).is_some_and(|node| has_ended_by_itself(node));
            is_comparable && !never.iter().any(|node| node.has(name, theirs, ours))
        };
        return ends.into_iter().chain(different_nodes(theirs, ours, &is_meant)).collect();
    }
    different_nodes(theirs, ours, &|_, _| true)
}

/// A line for each of the nodes that are meant and not the same.
fn different_nodes(theirs: &Value, ours: &Value, is_meant: &dyn Fn(&str, &[Outcomes; 2]) -> bool) -> Vec<String> {
    let by_memoization = |name: &str| is_by_memoization(name, theirs, ours);
    let hook_of_what_waited = |name: &str| is_hook_of_what_waited(name, theirs);
    let outcomes = [outcome(theirs), outcome(ours)];
    let ended_by_hooks = groups_ended_by_hooks(theirs, ours).into_iter();
    let ended_by_hooks = ended_by_hooks.chain(ended_by_retried_hooks(theirs, [&outcomes[0], &outcomes[1]]));
    let ended_by_hooks = ended_by_hooks.chain(ended_otherwise(theirs, ours));
    let ended_by_hooks: Vec<After> = ended_by_hooks.map(|node| After::new(node, [theirs, ours])).collect();
    let is_seen_again = is_seen_again(theirs, ours) && is_operation_error(ours);
    let entry = text(&theirs["metadata"]["name"]);
    let [theirs, ours] = &outcomes;
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let is_same = |name: &str| {
        theirs.get(name) == ours.get(name)
            || is_documented(name, theirs, ours)
            || by_memoization(name)
            || !theirs.contains_key(name) && hook_of_what_waited(name)
            || is_seen_again && (name == entry || name == "(workflow)")
            || ended_by_hooks.iter().any(|node| node.has(name, theirs, ours))
            || !is_meant(name, &outcomes)
    };
    let different = names.into_iter().filter(|name| !is_same(name));
    let said = |outcome: Option<&String>| outcome.map_or("no such node", String::as_str).to_owned();
    let line =
        |name: &String| format!("{name}\n    argo {}\n    here {}", said(theirs.get(name)), said(ours.get(name)));
    different.map(line).collect()
}

/// Whether the entrypoint's node was Running when the workflow ended in Error.
fn is_operation_error(workflow: &Value) -> bool {
    let mut nodes = workflow["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    nodes.any(|node| node["name"] == workflow["metadata"]["name"] && node["message"] == "Workflow operation error")
}

/// An error that is handed up ends Argo's workflow while nodes of it are at work; here they come to their end first.
fn leaves_nodes(workflow: &Value) -> bool {
    let nodes = workflow["status"]["nodes"].as_object();
    nodes.is_some_and(|nodes| nodes.values().any(|node| matches!(text(&node["phase"]), "Running" | "Pending")))
}

/// Whether a node has ended that is no part of the way by which such an error comes up.
fn has_ended_by_itself(node: &str) -> bool {
    let [kind, phase] = [0, 1].map(|word| node.split(' ').nth(word).unwrap_or_default());
    let is_marked = node.contains(TOO_DEEP);
    !is_marked && matches!(kind, "Pod" | "Suspend" | "Skipped") && !matches!(phase, "Running" | "Pending")
}

/// The tasks and groups that read what never comes and end in Error here; in Argo the dag ends without them, or they wait for ever.
fn never_come(workflow: &Value) -> impl Iterator<Item = &str> {
    let nodes = workflow["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let never_comes = |message: &str| {
        let message = message.strip_prefix("failed to resolve references: ").unwrap_or(message);
        let expression = message.strip_prefix("failed to evaluate expression: ");
        let read = expression.and_then(|read| read.strip_suffix(" is missing"));
        let read = message.strip_prefix("failed to resolve {{").or(read);
        read.is_some_and(|read| ["tasks.", "steps."].iter().any(|of| read.starts_with(of)))
    };
    nodes.filter(move |node| never_comes(text(&node["message"]))).filter_map(|node| node["name"].as_str())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn values(side: &Value) -> String {
    let parameters = side["parameters"].as_array().into_iter().flatten();
    let mut values: BTreeMap<&str, &str> =
        parameters.map(|parameter| (text(&parameter["name"]), text(&parameter["value"]))).collect();
    // What memoization adds to tell calls apart.
    values.remove("runnable_result");
    values.extend(["result", "exitCode"].into_iter().filter_map(|field| Some((field, side[field].as_str()?))));
    format!("{values:?}")
}
