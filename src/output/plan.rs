//! The plan of a retry as a table.

use std::collections::HashMap;

use comfy_table::{ContentArrangement, Table, presets};
use jiff::SignedDuration;

use super::tree::{elapsed, printable};
use crate::retry::{Entry, Plan, Verdict};

/// Up to this many items of a loop with the same result are listed one by one.
const MAX_LISTED: usize = 12;

/// The plan as text: one row per node, the losses, and a line of totals. Many items of a loop with the same result
/// become one row, unless `all`.
pub(crate) fn text(plan: &Plan, all: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NODE", "TYPE", "TEMPLATE", "NEXT ATTEMPT", "WHY"]);
    for Row { name, entry, action, why } in rows(plan, all) {
        let row = [&name, &entry.kind, &entry.template].map(|text| printable(text));
        table.add_row(row.into_iter().chain([action.to_owned(), printable(&why)]));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }

    let mut text: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
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
    let outcome = |entry: &'_ Entry| {
        let (action, why) = verdict_text(entry);
        // The ages of the entries of one loop differ by seconds: ignore them.
        let why = if matches!(entry.verdict, Verdict::Cached { within: None, .. }) { String::new() } else { why };
        Some((loop_of(&entry.name)?.to_owned(), action, why))
    };

    let mut alike: HashMap<(String, &str, String), usize> = HashMap::new();
    for outcome in plan.nodes.iter().filter_map(outcome).filter(|_| !all) {
        *alike.entry(outcome).or_default() += 1;
    }

    let mut rows = Vec::new();
    for entry in &plan.nodes {
        let (action, why) = verdict_text(entry);
        let outcome = outcome(entry);
        match outcome.as_ref().and_then(|outcome| alike.get_mut(outcome)) {
            Some(count) if *count > MAX_LISTED => {
                let name = format!("{}: {count} items", outcome.map(|(name, ..)| name).unwrap_or_default());
                rows.push(Row { name, entry, action, why });
                // This row stands for the other items too.
                *count = 0;
            }
            Some(0) => {}
            _ => rows.push(Row { name: entry.name.clone(), entry, action, why }),
        }
    }
    rows
}

/// The name of the loop to which a node belongs as an item.
fn loop_of(name: &str) -> Option<&str> {
    let (call, item) = name.strip_suffix(')')?.rsplit_once('(')?;
    let digits = item.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0 && item[digits..].starts_with(':')).then_some(call)
}

fn verdict_text(entry: &Entry) -> (&'static str, String) {
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
    format!("{attempt}: {} of {} nodes run, {skipped} do not\n", plan.runs(), plan.nodes.len())
}
