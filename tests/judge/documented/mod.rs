//! Differences that docs/differences.md names: here the saner end of the two, or one that does not depend on when
//! somebody looks. `shown` has a document for each.

mod memoization;
mod nodes;

use std::collections::BTreeMap;

pub(crate) use self::memoization::is_by_memoization;
pub(crate) use self::nodes::{
    TOO_DEEP, breaks_off, depends_on_the_order_of_nodes, ended_by_retried_hooks, ended_otherwise,
    groups_ended_by_hooks, is_hook_of_what_waited, is_seen_again,
};

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
                || is_group_after_failing_fast(name, there, theirs)
        }
        (Some(there), None) => {
            is_an_attempt_beside_a_hook(name, theirs)
                || is_exit_handler_of_a_group(name, theirs)
                || is_part_of_a_retried_hook(name, theirs)
                || is_beyond_the_last_attempt(name, theirs, ours)
                || is_group_after_failing_fast(name, there, theirs)
                || is_omitted_before_failing_fast(name, there, theirs)
        }
        (None, Some(here)) => {
            errs_as_it_begins(name, ours)
                || is_after_items_that_err(name, here, theirs)
                || is_exit_handler_of_a_later_item(name, theirs)
                || is_exit_handler_of_an_item_that_erred(name, ours)
                || is_hook_beside_such_handlers(name, theirs, ours)
                || is_a_later_item(name, theirs, ours)
                || is_hook_in_a_dag_that_erred(name, theirs)
                || is_hook_in_a_group_that_erred(name, theirs)
                || is_exit_handler_of_a_loop(name, theirs)
                || is_task_beside_an_unreadable_loop(name, here, theirs)
                || is_an_attempt_beside_a_hook(name, theirs)
        }
        (None, None) => false,
    }
}

/// Argo makes the groups that come after the failure of such steps, and lets them succeed with no step in them.
fn is_group_after_failing_fast(name: &str, there: &str, theirs: &Outcomes) -> bool {
    let steps = name.rfind('[').and_then(|at| theirs.get(&name[..at]));
    let why = "template has failed or errored children and failFast enabled";
    there.starts_with("StepGroup Succeeded ")
        && steps.is_some_and(|steps| steps.starts_with("Steps Succeeded ") && steps.ends_with(why))
}

/// Steps that a fault of a hook ends fail in Argo while their pods are at work, so that two of a dag fail at one look: what comes after
/// both is omitted before the dag fails fast.
fn is_omitted_before_failing_fast(name: &str, there: &str, theirs: &Outcomes) -> bool {
    let dag = name.rfind('.').and_then(|at| theirs.get(&name[..at]));
    let fails_fast = |dag: &String| dag.starts_with("DAG Failed ") && dag.ends_with("and failFast enabled");
    let is_left = |node: &String| node.split(' ').nth(1).is_some_and(|phase| phase == "Running");
    there.starts_with("Skipped Omitted ") && dag.is_some_and(fails_fast) && theirs.values().any(is_left)
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

/// Of the items of a task that err as they begin Argo begins one each time that it looks, as long as a node before them is at work.
/// (dag.go, executeDAGTask)
fn errs_as_it_begins(name: &str, ours: &Outcomes) -> bool {
    let items = name.match_indices(')').map(|(at, _)| &name[..=at]);
    items.filter_map(|item| ours.get(item)).any(|here| has_erred(here))
}

fn has_erred(item: &str) -> bool {
    item.split(' ').nth(1) == Some("Error") && item.contains("' errored: ")
}

/// By the time that it has begun them all, its dag may have ended, so that it omits nothing after them.
fn is_after_items_that_err(name: &str, here: &str, theirs: &Outcomes) -> bool {
    let dag = name.rfind('.').map_or("", |at| &name[..=at]);
    let is_item = |(node, there): (&String, &String)| node.starts_with(dag) && node.ends_with(')') && has_erred(there);
    here.starts_with("Skipped Omitted ") && theirs.iter().any(is_item)
}

/// What has called steps takes the group that hands up the error of an exit handler for them, and calls their own handler for the group
/// too. (steps.go, executeSteps)
fn is_exit_handler_of_a_group(name: &str, theirs: &Outcomes) -> bool {
    name.match_indices("].onExit").any(|(at, _)| {
        theirs.get(&name[..=at]).is_some_and(|there| there.starts_with("StepGroup ") && !there.ends_with("{} {} "))
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

/// Of an item that could not begin Argo comes to the handler when it comes to the loop again, unless it has ended the loop by then.
fn is_exit_handler_of_an_item_that_erred(name: &str, ours: &Outcomes) -> bool {
    name.match_indices(").onExit").any(|(at, _)| {
        ours.get(&name[..=at]).is_some_and(|item| item.split(' ').nth(1).is_some_and(|phase| phase == "Error"))
    })
}

/// While they run a workflow is Running to its hooks which would have ended as it began.
fn is_hook_beside_such_handlers(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    let is_of_workflow = name.find(".hooks.").is_some_and(|at| !name[..at].contains(['.', '[', '(']));
    let is_such = |node: &String| !theirs.contains_key(node) && is_exit_handler_of_an_item_that_erred(node, ours);
    is_of_workflow && ours.keys().any(is_such)
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

/// Where such a hook is of a containerSet or of steps, Argo gives the hook itself containers or groups too.
fn is_part_of_a_retried_hook(name: &str, theirs: &Outcomes) -> bool {
    name.match_indices(".hooks.").any(|(at, _)| has_a_retried_hook(&name[..at], theirs))
}

/// Where such a hook fails, Argo makes another attempt; where it succeeds, none.
fn is_an_attempt_beside_a_hook(name: &str, theirs: &Outcomes) -> bool {
    name.match_indices('(').any(|(at, _)| has_a_retried_hook(&name[..at], theirs))
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
    let mut hooked = name.match_indices(".onExit").filter_map(|(at, _)| theirs.get(&name[..at]));
    hooked.any(|there| there.starts_with("TaskGroup "))
}

/// Argo comes to the tasks of a dag by its targets, and errs at one that cannot be read before it comes to the others; here these have
/// begun. (dag.go, executeDAG)
fn is_task_beside_an_unreadable_loop(name: &str, here: &str, theirs: &Outcomes) -> bool {
    let dag = name.rfind('.').and_then(|at| theirs.get(&name[..at]));
    here.starts_with("Skipped ")
        && dag.is_some_and(|dag| dag.starts_with("DAG Error ") && dag.ends_with("failed to get a template"))
}

/// Where a hook of a step is at fault, Argo ends the group as soon as all its pods have ended, or its steps at once, and looks at no hook
/// of a pod that has ended with the last one, or later. (steps.go, executeStepGroup)
fn is_hook_in_a_group_that_erred(name: &str, theirs: &Outcomes) -> bool {
    let hooks = [".onExit", ".hooks."].into_iter().flat_map(|hook| name.match_indices(hook));
    let mut groups = hooks.filter_map(|(at, _)| Some(&name[..=name[..at].rfind("].")?]));
    let of_group = |group: &str| {
        let begins = format!("{group}.");
        let is_faulty = |(node, line): (&String, &String)| {
            node.starts_with(&begins) && node.contains(".hooks.") && line.starts_with("Skipped Error ")
        };
        let is_ended = |there: &String| {
            there.starts_with("StepGroup Error ")
                && (there.contains(" unable to evaluate expression '") || theirs.iter().any(is_faulty))
        };
        theirs.get(group).is_some_and(is_ended)
    };
    groups.any(of_group)
}

/// An error that is handed up ends Argo's dag before it comes to the hooks of what has ended at the same look. (dag.go, executeDAG)
fn is_hook_in_a_dag_that_erred(name: &str, theirs: &Outcomes) -> bool {
    let hooked =
        [".hooks.", ".onExit"].into_iter().flat_map(|hook| name.match_indices(hook)).map(|(at, _)| &name[..at]);
    let mut dags = hooked.filter_map(|hooked| theirs.get(&hooked[..hooked.rfind('.')?]));
    dags.any(|there| there.starts_with("DAG Error "))
}

/// An inline template of another object is stored before that is given its inputs, or what comes before has ended: expressions over them
/// stay as they are written. (workflow_types.go, SetStoredInlineTemplate)
pub(super) fn leaves_an_expression(there: &str, here: &str) -> bool {
    let is_over_what_is_around = ["inputs.parameters.", "steps.", "tasks."].iter().any(|of| there.contains(of));
    there.contains("{{=") && is_over_what_is_around && !here.contains("{{=")
}
