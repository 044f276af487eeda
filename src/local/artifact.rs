//! Copies artifacts and output parameters between a task's view and the run's store.
//!
//! Content is always copied, never linked: what a task does to its files must not reach the store. Paths of a document or
//! a task are resolved beneath the root of the view.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, openat, renameat};

use super::task::{InputArtifact, OutputParameter};
use crate::file::beneath::{Beneath, Place, has_content};
use crate::file::name::FileName;
use crate::file::{private, tree};
use crate::platform;

/// The largest output parameter: what the API server accepts in one request, so the most that a cluster could keep.
const LARGEST_PARAMETER: u64 = 1536 * 1024;

/// Why an output could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("cannot save {kind} {name}: {} does not exist", path.display())]
    Missing { kind: &'static str, name: String, path: PathBuf },
    #[error("cannot save parameter {name}: {} is larger than {LARGEST_PARAMETER} bytes", path.display())]
    TooLarge { name: String, path: PathBuf },
    #[error("cannot save {kind} {name}: {}: {source}", path.display())]
    Unreadable {
        kind: &'static str,
        name: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl OutputError {
    fn new(kind: &'static str, name: &str, path: &Path, source: io::Error) -> Self {
        let (name, path) = (name.to_owned(), path.to_owned());
        if source.kind() == io::ErrorKind::NotFound {
            return Self::Missing { kind, name, path };
        }
        Self::Unreadable { kind, name, path, source }
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// The content of an input artifact.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// The text itself.
    Raw(&'a str),
    /// A file or directory of the store, opened on the host.
    Stored(&'a File),
}

/// Lays an input artifact at its path. `replace` removes what is there (in Argo the artifact is mounted over it); else
/// directories are merged.
pub(crate) fn place(root: &Beneath, artifact: &InputArtifact, content: &Content, replace: bool) -> io::Result<()> {
    let place = root.place(&artifact.path)?;
    if replace || matches!(content, Content::Raw(_)) {
        tree::remove(&place)?;
    }
    match content {
        Content::Stored(source) => tree::copy_open(source, &place)?,
        Content::Raw(text) => write_new(&place, text.as_bytes(), 0o644)?,
    }
    match artifact.mode {
        Some(mode) => tree::set_mode(&place, mode, artifact.recurse_mode),
        None => Ok(()),
    }
}

/// Writes a file of this content where none is.
pub(crate) fn write_new(place: &Place, content: &[u8], mode: u32) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let (directory, name) = place.parts();
    File::from(openat(directory, name, flags, platform::mode(mode))?).write_all(content)
}

/// The value of an output parameter: a file's content without one trailing newline, or the default.
pub(crate) fn parameter(root: &Beneath, parameter: &OutputParameter) -> Result<String, OutputError> {
    let read = read_bounded(root, &parameter.path);
    let text = match (read, &parameter.default) {
        (Ok(Some(bytes)), _) => String::from_utf8_lossy(&bytes).into_owned(),
        (Ok(None), _) => {
            return Err(OutputError::TooLarge { name: parameter.name.clone(), path: parameter.path.clone() });
        }
        (Err(_), Some(default)) => default.clone(),
        (Err(error), None) => {
            return Err(OutputError::new("parameter", &parameter.name, &parameter.path, error));
        }
    };
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

fn read_bounded(root: &Beneath, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = has_content(root.open(path, OFlags::RDONLY)?)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PARAMETER + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST_PARAMETER).then_some(bytes))
}

/// Where an output artifact goes: a directory held open, so that it can be reached from inside the view.
#[derive(Debug)]
pub(crate) struct Destination {
    whole: Place,
    partial: Place,
}

impl Destination {
    /// Makes the parent directory of `store` and holds it open.
    pub(crate) fn open(store: &Path) -> io::Result<Self> {
        if let Some(parent) = store.parent() {
            private::create_directory(parent)?;
        }
        let whole = Place::of(store)?;
        let name = FileName::new(format!(".{}.part", whole.name.display())).map_err(io::Error::other)?;
        let partial = Place { directory: whole.directory.try_clone()?, name: name.as_ref().into() };
        Ok(Self { whole, partial })
    }

    /// Copies `path` here under a temporary name and renames it when it is whole.
    pub(crate) fn save(&self, root: &Beneath, name: &str, path: &Path) -> Result<(), OutputError> {
        let content = root.open(path, OFlags::RDONLY).and_then(has_content);
        let content = content.map_err(|error| OutputError::new("artifact", name, path, error))?;
        self.fill(&content).map_err(|source| OutputError::Unreadable {
            kind: "artifact",
            name: name.to_owned(),
            path: path.to_owned(),
            source,
        })
    }

    fn fill(&self, content: &File) -> io::Result<()> {
        // Left by a supervisor that was killed between copying and renaming.
        tree::remove(&self.partial)?;
        tree::copy_open(content, &self.partial)?;
        tree::remove(&self.whole)?;
        let ((from, partial), (to, whole)) = (self.partial.parts(), self.whole.parts());
        Ok(renameat(from, partial, to, whole)?)
    }
}
