//! Linux.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use rustix::fs::{
    AtFlags, CWD, FileType, IFlags, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags, fstat, ioctl_ficlone,
    ioctl_getflags, ioctl_setflags, mkfifoat, openat, openat2, statx, syncfs,
};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::process::{Pid, Signal, getpid, getppid, set_child_subreaper, set_parent_process_death_signal};
use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use super::Within;

/// Opens something to name it, not to read it.
pub(crate) const HANDLE: OFlags = OFlags::PATH;

const READABLE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Permission bits.
pub(crate) fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode(bits)
}

/// Opens a path without leaving what it must not leave; `ENOSYS` or `EPERM` where the kernel cannot, or may not.
pub(crate) fn open_within(
    top: BorrowedFd,
    path: impl Arg,
    flags: OFlags,
    within: Within,
) -> rustix::io::Result<OwnedFd> {
    openat2(top, path, flags, Mode::empty(), resolve(within))
}

fn resolve(within: Within) -> ResolveFlags {
    match within {
        Within::Directory => ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
        Within::DirectoryWithoutLinks => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        Within::Root => ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
    }
}

/// Whether [`open_within`] works (openat2): since 5.6, unless a sandbox forbids it.
pub(crate) fn resolves_within(top: BorrowedFd, within: Within) -> bool {
    open_within(top, ".", OFlags::PATH | OFlags::CLOEXEC, within).is_ok()
}

/// Opens a file or directory on which nothing is mounted.
pub(crate) fn open_unmounted(directory: BorrowedFd, name: impl Arg + Copy, flags: OFlags) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV;
    match openat2(directory, name, flags, Mode::empty(), resolve) {
        // Before Linux 5.6, or in a sandbox that does not know it: there nothing is mounted for tasks.
        Err(Errno::NOSYS | Errno::PERM) => Ok(openat(directory, name, flags, Mode::empty())?),
        done => Ok(done?),
    }
}

/// Lets this user change what is in a directory, and enter one; no link is followed, and nothing mounted is changed. Gives
/// what it is.
pub(crate) fn open_up(directory: BorrowedFd, name: impl Arg + Copy) -> io::Result<FileType> {
    let found = open_unmounted(directory, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC)?;
    let kind = FileType::from_raw_mode(fstat(&found)?.st_mode);
    if matches!(kind, FileType::Directory | FileType::RegularFile) {
        make_changeable(directory, name);
    }
    if kind == FileType::Directory {
        fs::set_permissions(path_through(&found), Permissions::from_mode(0o700))?;
    }
    Ok(kind)
}

/// Takes the flags away that keep root too from removing a file.
fn make_changeable(directory: BorrowedFd, name: impl Arg) {
    let Ok(file) = openat(directory, name, READABLE, Mode::empty()) else {
        return;
    };
    if ioctl_getflags(&file).is_ok_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND)) {
        let _ = ioctl_setflags(&file, IFlags::empty());
    }
}

/// The path without links of an open file.
pub(crate) fn path_of(open: impl AsFd) -> io::Result<PathBuf> {
    // By reference: what is closed has no path any more.
    fs::read_link(path_through(&open))
}

/// A path to something open, as long as it is, where `/proc` is this process's.
pub(crate) fn path_through(open: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", open.as_fd().as_raw_fd()))
}

/// Shares the content of a file with an empty one; an error where the file system cannot.
pub(crate) fn clone_content(source: &File, target: &File) -> io::Result<()> {
    Ok(ioctl_ficlone(target, source)?)
}

/// Writes everything of a file's file system to disk.
pub(crate) fn sync_file_system(file: &File) -> io::Result<()> {
    Ok(syncfs(file)?)
}

/// Whether something is mounted at a path, as far as the kernel tells.
pub(crate) fn is_mount_point(path: &Path) -> io::Result<bool> {
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
        Ok(found) => Ok(found.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT)
            && found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOENT | Errno::NOSYS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Asks ext4 to spread the directories in this one over the disk. In the block group of a tree that was just removed, each
/// new file costs a search: ext4 skips recently deleted inodes one by one, for minutes. Other file systems neither have nor
/// need this flag.
pub(crate) fn spread_directories(directory: &File) {
    if let Ok(flags) = ioctl_getflags(directory)
        && !flags.contains(IFlags::TOPDIR)
    {
        // Without the flag everything works, only slower.
        let _ = ioctl_setflags(directory, flags | IFlags::TOPDIR);
    }
}

/// Becomes a program that the kernel kills when the process ends that has started this one. Returns where that cannot be.
pub(crate) fn run_until_end_of(parent: i32, command: &mut Command) -> io::Result<ExitStatus> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if Pid::as_raw(getppid()) != parent {
        return Err(io::Error::other("the process that has started it is gone"));
    }
    Err(command.exec())
}

/// What the processes that this one has started leave behind belongs to it from now on.
pub(crate) fn adopt_orphans() {
    // Without it the orphans belong to the first process of the machine, and are found all the same.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Whether the memory of this process has small pages alone.
pub(crate) fn has_small_pages() -> bool {
    !transparent_huge_pages_are_disabled().is_ok_and(|disabled| !disabled)
}

/// Gives this process, and what it starts, small pages alone, or huge ones too.
pub(crate) fn set_small_pages(small: bool) {
    // A kernel that does not know them has small ones.
    let _ = disable_transparent_huge_pages(small);
}

/// Makes a named pipe for this user and opens it for reading. It does not end when a writer goes, as long as both are held.
pub(crate) fn open_pipe(path: &Path) -> io::Result<(Receiver, Option<File>)> {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
    Ok((OpenOptions::new().read_write(true).open_receiver(path)?, None))
}
