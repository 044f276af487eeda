//! The files a command reads: documents, and a map of parameters.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use serde_json::Value;

use super::failure::Failure;
use crate::argo::document::{Document, MAX_BYTES, Severity, Source, any_string, parse};
use crate::exit::Exit;
use crate::output::live::colors;

/// Documents of files in the order they were given; `-` is standard input. Warnings go to standard error.
pub(super) fn documents(paths: &[impl AsRef<Path>]) -> Result<Vec<Document>, Failure> {
    let mut documents = Vec::new();
    for path in paths {
        let source = read(path.as_ref())?;
        match parse(&source) {
            Ok(parsed) => {
                for warning in &parsed.warnings {
                    eprintln!("{}", warning.render(Severity::Warning, Some(&source), colors()));
                }
                documents.extend(parsed.documents);
            }
            Err(error) => return Err(Failure::rendered(Exit::Usage, error.render(&source, colors()))),
        }
    }
    Ok(documents)
}

/// Parameters of a YAML or JSON map, in its order; lists and maps become JSON text.
pub(super) fn parameters(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let source = read(path)?;
    let fault = |why: String| Failure::usage(format!("{}: {why}", source.name));
    let map: serde_yaml::Mapping = serde_yaml::from_slice(&source.text)
        .map_err(|error| fault(format!("expected a map of parameter names to values: {error}")))?;
    let mut parameters = Vec::with_capacity(map.len());
    for (name, value) in map {
        let name = name.as_str().map(str::to_owned).ok_or_else(|| fault("a parameter's name is no text".to_owned()))?;
        let value: Value =
            serde_yaml::from_value(value).map_err(|error| fault(format!("parameter {name:?}: {error}")))?;
        let text = any_string(&value).unwrap_or_else(|| value.to_string());
        parameters.push((name, text));
    }
    Ok(parameters)
}

fn read(path: &Path) -> Result<Source, Failure> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let text = if path == Path::new("-") {
        if io::stdin().is_terminal() {
            eprintln!("reading a workflow from standard input; end with Ctrl-D");
        }
        limited(io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|file| {
            if file.metadata()?.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, expected a file"));
            }
            limited(file)
        })
    };
    match text {
        Ok(text) => Ok(Source { name, text }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::usage(format!("{name}: no such file"))),
        Err(error) => Err(Failure::usage(format!("{name}: {error}"))),
    }
}

/// No more than tells that there is too much.
fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}
