//! Writing a file in one piece: whoever reads it reads all of it, or what stood there before.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Replaces the file. What is no file, such as a pipe, is written to as it is.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, content);
    }
    // As any new file: the user's mask takes away what others may not.
    let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory(path))?;
    file.write_all(content)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether a file can stand there, as far as that is known before it is written.
pub(super) fn can_stand(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, expected a file"));
    }
    let directory = directory(path);
    match directory.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no directory", directory.display()))),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", directory.display()))),
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_one_before_and_can_be_read_by_others() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("report.xml");
        std::fs::write(&path, "old and longer")?;
        replace(&path, b"new")?;
        assert_eq!(std::fs::read_to_string(&path)?, "new");
        let plain = directory.path().join("plain");
        std::fs::write(&plain, "")?;
        assert_eq!(path.metadata()?.permissions(), plain.metadata()?.permissions());
        assert_eq!(std::fs::read_dir(directory.path())?.count(), 2);
        Ok(())
    }

    #[test]
    fn what_can_hold_no_file_is_known_before() {
        let place = |path: &str| can_stand(Path::new(path)).map_err(|error| error.kind());
        assert_eq!((place("x"), place("/tmp/x"), place("/dev/null")), (Ok(()), Ok(()), Ok(())));
        assert_eq!(place("/tmp"), Err(io::ErrorKind::IsADirectory));
        assert_eq!(place("/absent/x"), Err(io::ErrorKind::NotFound));
        assert_eq!(place("/dev/null/x"), Err(io::ErrorKind::NotADirectory));
    }
}
