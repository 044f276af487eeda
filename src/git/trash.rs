//! Worktrees that are being removed. A worktree is renamed into the trash in one step, so that its path is free at once
//! and never holds half of it. It is deleted afterwards, without the base's lock. Links in it are removed, not
//! followed.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::GitError;
use super::root::Root;

/// The prefix of the names of directories to be deleted.
const REMOVED: &str = ".removed-";

/// A directory in the trash. While one process deletes it, others leave it alone.
#[derive(Debug)]
pub(super) struct Trash {
    path: PathBuf,
    _deleter: Option<File>,
}

/// Renames a worktree into the trash; `None` if it is gone already. Under the lock.
pub(super) fn move_to_trash(root: &Root, tree: &Path) -> Result<Option<Trash>, GitError> {
    let (trash, moved) = match tempfile::Builder::new().prefix(REMOVED).tempdir_in(root.trees()) {
        Ok(directory) => {
            let path = directory.keep();
            let Some(trash) = claim(path.clone()) else { return Ok(None) };
            let moved = fs::rename(tree, path.join("tree"));
            if moved.is_err() {
                let _ = fs::remove_dir(&path);
            }
            (trash, moved)
        }
        // The disk is too full for one more directory: rename the worktree itself to a unique name with the prefix.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            let task = tree.file_name().unwrap_or_default().to_string_lossy();
            let path = root.trees().join(format!("{REMOVED}{}-{task}", std::process::id()));
            let moved = fs::rename(tree, &path);
            (Trash { path, _deleter: None }, moved)
        }
        Err(error) => return Err(GitError::file("create a directory in", &root.trees())(error)),
    };

    match moved {
        Ok(()) => Ok(Some(trash)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GitError::file("remove", tree)(error)),
    }
}

/// Trash that nobody is deleting, because its process was killed. Under the lock.
pub(super) fn left_behind(root: &Root) -> Vec<Trash> {
    let entries = fs::read_dir(root.trees()).into_iter().flatten().flatten();
    let removed = entries.filter(|entry| is_trash(&entry.path())).map(|entry| entry.path());
    removed.filter_map(claim).collect()
}

/// Whether the path is in the trash.
pub(super) fn is_trash(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(REMOVED))
}

/// Claims trash for this process. On a file system without locks on directories two processes may both claim it:
/// deleting twice does no harm.
fn claim(path: PathBuf) -> Option<Trash> {
    let file = File::open(&path).ok();
    match file.as_ref().map(File::try_lock) {
        Some(Err(TryLockError::WouldBlock)) => None,
        _ => Some(Trash { path, _deleter: file }),
    }
}

impl Trash {
    pub(super) fn delete(self) -> Result<(), GitError> {
        let deleted = match fs::remove_dir_all(&self.path) {
            // An orphan may be a file.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(&self.path),
            // Some tools write read-only directories, such as Go's module cache.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                make_writable(&self.path);
                fs::remove_dir_all(&self.path)
            }
            deleted => deleted,
        };

        match deleted {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(GitError::file("remove", &self.path)(error)),
            _ => Ok(()),
        }
    }
}

/// Makes each directory writable. If that fails, the deletion that follows names the directory.
fn make_writable(directory: &Path) {
    let is_directory = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        let _ = fs::set_permissions(&directory, Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        left.extend(entries.map(|entry| entry.path()).filter(|path| is_directory(path)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trash_is_deleted_by_one_process() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let root = Root::make(directory.path())?;
        let tree = root.trees().join("a");
        fs::create_dir_all(tree.join("sub"))?;
        let Some(trash) = move_to_trash(&root, &tree)? else { panic!("there is something to remove") };
        assert!(!tree.exists() && left_behind(&root).is_empty());
        drop(trash);
        let left = left_behind(&root);
        assert_eq!(left.len(), 1, "its remover was killed");
        left.into_iter().try_for_each(Trash::delete)?;
        assert_eq!(fs::read_dir(root.trees())?.count(), 0);
        assert!(move_to_trash(&root, &tree)?.is_none());
        assert_eq!(fs::read_dir(root.trees())?.count(), 0);
        Ok(())
    }

    #[test]
    fn links_are_removed_and_read_only_directories_made_writable() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let outside = directory.path().join("outside");
        fs::create_dir(&outside)?;
        fs::write(outside.join("file"), "")?;
        let root = Root::make(&directory.path().join("root"))?;
        let tree = root.trees().join("a");
        fs::create_dir_all(tree.join("sub"))?;
        std::os::unix::fs::symlink(&outside, tree.join("sub/link"))?;
        fs::set_permissions(tree.join("sub"), Permissions::from_mode(0o500))?;
        let Some(trash) = move_to_trash(&root, &tree)? else { panic!("there is something to remove") };
        make_writable(&trash.path);
        assert_eq!(fs::metadata(trash.path.join("tree/sub"))?.permissions().mode() & 0o777, 0o700);
        trash.delete()?;
        assert!(outside.join("file").exists());
        Ok(())
    }
}
