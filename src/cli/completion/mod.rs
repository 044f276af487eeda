//! `completion`: scripts for shells, their installation, and what can follow the words on a command line.

mod answer;
mod candidates;
mod documents;
mod install;
mod known;

use std::path::PathBuf;

use clap_complete::Shell;

pub(super) use self::answer::complete;
use self::install::Place;
use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::{result, talk};

/// The hidden command that the scripts and `kubectl_complete-runnable` call.
pub(crate) const COMPLETE: &str = "__complete";

/// The executable's name.
pub(crate) const PROGRAM: &str = "kubectl-runnable";

/// The executable that kubectl asks for the words after `kubectl runnable`.
pub(crate) const KUBECTL_COMPLETE: &str = "kubectl_complete-runnable";

/// Print a completion script for a shell, or install it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Install it for your shell ($SHELL), and for kubectl runnable <TAB>
  kubectl runnable completion --install

  # Enable it in this bash session only
  source <(kubectl-runnable completion bash)

  # In PowerShell, for every session
  kubectl-runnable completion powershell >> $PROFILE

kubectl's own completion asks an executable kubectl_complete-runnable on the PATH, which krew does not install; --install
puts it beside this program, else into ~/.local/bin.")]
pub(super) struct Args {
    /// The shell; with --install that of $SHELL if omitted
    #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new(), required_unless_present = "install")]
    shell: Option<Shell>,

    /// Write the script where the shell looks for it, and kubectl_complete-runnable beside this program; print the paths
    #[arg(long)]
    install: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let shell = match args.shell {
        Some(shell) => shell,
        None => install::shell_of_user()?,
    };
    if !args.install {
        result(script(shell))?;
        return Ok(Exit::Success);
    }
    let place = Place::of(shell)?;
    install::write(&place.path, script(shell), install::Mode::Script)?;
    result(format_args!("{}\n", place.path.display()))?;
    let program = install::beside_program()?;
    install::write(&program, KUBECTL_SCRIPT, install::Mode::Program)?;
    result(format_args!("{}\n", program.display()))?;
    for note in place.notes.into_iter().chain(install::note_of_path(&program)) {
        talk(format_args!("note: {note}"));
    }
    Ok(Exit::Success)
}

/// Where the script of a shell is, if it is installed.
pub(super) fn installed(shell: &str) -> Option<PathBuf> {
    let shell = <Shell as clap::ValueEnum>::from_str(shell, false).ok()?;
    Some(Place::of(shell).ok()?.path).filter(|path| path.is_file())
}

const KUBECTL_SCRIPT: &str = include_str!("../../../completions/kubectl_complete-runnable");

/// The script for a shell. It calls the program, which knows what can follow.
fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => include_str!("../../../completions/_kubectl-runnable"),
        Shell::Fish => include_str!("../../../completions/kubectl-runnable.fish"),
        Shell::Elvish => include_str!("../../../completions/kubectl-runnable.elv"),
        Shell::PowerShell => include_str!("../../../completions/kubectl-runnable.ps1"),
        // Shells that clap may add are derived from the Bourne shell.
        _ => include_str!("../../../completions/kubectl-runnable.bash"),
    }
}
