//! `worktree list`.

use jiff::Timestamp;

use super::{RootArgs, git};
use crate::cli::failure::Failure;
use crate::cli::values::formats;
use crate::exit::Exit;
use crate::git::Root;
use crate::output::format::{Format, rendered};
use crate::output::stream::{result, talk};
use crate::output::worktrees::{document, table};

const EXAMPLES: &str = "Examples:
  # The worktrees of the default root, with what a cleanup would keep
  kubectl runnable worktree list

  # With ref, branch, path and why it would be kept, in another root
  kubectl runnable worktree list --root ~/work -o wide

  # Paths of those that hold work
  kubectl runnable worktree list -o json | jq -r '.items[] | select(.dirty or .unpushed) | .path'

STATE is live, being made, half-made (its maker was killed), gone (git knows it, its directory is not there) or \
orphan (a directory that git does not know). The last three are stale.";

/// List worktrees: task, commit, age, size, and whether they hold work
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    root: RootArgs,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The tasks, a line each",
        "An object with items, one for each worktree",
        "The table with whole commit, ref, branch, path and why it would be kept",
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
            result(table(&listed, args.output == Some(Format::Wide), Timestamp::now()))?;
        }
        Some(Format::Name) => result(listed.iter().map(|listed| listed.tree.task.clone() + "\n").collect::<String>())?,
        Some(format) => {
            let items: Vec<_> = listed.iter().map(document).collect();
            result(rendered(format, &[serde_json::json!({"items": items})]))?;
        }
    }
    Ok(Exit::Success)
}
