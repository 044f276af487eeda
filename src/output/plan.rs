//! The plan of a retry as a table.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::table::Table;
use super::tree::{elapsed, printable};
use crate::argo::status::NodeType;
use crate::retry::{Entry, Plan, Verdict};

/// Up to this many items of a loop with the same result are listed one by one.
const MAX_LISTED: usize = 12;

/// The plan as text: one row per node, the losses, and a line of totals. Many items of a loop with the same result
/// become one row, unless `all`.
pub(crate) fn text(plan: &Plan, all: bool, width: Option<usize>) -> String {
    let mut table = Table::new(["NODE", "TYPE", "TEMPLATE", "NEXT ATTEMPT", "WHY"]).sparing(&["TYPE", "TEMPLATE"]);
    for Row { name, entry, action, why } in rows(plan, all) {
        let kind = entry.kind.map_or("", NodeType::as_str);
        table.row([&name, kind, &entry.template, action, &why]);
    }

    let mut text = table.text(width);
    text.extend(plan.losses.iter().map(|loss| format!("lost: {}\n", printable(&loss.to_string()))));
    if plan.partial {
        text += "not all nodes are in the workflow's status; the plan is incomplete
";
    }
    text + &totals(plan)
}

struct Row<'a> {
    name: String,
    entry: &'a Entry,
    action: &'static str,
    why: String,
}

fn rows(plan: &Plan, all: bool) -> Vec<Row<'_>> {
    let texts: Vec<_> = plan.nodes.iter().map(verdict_text).collect();
    let outcome = |(entry, (action, why)): (&'_ Entry, &(&'static str, String))| {
        // The ages of the entries of one loop differ by seconds: ignore them.
        let is_aged = matches!(entry.verdict, Verdict::Cached { within: None, .. });
        let why = if is_aged { String::new() } else { without_items(why).unwrap_or_else(|| why.clone()) };
        Some((without_items(&entry.name).filter(|_| !all)?, *action, why))
    };
    let outcomes: Vec<_> = plan.nodes.iter().zip(&texts).map(outcome).collect();

    let mut alike: HashMap<&(String, &str, String), usize> = HashMap::new();
    for outcome in outcomes.iter().flatten() {
        *alike.entry(outcome).or_default() += 1;
    }

    let mut rows = Vec::new();
    for ((entry, (action, why)), outcome) in plan.nodes.iter().zip(texts).zip(&outcomes) {
        match outcome.as_ref().and_then(|outcome| Some((alike.get_mut(outcome)?, outcome))) {
            Some((count, (name, _, of_all))) if *count > MAX_LISTED => {
                let name = format!("{}: {count} items", name.strip_suffix(ITEM).unwrap_or(name));
                let why = if of_all.is_empty() { why } else { of_all.clone() };
                rows.push(Row { name, entry, action, why });
                // This row stands for the other items too.
                *count = 0;
            }
            Some((0, _)) => {}
            _ => rows.push(Row { name: entry.name.clone(), entry, action, why }),
        }
    }
    rows
}

/// What stands for any item of a loop.
const ITEM: &str = "(*)";

/// A text in which each item of a loop, such as `(0:a)`, is any item; none where it names none.
fn without_items(text: &str) -> Option<String> {
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        left.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let value = after[digits..].strip_prefix(':').filter(|_| digits > 0);
        if let Some(behind) = value.and_then(end_of_item) {
            left.push_str(ITEM);
            rest = behind;
        } else {
            left.push('(');
            rest = after;
        }
    }
    left.push_str(rest);
    (left != text).then_some(left)
}

/// What stands behind an item's value, which may hold parentheses itself.
fn end_of_item(value: &str) -> Option<&str> {
    let mut ends = value.match_indices(')').map(|(at, _)| &value[at + 1..]);
    ends.find(|behind| behind.is_empty() || behind.starts_with(['.', '[', '(']))
}

fn verdict_text(entry: &Entry) -> (&'static str, String) {
    let (word, text) = outcome_text(entry);
    match &entry.verdict {
        Verdict::Cached { within: None, reused: true, .. } => {
            (word, format!("{text}, of any run").trim_start_matches(", ").to_owned())
        }
        _ => (word, text),
    }
}

fn outcome_text(entry: &Entry) -> (&'static str, String) {
    match &entry.verdict {
        Verdict::Cached { within: Some(within), .. } => ("cached", format!("within {within}")),
        Verdict::Cached { age_seconds: Some(age), expires_in_seconds: Some(left), .. } => {
            let [age, left] = [age, left].map(|seconds| elapsed(SignedDuration::from_secs(*seconds)));
            ("cached", format!("{age} old, expires in {left}"))
        }
        Verdict::Cached { age_seconds: Some(age), .. } => {
            ("cached", format!("{} old", elapsed(SignedDuration::from_secs(*age))))
        }
        Verdict::Cached { .. } => ("cached", String::new()),
        Verdict::CarriedOver => ("carried over", String::new()),
        Verdict::Runs { why } => ("runs", why.to_string()),
        Verdict::Decided { by: Some(by) } => ("decided", format!("by {by}")),
        Verdict::Decided { by: None } => ("decided again", "its condition is evaluated again".to_owned()),
        Verdict::Skipped => ("skipped", String::new()),
    }
}

fn totals(plan: &Plan) -> String {
    let count = |holds: fn(&Verdict) -> bool| plan.nodes.iter().filter(|entry| holds(&entry.verdict)).count();
    let skipped = count(|verdict| matches!(verdict, Verdict::Cached { .. } | Verdict::CarriedOver));
    let run_id = plan.run_id.as_ref().map(|id| format!(" of run {id}")).unwrap_or_default();
    let attempt = match plan.mode {
        "in-place" => format!("attempt {}{run_id}, in place", plan.attempt),
        _ => format!("attempt {}{run_id}", plan.attempt),
    };
    let do_not = if skipped == 1 { "does not" } else { "do not" };
    format!("{attempt}: {} of {} nodes run, {skipped} {do_not}\n", plan.runs(), plan.nodes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_of_a_loop_is_any_item() {
        for (text, expected) in [
            ("w.map(0:a)", Some("w.map(*)")),
            ("w[0].map(12:{\"k\":\"(x)y\"}).work(1:b)[0].leaf", Some("w[0].map(*).work(*)[0].leaf")),
            ("within map(3:c)", Some("within map(*)")),
            ("w.flaky(0)", None),
            ("w.map", None),
            ("w.odd(", None),
        ] {
            assert_eq!(without_items(text).as_deref(), expected, "{text}");
        }
    }

    fn plan(nodes: impl IntoIterator<Item = (String, Verdict)>) -> Plan {
        let entry = |(name, verdict)| Entry { name, kind: Some(NodeType::Pod), template: "work".to_owned(), verdict };
        Plan {
            workflow: "w".to_owned(),
            mode: "new",
            run_id: None,
            attempt: 2,
            nodes: nodes.into_iter().map(entry).collect(),
            losses: Vec::new(),
            removes: std::collections::BTreeSet::new(),
            keys: std::sync::Arc::default(),
            partial: false,
        }
    }

    #[test]
    fn a_large_loop_is_a_line_for_each_outcome_unless_all_is_asked_for() {
        let cached =
            |age| Verdict::Cached { age_seconds: Some(age), expires_in_seconds: None, within: None, reused: false };
        let failed = || Verdict::Runs { why: crate::retry::Why::Failed };
        let items = (0..200).map(|at| (format!("w.map({at}:x{at})"), if at < 3 { failed() } else { cached(at) }));
        let inner = (0..200).map(|at| {
            let within = Some(format!("map({at}:x{at})"));
            let verdict = Verdict::Cached { age_seconds: Some(1), expires_in_seconds: None, within, reused: false };
            (format!("w.map({at}:x{at})[0].leaf"), verdict)
        });
        let plan = plan(items.chain(inner).chain([("w.last".to_owned(), failed())]));
        let lines = |all| text(&plan, all, None).lines().map(str::to_owned).collect::<Vec<_>>();
        let folded = lines(false);
        assert_eq!(folded.len(), 1 + 3 + 1 + 1 + 1 + 1, "{folded:#?}");
        assert!(folded[4].starts_with("w.map: 197 items"), "{folded:#?}");
        assert!(
            folded[5].starts_with("w.map(*)[0].leaf: 200 items") && folded[5].ends_with("within map(*)"),
            "{folded:#?}"
        );
        assert_eq!(folded.last(), lines(true).last());
        assert_eq!(lines(true).len(), 1 + 401 + 1);
    }
}
