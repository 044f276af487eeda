//! `cache list`: caches, a line each.

use jiff::Timestamp;
use serde_json::json;

use super::source::SourceArgs;
use crate::cache::{Report, Surroundings, Witnesses};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, document, lines, list};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Caches of the current namespace; where it has none, those of all namespaces that can be seen
  kubectl runnable cache list

  # Those of the controller's namespace
  kubectl runnable cache list --cache-namespace argo

  # Names alone, of this machine
  kubectl runnable cache list --local -o name";

/// List caches: how many entries, how full, used when, what is the matter
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Caches of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let source = args.source.open().await?;
    let caches = source.caches(args.all_namespaces).await?;
    let controllers = source.controllers().await;
    let witnesses = Witnesses::default();
    let around = Surroundings { witnesses: &witnesses, controllers: &controllers, now: Timestamp::now() };
    let reports: Vec<Report> = caches.iter().map(|cache| Report::of(cache, around, false, |_| true)).collect();
    match args.output {
        None if reports.is_empty() => talk("no caches"),
        None => result(list(&reports, around.now))?,
        Some(Form::Name) => result(lines(reports.iter().map(|report| &report.name)))?,
        Some(form) => {
            let brief: Vec<Report> = caches.iter().map(|cache| Report::brief(cache, around)).collect();
            result(document(form, &json!({ "caches": brief })).map_err(anyhow::Error::from)?)?;
        }
    }
    Ok(Exit::Success)
}
