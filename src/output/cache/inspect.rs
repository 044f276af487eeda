//! One cache with its entries.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::Value;

use super::list::until;
use super::{ago, percent, size};
use crate::argo::template::{list, text};
use crate::cache::{Place, Report, Row};
use crate::mask::{is_secret, shown};
use crate::output::table::Table;
use crate::output::tree::printable;

/// The longest value of an output that is shown.
const LONGEST: usize = 40;

/// The cache for people: what it is, its entries, what is the matter.
pub fn inspection(report: &Report, now: Timestamp, width: Option<usize>) -> String {
    let cache = &report.overview;
    let mut text = format!("Cache:    {}\n", printable(&cache.name));
    let _ = match &cache.place {
        Place::ConfigMap { namespace } => writeln!(text, "Place:    ConfigMap in namespace {namespace}"),
        Place::Store { path } => writeln!(text, "Place:    {}", path.display()),
    };
    let _ = writeln!(text, "Entries:  {}", cache.usage.entries);
    let limit = cache.usage.limit.zip(cache.usage.share);
    let limit = limit.map(|(limit, share)| format!(" of {} ({})", size(limit), percent(share)));
    let _ = writeln!(text, "Size:     {}{}", size(cache.usage.bytes), limit.unwrap_or_default());
    if let Some(rate) = cache.usage.bytes_per_day {
        let full = cache.usage.full_at.map(|full| format!(", full in {}", until(full, now))).unwrap_or_default();
        let _ = writeln!(text, "Growth:   {} a day{full}", size(rate));
    }
    if !report.entries.is_empty() {
        let header = ["KEY", "TEMPLATE", "RUN ID", "WORKFLOW", "NODE", "AGE", "USED", "SIZE", "OUTPUTS"];
        let mut table = Table::new(header).sparing(&["RUN ID", "WORKFLOW", "TEMPLATE", "USED", "OUTPUTS"]);
        report.entries.iter().for_each(|row| table.row(cells(row, now)));
        text.push('\n');
        text += &table.text(width);
    }
    text + &problems(report)
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    let gone = if row.origin.exists == Some(false) { " (gone)" } else { "" };
    let node = row.origin.node.clone().unwrap_or_else(|| row.node_id.clone());
    vec![
        row.key.clone(),
        row.template.clone().unwrap_or_default(),
        row.run_id.clone().unwrap_or_default(),
        format!("{}{gone}", row.origin.workflow),
        node,
        ago(row.created_at, now),
        ago(row.last_hit_at, now),
        size(row.bytes),
        row.values.as_ref().map_or_else(|| row.outputs.join(","), values),
    ]
}

/// The outputs with their values; those that look like secrets' are masked.
fn values(outputs: &Value) -> String {
    let parameters = list(outputs.get("parameters")).iter();
    let parameters = parameters.map(|parameter| {
        let name = text(parameter, "name");
        format!("{name}={}", brief(shown(name, text(parameter, "value"))))
    });
    let artifacts = list(outputs.get("artifacts")).iter().map(|artifact| text(artifact, "name").to_owned());
    // A result has no name of its own; beside a secret parameter it may well be the same text.
    let secret = list(outputs.get("parameters")).iter().any(|parameter| is_secret(text(parameter, "name")));
    let name = if secret { "secret" } else { "result" };
    let result =
        outputs.get("result").and_then(Value::as_str).map(|value| format!("result={}", brief(shown(name, value))));
    parameters.chain(artifacts).chain(result).collect::<Vec<_>>().join(",")
}

fn brief(value: &str) -> String {
    let mut text: String = value.chars().take(LONGEST).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text
}

/// The problems, those of one kind under each other with one remedy.
fn problems(report: &Report) -> String {
    let mut text = String::new();
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for (key, problem) in report.all_problems() {
        let line = match key {
            Some(key) => format!("  {key}: {problem}\n"),
            None => format!("  {problem}\n"),
        };
        let line = printable(line.trim_end()) + "\n";
        match groups.iter_mut().find(|(remedy, _)| *remedy == problem.remedy()) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((problem.remedy(), vec![line])),
        }
    }
    if groups.is_empty() {
        return text;
    }
    let number: usize = groups.iter().map(|(_, lines)| lines.len()).sum();
    let _ = write!(text, "\nProblems: {number}\n");
    for (remedy, lines) in groups {
        text.extend(lines);
        let _ = writeln!(text, "    ({remedy})");
    }
    text
}
