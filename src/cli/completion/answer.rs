//! `__complete`: what can follow the words on the line, as kubectl asks its plugins for it.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::engine::CompletionCandidate;

use super::PROGRAM;
use super::candidates::Candidates;
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::result;

/// The directives of kubectl: the shell completes file names, or it does not, and adds no space after `name=`.
const FILES: &str = ":0\n";
const NO_FILES: &str = ":4\n";
const NO_FILES_NO_SPACE: &str = ":6\n";

/// Prints the candidates for the last word, one per line, then kubectl's directive.
pub(in crate::cli) fn complete(words: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
    let mut arguments = vec![OsString::from(PROGRAM)];
    arguments.extend(words);
    if arguments.len() == 1 {
        arguments.push(OsString::new());
    }
    let word = arguments.last().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let dynamic = Candidates::of(&arguments);
    if takes_file(&arguments, &dynamic)? {
        result(FILES)?;
        return Ok(Exit::Success);
    }

    // kubectl's scripts put `--flag=` before the values themselves.
    let flag = word.split_once('=').filter(|(flag, _)| flag.starts_with("--")).map(|(flag, _)| format!("{flag}="));
    let mut lines = String::new();
    let mut unfinished = true;
    let shown = candidates(arguments, None, &dynamic)?.into_iter().filter(|candidate| !candidate.is_hide_set());
    // Like kubectl, offer flags only after a `-`.
    let shown =
        shown.filter(|candidate| word.starts_with('-') || !candidate.get_value().as_encoded_bytes().starts_with(b"-"));
    for candidate in shown {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let value = candidate.get_value().to_string_lossy();
        let value = flag.as_deref().and_then(|flag| value.strip_prefix(flag)).unwrap_or(&value);
        unfinished &= value.ends_with(['=', '/']);
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{value}\t{}", help.lines().next().unwrap_or_default());
    }

    // A path in the place of a run's name is that of a handle file.
    let directive = match (lines.is_empty(), word.contains('/')) {
        (true, true) => FILES,
        (false, _) if unfinished => NO_FILES_NO_SPACE,
        _ => NO_FILES,
    };
    result(lines + directive)?;
    Ok(Exit::Success)
}

/// Whether the last word can be a path: then the completion engine offers more candidates when it is given a directory
/// with content.
fn takes_file(arguments: &[OsString], dynamic: &Candidates) -> Result<bool, Failure> {
    let mut arguments = arguments.to_vec();
    let word = arguments.pop().unwrap_or_default().to_string_lossy().into_owned();
    let beginning = match word.split_once('=') {
        Some((flag, _)) if flag.starts_with("--") => format!("{flag}="),
        None if word.starts_with('-') => return Ok(false),
        _ => String::new(),
    };
    arguments.push(beginning.into());
    let of = |directory| Ok::<_, Failure>(candidates(arguments.clone(), directory, dynamic)?.len());
    Ok(of(Some(Path::new("/")))? > of(None)?)
}

fn candidates(
    arguments: Vec<OsString>,
    directory: Option<&Path>,
    dynamic: &Candidates,
) -> Result<Vec<CompletionCandidate>, Failure> {
    let last = arguments.len() - 1;
    let mut command = dynamic.add_to(crate::cli::command());
    let arguments = with_values(&command, arguments);
    clap_complete::engine::complete(&mut command, arguments, last, directory)
        .map_err(|error| Failure::new(Exit::Tool, error.to_string()))
}

/// The engine takes the word after `--local` for its value, which only `=` can give it.
fn with_values(command: &Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let before = arguments.len() - 1;
    for word in arguments[..before].iter_mut().skip(1) {
        let name = word.to_str().and_then(|word| word.strip_prefix("--"));
        if name.is_some_and(|name| has_optional_value(command, name)) {
            word.push("=");
        }
    }
    arguments
}

fn has_optional_value(command: &Command, name: &str) -> bool {
    let is_it = |arg: &Arg| arg.get_long() == Some(name) && arg.is_require_equals_set();
    command.get_arguments().any(is_it) || command.get_subcommands().any(|verb| has_optional_value(verb, name))
}
