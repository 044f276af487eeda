//! `list`: runs, the latest first.

mod watch;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::home;
use super::runtime::{block_on, looking_on};
use super::snapshot::{Found, recorded};
use super::target::TargetArgs;
use super::values::span;
use crate::argo::Workflow;
use crate::argo::label_selector::LabelSelector;
use crate::cluster::{Cluster, Selection};
use crate::exit::{Exit, chain};
use crate::local::record::{Record, RecordError};
use crate::output::format::{Format, rendered};
use crate::output::list::{Columns, Row, table};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Runs of the current namespace, the latest first
  kubectl runnable list

  # Those of all namespaces that go on or failed, of the last day
  kubectl runnable list -A --phase Running --phase Failed --since 24h

  # By label, with run id and cache
  kubectl runnable list -l team=data -o wide

  # What happens to them from now on; with -o json each state as an object
  kubectl runnable list --watch

  # Runs of this machine
  kubectl runnable list --local";

/// List runs, the latest first
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only runs with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<LabelSelector>,

    /// Runs of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Only runs in this phase: Pending, Running, Succeeded, Failed, Error, and Killed with --local; repeatable
    #[arg(long = "phase", value_name = "PHASE", ignore_case = true, value_parser = ["Pending", "Running", "Succeeded", "Failed", "Error", "Killed"], hide_possible_values = true)]
    phases: Vec<String>,

    /// Only runs created within this time, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    since: Option<Duration>,

    /// Workflows asked of the server at a time
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    chunk_size: u32,

    /// After the list, print each run whose line changes, until interrupted; with -o json or yaml each state of an object
    #[arg(short, long)]
    watch: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

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
        let watching =
            async { if args.target.local { watch::local(args).await } else { watch::on_cluster(args).await } };
        return block_on(looking_on(watching, "the runs go on"));
    }
    let now = Timestamp::now();
    let mut listed = Vec::new();
    let mut take = |found: Found| listed.extend(listed_of(args, found, now, false));
    let place = if args.target.local { local(args, &mut take)? } else { block_on(on_cluster(args, &mut take))? };
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
        Columns { namespace: self.all_namespaces, wide: self.output == Some(Format::Wide) }
    }

    fn selection(&self) -> Selection {
        Selection {
            all_namespaces: self.all_namespaces,
            labels: self.selector.as_ref().map(|selector| selector.as_str().to_owned()),
            chunk: self.chunk_size,
            ..Selection::default()
        }
    }

    fn wants_labels(&self, found: &Found) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.matches(&found.workflow))
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
fn listed_of(args: &Args, found: Found, now: Timestamp, anyway: bool) -> Option<Listed> {
    let row = Row::of(&found.workflow, found.summary());
    let within = |since: Duration| {
        let since = jiff::SignedDuration::try_from(since).unwrap_or(jiff::SignedDuration::MAX);
        row.created.is_some_and(|created| now.duration_since(created) <= since)
    };
    let phases = &args.phases;
    let in_phase = phases.is_empty() || phases.iter().any(|phase| phase.eq_ignore_ascii_case(&row.summary.phase));
    let wanted = in_phase && args.since.is_none_or(within);
    let object = match args.output {
        Some(Format::Json | Format::Yaml | Format::Name) => {
            Some(Workflow::from(found.workflow).written_out().into_value())
        }
        _ => None,
    };
    (wanted || anyway).then_some(Listed { row, object, wanted })
}

async fn on_cluster(args: &Args, take: &mut impl FnMut(Found)) -> Result<String, Failure> {
    let cluster = Cluster::connect(&args.target.access.access()).await?;
    cluster.list(&args.selection(), |workflow| take(Found::from(workflow))).await?;
    Ok(place(args, cluster.namespace()))
}

fn local(args: &Args, take: &mut impl FnMut(Found)) -> Result<String, Failure> {
    let root = home::root()?;
    let namespace = args.target.local_namespace()?;
    let all = Record::all(&root, (!args.all_namespaces).then_some(&namespace))?;
    for record in all {
        match recorded(&record) {
            Ok(found) if args.wants_labels(&found) => take(found),
            Ok(_) => {}
            Err(error) => tell(&record, &error),
        }
    }
    Ok(place(args, namespace.as_str()))
}

/// One run that cannot be read does not hide the others.
fn tell(record: &Record, error: &RecordError) {
    talk(format_args!("warning: {} left out: {}", record.directory().display(), chain(error)));
}

fn place(args: &Args, namespace: &str) -> String {
    if args.all_namespaces { "in any namespace".to_owned() } else { format!("in namespace {namespace:?}") }
}
