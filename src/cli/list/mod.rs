//! `list`: runs, the latest first.

mod watch;

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::runtime::{block_on, until_interrupted};
use super::selection::SelectionArgs;
use super::target::TargetArgs;
use crate::backend::{ListSelection, Run, Snapshot};
use crate::exit::{Exit, chain};
use crate::local::record::RecordError;
use crate::output::format::{Format, rendered};
use crate::output::list::{Columns, Row, table};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Runs of the current namespace, the latest first
  kubectl runnable list

  # Those of all namespaces that go on or failed, of the last day
  kubectl runnable list -A --phase Running --phase Failed --since 24h

  # Those that end in an error, made from one template, that are older than a week
  kubectl runnable list --status Failed,Error --older 7d --field-selector spec.workflowTemplateRef.name=etl

  # By label, with run id and cache
  kubectl runnable list -l team=data -o wide

  # What happens to them from now on; with -o json each state as an object
  kubectl runnable list --watch

  # Runs of this machine
  kubectl runnable list --local";

/// List runs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Runs of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Number of workflows to request from the server per page
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    chunk_size: u32,

    /// After the list, print each run again whenever it changes, until interrupted; with -o json or yaml, print each
    /// new state of the object
    #[arg(short, long)]
    watch: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Print the table without its first line
    #[arg(long)]
    no_headers: bool,

    #[command(flatten)]
    select: SelectionArgs,

    #[command(flatten)]
    target: TargetArgs,
}

/// A run of the list: what is shown of it, and the object where it is asked for.
struct Listed {
    row: Row,
    object: Option<Value>,
    /// Whether it was asked for.
    wanted: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.watch {
        return block_on(until_interrupted(watch::run(args), "the runs continue"));
    }
    let now = Timestamp::now();
    let mut listed = Vec::new();
    let place = block_on(async {
        let backend = args.target.backend().await?;
        let take = |run: Run, snapshot: Result<Snapshot, RecordError>| match snapshot {
            Ok(snapshot) => listed.extend(listed_of(args, snapshot, now, false)),
            Err(error) => tell(&run, &error),
        };
        backend.list(&args.selection(), take).await?;
        Ok(place(args, backend.namespace()))
    })?;
    listed.sort_by(|left, right| left.row.by_age(&right.row));
    match args.output {
        None | Some(Format::Wide) if listed.is_empty() => talk(format_args!("no runs {place}")),
        None | Some(Format::Wide) => {
            let rows: Vec<Row> = listed.into_iter().map(|listed| listed.row).collect();
            result(table(&rows, args.columns(), now))?;
        }
        Some(format) => {
            let objects: Vec<Value> = listed.into_iter().filter_map(|listed| listed.object).collect();
            result(list(format, &objects))?;
        }
    }
    Ok(Exit::Success)
}

impl Args {
    fn columns(&self) -> Columns {
        Columns { namespace: self.all_namespaces, wide: self.output == Some(Format::Wide), header: !self.no_headers }
    }

    fn selection(&self) -> ListSelection {
        self.select.of_backend(self.all_namespaces, self.chunk_size)
    }
}

/// A list is a list, also of one object.
fn list(format: Format, objects: &[Value]) -> String {
    if format == Format::Json {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        return format!("{list:#}\n");
    }
    if objects.is_empty() { String::new() } else { rendered(format, objects) }
}

/// The run, where it was asked for, or where it is listed anyway. Nothing more of an object is kept than will be printed.
fn listed_of(args: &Args, snapshot: Snapshot, now: Timestamp, anyway: bool) -> Option<Listed> {
    let row = Row::of(&snapshot.workflow, snapshot.summary());
    let wanted = args.select.matches(&snapshot, &row.summary.phase, now);
    let object = match args.output {
        Some(Format::Json | Format::Yaml | Format::Name) => Some(snapshot.workflow.written_out().into_value()),
        _ => None,
    };
    (wanted || anyway).then_some(Listed { row, object, wanted })
}

/// One run that cannot be read does not hide the others.
fn tell(run: &Run, error: &RecordError) {
    if let Run::Local(record) = run {
        talk(format_args!("warning: {} left out: {}", record.directory().display(), chain(error)));
    }
}

fn place(args: &Args, namespace: &str) -> String {
    if args.all_namespaces { "in any namespace".to_owned() } else { format!("in namespace {namespace:?}") }
}
