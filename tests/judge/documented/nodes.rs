//! Nodes that end otherwise for a documented reason, so that all that follows does, and workflows that Argo breaks off.

use serde_json::Value;

use super::{Outcomes, has_a_retried_hook, leaves_an_expression};

/// The nodes that end otherwise, and with them what follows, the workflow's end too.
pub(crate) fn ended_otherwise<'w>(theirs: &'w Value, ours: &'w Value) -> Vec<&'w str> {
    let by_hooks = [taken_back(theirs, ours), cut_off(ours), attempts_left(theirs), handled_groups(theirs)].concat();
    let by_expressions = [unread_expressions(theirs), left_expressions(theirs, ours)].concat();
    [by_hooks, by_expressions, read_by_luck(theirs, ours), succeeding_without_the_rest(theirs, ours)].concat()
}

/// Whether Argo never comes to a hook because its node, which is retried and has waited for its lock, is Pending to its end.
/// (operator.go, executeTemplate)
pub(crate) fn is_hook_of_what_waited(name: &str, theirs: &Value) -> bool {
    let templates = theirs["spec"]["templates"].as_array().into_iter().flatten();
    let waits = |template: &&Value| !template["synchronization"].is_null() && !template["retryStrategy"].is_null();
    let names: Vec<&Value> = templates.filter(waits).map(|template| &template["name"]).collect();
    let mut nodes = theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let is_hooked = |node: &Value| {
        let hook = node["name"].as_str().and_then(|node| name.strip_prefix(node));
        hook.is_some_and(|hook| hook.starts_with(".hooks."))
    };
    nodes.any(|node| node["type"] == "Retry" && names.contains(&&node["templateName"]) && is_hooked(node))
}

/// What Argo says of a node, in the middle of which it has called itself for too often.
pub(crate) const TOO_DEEP: &str = "Maximum recursion depth exceeded";

/// Whether Argo breaks off. It calls itself until it is too deep where an error of an exit handler ends an attempt at steps of which
/// pods are at work: it looks at the retry node again and again. (steps.go, executeSteps; operator.go, executeTemplate) And it
/// does not find a node that it has joined to a containerSet, and not made yet for want of a place. (dag.go, executeDAGTask;
/// operator.go, getOutboundNodes) And it takes for an error that what a hook of the workflow calls has to wait for a place. (hooks.go,
/// executeWfLifeCycleHook)
pub(crate) fn breaks_off(theirs: &Value, ours: &Value) -> bool {
    let [there, here] = [theirs, ours].map(|workflow| workflow["status"]["message"].as_str().unwrap_or_default());
    let breaks = [TOO_DEEP, "was unable to obtain child node for child", "Max parallelism reached"];
    breaks.iter().any(|why| there.contains(why) && !here.contains(why))
}

/// While the workflow's exit handler runs, Argo looks once more at steps that an error of a hook has ended, and lets them fail if all
/// pods in them have ended by then, or it has come to them as they ended. (steps.go, executeStepGroup)
pub(crate) fn is_seen_again(theirs: &Value, ours: &Value) -> bool {
    let ends = [theirs, ours].map(|workflow| workflow["status"]["phase"].as_str().unwrap_or_default());
    let handler = format!("{}.onExit", ours["metadata"]["name"].as_str().unwrap_or_default());
    let mut nodes = ours["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    ends == ["Failed", "Error"] && nodes.any(|node| node["name"] == handler.as_str())
}

/// The nodes that a fault of a hook ends in Error here. Argo marks them, and takes the phase of a pod again when it next looks, or
/// ends the workflow by the phase that its node had before; all that follows depends on it. (operator.go, assessNodeStatus
/// and operate)
fn taken_back<'w>(theirs: &'w Value, ours: &'w Value) -> Vec<&'w str> {
    let is_taken_back = |(id, here): &(&String, &Value)| {
        let there = &theirs["status"]["nodes"][id.as_str()];
        let is_entry = here["boundaryID"].is_null() && here["nodeFlag"].is_null();
        // Where the dag is over by then, Argo does not hear of the end of the pod.
        let is_other = there["phase"] != "Error" || there["outputs"].is_null() && !here["outputs"].is_null();
        let is_pod_again = matches!(there["type"].as_str(), Some("Pod" | "Retry")) && is_other;
        // What waits for the error of a loop begins there while its items are at work.
        let is_loop = here["type"] == "TaskGroup";
        let ends_otherwise = is_entry && ["phase", "message"].iter().any(|part| theirs["status"][*part] != here[*part]);
        here["phase"] == "Error" && has_faulty_hook(here, ours) && (is_pod_again || is_loop || ends_otherwise)
    };
    let nodes = ours["status"]["nodes"].as_object().into_iter().flatten();
    nodes.filter(is_taken_back).filter_map(|(_, node)| node["name"].as_str()).collect()
}

/// The nodes that wait for a lock or a place when a hook of the workflow is at fault, and those that have such ones or others at work in
/// them: they are ended with it here. By the order in which Argo gives locks, or the one of two ends at one look, they may have ended.
fn cut_off(ours: &Value) -> Vec<&str> {
    let nodes = || ours["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let is_entry = |node: &&Value| node["boundaryID"].is_null() && node["nodeFlag"].is_null();
    let Some(entry) = nodes().find(is_entry).filter(|entry| has_faulty_hook(entry, ours)) else { return Vec::new() };
    let is_cut_off =
        |node: &&Value| node["phase"] == "Failed" && node["outputs"].is_null() && node["message"] == entry["message"];
    nodes().filter(is_cut_off).filter_map(|node| node["name"].as_str()).collect()
}

/// The retried steps of which an attempt hands up the error of an exit handler: Argo looks at them again and again, and may go on with
/// the attempt, or begin the next one beside it. (steps.go, executeSteps; operator.go, executeTemplate)
fn attempts_left(theirs: &Value) -> Vec<&str> {
    let nodes = || theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let name = |node: &Value| node["name"].as_str().unwrap_or_default().to_owned();
    let hands_up = |group: &Value| {
        let within = format!("{}.", name(group));
        let is_faulty = |node: &Value| node["phase"] == "Error" && node["message"] == group["message"];
        group["type"] == "StepGroup"
            && group["phase"] != "Error"
            && nodes().any(|node| name(node).starts_with(&within) && name(node).contains(".onExit") && is_faulty(node))
    };
    let is_left = |retried: &&str| {
        let attempt = format!("{retried}(");
        nodes().any(|node| name(node).strip_prefix(&attempt).is_some_and(|rest| !rest.contains('.')) && hands_up(node))
    };
    let retried = nodes().filter(|node| node["type"] == "Retry").filter_map(|node| node["name"].as_str());
    retried.filter(is_left).collect()
}

/// The nodes with an expression that Argo cannot read for its `<`, `>` or `&`: it stands in an inline template of another object, which
/// is stored with these escaped. (util/template/expression_template.go, expressionReplace)
fn unread_expressions(theirs: &Value) -> Vec<&str> {
    let nodes = theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let is_unread = |node: &&Value| {
        let message = node["message"].as_str().unwrap_or_default();
        message.contains("failed to unmarshall JSON expression: ") && message.ends_with("in string escape code")
    };
    nodes.filter(is_unread).filter_map(|node| node["name"].as_str()).collect()
}

/// The nodes that give what is made of an expression, and in Argo the expression.
fn left_expressions<'w>(theirs: &Value, ours: &'w Value) -> Vec<&'w str> {
    let is_left = |(id, here): &(&String, &Value)| {
        let there = &theirs["status"]["nodes"][id.as_str()]["outputs"];
        leaves_an_expression(&there.to_string(), &here["outputs"].to_string())
    };
    let nodes = ours["status"]["nodes"].as_object().into_iter().flatten();
    nodes.filter(is_left).filter_map(|(_, node)| node["name"].as_str()).collect()
}

/// The step groups of which Argo calls an exit handler: what follows them is judged by the handler too.
fn handled_groups(theirs: &Value) -> Vec<&str> {
    let nodes = || theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let is_handled = |group: &&str| nodes().any(|node| node["name"].as_str() == Some(&format!("{group}.onExit")));
    let groups = nodes().filter(|node| node["type"] == "StepGroup").filter_map(|node| node["name"].as_str());
    groups.filter(is_handled).collect()
}

/// Whether a node has the message of a hook of its own, or of one that could not be asked, which only a hook can give to it.
fn has_faulty_hook(node: &Value, workflow: &Value) -> bool {
    let message = node["message"].as_str().unwrap_or_default();
    let hook = format!("{}.hooks.", node["name"].as_str().unwrap_or_default());
    let of_hook = |other: &Value| {
        other["name"].as_str().is_some_and(|name| name.starts_with(&hook)) && other["message"] == node["message"]
    };
    message.starts_with("unable to evaluate expression '")
        || message.starts_with("unable to resolve references: ")
        || workflow["status"]["nodes"].as_object().is_some_and(|nodes| nodes.values().any(of_hook))
}

/// The steps that fail fast and succeed in Argo where `continueOn` holds for the step that failed, and with them what follows; the message
/// stays, with their groups where they err by their outputs then. (steps.go, executeSteps)
fn succeeding_without_the_rest<'w>(theirs: &'w Value, ours: &Value) -> Vec<&'w str> {
    let has_failed_fast =
        |node: &Value| node["message"] == "template has failed or errored children and failFast enabled";
    let is_such = |(id, there): &(&String, &Value)| {
        let here = &ours["status"]["nodes"][id.as_str()];
        let group = format!("{}[", there["name"].as_str().unwrap_or_default());
        let is_group_beyond = |node: &Value| {
            let is_of = node["name"].as_str().is_some_and(|name| name.starts_with(&group));
            is_of && node["type"] == "StepGroup" && node["phase"] == "Succeeded" && has_failed_fast(node)
        };
        let mut nodes = theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
        there["type"] == "Steps"
            && (there["phase"] == "Succeeded" && has_failed_fast(there) || nodes.any(is_group_beyond))
            && here["phase"] == "Failed"
            && has_failed_fast(here)
    };
    let nodes = theirs["status"]["nodes"].as_object().into_iter().flatten();
    nodes.filter(is_such).filter_map(|(_, node)| node["name"].as_str()).collect()
}

/// Whether the nodes of a loop over an inline template have hooks. Argo asks one of those whose names begin like the loop's for its
/// template, by the order of a Go map: an item has none, a hook has one. All that follows depends on it, so that Argo is asked
/// until it asks an item first. (steps.go, executeSteps)
pub(crate) fn depends_on_the_order_of_nodes(ours: &Value) -> bool {
    let nodes = ours["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let named: Vec<&str> = nodes.clone().filter_map(|node| node["name"].as_str()).collect();
    let is_inline = |node: &&Value| {
        let [name, kind] = ["name", "type"].map(|field| node[field].as_str().unwrap_or_default());
        let has_template = ["templateName", "templateRef"].iter().any(|field| !node[*field].is_null());
        name.ends_with(')') && !has_template && !matches!(kind, "StepGroup" | "TaskGroup" | "Skipped")
    };
    let has_hook = |node: &Value| {
        let name = node["name"].as_str().unwrap_or_default();
        let hooks = [format!("{name}.onExit"), format!("{name}.hooks.")];
        named.iter().any(|other| hooks.iter().any(|hook| other.starts_with(hook)))
    };
    nodes.filter(is_inline).any(has_hook)
}

/// The nodes that end in Error here because such a loop cannot be read, and otherwise there.
fn read_by_luck<'w>(theirs: &Value, ours: &'w Value) -> Vec<&'w str> {
    let is_read = |(id, here): &(&String, &Value)| {
        here["message"].as_str().is_some_and(|why| why.contains("failed to get a template"))
            && theirs["status"]["nodes"][id.as_str()]["message"] != here["message"]
    };
    let nodes = ours["status"]["nodes"].as_object().into_iter().flatten();
    let nodes = nodes.filter(|_| depends_on_the_order_of_nodes(ours)).filter(is_read);
    nodes.filter_map(|(_, node)| node["name"].as_str()).collect()
}

/// The retried nodes that have such a hook and do not end as they do here: all that follows depends on them.
pub(crate) fn ended_by_retried_hooks<'w>(theirs: &'w Value, outcomes: [&Outcomes; 2]) -> Vec<&'w str> {
    let nodes = theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let names = nodes.filter_map(|node| node["name"].as_str());
    names
        .filter(|name| has_a_retried_hook(name, outcomes[0]) && outcomes[0].get(*name) != outcomes[1].get(*name))
        .collect()
}

/// The step groups that Argo ends for an error that a hook hands up, when it looks at the hook while the group is at work; all
/// that follows depends on it. (steps.go, executeStepGroup)
pub(crate) fn groups_ended_by_hooks<'w>(theirs: &'w Value, ours: &Value) -> Vec<&'w str> {
    let nodes = |workflow: &'w Value| workflow["status"]["nodes"].as_object().into_iter().flatten();
    let is_ended = |(id, group): &(&String, &Value)| {
        let is_other = group["phase"] == "Error" && ours["status"]["nodes"][id.as_str()]["phase"] == "Succeeded";
        let begins = format!("{}.", group["name"].as_str().unwrap_or_default());
        let is_hook = |node: &Value| {
            let name = node["name"].as_str().unwrap_or_default();
            name.starts_with(&begins) && name.contains(".hooks.") && node["message"] == group["message"]
        };
        group["type"] == "StepGroup"
            && is_other
            && nodes(theirs).any(|(_, node)| node["phase"] == "Error" && is_hook(node))
    };
    nodes(theirs).filter(is_ended).filter_map(|(_, group)| group["name"].as_str()).collect()
}
