//! `archive list`: what the archive keeps, the latest first.

use jiff::Timestamp;
use serde_json::Value;

use super::server::ServerArgs;
use crate::backend::Snapshot;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::list::list;
use crate::cli::runtime::block_on;
use crate::cli::selection::SelectionArgs;
use crate::cli::values::ObjectFormats;
use crate::exit::Exit;
use crate::output::format::ObjectFormat;
use crate::output::list::{Columns, Row, table};
use crate::output::stream::{result, stdout_width, talk};

/// List workflows of the archive, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Those of the namespace that failed in the last week
  kubectl runnable archive list --phase Failed,Error --since 7d

  # Those of all namespaces with a label, with their uids for scripts
  kubectl runnable archive list -A -l team=data -o jsonpath='{.items[*].metadata.uid}'

  # Those whose names begin so
  kubectl runnable archive list --prefix etl-")]
pub(super) struct Args {
    /// Workflows of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Number of workflows to request from the server per page
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    chunk_size: u32,

    /// What to print to standard output. The archive lists workflows without nodes, and of the spec only the arguments
    #[arg(short, long, value_name = "FORMAT", value_parser = ObjectFormats)]
    output: Option<ObjectFormat>,

    /// Print the table without its first line
    #[arg(long)]
    no_headers: bool,

    #[command(flatten)]
    select: SelectionArgs,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    args.select.check_for_archive()?;
    let now = Timestamp::now();
    let mut found: Vec<(Row, Option<Value>)> = Vec::new();
    let place = block_on(async {
        let server = args.server.connect(&args.access).await?;
        let namespace = if args.all_namespaces { "" } else { server.namespace() };
        let selection = args.select.of_archive(namespace, args.chunk_size, now);
        let take = |object: Value| {
            let snapshot = Snapshot::from(object);
            let row = Row::of(&snapshot.workflow, snapshot.summary());
            if args.select.matches(&snapshot, &row.summary.phase, now) {
                found.push((row, (!args.is_table()).then(|| snapshot.workflow.into_value())));
            }
        };
        server.list(&selection, take).await?;
        Ok(if args.all_namespaces { "any namespace".to_owned() } else { format!("namespace {namespace:?}") })
    })?;
    found.sort_by(|(left, _), (right, _)| left.by_age(right));
    match &args.output {
        Some(format) if !format.is_wide() => {
            let objects: Vec<Value> = found.into_iter().filter_map(|(_, object)| object).collect();
            result(list(format, &objects, !args.no_headers))?;
        }
        _ if found.is_empty() => {
            talk(format_args!("no workflows of {place} are in the archive, or it is switched off"));
        }
        _ => {
            let rows: Vec<Row> = found.into_iter().map(|(row, _)| row).collect();
            result(table(&rows, args.columns(), now))?;
        }
    }
    Ok(Exit::Success)
}

impl Args {
    fn is_table(&self) -> bool {
        self.output.as_ref().is_none_or(ObjectFormat::is_wide)
    }

    fn columns(&self) -> Columns {
        Columns {
            namespace: self.all_namespaces,
            wide: self.output.is_some(),
            uid: true,
            header: !self.no_headers,
            width: stdout_width(),
        }
    }
}
