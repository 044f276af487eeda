//! Differences that docs/differences.md names: here the saner end of the two, or one that does not depend on when
//! somebody looks. `shown.rs` has a document for each.

use std::collections::BTreeMap;

use serde_json::Value;

/// What each node came to, by its name.
pub(crate) type Outcomes = BTreeMap<String, String>;

/// Whether a node that is not the same in both is so for a documented reason.
pub(crate) fn is_documented(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    match (theirs.get(name), ours.get(name)) {
        (Some(there), Some(here)) => {
            both_quote_an_expression(there, here)
                || both_name_a_reference(there, here)
                || has_a_retried_hook(name, theirs)
                || is_retried_hook(name, there, here, theirs)
                || is_marked_from_without(name, there, here)
                || keeps_the_message_of_a_hook(name, there, here, theirs)
                || leaves_an_expression(there, here)
                || succeeds_without_the_rest(there, here, theirs)
        }
        (Some(there), None) => {
            is_an_attempt_beside_a_hook(name, theirs)
                || is_a_container_of_a_retried_hook(name, there, theirs)
                || is_beyond_the_last_attempt(name, theirs, ours)
        }
        (None, Some(here)) => {
            errs_as_it_begins(name, here)
                || is_exit_handler_of_an_error(name, ours)
                || is_exit_handler_of_a_later_item(name, theirs)
                || is_a_later_item(name, theirs, ours)
                || is_hook_in_a_dag_that_erred(name, theirs)
                || is_exit_handler_in_a_group_that_erred(name, theirs)
                || is_exit_handler_of_a_loop(name, theirs)
                || is_an_attempt_beside_a_hook(name, theirs)
        }
        (None, None) => false,
    }
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
/// pods in them have ended by then. (steps.go, executeStepGroup)
pub(crate) fn is_seen_again(theirs: &Value, ours: &Value) -> bool {
    let ends = [theirs, ours].map(|workflow| workflow["status"]["phase"].as_str().unwrap_or_default());
    let handler = format!("{}.onExit", ours["metadata"]["name"].as_str().unwrap_or_default());
    let mut nodes = ours["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    ends == ["Failed", "Error"] && nodes.any(|node| node["name"] == handler.as_str())
}

/// The nodes that a fault of a hook ends in Error here. Argo marks them, and takes the phase of a pod again when it next looks, or
/// ends the workflow by the phase that its node had before; all that follows depends on it. (operator.go, assessNodeStatus
/// and operate)
pub(crate) fn taken_back<'w>(theirs: &'w Value, ours: &'w Value) -> Vec<&'w str> {
    let is_taken_back = |(id, here): &(&String, &Value)| {
        let there = &theirs["status"]["nodes"][id.as_str()];
        let is_entry = here["boundaryID"].is_null() && here["nodeFlag"].is_null();
        // Where the dag is over by then, Argo does not hear of the end of the pod.
        let is_other = there["phase"] != "Error" || there["outputs"].is_null() && !here["outputs"].is_null();
        let is_pod_again = there["type"] == "Pod" && is_other;
        let ends_otherwise = is_entry && theirs["status"]["phase"] != "Error";
        here["phase"] == "Error" && has_faulty_hook(here, ours) && (is_pod_again || ends_otherwise)
    };
    let nodes = ours["status"]["nodes"].as_object().into_iter().flatten();
    nodes.filter(is_taken_back).filter_map(|(_, node)| node["name"].as_str()).collect()
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

/// Steps that fail fast succeed in Argo where `continueOn` holds for the step that failed, and with them the workflow; the message
/// stays. (steps.go, executeSteps)
fn succeeds_without_the_rest(there: &str, here: &str, theirs: &Outcomes) -> bool {
    let why = "template has failed or errored children and failFast enabled";
    let is_such = |line: &str| line.contains("Succeeded ") && line.ends_with(why);
    let has_failed = |line: &str| line.replacen("Succeeded ", "Failed ", 1);
    is_such(there) && here == has_failed(there)
        || there == "Workflow Succeeded "
            && here == format!("Workflow Failed {why}")
            && theirs.values().any(|line| line.starts_with("Steps ") && is_such(line))
}

/// What is wrong with an expression is said in words of our own; how the node ends is not.
fn both_quote_an_expression(there: &str, here: &str) -> bool {
    let beginning = |text: &str| text.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
    there.contains("\n | ") && here.contains("expression `") && beginning(there) == beginning(here)
}

/// The references of a group's steps are resolved side by side: of several faults the one that is there first counts.
/// (steps.go, resolveReferences)
fn both_name_a_reference(there: &str, here: &str) -> bool {
    let [there, here] = [there, here].map(|text| text.split_once("failed to resolve references: "));
    there.zip(here).is_some_and(|((there, _), (here, _))| there == here)
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
pub(crate) fn read_by_luck<'w>(theirs: &Value, ours: &'w Value) -> Vec<&'w str> {
    let is_read = |(id, here): &(&String, &Value)| {
        here["message"].as_str().is_some_and(|why| why.contains("failed to get a template"))
            && theirs["status"]["nodes"][id.as_str()]["message"] != here["message"]
    };
    let nodes = ours["status"]["nodes"].as_object().into_iter().flatten();
    let nodes = nodes.filter(|_| depends_on_the_order_of_nodes(ours)).filter(is_read);
    nodes.filter_map(|(_, node)| node["name"].as_str()).collect()
}

/// Of the items of a task that err as they begin Argo begins one each time that it looks, as long as a node before them is at work.
/// (dag.go, executeDAGTask)
fn errs_as_it_begins(name: &str, here: &str) -> bool {
    name.ends_with(')') && here.starts_with("Skipped Error ") && here.contains("' errored: ")
}

/// The exit handler of a task that could not begin runs, whatever becomes of its dag meanwhile.
fn is_exit_handler_of_an_error(name: &str, ours: &Outcomes) -> bool {
    name.match_indices(".onExit").any(|(at, _)| {
        ours.get(&name[..at]).is_some_and(|hooked| hooked.split(' ').nth(1).is_some_and(|phase| phase == "Error"))
    })
}

/// Of the items of a task each has its exit handler; Argo ends the group as soon as all items have ended, and then looks at no
/// more of them.
fn is_exit_handler_of_a_later_item(name: &str, theirs: &Outcomes) -> bool {
    name.match_indices(").onExit").any(|(at, handler)| {
        let group = name[..at].rfind('(').map(|begin| &name[..=begin]).unwrap_or_default();
        theirs.keys().any(|node| node.starts_with(group) && node.ends_with(handler))
    })
}

/// Where an exit handler runs while Argo begins the items of a task, it ends the group once those that it has begun have ended,
/// and begins no more. (dag.go, completableTaskGroupPhase)
fn is_a_later_item(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    name.match_indices('(').any(|(at, _)| {
        let (task, group) = (&name[..at], &name[..=at]);
        let is_group = theirs.get(task).is_some_and(|there| there.starts_with("TaskGroup "));
        let of_group = |nodes: &Outcomes, end: &str| {
            nodes.keys().filter(|node| node.starts_with(group) && node.ends_with(end)).cloned().collect::<Vec<_>>()
        };
        let is_begun = |item: &String| theirs.contains_key(item);
        let mut items = of_group(ours, ")").into_iter().filter(|item| name.starts_with(item.as_str()));
        is_group && !of_group(theirs, ").onExit").is_empty() && items.any(|item| !is_begun(&item))
    })
}

/// A hook that is retried is taken for the last attempt at the node that it belongs to, if that is retried too: both are marked
/// by one flag. (operator.go, getChildNodeIdsRetried and executeTemplate)
pub(crate) fn has_a_retried_hook(name: &str, theirs: &Outcomes) -> bool {
    let hook = format!("{name}.hooks.");
    theirs.get(name).is_some_and(|there| there.starts_with("Retry "))
        && theirs.iter().any(|(node, there)| {
            node.strip_prefix(&hook).is_some_and(|event| !event.contains(['.', '('])) && there.starts_with("Retry ")
        })
}

/// The outputs of such a hook are those of an attempt at the node.
fn is_retried_hook(name: &str, there: &str, here: &str, theirs: &Outcomes) -> bool {
    let phase = |text: &str| text.split(' ').nth(1).map(str::to_owned);
    let node = name.rfind(".hooks.").map(|at| &name[..at]);
    there.starts_with("Retry ")
        && phase(there) == phase(here)
        && node.is_some_and(|node| has_a_retried_hook(node, theirs))
}

/// The retried nodes that have such a hook and do not end as they do here: all that follows depends on them.
pub(crate) fn ended_by_retried_hooks<'w>(theirs: &'w Value, outcomes: [&Outcomes; 2]) -> Vec<&'w str> {
    let nodes = theirs["status"]["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
    let names = nodes.filter_map(|node| node["name"].as_str());
    names
        .filter(|name| has_a_retried_hook(name, outcomes[0]) && outcomes[0].get(*name) != outcomes[1].get(*name))
        .collect()
}

/// A retried node whose last attempt ends while pods of it are at work has one attempt more in Argo, which ends the node and goes
/// on. (operator.go, executeTemplate)
fn is_beyond_the_last_attempt(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    name.match_indices('(').any(|(at, _)| {
        let node = &name[..at];
        let number = name[at + 1..].split(')').next().and_then(|number| number.parse::<usize>().ok());
        let is_made = |number: usize, nodes: &Outcomes| nodes.contains_key(&format!("{node}({number})"));
        let has_failed =
            ours.get(node).is_some_and(|here| here.starts_with("Retry ") && theirs.get(node) == Some(here));
        let is_next = |number: usize| number > 0 && is_made(number - 1, ours) && !is_made(number, ours);
        has_failed && number.is_some_and(|number| is_next(number) && !is_made(number + 1, theirs))
    })
}

/// Where such a hook is of a containerSet, Argo gives the hook itself containers too.
fn is_a_container_of_a_retried_hook(name: &str, there: &str, theirs: &Outcomes) -> bool {
    let is_hooked = |(at, _): (usize, &str)| has_a_retried_hook(&name[..at], theirs);
    there.starts_with("Container ") && name.match_indices(".hooks.").any(is_hooked)
}

/// Where such a hook fails, Argo makes another attempt; where it succeeds, none.
fn is_an_attempt_beside_a_hook(name: &str, theirs: &Outcomes) -> bool {
    name.match_indices('(').any(|(at, _)| has_a_retried_hook(&name[..at], theirs))
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

/// A template that fails fast marks the innermost step group below it, whatever template that belongs to and however it has ended.
/// (operator.go, checkParallelism and findLeafNodeWithType)
fn is_marked_from_without(name: &str, there: &str, here: &str) -> bool {
    let marked = "StepGroup Failed {} {} template has failed or errored children and failFast enabled";
    name.matches('[').count() > 1 && there == marked && here.starts_with("StepGroup Error ")
}

/// A group that succeeds beside a hook that could not begin keeps the hook's message in Argo. (steps.go, executeStepGroup)
fn keeps_the_message_of_a_hook(name: &str, there: &str, here: &str, theirs: &Outcomes) -> bool {
    let message = there.strip_prefix(here).filter(|_| here.starts_with("StepGroup Succeeded "));
    let below = format!("{name}.");
    let is_of = |(node, line): (&String, &String)| {
        let is_hook = node.starts_with(&below) && node.contains(".hooks.");
        is_hook && message.is_some_and(|message| line.ends_with(message))
    };
    theirs.iter().any(is_of)
}

/// The exit handler of a loop as a whole begins while other tasks are at work; Argo comes to it when it looks for the next time, and
/// the dag has ended if those ended with the loop. (dag.go, executeDAGTask and assessDAGPhase)
fn is_exit_handler_of_a_loop(name: &str, theirs: &Outcomes) -> bool {
    let hooked = name.find(".onExit").and_then(|at| theirs.get(&name[..at]));
    hooked.is_some_and(|there| there.starts_with("TaskGroup "))
}

/// Where a hook of a step is at fault, Argo ends the group as soon as all its pods have ended, and looks at no exit handler of a pod
/// that has ended with the last one. (steps.go, executeStepGroup)
fn is_exit_handler_in_a_group_that_erred(name: &str, theirs: &Outcomes) -> bool {
    let group = name.find(".onExit").and_then(|at| Some(&name[..=name[..at].rfind("].")?]));
    let of_group = |group: &str| {
        let begins = format!("{group}.");
        let is_faulty = |(node, line): (&String, &String)| {
            node.starts_with(&begins) && node.contains(".hooks.") && line.starts_with("Skipped Error ")
        };
        theirs.get(group).is_some_and(|there| there.starts_with("StepGroup Error ")) && theirs.iter().any(is_faulty)
    };
    group.is_some_and(of_group)
}

/// An error that is handed up ends Argo's dag before it comes to the hooks of what has ended at the same look. (dag.go, executeDAG)
fn is_hook_in_a_dag_that_erred(name: &str, theirs: &Outcomes) -> bool {
    let hooked =
        [".hooks.", ".onExit"].iter().filter_map(|hook| Some(&name[..name.find(hook)?])).min_by_key(|at| at.len());
    let dag = hooked.and_then(|hooked| Some(&hooked[..hooked.rfind('.')?]));
    dag.and_then(|dag| theirs.get(dag)).is_some_and(|there| there.starts_with("DAG Error "))
}

/// Whether memoization decides that only one of them has the node.
pub(crate) fn is_by_memoization(name: &str, theirs: &Value, ours: &Value) -> bool {
    is_below_a_hit(name, theirs, ours)
        || is_below_a_hit_of_what_ran_here(name, theirs, ours)
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

/// The exit handlers of the items of a loop run side by side here, and one after another in Argo: those that hit end at once, so that
/// the loop ends as Argo comes to it, and has none as a whole. (dag.go, executeDAGTask)
fn is_handler_of_a_loop_with_hits(name: &str, theirs: &Value, ours: &Value) -> bool {
    let hits = |workflow: &Value| memoized(workflow, |node| node["memoizationStatus"]["hit"] == true);
    let (there, here) = (hits(theirs), hits(ours));
    name.match_indices(".onExit").any(|(at, handler)| {
        let item = format!("{}(", &name[..at]);
        there.iter().any(|hit| hit.starts_with(&item) && hit.ends_with(handler) && !here.contains(hit))
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

/// An inline template of another object is stored before that is given its inputs: expressions over them stay as they are written.
/// (workflow_types.go, SetStoredInlineTemplate)
fn leaves_an_expression(there: &str, here: &str) -> bool {
    there.contains("{{=") && there.contains("inputs.parameters.") && !here.contains("{{=")
}
