//! The table of runs for `-o wide`.

use jiff::Timestamp;
use serde_json::Value;

use super::table::Table;
use super::tree::elapsed;
use crate::argo::Workflow;
use crate::argo::template::{at, text};

/// A table of Workflow objects with run id and cache, for `-o wide`.
pub(crate) fn table(objects: &[Value], now: Timestamp, width: Option<usize>) -> String {
    let header = ["NAME", "NAMESPACE", "PHASE", "DURATION", "PROGRESS", "RUN ID", "CACHE", "MESSAGE"];
    let mut table = Table::new(header).sparing(&["CACHE", "RUN ID", "NAMESPACE", "PROGRESS"]);

    for object in objects {
        let run = Workflow::view(object);
        // A workflow without a phase yet has an empty cell.
        let phase = text(run.status(), "phase");
        table.row([
            run.name(),
            run.namespace(),
            phase,
            &duration(run, now).unwrap_or_default(),
            run.progress().unwrap_or_default(),
            run.run_id().unwrap_or_default(),
            cache(run).unwrap_or_default(),
            run.message(),
        ]);
    }
    table.text(width)
}

/// The duration of a run until its end or until now.
fn duration(run: &Workflow, now: Timestamp) -> Option<String> {
    Some(elapsed(run.finished_at().unwrap_or(now).duration_since(run.started_at()?)))
}

/// The first cache in a workflow's templates.
pub(crate) fn cache(run: &Workflow) -> Option<&str> {
    run.templates().find_map(|template| at(template.value(), &["memoize", "cache", "configMap", "name"])?.as_str())
}
