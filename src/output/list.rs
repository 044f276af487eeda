//! Runs as a table, one line per run.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::summary::cache;
use super::table::{self, Table};
use super::tree::elapsed;
use crate::argo::Workflow;
use crate::mask::Mask;
use crate::report::summary::{KILLED, Summary};

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The workflow's name.
    pub(crate) name: String,
    /// When it was created.
    pub(crate) created: Option<Timestamp>,
    /// Its summary.
    pub(crate) summary: Summary,
    cache: Option<String>,
    uid: String,
}

/// The additional columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Show the namespace.
    pub(crate) namespace: bool,
    /// Show the columns of `-o wide`.
    pub(crate) wide: bool,
    /// Show the uid: of several runs of one name it tells which.
    pub(crate) uid: bool,
    /// Show their names.
    pub(crate) header: bool,
    /// The width of the terminal, if it is printed to one.
    pub(crate) width: Option<usize>,
}

/// The columns that a narrow terminal can do without.
const SPARE: [&str; 6] = ["CACHE", "RETRY OF", "RUN ID", "ATTEMPT", "PROGRESS", "DURATION"];

impl Row {
    /// The row of a Workflow object.
    pub(crate) fn of(workflow: &Workflow, summary: Summary) -> Self {
        let message = Mask::of(workflow, &[]).text(&summary.message);
        Self {
            name: summary.name.clone(),
            created: workflow.created_at(),
            summary: Summary { message, current_nodes: Vec::new(), ..summary },
            cache: cache(workflow).map(str::to_owned),
            uid: workflow.uid().to_owned(),
        }
    }

    /// The order of the table: the latest first; of the same second the highest attempt, then by name.
    pub(crate) fn by_age(&self, other: &Self) -> Ordering {
        let attempts = || other.summary.attempt.cmp(&self.summary.attempt);
        other.created.cmp(&self.created).then_with(attempts).then_with(|| self.name.cmp(&other.name))
    }

    /// The same run in a phase that needs no message.
    #[must_use]
    pub(crate) fn in_phase(self, phase: &str) -> Self {
        let summary = Summary { phase: phase.to_owned(), message: String::new(), is_suspended: false, ..self.summary };
        Self { summary, ..self }
    }

    /// Whether both lines are equal except for the elapsed time.
    pub(crate) fn looks_the_same(&self, other: &Self, columns: Columns) -> bool {
        let untimed = |row: &Self| {
            let summary = Summary { start_time: None, ..row.summary.clone() };
            cells(&Self { created: None, summary, ..row.clone() }, columns, Timestamp::UNIX_EPOCH)
        };
        untimed(self) == untimed(other)
    }
}

/// The table of runs, in the given order.
pub(crate) fn table(rows: &[Row], columns: Columns, now: Timestamp) -> String {
    Growing::new(columns).text(rows, now)
}

/// A table to which lines are appended. Columns keep their width unless a longer value comes.
#[derive(Debug)]
pub(crate) struct Growing {
    columns: Columns,
    /// None before the header is printed.
    laid_out: Option<table::Columns>,
}

impl Growing {
    /// An empty table.
    pub(crate) fn new(columns: Columns) -> Self {
        Self { columns, laid_out: None }
    }

    /// The next lines; the first ones with the header.
    pub(crate) fn text(&mut self, rows: &[Row], now: Timestamp) -> String {
        let mut table = Table::new(header(self.columns)).sparing(&SPARE);
        if !self.columns.header {
            table = table.without_names();
        }
        for row in rows {
            table.row(cells(row, self.columns, now));
        }

        let Some(laid_out) = &mut self.laid_out else {
            let laid_out = self.laid_out.insert(table::Columns::of(&table, self.columns.width));
            return table.header(laid_out) + &table.body(laid_out);
        };
        laid_out.grow(&table);
        table.body(laid_out)
    }
}

fn header(columns: Columns) -> Vec<&'static str> {
    let usual = ["NAME", "PHASE", "AGE", "DURATION", "PROGRESS", "RUN ID", "ATTEMPT"];
    let extra = ["RETRY OF", "CACHE", "NODES"];
    let first = columns.namespace.then_some("NAMESPACE").into_iter().chain(usual);
    let uid = columns.uid.then_some("UID");
    first.chain(extra.into_iter().filter(|_| columns.wide)).chain(uid).chain(["MESSAGE"]).collect()
}

fn cells(row: &Row, columns: Columns, now: Timestamp) -> Vec<String> {
    let summary = &row.summary;
    let mut cells = Vec::new();
    if columns.namespace {
        cells.push(summary.namespace.clone());
    }

    let suspended = if summary.is_suspended { " (suspended)" } else { "" };
    // The end of a killed run is not known.
    let took = summary.duration(now).filter(|_| summary.phase != KILLED);
    cells.extend([
        row.name.clone(),
        format!("{}{suspended}", summary.phase),
        row.created.map(|created| age(now.duration_since(created))).unwrap_or_default(),
        took.map(elapsed).unwrap_or_default(),
        summary.progress.clone().unwrap_or_default(),
        summary.run_id.clone().unwrap_or_default(),
        summary.attempt.map(|attempt| attempt.to_string()).unwrap_or_default(),
    ]);

    if columns.wide {
        let nodes = match summary.total_nodes {
            0 => String::new(),
            total => format!("{total} ({} failed, {} cached)", summary.failed_nodes, summary.memoization_hits),
        };
        cells.extend([summary.retry_of.clone().unwrap_or_default(), row.cache.clone().unwrap_or_default(), nodes]);
    }
    cells.extend(columns.uid.then(|| row.uid.clone()));
    cells.push(summary.message.clone());
    cells
}

/// An age as kubectl prints it, in one unit: minutes from 2m, hours from 2h, days from 2d.
pub(crate) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_a_line() {
        let workflow = json!({
            "metadata": {"name": "w", "namespace": "ci", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"arguments": {"parameters": [{"name": "run_id", "value": "r1"}, {"name": "token", "value": "s3cr3t"}]}},
            "status": {"phase": "Failed", "startedAt": "1970-01-01T00:00:02Z", "finishedAt": "1970-01-01T00:01:07Z",
                       "progress": "1/2", "message": "no\ns3cr3t"},
        });
        let workflow = Workflow::from(workflow);
        let row = Row::of(&workflow, Summary::of(&workflow, &workflow.nodes()));
        let now = Timestamp::from_second(3 * 3600).unwrap_or(Timestamp::UNIX_EPOCH);
        assert_eq!(
            table(
                std::slice::from_ref(&row),
                Columns { namespace: false, wide: false, uid: false, header: true, width: None },
                now
            ),
            "NAME  PHASE   AGE  DURATION  PROGRESS  RUN ID  ATTEMPT  MESSAGE\nw     Failed  3h   1m05s     1/2       r1      1        no ***\n"
        );
        assert!(
            table(&[row], Columns { namespace: true, wide: true, uid: false, header: true, width: None }, now)
                .starts_with("NAMESPACE  NAME  PHASE   AGE")
        );
    }

    fn row(name: &str, phase: &str, progress: &str) -> Row {
        let workflow = json!({"metadata": {"name": name}, "status": {"phase": phase, "progress": progress}});
        let workflow = Workflow::from(workflow);
        Row::of(&workflow, Summary::of(&workflow, &workflow.nodes()))
    }

    #[test]
    fn later_lines_are_aligned_with_the_first() {
        let mut lines = Growing::new(Columns { namespace: false, wide: false, uid: false, header: true, width: None });
        let now = Timestamp::UNIX_EPOCH;
        let first = lines.text(&[row("alpha", "Running", "0/1")], now);
        assert_eq!(
            first,
            "NAME   PHASE    AGE  DURATION  PROGRESS  RUN ID  ATTEMPT  MESSAGE\nalpha  Running                 0/1\n"
        );
        assert_eq!(lines.text(&[row("b", "Failed", "1/1")], now), "b      Failed                  1/1\n");
        assert_eq!(lines.text(&[row("b-longer", "Failed", "1/1")], now), "b-longer  Failed                  1/1\n");
    }

    #[test]
    fn lines_that_differ_only_in_time_look_the_same() {
        let columns = Columns { namespace: false, wide: false, uid: false, header: true, width: None };
        let (before, after) = (row("a", "Running", "0/2"), row("a", "Running", "1/2"));
        assert!(before.looks_the_same(&before.clone(), columns) && !before.looks_the_same(&after, columns));
        assert_eq!(before.in_phase("Deleted").summary.phase, "Deleted");
    }

    #[test]
    fn an_age_has_one_unit() {
        let ages =
            [-1, 59, 119, 120, 7199, 7200, 172_799, 172_800].map(|seconds| age(SignedDuration::from_secs(seconds)));
        assert_eq!(ages, ["0s", "59s", "119s", "2m", "119m", "2h", "47h", "2d"]);
    }
}
