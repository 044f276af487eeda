//! `worktree list`.

use jiff::Timestamp;

use super::{RootArgs, git};
use crate::cli::failure::Failure;
use crate::cli::values::formats;
use crate::exit::Exit;
use crate::git::Root;
use crate::output::format::{Format, rendered};
use crate::output::stream::{result, stdout_width, talk};
use crate::output::worktrees::{document, table};

const EXAMPLES: &str = "Examples:
  # List the worktrees of the default root
  kubectl runnable worktree list

  # Add ref, branch, path and why a cleanup would keep it, in another root
  kubectl runnable worktree list --root ~/work -o wide

  # Print the paths of worktrees that hold work
  kubectl runnable worktree list -o json | jq -r '.items[] | select(.dirty or .unpushed) | .path'

STATE is live, being made, half-made (its init was killed), gone (its directory is missing) or orphan (a directory that git \
has no record of). The last three are stale.";

/// List worktrees: task, commit, age, size, and whether they hold work
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    root: RootArgs,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The tasks, one per line",
        "An object with items, one for each worktree",
        "The table with full commit id, ref, branch, path and why a cleanup would keep it",
    ))]
    output: Option<Format>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let root = args.root.path()?;
    let listed = crate::git::list(&git()?, &Root::open(&root)?)?;
    match args.output {
        None | Some(Format::Wide) if listed.is_empty() => {
            talk(format_args!("no worktrees in {}", root.display()));
        }
        None | Some(Format::Wide) => {
            result(table(&listed, args.output == Some(Format::Wide), Timestamp::now(), stdout_width()))?;
        }
        Some(Format::Name) => result(listed.iter().map(|listed| listed.tree.task.clone() + "\n").collect::<String>())?,
        Some(format) => {
            let items: Vec<_> = listed.iter().map(document).collect();
            result(rendered(format, &[serde_json::json!({"items": items})]))?;
        }
    }
    Ok(Exit::Success)
}
