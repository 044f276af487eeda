//! Copies and removes files, links and directories by name in open directories. No link is followed on either side: a
//! task may have created one, even during the copy.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, fstat, ftruncate, futimens, mkdirat,
    openat, readlinkat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::beneath::Place;
use crate::platform::{clone_content, mode, open_unmounted};

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// NONBLOCK: if a task replaces the file by a pipe after the check, the open does not wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC);

/// Copies a file, a directory with everything in it, or a link (as a link), with permissions and times. Sockets, pipes
/// and devices are left out. An existing directory is merged into, anything else is replaced.
pub(crate) fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let (source, target) = (Place::of(source)?, Place::of(target)?);
    let ((from, name), (to, new)) = (source.parts(), target.parts());
    copy_entry(from, name, to, new)
}

/// Copies an open file or directory.
pub(crate) fn copy_open(source: &File, target: &Place) -> io::Result<()> {
    let (directory, name) = target.parts();
    if source.metadata()?.is_dir() {
        copy_directory(source.as_fd(), directory, name)
    } else {
        copy_file(&mut source.try_clone()?, directory, name)
    }
}

fn copy_entry(source: BorrowedFd, name: &OsStr, target: BorrowedFd, new: &OsStr) -> io::Result<()> {
    match kind(&statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?) {
        FileType::Symlink => {
            let link = readlinkat(source, name, Vec::new())?;
            remove_in(target, new)?;
            Ok(symlinkat(OsStr::from_bytes(link.as_bytes()), target, new)?)
        }
        FileType::Directory => copy_directory(openat(source, name, DIRECTORY, Mode::empty())?.as_fd(), target, new),
        FileType::RegularFile => {
            let mut file = File::from(openat(source, name, FILE, Mode::empty())?);
            if file.metadata()?.is_file() { copy_file(&mut file, target, new) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn copy_directory(source: BorrowedFd, target: BorrowedFd, new: &OsStr) -> io::Result<()> {
    let made = make_directory(target, new)?;
    for name in names(source)? {
        copy_entry(source, &name, made.as_fd(), &name)?;
    }
    finish(&made, &File::from(source.try_clone_to_owned()?).metadata()?)
}

/// Opens or creates the target directory; anything else with its name is removed.
fn make_directory(target: BorrowedFd, name: &OsStr) -> io::Result<OwnedFd> {
    match openat(target, name, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => {}
        // A link or a file.
        Err(Errno::LOOP | Errno::NOTDIR) => remove_in(target, name)?,
        done => return Ok(done?),
    }
    mkdirat(target, name, Mode::from_raw_mode(0o700))?;
    Ok(openat(target, name, DIRECTORY, Mode::empty())?)
}

fn copy_file(source: &mut File, target: BorrowedFd, new: &OsStr) -> io::Result<()> {
    remove_in(target, new)?;
    let mut file = File::from(openat(target, new, NEW_FILE, Mode::from_raw_mode(0o600))?);
    fill(source, &mut file)?;
    finish(&file, &source.metadata()?)
}

/// Copies the content: as a reflink if the file system supports it, else in the kernel, keeping holes.
fn fill(source: &mut File, target: &mut File) -> io::Result<()> {
    if clone_content(source, target).is_ok() {
        return Ok(());
    }
    let metadata = source.metadata()?;
    if metadata.blocks() * 512 >= metadata.len() {
        return io::copy(source, target).map(drop);
    }

    ftruncate(&*target, metadata.len())?;
    let mut end = 0;
    while let Some(start) = next(source, rustix::fs::SeekFrom::Data(end))? {
        end = next(source, rustix::fs::SeekFrom::Hole(start))?.unwrap_or(metadata.len());
        source.seek(SeekFrom::Start(start))?;
        target.seek(SeekFrom::Start(start))?;
        io::copy(&mut source.by_ref().take(end - start), target)?;
    }
    Ok(())
}

/// The offset of the next data or hole; `None` after the last.
fn next(file: &File, wanted: rustix::fs::SeekFrom) -> io::Result<Option<u64>> {
    match rustix::fs::seek(file, wanted) {
        Ok(offset) => Ok(Some(offset)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Sets times and permissions to those of the source.
fn finish(target: impl AsFd, source: &Metadata) -> io::Result<()> {
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(source.atime(), source.atime_nsec()),
        last_modification: time(source.mtime(), source.mtime_nsec()),
    };
    futimens(&target, &times)?;
    Ok(fchmod(&target, mode(source.mode() & 0o7777))?)
}

/// Removes a file, a link or a directory with everything in it; a missing one is not an error. What is mounted in it is
/// an error and keeps its content.
pub(crate) fn remove(place: &Place) -> io::Result<()> {
    let (directory, name) = place.parts();
    remove_in(directory, name)
}

/// Removes everything in an open directory.
pub(crate) fn empty(directory: impl AsFd) -> io::Result<()> {
    names(&directory)?.iter().try_for_each(|name| remove_in(directory.as_fd(), name))
}

fn remove_in(directory: BorrowedFd, name: &OsStr) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(errno) => return Err(errno.into()),
    }
    empty(open_unmounted(directory, name, DIRECTORY)?)?;
    Ok(unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}

/// Sets the permission bits of a file or directory, and with `recurse` of everything below it. Links are left alone.
pub(crate) fn set_mode(place: &Place, bits: u32, recurse: bool) -> io::Result<()> {
    let (directory, name) = place.parts();
    set_mode_in(directory, name, bits, recurse)
}

fn set_mode_in(directory: BorrowedFd, name: &OsStr, bits: u32, recurse: bool) -> io::Result<()> {
    let open = match kind(&statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?) {
        FileType::Directory | FileType::RegularFile => openat(directory, name, FILE, Mode::empty())?,
        _ => return Ok(()),
    };
    if recurse && kind(&fstat(&open)?) == FileType::Directory {
        for name in names(&open)? {
            set_mode_in(open.as_fd(), &name, bits, true)?;
        }
    }
    Ok(fchmod(&open, mode(bits))?)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The names in a directory. All are read at once, so that a deep tree needs few open descriptors.
pub(crate) fn names(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_sparse_file_stays_sparse() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let (source, target) = (directory.path().join("a"), directory.path().join("b"));
        let file = File::create(&source)?;
        file.set_len(1 << 30)?;
        file.write_at(b"begin", 0)?;
        file.write_at(b"middle", 500 << 20)?;
        copy(&source, &target)?;
        let copied = File::open(&target)?;
        let mut middle = [0; 6];
        copied.read_exact_at(&mut middle, 500 << 20)?;
        assert_eq!((copied.metadata()?.len(), &middle), (1 << 30, b"middle"));
        assert!(copied.metadata()?.blocks() * 512 < 1 << 20, "{} blocks", copied.metadata()?.blocks());
        Ok(())
    }

    #[test]
    fn pipes_and_sockets_are_left_out_without_waiting() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let (source, target) = (directory.path().join("a"), directory.path().join("b"));
        fs::create_dir_all(source.join("empty"))?;
        let made = std::process::Command::new("mkfifo").arg(source.join("pipe")).status()?;
        assert!(made.success());
        let _socket = UnixListener::bind(source.join("socket"))?;
        fs::write(source.join("file"), "x")?;
        copy(&source, &target)?;
        let mut left: Vec<_> =
            fs::read_dir(&target)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
        left.sort();
        assert_eq!(left, ["empty", "file"]);
        Ok(())
    }

    #[test]
    fn links_are_copied_and_never_followed_on_either_side() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("host"))?;
        fs::write(path("host/file"), "mine")?;
        fs::create_dir_all(path("a/sub"))?;
        fs::write(path("a/sub/file"), "theirs")?;
        fs::write(path("a/file"), "theirs")?;
        symlink("../host", path("a/link"))?;
        fs::create_dir(path("b"))?;
        symlink("../host", path("b/sub"))?;
        symlink("../host/file", path("b/file"))?;
        copy(&path("a"), &path("b"))?;
        assert_eq!(fs::read_to_string(path("host/file"))?, "mine");
        assert_eq!(fs::read_to_string(path("b/sub/file"))?, "theirs");
        assert_eq!(fs::read_link(path("b/link"))?, Path::new("../host"));
        remove(&Place::of(&path("b"))?)?;
        assert!(!path("b").exists() && path("host/file").exists());
        Ok(())
    }

    #[test]
    fn a_tree_deeper_than_the_longest_path_is_copied() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let name = "d".repeat(200);
        let mut open = openat(rustix::fs::CWD, directory.path(), DIRECTORY, Mode::empty())?;
        for step in ["a", &name].into_iter().chain(std::iter::repeat_n(name.as_str(), 40)) {
            mkdirat(&open, step, Mode::from_raw_mode(0o755))?;
            open = openat(&open, step, DIRECTORY, Mode::empty())?;
        }
        copy(&directory.path().join("a"), &directory.path().join("b"))?;
        for tree in ["a", "b"] {
            remove(&Place::of(&directory.path().join(tree))?)?;
        }
        assert_eq!(fs::read_dir(directory.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn modes_are_set_recursively_but_not_through_links() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("a"))?;
        fs::write(path("outside"), "")?;
        fs::set_permissions(path("outside"), Permissions::from_mode(0o640))?;
        fs::write(path("a/file"), "")?;
        symlink("../outside", path("a/link"))?;
        set_mode(&Place::of(&path("a"))?, 0o700, true)?;
        let mode = |name: &str| path(name).metadata().map(|metadata| metadata.mode() & 0o777);
        assert_eq!((mode("a")?, mode("a/file")?, mode("outside")?), (0o700, 0o700, 0o640));
        Ok(())
    }
}
