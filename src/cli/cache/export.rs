//! `cache export`: entries in a file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::source::SourceArgs;
use crate::argo::identity::CacheName;
use crate::cache::{File, Provenance};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::file::replace::{Readers, replace};
use crate::output::cache::{entries, left_out};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Write the entries of a cache to a file
  kubectl runnable cache export runnable-k3v9qz --file cache.json

  # From this machine into a cluster
  kubectl runnable cache export runnable-k3v9qz --local | kubectl runnable cache import - --into runnable-k3v9qz

The file contains the outputs unmasked, including any secrets that nodes wrote to their outputs. Entries with artifacts in
a store of this machine are skipped: an exported file cannot contain artifacts.";

/// Export the entries of a cache to a file
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The cache's name
    #[arg(value_name = "NAME")]
    name: CacheName,

    /// The file; the default is standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let source = args.source.open().await?;
    let cache = source.cache(&args.name).await?;
    let (file, outs) = File::export(&cache, &Provenance::default(), Timestamp::now());
    let text = serde_json::to_string_pretty(&file).map_err(anyhow::Error::from)? + "\n";
    match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => write(path, &text)?,
        None => result(text)?,
    }
    left_out(&outs).into_iter().for_each(talk);
    talk(format_args!("exported {} of {}", entries(file.entries.len()), cache.entries.len()));
    Ok(Exit::Success)
}

/// Writes the file in one piece, readable for its owner alone.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, Readers::Owner, text.as_bytes())
        .map_err(|error| Failure::new(Exit::Tool, format!("cannot write {}: {error}", path.display())))
}
