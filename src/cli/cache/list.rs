//! `cache list`: caches, a line each.

use jiff::Timestamp;
use serde_json::json;

use super::source::SourceArgs;
use crate::cache::{Overview, Provenance, Surroundings};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, document, lines, list};
use crate::output::stream::{result, stdout_width, talk};

const EXAMPLES: &str = "Examples:
  # Caches of the current namespace; if it has none, those of all readable namespaces
  kubectl runnable cache list

  # Those of the controller's namespace
  kubectl runnable cache list --cache-namespace argo

  # Only the names of the caches of this machine
  kubectl runnable cache list --local -o name

ConfigMaps without the label of a cache are listed if workflows or templates refer to them and they hold entries.";

/// List caches with their number of entries, size, last use and problems
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
    let homes = source.homes().await;
    let provenance = Provenance::default();
    let around = Surroundings { provenance: &provenance, homes: &homes, now: Timestamp::now() };
    // Of each cache only so much is kept as its line tells.
    let mut caches: Vec<Overview> = Vec::new();
    source.each(args.all_namespaces, |cache| caches.push(Overview::of(&cache, around))).await?;
    source.each_unlabelled(args.all_namespaces, |cache| caches.push(Overview::of(&cache, around))).await?;
    caches.sort_by(|one, other| (&one.name, &one.place).cmp(&(&other.name, &other.place)));
    match args.output {
        None if caches.is_empty() => talk("no caches"),
        None => result(list(&caches, around.now, stdout_width()))?,
        Some(Form::Name) => result(lines(caches.iter().map(|cache| &cache.name)))?,
        Some(form) => result(document(form, &json!({ "caches": caches })).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}
