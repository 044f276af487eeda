//! The plan of a retry as a table.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::SignedDuration;

use super::tree::{elapsed, printable};
use crate::retry::{Entry, Plan, Verdict};

/// The plan for people: a row a node, what is lost, a line of sums.
pub(crate) fn text(plan: &Plan) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NODE", "TYPE", "TEMPLATE", "NEXT ATTEMPT", "WHY"]);
    for entry in &plan.nodes {
        let (action, why) = said(entry);
        let row = [&entry.name, &entry.kind, &entry.template].map(|text| printable(text));
        table.add_row(row.into_iter().chain([action.to_owned(), printable(&why)]));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    text.extend(plan.losses.iter().map(|loss| format!("lost: {}\n", printable(&loss.to_string()))));
    if plan.partial {
        text += "the nodes are not in the status as plain text; the plan is not whole\n";
    }
    text + &sums(plan)
}

fn said(entry: &Entry) -> (&'static str, String) {
    match &entry.verdict {
        Verdict::Cached { within: Some(within), .. } => ("cached", format!("within {within}")),
        Verdict::Cached { age_seconds: Some(age), .. } => {
            ("cached", format!("{} old", elapsed(SignedDuration::from_secs(*age))))
        }
        Verdict::Cached { .. } => ("cached", String::new()),
        Verdict::CarriedOver => ("carried over", String::new()),
        Verdict::Runs { why } => ("runs", why.to_string()),
        Verdict::Decided => ("decided anew", "its condition is looked at again".to_owned()),
    }
}

fn sums(plan: &Plan) -> String {
    let count = |holds: fn(&Verdict) -> bool| plan.nodes.iter().filter(|entry| holds(&entry.verdict)).count();
    let skipped = count(|verdict| matches!(verdict, Verdict::Cached { .. } | Verdict::CarriedOver));
    let run_id = plan.run_id.as_ref().map(|id| format!(" of run {id}")).unwrap_or_default();
    let attempt = match plan.mode {
        "in-place" => format!("attempt {}{run_id}, in place", plan.attempt),
        _ => format!("attempt {}{run_id}", plan.attempt),
    };
    format!("{attempt}: {} of {} nodes run, {skipped} do not\n", plan.runs(), plan.nodes.len())
}
