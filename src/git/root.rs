//! The directory that holds a base and its worktrees:
//!
//! ```text
//! <root>/
//!   base/             a clone without checkout, shared by all worktrees
//!   base.lock         held while the base changes
//!   trees/<task id>/  one worktree for each task
//!   workspace_path    the path of the newest worktree
//! ```
//!
//! No link is followed: a link in the place of one of these directories is an error.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::GitError;
use super::identity::TaskId;
use super::lock::{self, Lock};
use crate::file::replace::{Durable, Readers, replace_with};
use crate::platform::spread_directories;

/// A checked root.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    path: PathBuf,
    /// The directories that this process created for it, outermost first.
    made: Vec<PathBuf>,
}

impl Root {
    /// Opens the root at this path; creates it if missing.
    pub(crate) fn make(path: &Path) -> Result<Self, GitError> {
        let mut made = make_directories(path)?;
        let root = Self::open(path)?;
        let trees = root.trees();
        match fs::create_dir(&trees) {
            Ok(()) => made.push(trees.clone()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(GitError::file("create", &trees)(error)),
        }
        directory(&trees)?;
        if let Ok(trees) = File::open(&trees) {
            spread_directories(&trees);
        }
        Ok(Self { made, ..root })
    }

    /// Removes the directories that were created for this root, if they are empty. Under the lock.
    pub(super) fn remove_created(&self, _lock: &Lock) {
        let (trees, above) = match self.made.split_last() {
            Some((last, above)) if *last == self.trees() => (Some(last), above),
            _ => (None, self.made.as_slice()),
        };
        let _ = trees.map(fs::remove_dir);
        if !self.base().exists() && !self.trees().exists() {
            // A process that waits for this lock notices that the file is gone (`lock::is_at`).
            let _ = fs::remove_file(self.lock());
        }
        for directory in above.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }

    /// Opens the root at this path.
    pub(crate) fn open(path: &Path) -> Result<Self, GitError> {
        let absolute = std::path::absolute(path).map_err(GitError::file("find", path))?;
        // `dir/` would follow a link named `dir`.
        let absolute: PathBuf = absolute.components().collect();
        match fs::symlink_metadata(&absolute) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(GitError::NoBase { root: absolute });
            }
            Err(error) => return Err(GitError::file("read", &absolute)(error)),
            Ok(_) => directory(&absolute)?,
        }

        let path = fs::canonicalize(&absolute).map_err(GitError::file("find", &absolute))?;
        if path.to_str().is_none_or(|text| text.contains('\n')) {
            return Err(GitError::Place { path, problem: "has a name that git's metadata cannot hold" });
        }

        let root = Self { path, made: Vec::new() };
        for inner in [root.base(), root.trees()] {
            if fs::symlink_metadata(&inner).is_ok() {
                directory(&inner)?;
            }
        }
        Ok(root)
    }

    /// The absolute path, without links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The shared clone.
    pub(crate) fn base(&self) -> PathBuf {
        self.path.join("base")
    }

    /// The directory of all worktrees.
    pub(crate) fn trees(&self) -> PathBuf {
        self.path.join("trees")
    }

    /// The worktree of a task.
    pub(crate) fn tree(&self, task: &TaskId) -> PathBuf {
        self.trees().join(task.as_str())
    }

    /// The lock of the base.
    pub(crate) fn lock(&self) -> PathBuf {
        lock::path(&self.path)
    }

    /// Replaces `workspace_path` in one step.
    pub(crate) fn write_workspace_path(&self, tree: &Path) -> Result<(), GitError> {
        let path = self.path.join("workspace_path");
        replace_with(&path, Readers::Everybody, Durable::No, |file| writeln!(file, "{}", tree.display()))
            .map_err(GitError::file("write", &path))
    }
}

/// Creates a directory and its missing parents, and returns the created ones.
fn make_directories(path: &Path) -> Result<Vec<PathBuf>, GitError> {
    let absolute = std::path::absolute(path).map_err(GitError::file("find", path))?;
    let missing: Vec<&Path> = absolute.ancestors().take_while(|path| fs::symlink_metadata(path).is_err()).collect();

    let mut made: Vec<PathBuf> = Vec::new();
    for directory in missing.into_iter().rev() {
        match fs::create_dir(directory) {
            Ok(()) => made.push(directory.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                for directory in made.iter().rev() {
                    let _ = fs::remove_dir(directory);
                }
                return Err(GitError::file("create a directory in", directory.parent().unwrap_or(directory))(error));
            }
        }
    }
    Ok(made)
}

/// Fails unless the path is a directory and not a link to one.
fn directory(path: &Path) -> Result<(), GitError> {
    let kind = fs::symlink_metadata(path).map_err(GitError::file("read", path))?.file_type();
    let problem = match (kind.is_symlink(), kind.is_dir()) {
        (true, _) => "is a link: give the directory itself",
        (_, false) => "is not a directory",
        _ => return Ok(()),
    };
    Err(GitError::Place { path: path.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_in_the_place_of_a_directory_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let outside = directory.path().join("outside");
        fs::create_dir(&outside)?;
        let root = directory.path().join("root");
        symlink(&outside, &root)?;
        for path in [root.clone(), root.join(""), root.join(".")] {
            assert!(matches!(Root::make(&path), Err(GitError::Place { .. })), "{}", path.display());
        }
        fs::remove_file(&root)?;
        for inner in ["trees", "base"] {
            fs::create_dir_all(&root)?;
            symlink(&outside, root.join(inner))?;
            assert!(matches!(Root::make(&root), Err(GitError::Place { .. })), "{inner}");
            fs::remove_file(root.join(inner))?;
        }
        assert_eq!(fs::read_dir(&outside)?.count(), 0);
        Ok(())
    }

    #[test]
    fn a_name_that_git_metadata_cannot_hold_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        use std::os::unix::ffi::OsStrExt;
        let directory = tempfile::tempdir()?;
        for name in [&b"a\nb"[..], b"a\xffb"] {
            let root = directory.path().join(std::ffi::OsStr::from_bytes(name));
            fs::create_dir(&root)?;
            assert!(matches!(Root::make(&root), Err(GitError::Place { .. })), "{name:?}");
            assert_eq!(fs::read_dir(&root)?.count(), 0);
        }
        assert!(Root::make(&directory.path().join("wörk dir")).is_ok());
        Ok(())
    }

    #[test]
    fn the_path_of_the_worktree_is_replaced_in_one_step() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let outside = directory.path().join("outside");
        let root = Root::make(&directory.path().join("root"))?;
        symlink(&outside, root.path().join("workspace_path"))?;
        root.write_workspace_path(Path::new("/a"))?;
        root.write_workspace_path(Path::new("/b"))?;
        assert_eq!(fs::read_to_string(root.path().join("workspace_path"))?, "/b\n");
        assert!(!outside.exists());
        assert_eq!(fs::read_dir(root.path())?.count(), 2);
        Ok(())
    }
}
