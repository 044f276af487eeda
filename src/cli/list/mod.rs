//! `list`: runs, the latest first.

mod watch;

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::runtime::{block_on, until_interrupted};
use super::selection::SelectionArgs;
use super::target::TargetArgs;
use super::values::ObjectFormats;
use crate::backend::{ListSelection, Run, Snapshot};
use crate::exit::{Exit, chain};
use crate::local::record::RecordError;
use crate::output::format::{Format, ObjectFormat, list_of, rendered};
use crate::output::list::{Columns, Row, table};
use crate::output::query::ObjectPath;
use crate::output::stream::{result, stdout_width, talk};

const EXAMPLES: &str = "Examples:
  # Runs of the current namespace, the latest first
  kubectl runnable list

  # Those of all namespaces that go on or failed, of the last day
  kubectl runnable list -A --phase Running --phase Failed --since 24h

  # Those that end in an error, made from one template, that are older than a week
  kubectl runnable list --status Failed,Error --older 7d --field-selector spec.workflowTemplateRef.name=etl

  # By label, with run id and cache
  kubectl runnable list -l team=data -o wide

  # By kubectl's templates, sorted
  kubectl runnable list -o custom-columns=NAME:.metadata.name,PHASE:.status.phase --sort-by .status.startedAt

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
    #[arg(short, long, value_name = "FORMAT", value_parser = ObjectFormats)]
    output: Option<ObjectFormat>,

    /// Sort by the value at this path, such as .status.startedAt
    #[arg(long, value_name = "PATH", conflicts_with = "watch")]
    sort_by: Option<ObjectPath>,

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
    /// The value to sort by.
    key: Option<Value>,
    /// Whether it was asked for.
    wanted: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.watch {
        if matches!(args.output, Some(ObjectFormat::JsonPath(_) | ObjectFormat::Columns(_))) {
            return Err(Failure::usage("--watch prints a table, names or objects, and no templates")
                .hint("use -o json with jq"));
        }
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
    listed.sort_by(|left, right| {
        compare(left.key.as_ref(), right.key.as_ref()).then_with(|| left.row.by_age(&right.row))
    });
    match &args.output {
        _ if args.is_table() && listed.is_empty() => talk(format_args!("no runs {place}")),
        _ if args.is_table() => {
            let rows: Vec<Row> = listed.into_iter().map(|listed| listed.row).collect();
            result(table(&rows, args.columns(), now))?;
        }
        None => {}
        Some(format) => {
            let objects: Vec<Value> = listed.into_iter().filter_map(|listed| listed.object).collect();
            result(list(format, &objects, !args.no_headers))?;
        }
    }
    Ok(Exit::Success)
}

impl Args {
    fn columns(&self) -> Columns {
        Columns {
            namespace: self.all_namespaces,
            wide: self.output.as_ref().is_some_and(ObjectFormat::is_wide),
            uid: false,
            header: !self.no_headers,
            width: stdout_width(),
        }
    }

    /// Whether runs are rows of our own table.
    fn is_table(&self) -> bool {
        self.output.as_ref().is_none_or(ObjectFormat::is_wide)
    }

    fn selection(&self) -> ListSelection {
        self.select.of_backend(self.all_namespaces, self.chunk_size)
    }
}

/// A list is a list, also of one object.
pub(super) fn list(format: &ObjectFormat, objects: &[Value], headers: bool) -> String {
    match format {
        ObjectFormat::Plain(Format::Json) => format!("{:#}\n", list_of(objects)),
        ObjectFormat::JsonPath(template) => template.text(&list_of(objects)),
        ObjectFormat::Columns(columns) => columns.table(objects, headers),
        ObjectFormat::Plain(_) if objects.is_empty() => String::new(),
        ObjectFormat::Plain(format) => rendered(*format, objects),
    }
}

/// The order of two values: nothing first, numbers as numbers, anything else as text.
fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let number = |value: Option<&Value>| value.and_then(Value::as_f64);
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return left.total_cmp(&right);
    }
    let text =
        |value: Option<&Value>| value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    text(left).cmp(&text(right))
}

/// The run, where it was asked for, or where it is listed anyway. Nothing more of an object is kept than will be printed.
fn listed_of(args: &Args, snapshot: Snapshot, now: Timestamp, anyway: bool) -> Option<Listed> {
    let row = Row::of(&snapshot.workflow, snapshot.summary());
    let wanted = args.select.matches(&snapshot, &row.summary.phase, now);
    let key =
        args.sort_by.as_ref().and_then(|path| path.of(snapshot.workflow.value()).first().map(|key| (*key).clone()));
    let object = match &args.output {
        _ if args.is_table() => None,
        Some(ObjectFormat::Plain(Format::Name)) => Some(snapshot.workflow.named().into_value()),
        _ => Some(snapshot.workflow.written_out().into_value()),
    };
    (wanted || anyway).then_some(Listed { row, object, key, wanted })
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
