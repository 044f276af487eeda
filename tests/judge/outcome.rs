//! What two engines make of the same workflow, and where that differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::documented::{
    Outcomes, depends_on_the_order_of_nodes, ends_a_group_by_a_hook, goes_too_deep, is_by_memoization, is_documented,
};

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
    if leaves_nodes(theirs) || has_what_never_comes(ours) {
        let ends = [theirs, ours].map(|workflow| text(&workflow["status"]["phase"]));
        let same = ends[0] == ends[1] || goes_too_deep(theirs, ours);
        return if same { Vec::new() } else { vec![format!("ends as {ends:?}")] };
    }
    if depends_on_the_order_of_nodes(theirs, ours) || ends_a_group_by_a_hook(theirs, ours) {
        return Vec::new();
    }
    let by_memoization = |name: &str| is_by_memoization(name, theirs, ours);
    let (theirs, ours) = (outcome(theirs), outcome(ours));
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let is_same =
        |name: &str| theirs.get(name) == ours.get(name) || is_documented(name, &theirs, &ours) || by_memoization(name);
    let different = names.into_iter().filter(|name| !is_same(name));
    let said = |outcome: Option<&String>| outcome.map_or("no such node", String::as_str).to_owned();
    let line =
        |name: &String| format!("{name}\n    argo {}\n    here {}", said(theirs.get(name)), said(ours.get(name)));
    different.map(line).collect()
}

/// An error that is handed up ends Argo's workflow while nodes of it are at work; here they come to their end first.
fn leaves_nodes(workflow: &Value) -> bool {
    let nodes = workflow["status"]["nodes"].as_object();
    nodes.is_some_and(|nodes| nodes.values().any(|node| matches!(text(&node["phase"]), "Running" | "Pending")))
}

/// A task that reads what never comes ends in Error here, and what follows from it; in Argo the dag ends without it, or waits
/// for ever.
fn has_what_never_comes(workflow: &Value) -> bool {
    let nodes = workflow["status"]["nodes"].as_object();
    nodes.is_some_and(|nodes| {
        nodes.values().map(|node| text(&node["message"])).any(|message| {
            message.starts_with("failed to resolve {{tasks.")
                || message.starts_with("failed to evaluate expression: tasks.") && message.ends_with(" is missing")
        })
    })
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
