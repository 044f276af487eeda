//! `completion`: scripts for shells, and the answers that kubectl asks a plugin for.

use std::ffi::OsString;
use std::io::Write;

use clap_complete::{Shell, generate};

use super::failure::Failure;
use crate::exit::Exit;

/// The hidden command that `kubectl_complete-runnable` calls.
pub(super) const COMPLETE: &str = "__complete";

/// The executable's name.
pub(crate) const PROGRAM: &str = "kubectl-runnable";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # bash, for this shell
  source <(kubectl-runnable completion bash)

  # kubectl's own completion asks an executable kubectl_complete-runnable on the PATH;
  # completions/kubectl_complete-runnable in the repository is that executable")]
pub(super) struct Args {
    /// The shell
    #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new())]
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

pub(super) fn run(args: &Args) -> Exit {
    let mut script = Vec::new();
    write_script(args.shell, &mut script);
    // A closed pipe means that nobody reads any more.
    let _ = std::io::stdout().write_all(&script);
    Exit::Success
}

/// Writes the script for a shell.
pub(crate) fn write_script(shell: Shell, to: &mut impl Write) {
    generate(shell, &mut super::command().bin_name(PROGRAM), PROGRAM, to);
}

/// Prints what can follow the words, a line each, and `:4` (no file names) or `:0` (file names too), as kubectl reads it.
pub(super) fn complete(words: Words) -> Result<Exit, Failure> {
    let mut arguments = vec![OsString::from(PROGRAM)];
    arguments.extend(words.words);
    if arguments.len() == 1 {
        arguments.push(OsString::new());
    }
    let last = arguments.len() - 1;
    let directory = std::env::current_dir().ok();
    let candidates = clap_complete::engine::complete(&mut super::command(), arguments, last, directory.as_deref())
        .map_err(|error| Failure::new(Exit::Tool, error.to_string()))?;
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        println!("{}\t{}", candidate.get_value().to_string_lossy(), help.lines().next().unwrap_or_default());
    }
    println!(":4");
    Ok(Exit::Success)
}
