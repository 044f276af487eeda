//! `archive list-label-keys` and `archive list-label-values`: what the archive can be selected by.

use super::server::ServerArgs;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::exit::Exit;
use crate::output::stream::result;

/// List the label keys of all workflows of the archive
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # One a line
  kubectl runnable archive list-label-keys")]
pub(super) struct KeysArgs {
    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    access: AccessArgs,
}

/// List the values that workflows of the archive have for a label
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # The phases of workflows, one a line
  kubectl runnable archive list-label-values -l workflows.argoproj.io/phase")]
pub(super) struct ValuesArgs {
    /// The label's key
    #[arg(short = 'l', long, value_name = "KEY")]
    selector: String,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn keys(args: &KeysArgs) -> Result<Exit, Failure> {
    print(block_on(async { Ok(args.server.connect(&args.access).await?.label_keys().await?) })?)
}

pub(super) fn values(args: &ValuesArgs) -> Result<Exit, Failure> {
    print(block_on(async { Ok(args.server.connect(&args.access).await?.label_values(&args.selector).await?) })?)
}

fn print(mut texts: Vec<String>) -> Result<Exit, Failure> {
    texts.sort();
    texts.into_iter().try_for_each(|text| result(text + "\n"))?;
    Ok(Exit::Success)
}
