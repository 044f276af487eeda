//! What the cache's entries decide, by when they are made and asked for.

use serde_json::Value;

/// Whether memoization decides that only one of them has the node.
pub(crate) fn is_by_memoization(name: &str, theirs: &Value, ours: &Value) -> bool {
    is_below_a_hit(name, theirs, ours)
        || is_hit_while_it_runs(name, theirs, ours)
        || is_below_a_hit_of_what_ran_here(name, theirs, ours)
        || is_below_a_hit_of_what_was_left(name, theirs, ours)
        || is_of_a_hit_of_what_was_at_work(name, theirs, ours)
        || is_handler_of_a_loop_with_hits(name, theirs, ours)
        || is_hook_of_what_is_never_running(name, theirs)
}

/// Argo keeps what all pods have given before it looks at what comes after them, here each end is an event of its own: a node
/// that hits there may run here. (operator.go, podReconciliation)
fn is_below_a_hit(name: &str, theirs: &Value, ours: &Value) -> bool {
    let hits = |workflow: &Value| memoized(workflow, |node| node["memoizationStatus"]["hit"] == true);
    let (there, here) = (hits(theirs), hits(ours));
    there.iter().any(|hit| !here.contains(hit) && is_below(name, hit, &["(", "[", "."]))
}

/// Of a node with a lock Argo asks the cache each time that it looks: it can take the entry of another one while its own pod runs, and
/// others take that entry too. (operator.go, executeTemplate)
fn is_hit_while_it_runs(name: &str, theirs: &Value, ours: &Value) -> bool {
    let asked = |workflow: &Value| memoized_nodes(workflow).find(|node| node["name"] == name).cloned();
    let Some((there, here)) = asked(theirs).zip(asked(ours)) else { return false };
    let of = |node: &Value| (node["memoizationStatus"]["key"].clone(), node["memoizationStatus"]["hit"] == true);
    let ((key, is_hit), (other, is_hit_here)) = (of(&there), of(&here));
    let makers = |workflow| memoized_nodes(workflow).filter(|node| of(node) == (key.clone(), false)).count();
    key == other && is_hit && if is_hit_here { makers(ours) > 1 } else { makers(theirs) > 0 }
}

/// What runs here and not there leaves an entry too, which others hit.
fn is_below_a_hit_of_what_ran_here(name: &str, theirs: &Value, ours: &Value) -> bool {
    let key = |node: &Value| node["memoizationStatus"]["key"].as_str().map(str::to_owned);
    let there = memoized(theirs, |_| true);
    let made = memoized_nodes(ours).filter(|node| !there.iter().any(|other| node["name"] == **other)).filter_map(key);
    let made: Vec<String> = made.collect();
    let is_hit =
        |node: &Value| node["memoizationStatus"]["hit"] == true && key(node).is_some_and(|key| made.contains(&key));
    memoized(ours, is_hit).iter().any(|hit| is_below(name, hit, &["(", "[", "."]))
}

/// What Argo leaves at work as the workflow ends has no entry there; here it comes to its end first, and has one that the exit handler
/// hits.
fn is_below_a_hit_of_what_was_left(name: &str, theirs: &Value, ours: &Value) -> bool {
    let key = |node: &Value| node["memoizationStatus"]["key"].clone();
    let left = memoized_nodes(theirs).filter(|node| matches!(node["phase"].as_str(), Some("Pending" | "Running")));
    let left: Vec<Value> = left.map(key).collect();
    let is_hit = |node: &Value| node["memoizationStatus"]["hit"] == true && left.contains(&key(node));
    memoized(ours, is_hit).iter().any(|hit| is_below(name, hit, &["(", "[", "."]))
}

/// The same of steps that Argo ends while their pods are at work: what begins then runs there, and hits here.
fn is_of_a_hit_of_what_was_at_work(name: &str, theirs: &Value, ours: &Value) -> bool {
    let of = |node: &Value| (node["memoizationStatus"]["key"].clone(), node["memoizationStatus"]["hit"] == true);
    let made = |key: &Value| memoized_nodes(theirs).filter(|node| of(node) == (key.clone(), false)).count();
    let ran_there = |hit: &&Value| {
        let there = memoized_nodes(theirs).find(|node| node["name"] == hit["name"]).map(of);
        of(hit).1 && there == Some((of(hit).0, false)) && made(&of(hit).0) > 1
    };
    let mut hits = memoized_nodes(ours).filter(ran_there).filter_map(|hit| hit["name"].as_str());
    hits.any(|hit| name == hit || is_below(name, hit, &["(", "[", "."]))
}

/// The exit handlers of the items of a loop run side by side here, and one after another in Argo: those that hit end at once, and by when
/// they do the loop ends as Argo comes to it, and has none as a whole, or later. (dag.go, executeDAGTask)
fn is_handler_of_a_loop_with_hits(name: &str, theirs: &Value, ours: &Value) -> bool {
    let hits = |workflow: &Value| memoized(workflow, |node| node["memoizationStatus"]["hit"] == true);
    let hits = [hits(theirs), hits(ours)].concat();
    name.match_indices(".onExit").any(|(at, handler)| {
        let item = format!("{}(", &name[..at]);
        hits.iter().any(|hit| hit.starts_with(&item) && hit.ends_with(handler))
    })
}

/// A node that is memoized and has children is Pending to its end: no hook finds it Running. (operator.go, initializeCacheNode)
fn is_hook_of_what_is_never_running(name: &str, theirs: &Value) -> bool {
    let has_children = |node: &Value| matches!(node["type"].as_str(), Some("Retry" | "Steps" | "DAG"));
    memoized(theirs, has_children).iter().any(|node| is_below(name, node, &[".hooks."]))
}

fn memoized_nodes(workflow: &Value) -> impl Iterator<Item = &Value> {
    let nodes = workflow["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    nodes.filter(|node| !node["memoizationStatus"].is_null())
}

/// The names of memoized nodes of a kind.
fn memoized(workflow: &Value, is_of_kind: impl Fn(&Value) -> bool) -> Vec<String> {
    let nodes = memoized_nodes(workflow).filter(|node| is_of_kind(node));
    nodes.filter_map(|node| node["name"].as_str().map(str::to_owned)).collect()
}

fn is_below(name: &str, above: &str, beginnings: &[&str]) -> bool {
    name.strip_prefix(above).is_some_and(|rest| beginnings.iter().any(|beginning| rest.starts_with(beginning)))
}
