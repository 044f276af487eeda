//! The table of runs for `-o wide`.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde_json::Value;

use super::tree::{elapsed, printable};
use crate::argo::Workflow;
use crate::argo::template::{at, text};

/// A table of Workflow objects with run id and cache, for `-o wide`.
pub(crate) fn table(objects: &[Value], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NAME", "NAMESPACE", "PHASE", "DURATION", "PROGRESS", "RUN ID", "CACHE", "MESSAGE"]);

    for object in objects {
        let run = Workflow::view(object);
        // A workflow without a phase yet has an empty cell.
        let phase = text(run.status(), "phase");
        table.add_row([
            printable(run.name()),
            printable(run.namespace()),
            printable(phase),
            duration(run, now).unwrap_or_default(),
            printable(run.progress().unwrap_or_default()),
            printable(run.run_id().unwrap_or_default()),
            printable(cache(run).unwrap_or_default()),
            printable(run.message()),
        ]);
    }

    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// The duration of a run until its end or until now.
fn duration(run: &Workflow, now: Timestamp) -> Option<String> {
    Some(elapsed(run.finished_at().unwrap_or(now).duration_since(run.started_at()?)))
}

/// The first cache in a workflow's templates.
pub(crate) fn cache(run: &Workflow) -> Option<&str> {
    run.templates().find_map(|template| at(template.value(), &["memoize", "cache", "configMap", "name"])?.as_str())
}
