//! Replaces a file atomically: a reader sees the old or the new content, never a part.
//!
//! The content is written to a temporary file in the same directory and renamed. If the program is killed before the
//! rename, the temporary file is left behind and the old content stays.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who may read the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only its owner.
    Owner,
    /// Those whom the umask allows.
    Umask,
    /// Everybody, whatever the umask.
    Everybody,
}

/// Whether the content is synced to disk before the file is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Synced: a power cut leaves the old or the new content.
    Yes,
    /// Not synced.
    No,
}

/// Replaces a file that the user named. Anything other than a regular file, such as a pipe, is written to directly.
pub(crate) fn replace(path: &Path, readers: Readers, content: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, content);
    }
    replace_with(path, readers, Durable::Yes, |file| file.write_all(content))
}

/// Replaces whatever is at the path, even a link, by a file with the output of `write`.
pub(crate) fn replace_with(
    path: &Path,
    readers: Readers,
    durable: Durable,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Umask => 0o666,
        Readers::Everybody => 0o644,
    };
    let file = builder.permissions(Permissions::from_mode(mode)).tempfile_in(directory(path))?;
    if readers == Readers::Everybody {
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
    }
    let mut writer = BufWriter::new(file.as_file());
    write(&mut writer)?;
    // Dropping the buffer would ignore the error of a full disk.
    writer.flush()?;
    drop(writer);
    if durable == Durable::Yes {
        file.as_file().sync_data()?;
    }

    file.persist(path).map_err(|error| error.error)?;
    if durable == Durable::Yes { sync_directory(directory(path)) } else { Ok(()) }
}

/// Syncs the entries of a directory, if its file system supports it.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // A directory of another user may be writable but not readable.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// Whether a file can be written at this path, as far as can be checked before writing.
pub(crate) fn can_be_written(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, expected a file"));
    }
    let directory = directory(path);
    match directory.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => {
            Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is not a directory", directory.display())))
        }
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
    fn a_replaced_file_has_the_usual_permissions() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("report.xml");
        std::fs::write(&path, "old and longer")?;
        replace(&path, Readers::Umask, b"new")?;
        assert_eq!(std::fs::read_to_string(&path)?, "new");
        let plain = directory.path().join("plain");
        std::fs::write(&plain, "")?;
        assert_eq!(path.metadata()?.permissions(), plain.metadata()?.permissions());
        assert_eq!(std::fs::read_dir(directory.path())?.count(), 2);
        Ok(())
    }

    #[test]
    fn a_file_is_for_its_owner_or_for_everybody() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        for (readers, mode) in [(Readers::Owner, 0o600), (Readers::Everybody, 0o644)] {
            replace(&path, readers, b"text")?;
            assert_eq!(path.metadata()?.permissions().mode() & 0o777, mode);
        }
        Ok(())
    }

    #[test]
    fn content_that_cannot_be_written_leaves_the_old_file() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        std::fs::write(&path, "old")?;
        let failing = |file: &mut dyn Write| {
            file.write_all(b"new")?;
            Err(io::Error::other("no more"))
        };
        assert!(replace_with(&path, Readers::Umask, Durable::No, failing).is_err());
        assert_eq!(std::fs::read_to_string(&path)?, "old");
        assert_eq!(std::fs::read_dir(directory.path())?.count(), 1);
        assert!(replace(Path::new("/dev/full"), Readers::Umask, b"text").is_err());
        Ok(())
    }

    #[test]
    fn paths_that_cannot_hold_a_file_are_detected() {
        let place = |path: &str| can_be_written(Path::new(path)).map_err(|error| error.kind());
        assert_eq!((place("x"), place("/tmp/x"), place("/dev/null")), (Ok(()), Ok(()), Ok(())));
        assert_eq!(place("/tmp"), Err(io::ErrorKind::IsADirectory));
        assert_eq!(place("/absent/x"), Err(io::ErrorKind::NotFound));
        assert_eq!(place("/dev/null/x"), Err(io::ErrorKind::NotADirectory));
    }
}
