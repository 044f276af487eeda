//! `archive get`: a workflow of the archive, as `status` shows one of the cluster.

use serde_json::Value;

use super::server::{ArchivedArgs, ServerArgs};
use crate::backend::Snapshot;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::place::here;
use crate::cli::runtime::{block_on, each};
use crate::cli::view::{Shown, ViewArgs};
use crate::exit::Exit;
use crate::output::failures::archived;
use crate::output::stream::{result, stdout_colors};
use crate::report::failures::Failures;
use crate::shell::word;

/// Show workflows of the archive
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # By name; by uid, where several had the name
  kubectl runnable archive get etl-x2k9f
  kubectl runnable archive get a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11

  # The object, with nodes and outputs
  kubectl runnable archive get etl-x2k9f -o yaml")]
pub(super) struct Args {
    #[command(flatten)]
    archived: ArchivedArgs,

    #[command(flatten)]
    view: ViewArgs,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (found, exit) = block_on(async {
        let server = &args.server.connect(&args.access).await?;
        let read = args.archived.all().map(async |archived| {
            let object = server.workflow(&archived).await?;
            Ok(Snapshot::from(object))
        });
        Ok(each(read).await)
    })?;
    match args.view.format() {
        Some(_) if found.is_empty() => {}
        Some(format) => {
            let objects: Vec<Value> = found.into_iter().map(Snapshot::object).collect();
            result(format.rendered(&objects))?;
        }
        None => {
            for (at, state) in found.into_iter().enumerate() {
                result(format_args!("{}{}", if at == 0 { "" } else { "\n" }, text(args, state)))?;
            }
        }
    }
    Ok(exit)
}

/// The run, what failed in it, and how it is retried: its pods and their logs are gone.
fn text(args: &Args, state: Snapshot) -> String {
    let failed = Failures::of(&state.nodes, &state.mask(), false);
    let retry = matches!(state.phase(), "Failed" | "Error").then(|| {
        let command = format!("kubectl runnable archive retry {}", word(state.workflow.uid()));
        match args.access.namespace() {
            Some(_) => here(&command),
            None => here(&format!("{command} -n {}", word(state.workflow.namespace()))),
        }
    });
    let text = args.view.text(&Shown::of(state));
    let failed = archived(&failed, retry.as_deref(), stdout_colors());
    let between = if failed.is_empty() { "" } else { "\n" };
    format!("{text}{between}{failed}")
}
