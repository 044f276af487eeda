//! Mounting, and the list of what is mounted.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    FsPickFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, fsconfig_reconfigure, fspick, mount,
    mount_bind, mount_bind_recursive, mount_change, mount_remount, move_mount, open_tree,
};

const LIST: &str = "/proc/self/mountinfo";

/// Why a view could not be laid out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot {action} {}: {source}", path.display())]
    At {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot {action}: {source}")]
    General {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    /// As another process has told it.
    #[error("{0}")]
    Told(String),
}

impl Problem {
    pub(super) fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::At { action, path: path.into(), source: source.into() }
    }

    pub(super) fn general(action: &'static str, source: impl Into<io::Error>) -> Self {
        Self::General { action, source: source.into() }
    }
}

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountPoint {
    pub(super) path: PathBuf,
    /// The options of this mount that a remount in a user namespace must repeat.
    pub(super) flags: MountFlags,
    pub(super) kind: String,
    pub(super) read_only: bool,
}

/// What is mounted, parents first; of several mounts on one path only the topmost.
pub(super) fn mount_points() -> Result<Vec<MountPoint>, Problem> {
    let text = std::fs::read(LIST).map_err(|error| Problem::new("read", LIST, error))?;
    let mut points: Vec<MountPoint> = Vec::new();
    for point in text.split(|byte| *byte == b'\n').filter_map(parse) {
        points.retain(|earlier| earlier.path != point.path);
        points.push(point);
    }
    points.sort_by_key(|point| point.path.components().count());
    Ok(points)
}

/// The mounts of this process's namespace, read again when they have changed.
#[derive(Debug)]
pub(super) struct MountTable {
    list: File,
    points: Vec<MountPoint>,
}

impl MountTable {
    pub(super) fn open() -> Result<Self, Problem> {
        let list = File::open(LIST).map_err(|error| Problem::new("read", LIST, error))?;
        Ok(Self { list, points: mount_points()? })
    }

    pub(super) fn points(&self) -> &[MountPoint] {
        &self.points
    }

    /// Whether something was mounted or unmounted since the last time.
    pub(super) fn refresh(&mut self) -> Result<bool, Problem> {
        let mut list = [PollFd::new(&self.list, PollFlags::PRI)];
        // The kernel tells of a change as of an error.
        let told = poll(&mut list, Some(&Timespec::default())).map_err(|errno| Problem::new("watch", LIST, errno))?;
        if told > 0 {
            self.points = mount_points()?;
        }
        Ok(told > 0)
    }
}

fn parse(line: &[u8]) -> Option<MountPoint> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let dash = fields.iter().position(|field| *field == b"-")?;
    let options = String::from_utf8_lossy(fields.get(5)?).into_owned();
    let super_options = String::from_utf8_lossy(fields.get(dash + 3)?).into_owned();
    let flags = options.split(',').fold(MountFlags::empty(), |flags, option| flags | flag(option));
    Some(MountPoint {
        path: unescape(fields.get(4)?),
        flags,
        kind: String::from_utf8_lossy(fields.get(dash + 1)?).into_owned(),
        read_only: flags.contains(MountFlags::RDONLY) || super_options.split(',').any(|option| option == "ro"),
    })
}

fn flag(option: &str) -> MountFlags {
    match option {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    }
}

/// Space, tab, newline and backslash stand as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'\\').then(|| tail.get(..3)).flatten();
        let value = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// What became of showing `path`: nothing is wrong with one that is gone. The mounts were listed a moment before, and a
/// container of the host that ended since then took its own with it.
pub(super) fn unless_gone(path: &Path, shown: Result<(), Problem>) -> Result<(), Problem> {
    if shown.is_err() && !path.exists() { Ok(()) } else { shown }
}

/// Keeps what is mounted from here on out of the host's sight.
pub(super) fn make_private() -> Result<(), Problem> {
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(|errno| Problem::general("leave the mounts of the host", errno))
}

/// Binds `source` and everything mounted below it to `target`.
pub(super) fn bind(source: &Path, target: &Path) -> Result<(), Problem> {
    mount_bind_recursive(source, target).map_err(|errno| Problem::new("bind", source, errno))
}

/// Binds `source` alone, where both are there; whether they are.
pub(super) fn bind_if_there(source: &Path, target: &Path) -> Result<bool, Problem> {
    match mount_bind(source, target) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(Problem::new("bind", source, errno)),
    }
}

/// Binds `source` alone; in a user namespace the kernel refuses that where something is mounted below.
pub(super) fn bind_one(source: &Path, target: &Path) -> Result<(), Problem> {
    mount_bind(source, target).map_err(|errno| Problem::new("bind", source, errno))
}

/// Makes the mount at `target` and those below it read-only.
pub(super) fn make_read_only(target: &Path) -> Result<(), Problem> {
    for point in mount_points()?.iter().filter(|point| point.path.starts_with(target)) {
        remount_read_only(&point.path, point.flags)?;
    }
    Ok(())
}

/// Makes one mount read-only. `flags` are those that it has: a user namespace may not take any away.
pub(super) fn remount_read_only(target: &Path, flags: MountFlags) -> Result<(), Problem> {
    mount_remount(target, flags | MountFlags::BIND | MountFlags::RDONLY, c"")
        .map_err(|errno| Problem::new("make read-only", target, errno))
}

/// A file system of a kind that needs no source.
pub(super) fn mount_new(kind: &str, target: &Path, options: Option<&CStr>) -> Result<(), Problem> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount(kind, target, kind, flags, options).map_err(|errno| Problem::new("mount", target, errno))
}

/// An empty file system in memory that devices work in.
pub(super) fn mount_devices(target: &Path) -> Result<(), Problem> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", target, "tmpfs", flags, c"mode=755,size=64k").map_err(|errno| Problem::new("mount", target, errno))
}

/// What is at an open place of the host, with everything mounted below it, to be shown in the view later.
pub(super) fn detached(source: impl AsFd) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(source, "", flags | OpenTreeFlags::AT_EMPTY_PATH)?)
}

/// Shows it at an open place of the view.
pub(super) fn attach(tree: impl AsFd, target: impl AsFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", target, "", flags)?)
}

/// The directories of one copy-on-write mount.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    /// Shown through `upper`; what is above all others stands first.
    pub(super) lower: &'a [&'a Path],
    pub(super) upper: &'a Path,
    pub(super) work: &'a Path,
}

impl Layers<'_> {
    /// Mounts the layers at `target` and gives what they are configured by. `unprivileged` keeps the marks in `user.`
    /// attributes, all that a user namespace allows.
    pub(super) fn mount(&self, target: &Path, unprivileged: bool) -> Result<OwnedFd, Problem> {
        let mut options = b"lowerdir=".to_vec();
        for (place, lower) in self.lower.iter().enumerate() {
            options.extend_from_slice(if place == 0 { b"" } else { b":" });
            escape(lower, &mut options);
        }
        options.extend_from_slice(b",upperdir=");
        escape(self.upper, &mut options);
        options.extend_from_slice(b",workdir=");
        escape(self.work, &mut options);
        if unprivileged {
            options.extend_from_slice(b",userxattr");
        }
        // Without `volatile` the end of every task would sync the host's disk; kernels before 5.10 do not know it.
        let quick = [&options, b",volatile".as_slice()].concat();
        let attempt = overlay(target, &quick).or_else(|errno| match errno {
            Errno::INVAL => overlay(target, &options),
            _ => Err(errno),
        });
        attempt.map_err(|errno| Problem::new("lay a copy-on-write layer at", target, errno))?;
        fspick(CWD, target, FsPickFlags::FSPICK_CLOEXEC).map_err(|errno| Problem::new("configure", target, errno))
    }
}

/// Has a copy-on-write layer look at the host again: the kernel forgets what it has found there and what it has not. (It drops
/// the names that it has cached, `reconfigure_super` in fs/super.c.)
pub(super) fn look_again(layers: impl AsFd) -> io::Result<()> {
    Ok(fsconfig_reconfigure(layers)?)
}

fn overlay(target: &Path, options: &[u8]) -> rustix::io::Result<()> {
    let options = CString::new(options).map_err(|_| Errno::INVAL)?;
    // A device that a task makes is none.
    mount("overlay", target, "overlay", MountFlags::NODEV, options.as_c_str())
}

fn escape(path: &Path, options: &mut Vec<u8>) {
    for byte in path.as_os_str().as_bytes() {
        if matches!(byte, b'\\' | b',' | b':') {
            options.push(b'\\');
        }
        options.push(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_line_gives_its_path_kind_and_flags() {
        let line =
            br"36 35 98:0 /mnt1 /mnt/my\040disk\134x rw,nosuid,noatime master:1 - ext3 /dev/root ro,errors=continue";
        let point = parse(line).map(|point| (point.path, point.kind, point.flags, point.read_only));
        let flags = MountFlags::NOSUID | MountFlags::NOATIME;
        assert_eq!(point, Some((PathBuf::from(r"/mnt/my disk\x"), "ext3".to_owned(), flags, true)));
    }

    #[test]
    fn only_a_mount_that_is_gone_is_passed_over() {
        let missing = Path::new("/proc/self/fd/no-such-file");
        assert!(unless_gone(missing, bind_one(missing, Path::new("/proc/self/fd/neither"))).is_ok());
        let refused = || Err(Problem::general("bind", io::Error::from(io::ErrorKind::PermissionDenied)));
        assert!(unless_gone(missing, refused()).is_ok());
        assert!(unless_gone(Path::new("/"), refused()).is_err());
    }

    #[test]
    fn a_line_cut_short_is_no_mount() {
        assert_eq!(parse(b"36 35 98:0 /mnt1 /mnt"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn separators_in_a_layer_path_are_escaped() {
        let mut options = Vec::new();
        escape(Path::new(r"/a:b,c\d"), &mut options);
        assert_eq!(options, br"/a\:b\,c\\d");
    }

    #[test]
    fn the_root_is_listed_first() {
        let first = mount_points().ok().and_then(|points| points.into_iter().next()).map(|point| point.path);
        assert_eq!(first, Some(PathBuf::from("/")));
    }
}
