//! The declared outputs of a command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `--output NAME=PATH`, or `NAME?=PATH` for one that the command may leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its name in the entry.
    pub(crate) name: String,
    /// The file or directory.
    pub(crate) path: PathBuf,
    /// Whether the command may leave it out.
    pub(crate) optional: bool,
}

/// The text declares no output.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub(crate) enum OutputError {
    /// It has another form.
    #[error("expected NAME=PATH, or NAME?=PATH for an output that may be absent")]
    Form,
    /// The name is illegal.
    #[error("invalid output name {0:?}: expected letters, digits, '-', '_' or '.'")]
    Name(String),
    /// The path cannot be replaced.
    #[error("invalid path {0:?}: expected the path of a file or directory that can be replaced")]
    Path(String),
}

impl FromStr for Output {
    type Err = OutputError;

    fn from_str(text: &str) -> Result<Self, OutputError> {
        let (name, path) = text.split_once('=').ok_or(OutputError::Form)?;
        let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(legal) {
            return Err(OutputError::Name(name.to_owned()));
        }
        // Neither a directory that the working directory is in, nor the root: they cannot be replaced.
        if Path::new(path).file_name().is_none() {
            return Err(OutputError::Path(path.to_owned()));
        }
        Ok(Self { name: name.to_owned(), path: path.into(), optional })
    }
}

/// `--output-parameter NAME=PATH`: a file whose content, without the newline at its end, is a value of the entry. It is what
/// Argo takes for an output parameter (SaveParameters in workflow/executor/executor.go, v4.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterFile {
    /// The name of the value.
    pub(crate) name: String,
    /// The file.
    pub(crate) path: PathBuf,
    /// The value where the command writes no file.
    pub(crate) default: Option<String>,
}

impl FromStr for ParameterFile {
    type Err = OutputError;

    fn from_str(text: &str) -> Result<Self, OutputError> {
        let Output { name, path, optional } = text.parse()?;
        if optional { Err(OutputError::Name(format!("{name}?"))) } else { Ok(Self { name, path, default: None }) }
    }
}

impl ParameterFile {
    /// The value that the command has written.
    pub(super) fn value(&self) -> io::Result<String> {
        match (fs::read_to_string(&self.path), &self.default) {
            (Err(error), Some(default)) if error.kind() == io::ErrorKind::NotFound => Ok(default.clone()),
            (text, _) => text.map(|text| text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)),
        }
    }
}

/// The outermost of the outputs that a path is in, or the path itself: what waits beside that one is still there when it has
/// been replaced.
pub(super) fn outermost<'a>(path: &'a Path, outputs: &'a [Output]) -> &'a Path {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let own = whole(path);
    let around = outputs.iter().filter(|output| own.starts_with(whole(&output.path)));
    around.map(|output| output.path.as_path()).min_by_key(|path| whole(path).components().count()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn an_output_has_a_name_and_a_path() {
        let read = |text: &str| text.parse::<Output>().map(|output| (output.name, output.path, output.optional));
        assert_eq!(read("a.b=dist/app"), Ok(("a.b".to_owned(), "dist/app".into(), false)));
        assert_eq!(read("log?=x=y"), Ok(("log".to_owned(), "x=y".into(), true)));
        for illegal in ["", "a", "=x", "a/b=x", "a=", "a=/", "a=..", "a=x/..", "?=x"] {
            assert!(read(illegal).is_err(), "{illegal}");
        }
    }

    #[test]
    fn a_parameter_is_the_content_of_its_file() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("value");
        let file = |default: Option<&str>| ParameterFile {
            name: "v".to_owned(),
            path: path.clone(),
            default: default.map(str::to_owned),
        };
        assert!(file(None).value().is_err());
        assert_eq!(file(Some("none")).value()?, "none");
        fs::write(&path, "a\n\n")?;
        assert_eq!(file(Some("none")).value()?, "a\n");
        fs::write(&path, b"\xff")?;
        assert!(file(Some("none")).value().is_err(), "what is no text is no value");
        assert!("v?=x".parse::<ParameterFile>().is_err() && "v=x".parse::<ParameterFile>().is_ok());
        Ok(())
    }
}
