//! `archive delete`: workflows that the archive need not keep.

use super::server::{ArchivedArgs, ServerArgs};
use crate::argo::Workflow;
use crate::cli::access::AccessArgs;
use crate::cli::cache::ConsentArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::{block_on, each};
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::stream::result;

/// Delete workflows from the archive
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # See what would be deleted, then delete it without confirmation
  kubectl runnable archive delete etl-x2k9f --dry-run
  kubectl runnable archive delete etl-x2k9f --yes

On a terminal it asks for confirmation; without one (in CI, behind a pipe) it proceeds, as with --yes. Workflows of the cluster,
and what runs have left in buckets, stay.")]
pub(super) struct Args {
    #[command(flatten)]
    archived: ArchivedArgs,

    #[command(flatten)]
    consent: ConsentArgs,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    access: AccessArgs,
}

/// A workflow that the archive has.
struct Found {
    /// As `-o name` prints it.
    line: String,
    name: String,
    uid: String,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let server = &args.server.connect(&args.access).await?;
        let read = args.archived.all().map(async |archived| {
            let workflow = Workflow::from(server.workflow(&archived).await?);
            Ok(Found { line: name(workflow.value()), name: workflow.name().to_owned(), uid: workflow.uid().to_owned() })
        });
        let (found, mut exit) = each(read).await;
        if found.is_empty() {
            return Ok(exit);
        }
        let names: Vec<String> = found.iter().map(|one| format!("{} ({})", one.name, one.uid)).collect();
        if !args.consent.dry_run && !args.consent.given(&format!("Delete {} from the archive?", names.join(", ")))? {
            return Ok(ConsentArgs::declined());
        }
        for Found { line, uid, .. } in found {
            if !args.consent.dry_run
                && let Err(error) = server.delete(&uid).await
            {
                exit = exit.max(Failure::from(error).report());
                continue;
            }
            let done = args.consent.done("deleted from the archive");
            result(format_args!("{line} ({uid}) {done}\n"))?;
        }
        Ok(exit)
    })
}
