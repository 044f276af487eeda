//! Differences that docs/differences.md names: here the saner end of the two, or one that does not depend on when
//! somebody looks. `shown.rs` has a document for each.

use std::collections::BTreeMap;

/// What each node came to, by its name.
pub(crate) type Outcomes = BTreeMap<String, String>;

/// Whether a node that is not the same in both is so for a documented reason.
pub(crate) fn is_documented(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    match (theirs.get(name), ours.get(name)) {
        (Some(there), Some(here)) => both_quote_an_expression(there, here),
        (Some(there), None) => errs_as_it_begins(name, there),
        (None, Some(_)) => is_exit_handler_of_an_error(name, ours) || is_exit_handler_of_a_later_item(name, theirs),
        (None, None) => false,
    }
}

/// What is wrong with an expression is said in words of our own; how the node ends is not.
fn both_quote_an_expression(there: &str, here: &str) -> bool {
    let beginning = |text: &str| text.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
    there.contains("\n | ") && here.contains("expression `") && beginning(there) == beginning(here)
}

/// Of the items of a task that err as they begin, the first one begins.
fn errs_as_it_begins(name: &str, there: &str) -> bool {
    name.ends_with(')') && there.starts_with("Skipped Error ") && there.contains("' errored: ")
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
