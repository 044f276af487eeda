//! `completion`: scripts for shells, and the completions that kubectl requests from a plugin.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use clap_complete::engine::CompletionCandidate;
use clap_complete::{Shell, generate};

use super::failure::Failure;
use super::run_names::RunNames;
use crate::exit::Exit;
use crate::output::stream::result;

/// The hidden command that the scripts and `kubectl_complete-runnable` call.
pub(crate) const COMPLETE: &str = "__complete";

/// The executable's name.
pub(crate) const PROGRAM: &str = "kubectl-runnable";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Enable completion in this bash session
  source <(kubectl-runnable completion bash)

  # kubectl's own completion calls an executable kubectl_complete-runnable on the PATH;
  # completions/kubectl_complete-runnable in the repository is that executable")]
pub(super) struct Args {
    /// The shell
    #[arg(value_parser = clap::builder::EnumValueParser::<Shell>::new())]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    write_script(args.shell, &mut script);
    result(String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

/// Writes the script for a shell. The scripts of bash, zsh and fish call the program; those of other shells are
/// generated and know only commands and flags. A generated bash script completes names with a hyphen wrongly (clap
/// issue 6421).
pub(crate) fn write_script(shell: Shell, to: &mut Vec<u8>) {
    match shell {
        Shell::Bash => to.extend_from_slice(include_bytes!("../../completions/kubectl-runnable.bash")),
        Shell::Zsh => to.extend_from_slice(include_bytes!("../../completions/_kubectl-runnable")),
        Shell::Fish => to.extend_from_slice(include_bytes!("../../completions/kubectl-runnable.fish")),
        shell => generate(shell, &mut super::command().bin_name(PROGRAM), PROGRAM, to),
    }
}

/// Prints the candidates for the last word, one per line, then kubectl's directive: `:4` (no file names) or `:0` (the
/// shell completes file names).
pub(super) fn complete(words: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut arguments = vec![OsString::from(PROGRAM)];
    arguments.extend(words);
    if arguments.len() == 1 {
        arguments.push(OsString::new());
    }
    let word = arguments.last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let runs = RunNames::of(&arguments);
    if takes_file(&arguments, &runs)? {
        result(":0\n")?;
        return Ok(Exit::Success);
    }

    // kubectl's scripts put `--flag=` before the values themselves.
    let flag = word.split_once('=').filter(|(flag, _)| flag.starts_with("--")).map(|(flag, _)| format!("{flag}="));
    let mut lines = String::new();
    let shown = candidates(arguments, None, &runs)?.into_iter().filter(|candidate| !candidate.is_hide_set());
    // Like kubectl, offer flags only after a `-`.
    let shown =
        shown.filter(|candidate| word.starts_with('-') || !candidate.get_value().as_encoded_bytes().starts_with(b"-"));
    for candidate in shown {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let value = candidate.get_value().to_string_lossy();
        let value = flag.as_deref().and_then(|flag| value.strip_prefix(flag)).unwrap_or(&value);
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{value}\t{}", help.lines().next().unwrap_or_default());
    }

    // A path in the place of a run's name is that of a handle file.
    let directive = if lines.is_empty() && word.contains('/') { ":0\n" } else { ":4\n" };
    result(lines + directive)?;
    Ok(Exit::Success)
}

/// Whether the last word can be a path: then the completion engine offers more candidates when it is given a directory
/// with content.
fn takes_file(arguments: &[OsString], runs: &RunNames) -> Result<bool, Failure> {
    let mut arguments = arguments.to_vec();
    let word = arguments.pop().unwrap_or_default().to_string_lossy().into_owned();
    let beginning = match word.split_once('=') {
        Some((flag, _)) if flag.starts_with("--") => format!("{flag}="),
        None if word.starts_with('-') => return Ok(false),
        _ => String::new(),
    };
    arguments.push(beginning.into());
    Ok(candidates(arguments.clone(), Some(Path::new("/")), runs)?.len() > candidates(arguments, None, runs)?.len())
}

fn candidates(
    arguments: Vec<OsString>,
    directory: Option<&Path>,
    runs: &RunNames,
) -> Result<Vec<CompletionCandidate>, Failure> {
    let last = arguments.len() - 1;
    clap_complete::engine::complete(&mut runs.add_to(super::command()), arguments, last, directory)
        .map_err(|error| Failure::new(Exit::Tool, error.to_string()))
}
