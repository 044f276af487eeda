//! What is said of runs when a command ends: a line, or a table.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde_json::Value;

use super::tree::{elapsed, printable};

/// A table of Workflow objects with run id and cache, for `-o wide`.
pub(crate) fn table(objects: &[Value], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NAME", "NAMESPACE", "PHASE", "DURATION", "PROGRESS", "RUN ID", "CACHE", "MESSAGE"]);
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        table.add_row([
            printable(text("/metadata/name")),
            printable(text("/metadata/namespace")),
            printable(text("/status/phase")),
            duration(object, now).unwrap_or_default(),
            printable(text("/status/progress")),
            printable(run_id(object).unwrap_or_default()),
            printable(cache(object).unwrap_or_default()),
            printable(text("/status/message")),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// How long a run took, or has been going on.
pub(crate) fn duration(object: &Value, now: Timestamp) -> Option<String> {
    let time = |field: &str| object.pointer(field).and_then(Value::as_str)?.parse::<Timestamp>().ok();
    let start = time("/status/startedAt")?;
    Some(elapsed(time("/status/finishedAt").unwrap_or(now).duration_since(start)))
}

/// The run id in a workflow's parameters.
pub(crate) fn run_id(object: &Value) -> Option<&str> {
    let parameters = object.pointer("/spec/arguments/parameters")?.as_array()?;
    parameters.iter().find(|parameter| parameter["name"] == "run_id")?["value"].as_str()
}

/// The first cache that a workflow's templates name.
pub(crate) fn cache(object: &Value) -> Option<&str> {
    let templates = object.pointer("/spec/templates")?.as_array()?;
    templates.iter().find_map(|template| template.pointer("/memoize/cache/configMap/name")?.as_str())
}
