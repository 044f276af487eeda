//! Files and directories that only their owner may read, whatever the umask: those of runs and caches.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Creates a directory and its missing parents.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a directory and its missing parents; whether it was missing itself.
pub(crate) fn create_new_directory(path: &Path) -> io::Result<bool> {
    let create = || DirBuilder::new().mode(0o700).create(path).map(|()| true);
    let created = create().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(parent)) => create_directory(parent).and_then(|()| create()),
        _ => Err(error),
    });
    created.or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(false) } else { Err(error) })
}

/// Removes permissions of other users that an earlier version gave. A directory of another user stays as it is.
pub(crate) fn close_directory(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if found.mode() & 0o077 != 0 => match fs::set_permissions(path, Permissions::from_mode(0o700)) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            done => done,
        },
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Options to open a file, creating it for its owner only.
pub(crate) fn file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> io::Result<u32> {
        Ok(path.metadata()?.mode() & 0o777)
    }

    #[test]
    fn others_have_no_permissions() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let inner = directory.path().join("runs/default");
        assert!(create_new_directory(&inner)?);
        create_directory(&inner)?;
        assert!(!create_new_directory(&inner)?);
        assert_eq!((mode(&inner)?, mode(&directory.path().join("runs"))?), (0o700, 0o700));
        fs::set_permissions(&inner, Permissions::from_mode(0o755))?;
        close_directory(&inner)?;
        close_directory(&directory.path().join("gone"))?;
        file().append(true).open(inner.join("file"))?;
        assert_eq!((mode(&inner)?, mode(&inner.join("file"))?), (0o700, 0o600));
        Ok(())
    }
}
