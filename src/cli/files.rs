//! Reads the files of a command: documents, and maps of parameters.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::failure::Failure;
use super::url;
use crate::argo::document::{Document, DocumentError, MAX_BYTES, Problem, Severity, Source, parse, parse_map};
use crate::argo::expression::golang;
use crate::backend::Run;
use crate::exit::Exit;
use crate::local::store::BESIDE;
use crate::output::stream::{stderr_colors, talk};

/// Values of flags with an optional value, which are taken for files if the user forgets the `=`.
const VALUES_OF_FLAGS: [(&str, &[&str]); 2] =
    [("--dry-run", &["none", "client", "server"]), ("--memoize", &["auto", "keep", "all", "off"])];

/// Reads documents from files, in order; `-` is standard input. Prints warnings unless `quiet`.
pub(super) fn documents(paths: &[impl AsRef<Path>], quiet: bool) -> Result<Vec<Document>, Failure> {
    Ok(with_sources(paths, quiet)?.0)
}

/// The same, with the texts of the files.
pub(super) fn with_sources(paths: &[impl AsRef<Path>], quiet: bool) -> Result<(Vec<Document>, Vec<Source>), Failure> {
    let sources = paths.iter().map(|path| read(path.as_ref())).collect::<Result<Vec<_>, _>>()?;
    Ok((of_sources(&sources, quiet)?, sources))
}

/// The documents of texts, in order.
pub(super) fn of_sources(sources: &[Source], quiet: bool) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for source in sources {
        let parsed = parse(source).map_err(|error| refused(&error, source))?;
        warn(&parsed.warnings, source, quiet);
        documents.extend(parsed.documents);
    }
    Ok(documents)
}

/// The documents that stood beside a local run when it was submitted; a cluster keeps its own.
pub(super) fn beside(run: &Run, quiet: bool) -> Result<Vec<Document>, Failure> {
    let Run::Local(record) = run else { return Ok(Vec::new()) };
    let path = record.directory().join(BESIDE);
    if path.metadata().is_ok_and(|file| file.len() > 0) { documents(&[path], quiet) } else { Ok(Vec::new()) }
}

/// The paths with the files of each directory in its place: those that end in .yaml, .yml or .json, by name.
pub(super) fn within_directories(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let is_document = |path: &PathBuf| {
            let extension = path.extension();
            path.is_file() && extension.is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
        };
        let mut inside: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).filter(is_document).collect();
        if inside.is_empty() {
            return Err(Failure::usage(format!(
                "{}: the directory holds no .yaml, .yml or .json file",
                path.display()
            )));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// Reads parameters from a YAML or JSON map, in order. A value that is not a string becomes JSON as Go writes it, as in
/// ReadParametersFile of Argo's workflow/util/util.go, v4.1.2.
pub(super) fn parameters(path: &Path, quiet: bool) -> Result<Vec<(String, String)>, Failure> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => golang::json(&other),
    };
    Ok(map(path, quiet)?.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Reads a YAML or JSON map, in order.
pub(super) fn map(path: &Path, quiet: bool) -> Result<Map<String, Value>, Failure> {
    let source = read(path)?;
    let map = parse_map(&source).map_err(|error| refused(&error, &source))?;
    warn(&map.warnings, &source, quiet);
    Ok(map.entries)
}

fn refused(error: &DocumentError, source: &Source) -> Failure {
    Failure::rendered(Exit::Usage, error.render(source, stderr_colors()))
}

fn warn(warnings: &[Problem], source: &Source, quiet: bool) {
    for warning in warnings.iter().filter(|_| !quiet) {
        talk(warning.render(Severity::Warning, Some(source), stderr_colors()));
    }
}

/// Reads a whole file; `-` is standard input, and an http or https URL is fetched.
pub(super) fn read(path: &Path) -> Result<Source, Failure> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            talk("reading from standard input; end with Ctrl-D");
        }
        let name = "standard input".to_owned();
        let text = limited(io::stdin().lock()).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        return sized(Source { name, text });
    }
    if url::is_url(path) {
        return url::read(path);
    }

    let name = path.display().to_string();
    let text = std::fs::File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, expected a file"));
        }
        limited(file)
    });

    match text {
        Ok(text) => sized(Source { name, text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(&name)),
        Err(error) => Err(Failure::usage(format!("{name}: {error}"))),
    }
}

fn missing(name: &str) -> Failure {
    let failure = Failure::usage(format!("{name}: no such file"));
    match VALUES_OF_FLAGS.iter().find(|(_, values)| values.contains(&name)) {
        Some((flag, _)) => failure.hint(format!("write {flag}={name}")),
        None => failure,
    }
}

fn sized(source: Source) -> Result<Source, Failure> {
    if source.text.len() <= MAX_BYTES {
        return Ok(source);
    }
    Err(Failure::usage(format!("{}: larger than the maximum of {} MiB", source.name, MAX_BYTES >> 20)))
}

/// Reads at most one byte more than allowed, so that `sized` notices.
fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
