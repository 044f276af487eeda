//! The declared outputs of a command, and how restored ones come to their places: all of them are whole before the first
//! one moves.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tempfile::TempDir;

use crate::file::remove::remove_tree;
use crate::platform::is_mount_point;

/// How the directories begin in which outputs wait to be moved.
const STAGING: &str = ".kubectl-runnable-";

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

/// A restored output that is whole and not yet in its place.
#[derive(Debug)]
pub(super) struct Staged {
    staging: PathBuf,
    target: PathBuf,
    /// The target stays and its content is replaced.
    fills: bool,
}

impl Staged {
    /// Makes an output beside a path, which is its own or that of an output that it is in; `restore` gets a path where nothing
    /// is.
    pub(super) fn make(
        target: &Path,
        beside: &Path,
        restore: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let parent = beside.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let (staging, fills) = staging(target, parent)?;
        let staged = Self { staging: staging.keep(), target: target.to_owned(), fills };
        restore(&staged.content())?;
        Ok(staged)
    }

    fn content(&self) -> PathBuf {
        self.staging.join("new")
    }

    /// How deep its place is: an output that others are in moves before them.
    pub(super) fn depth(&self) -> usize {
        std::path::absolute(&self.target).unwrap_or_else(|_| self.target.clone()).components().count()
    }

    /// Moves it to its place. What was there is replaced; a mount point stays and gets the content.
    pub(super) fn place(self) -> io::Result<()> {
        if self.fills {
            return if self.content().is_dir() { self.fill() } else { copy_content(&self.content(), &self.target) };
        }
        if let Some(parent) = self.target.parent() {
            fs::create_dir_all(parent)?;
        }
        let old = self.staging.join("old");
        match rename(&self.target, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        rename(&self.content(), &self.target).inspect_err(|_| {
            // What was there is not lost.
            let _ = rename(&old, &self.target);
        })
    }

    /// Replaces what is in the directory that stays.
    fn fill(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.target)? {
            let path = entry?.path();
            if path.file_name() != self.staging.file_name() {
                if path.symlink_metadata()?.is_dir() { remove_tree(&path)? } else { fs::remove_file(&path)? }
            }
        }
        for entry in fs::read_dir(self.content())? {
            let entry = entry?;
            rename(&entry.path(), &self.target.join(entry.file_name()))?;
        }
        Ok(())
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

/// A new directory where a target waits, and whether the target stays and is filled: a mount point, or one whose directory the
/// user may not write to.
fn staging(target: &Path, parent: &Path) -> io::Result<(TempDir, bool)> {
    let within = |directory: &Path| tempfile::Builder::new().prefix(STAGING).tempdir_in(directory);
    let is_mounted = is_mount_point(target)?;
    if is_mounted && target.is_dir() {
        return Ok((within(target)?, true));
    }
    match within(parent) {
        Err(error) if is_refused(&error) && target.is_dir() => Ok((within(target)?, true)),
        Err(error) if is_refused(&error) && target.is_file() => Ok((within(&std::env::temp_dir())?, true)),
        staging => Ok((staging?, is_mounted)),
    }
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Renames a file or directory. Who owns a directory has to be able to write to it to move it: its entry `..` changes.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let renamed = fs::rename(from, to);
    match &renamed {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && from.symlink_metadata()?.is_dir() => {}
        _ => return renamed,
    }
    let kept = from.metadata()?.permissions();
    fs::set_permissions(from, Permissions::from_mode(kept.mode() | 0o700))?;
    let renamed = fs::rename(from, to);
    fs::set_permissions(if renamed.is_ok() { to } else { from }, kept)?;
    renamed
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = remove_tree(&self.staging);
    }
}

/// A file on which another is mounted cannot be renamed away.
fn copy_content(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).truncate(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    // Whoever may write to a file need not own it.
    let _ = target.set_permissions(source.metadata()?.permissions());
    Ok(())
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

    #[test]
    fn what_is_there_is_replaced_whatever_it_is() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let target = directory.path().join("deep/target");
        let file = |place: &Path| fs::write(place, "new");
        let tree = |place: &Path| fs::create_dir(place).and_then(|()| fs::write(place.join("x"), "new"));
        for _ in 0..2 {
            Staged::make(&target, &target, file)?.place()?;
            assert_eq!(fs::read_to_string(&target)?, "new");
            Staged::make(&target, &target, tree)?.place()?;
            assert_eq!(fs::read_to_string(target.join("x"))?, "new");
            fs::write(target.join("old"), "")?;
            Staged::make(&target, &target, tree)?.place()?;
            assert_eq!(fs::read_dir(&target)?.count(), 1);
        }
        std::os::unix::fs::symlink("target", directory.path().join("deep/link"))?;
        let link = directory.path().join("deep/link");
        Staged::make(&link, &link, file)?.place()?;
        assert!(target.is_dir(), "a link is replaced, not followed");
        assert!(Staged::make(&target, &target, |_| Err(io::Error::other("no"))).is_err());
        assert_eq!(fs::read_dir(directory.path().join("deep"))?.count(), 2, "nothing is left over");
        Ok(())
    }

    #[test]
    fn a_directory_that_stays_is_filled() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let target = directory.path().join("target");
        fs::create_dir_all(target.join("old/deep"))?;
        let staging = tempfile::tempdir_in(&target)?.keep();
        fs::create_dir_all(staging.join("new/sub"))?;
        Staged { staging, target: target.clone(), fills: true }.place()?;
        let names: Vec<_> = fs::read_dir(&target)?.flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["sub"]);
        Ok(())
    }
}
