//! macOS.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, chmodat, fstat, getpath, openat, statat, sync};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::process::{Pid, Signal, getppid, kill_process};
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use super::{Within, walk};

/// Opens something to name it: here that takes the right to read it.
pub(crate) const HANDLE: OFlags = OFlags::RDONLY;

/// The time between two looks at whether a process is still there.
const LOOK: Duration = Duration::from_millis(100);

/// Permission bits.
pub(crate) fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode(RawMode::try_from(bits & 0o7777).unwrap_or_default())
}

/// Opens a path without leaving what it must not leave.
pub(crate) fn open_within(
    top: BorrowedFd,
    path: impl Arg,
    flags: OFlags,
    within: Within,
) -> rustix::io::Result<OwnedFd> {
    let path = path.into_c_str()?;
    walk::open_within(top, Path::new(OsStr::from_bytes(path.to_bytes())), flags, within)
}

/// Whether [`open_within`] works.
pub(crate) fn resolves_within(_top: BorrowedFd, _within: Within) -> bool {
    true
}

/// Opens a file or directory on which nothing is mounted.
pub(crate) fn open_unmounted(directory: BorrowedFd, name: impl Arg + Copy, flags: OFlags) -> io::Result<OwnedFd> {
    let opened = openat(directory, name, flags, Mode::empty())?;
    if fstat(&opened)?.st_dev == fstat(directory)?.st_dev { Ok(opened) } else { Err(Errno::XDEV.into()) }
}

/// Lets this user enter a directory in another one; no link is followed, and nothing mounted is changed. Gives what it is.
pub(crate) fn open_up(directory: BorrowedFd, name: impl Arg + Copy) -> io::Result<FileType> {
    let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if found.st_dev != fstat(directory)?.st_dev {
        return Err(Errno::XDEV.into());
    }
    let kind = FileType::from_raw_mode(found.st_mode);
    if kind == FileType::Directory {
        chmodat(directory, name, mode(0o700), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(kind)
}

/// The path without links of an open file.
pub(crate) fn path_of(open: impl AsFd) -> io::Result<PathBuf> {
    Ok(PathBuf::from(std::ffi::OsString::from_vec(getpath(open)?.into_bytes())))
}

/// Shares the content of a file with an empty one: APFS does that by name alone, so that contents are copied.
pub(crate) fn clone_content(_source: &File, _target: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Writes everything to disk, for no call is of one file system: all is on its way, and the file comes last.
pub(crate) fn sync_file_system(file: &File) -> io::Result<()> {
    sync();
    file.sync_all()
}

/// Whether something is mounted at a path.
pub(crate) fn is_mount_point(path: &Path) -> io::Result<bool> {
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match device(path) {
        Ok(own) => Ok(own != device(parent)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The file systems of macOS need no word for it.
pub(crate) fn spread_directories(_directory: &File) {}

/// Runs a program to its end, and kills it when the process ends that has started this one.
pub(crate) fn run_until_end_of(parent: i32, command: &mut Command) -> io::Result<ExitStatus> {
    let is_orphan = || Pid::as_raw(getppid()) != parent;
    if is_orphan() {
        return Err(io::Error::other("the process that has started it is gone"));
    }
    let mut child = command.spawn()?;
    let (process, ended) = (Pid::from_child(&child), AtomicBool::new(false));
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !ended.load(Ordering::Acquire) {
                if is_orphan() {
                    let _ = kill_process(process, Signal::KILL);
                    return;
                }
                thread::park_timeout(LOOK);
            }
        });
        let status = child.wait();
        ended.store(true, Ordering::Release);
        watch.thread().unpark();
        status
    })
}

/// Orphans belong to the first process of the machine here; nothing changes that.
pub(crate) fn adopt_orphans() {}

/// Whether the memory of this process has small pages alone: no other is given without being asked for.
pub(crate) fn has_small_pages() -> bool {
    true
}

/// Nothing is to be chosen here.
pub(crate) fn set_small_pages(_small: bool) {}

/// Makes a named pipe for this user and opens it for reading. It does not end when a writer goes, as long as both are held.
pub(crate) fn open_pipe(path: &Path) -> io::Result<(Receiver, Option<File>)> {
    supervisor::make_pipe(path)?;
    let receiver = OpenOptions::new().open_receiver(path)?;
    // There is a reader: this does not wait.
    let writer = File::options().write(true).open(path)?;
    Ok((receiver, Some(writer)))
}
