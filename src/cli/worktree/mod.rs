//! `worktree`: checkouts of one repository side by side, one for each task, over a base (a shared clone).

mod cleanup;
mod init;
mod interrupt;
mod list;
mod task;

use std::path::PathBuf;

use clap::Subcommand;

use super::failure::Failure;
use super::home;
use crate::exit::Exit;
use crate::git::Git;
use crate::output::stream;

/// Create, list and remove worktrees: one checkout for each task, over one base (a shared clone)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Check out main for this task, over a base that all tasks share
  cd \"$(kubectl runnable worktree init --owner exampleorg --repo sample --task-id task-1)\"

  # List the worktrees, then remove those that hold no work
  kubectl runnable worktree list
  kubectl runnable worktree cleanup --all")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct RootArgs {
    /// The directory of the base and the worktrees; default: /work if that exists, else
    /// $XDG_DATA_HOME/kubectl-runnable/worktrees (~/.local/share/kubectl-runnable/worktrees)
    #[arg(long, value_name = "DIRECTORY", value_hint = clap::ValueHint::DirPath)]
    root: Option<PathBuf>,
}

impl RootArgs {
    fn path(&self) -> Result<PathBuf, Failure> {
        self.root.clone().map_or_else(home::worktrees, Ok)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    List(list::Args),
    Cleanup(cleanup::Args),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::Init(args) => init::run(args),
        Command::List(args) => list::run(args),
        Command::Cleanup(args) => cleanup::run(args),
    }
}

/// The user's git, started through this program. On a terminal it may prompt for credentials.
fn git() -> Result<Git, Failure> {
    let launcher = std::env::current_exe().map_err(anyhow::Error::from)?;
    Ok(Git::find(launcher, std::env::var_os("PATH").as_ref(), stream::is_terminal())?)
}
