//! What is for its owner alone, whatever the umask: the directories of runs and caches, and the files in them.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a directory, and those above it that are missing.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes others' rights to a directory away that a former version gave them. Somebody else's directory stays as it is.
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

/// How a file is opened, that is made for its owner alone where it is missing.
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
    fn others_have_no_rights() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let inner = directory.path().join("runs/default");
        create_directory(&inner)?;
        create_directory(&inner)?;
        assert_eq!((mode(&inner)?, mode(&directory.path().join("runs"))?), (0o700, 0o700));
        fs::set_permissions(&inner, Permissions::from_mode(0o755))?;
        close_directory(&inner)?;
        close_directory(&directory.path().join("gone"))?;
        file().append(true).open(inner.join("file"))?;
        assert_eq!((mode(&inner)?, mode(&inner.join("file"))?), (0o700, 0o600));
        Ok(())
    }
}
