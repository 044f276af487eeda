//! Replaces a file in one step: whoever reads it reads the new content or the old one, never a part of either.
//!
//! The content is written beside the file, flushed and renamed. A program that is killed before the renaming leaves a
//! temporary file behind and the old content in place.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Who may read the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner.
    Owner,
    /// Whoever the user's umask allows.
    Umask,
    /// Everybody, whatever the umask.
    Everybody,
}

/// Whether the content has reached the disk when the file is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// It has: a power cut leaves the old or the new content.
    Yes,
    /// It may not have yet.
    No,
}

/// Replaces a file that the user names. What is no file there, such as a pipe, is written to as it is.
pub(crate) fn replace(path: &Path, readers: Readers, content: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, content);
    }
    replace_with(path, readers, Durable::Yes, |file| file.write_all(content))
}

/// Replaces whatever stands there, a link included, with a file of what `write` writes.
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
    // Dropped, the buffer would swallow the error of a full disk.
    writer.flush()?;
    drop(writer);
    if durable == Durable::Yes {
        file.as_file().sync_data()?;
    }

    file.persist(path).map_err(|error| error.error)?;
    if durable == Durable::Yes { sync_directory(directory(path)) } else { Ok(()) }
}

/// Makes the names in a directory durable, where its file system knows how.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // A directory that others own can be written to without being read.
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

/// Whether a file can stand there, as far as that is known before it is written.
pub(crate) fn can_stand(path: &Path) -> io::Result<()> {
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
    fn what_can_hold_no_file_is_known_before() {
        let place = |path: &str| can_stand(Path::new(path)).map_err(|error| error.kind());
        assert_eq!((place("x"), place("/tmp/x"), place("/dev/null")), (Ok(()), Ok(()), Ok(())));
        assert_eq!(place("/tmp"), Err(io::ErrorKind::IsADirectory));
        assert_eq!(place("/absent/x"), Err(io::ErrorKind::NotFound));
        assert_eq!(place("/dev/null/x"), Err(io::ErrorKind::NotADirectory));
    }
}
