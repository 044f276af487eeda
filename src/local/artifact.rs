//! Copies artifacts and output parameters between a task's view and the run's store.
//!
//! Content is always copied, never linked: what a task does to its files must not reach the store.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};

use super::task::{InputArtifact, OutputParameter};

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

/// Copies a file, a directory with everything in it, or a symbolic link (as a link), with permissions and times.
/// Sockets, pipes and devices have no content and are left out. An existing directory is filled, an existing file replaced.
pub(crate) fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let metadata = source.symlink_metadata()?;
    if metadata.is_dir() {
        return copy_directory(source, target, &metadata);
    }
    remove_file(target)?;
    if metadata.is_symlink() {
        return symlink(fs::read_link(source)?, target);
    }
    if metadata.is_file() { copy_file(source, target, &metadata) } else { Ok(()) }
}

fn copy_directory(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    if !target.is_dir() {
        fs::create_dir(target)?;
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        copy(&entry.path(), &target.join(entry.file_name()))?;
    }
    set_times(&File::open(target)?, metadata)?;
    fs::set_permissions(target, metadata.permissions())
}

fn copy_file(source: &Path, target: &Path, metadata: &Metadata) -> io::Result<()> {
    fs::copy(source, target)?;
    match File::open(target) {
        Ok(file) => set_times(&file, metadata),
        // The owner may have taken away his own right to read.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

fn set_times(file: &File, metadata: &Metadata) -> io::Result<()> {
    file.set_times(FileTimes::new().set_accessed(metadata.accessed()?).set_modified(metadata.modified()?))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Lays an input artifact at its path. `stored` is where its content can be read, none for raw content.
/// `replace` removes what is there (in Argo the artifact is mounted over it); else directories are merged.
pub(crate) fn place(artifact: &InputArtifact, raw: &str, stored: Option<&Path>, replace: bool) -> io::Result<()> {
    if let Some(parent) = artifact.path.parent() {
        fs::create_dir_all(parent)?;
    }
    if replace {
        clear(&artifact.path)?;
    }
    if let Some(source) = stored {
        copy(source, &artifact.path)?;
    } else {
        remove_file(&artifact.path)?;
        fs::write(&artifact.path, raw)?;
    }
    match artifact.mode {
        Some(mode) => set_mode(&artifact.path, mode, artifact.recurse_mode),
        None => Ok(()),
    }
}

/// Removes what is at the path. A directory that is a mount point stays, empty.
fn clear(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.is_dir() => fs::remove_file(path),
        Ok(_) => match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            done => done,
        },
    }
}

fn set_mode(path: &Path, mode: u32, recurse: bool) -> io::Result<()> {
    if recurse && path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if !entry.file_type()?.is_symlink() {
                set_mode(&entry.path(), mode, true)?;
            }
        }
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// The value of an output parameter: a file's content without one trailing newline, or the default.
pub(crate) fn parameter(parameter: &OutputParameter) -> Result<String, OutputError> {
    let read = read_bounded(&parameter.path);
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

fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = open_content(path)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_PARAMETER + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= LARGEST_PARAMETER).then_some(bytes))
}

/// Opens a file or directory that a task has made. Links are followed, except those of `/proc` that would lead to what
/// this process has open; a pipe is refused rather than waited for.
fn open_content(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(AT_FDCWD, path, how) {
        Ok(descriptor) => File::from(descriptor),
        // Unknown before Linux 5.6 and to some sandboxes.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            fs::OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?
        }
        Err(errno) => return Err(errno.into()),
    };
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file or directory"))
}

/// Where an output artifact goes: a directory held open, so that it can be reached from inside the view.
#[derive(Debug)]
pub(crate) struct Destination {
    parent: File,
    name: OsString,
}

impl Destination {
    /// Makes the parent directory of `store` and holds it open.
    pub(crate) fn open(store: &Path) -> io::Result<Self> {
        let (Some(parent), Some(name)) = (store.parent(), store.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of a file"));
        };
        fs::create_dir_all(parent)?;
        Ok(Self { parent: File::open(parent)?, name: name.to_owned() })
    }

    /// Copies `path` here under a temporary name and renames it when it is whole.
    pub(crate) fn save(&self, name: &str, path: &Path) -> Result<(), OutputError> {
        let failed = |error| OutputError::new("artifact", name, path, error);
        let content = open_content(path).map_err(failed)?;
        self.fill(&content).map_err(|source| OutputError::Unreadable {
            kind: "artifact",
            name: name.to_owned(),
            path: path.to_owned(),
            source,
        })
    }

    fn fill(&self, content: &File) -> io::Result<()> {
        let directory = link(&self.parent);
        let mut partial = OsString::from(".");
        partial.push(&self.name);
        partial.push(".part");
        let (partial, whole) = (directory.join(partial), directory.join(&self.name));
        clear(&partial)?;
        let metadata = content.metadata()?;
        if metadata.is_dir() {
            copy_directory(&link(content), &partial, &metadata)?;
        } else {
            copy_file(&link(content), &partial, &metadata)?;
        }
        clear(&whole)?;
        fs::rename(partial, whole)
    }
}

fn link(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
