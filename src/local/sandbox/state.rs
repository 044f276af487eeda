//! What a task may change of a directory: itself, and what lies in it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{
    AtFlags, FileType, IFlags, Mode, OFlags, Timespec, Timestamps, fchmod, fchown, fgetxattr, flistxattr, fremovexattr,
    futimens, ioctl_getflags, ioctl_setflags, openat, statat,
};
use rustix::process::{Gid, Uid};

use crate::file::remove::empty;
use crate::file::tree::names;

/// What the kernel writes on the uppermost directory of a layer by itself.
const OF_KERNEL: [&str; 4] =
    ["trusted.overlay.origin", "trusted.overlay.uuid", "user.overlay.origin", "user.overlay.uuid"];

/// A directory at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    itself: Itself,
    /// What lies in it and in the directories below, but for what is mounted there.
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Itself {
    mode: u32,
    owner: (u32, u32),
    /// Grows with the entries, and does not shrink.
    size: u64,
    modified: (i64, i64),
    flags: u32,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The kernel sets the time of the last change, of whatever, and nobody else.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    depth: usize,
    name: Vec<u8>,
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    device: u64,
    changed: (i64, i64),
}

/// What of a directory of the host is to be seen in the upper layer over it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    file: (u64, u64),
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
}

impl From<&Metadata> for Look {
    fn from(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl State {
    pub(super) fn read(directory: &File) -> io::Result<Self> {
        let mut entries = Vec::new();
        list(directory, 0, usize::MAX, &mut entries)?;
        Ok(Self { itself: Itself::read(directory)?, entries })
    }

    /// Whether nothing lies in the directory.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the directory still is as it was.
    pub(super) fn holds(&self, directory: &File) -> bool {
        let mut entries = Vec::new();
        Itself::read(directory).is_ok_and(|itself| itself == self.itself)
            && list(directory, 0, self.entries.len(), &mut entries).is_ok()
            && entries == self.entries
    }

    /// Whether the directory is as it was, or could be made so: no layer that is mounted may lie in it.
    pub(super) fn settle(&self, directory: &File) -> bool {
        self.holds(directory) || (self.restore(directory).is_ok() && self.holds(directory))
    }

    fn restore(&self, directory: &File) -> io::Result<()> {
        let Itself { mode, owner: (user, group), modified: (seconds, nanoseconds), flags, .. } = self.itself;
        if ioctl_getflags(directory).map_or(0, |flags| flags.bits()) != flags {
            ioctl_setflags(directory, IFlags::from_bits_retain(flags))?;
        }
        fchown(directory, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
        for (name, _) in attributes(directory)?.iter().filter(|new| !self.itself.attributes.contains(new)) {
            fremovexattr(directory, name.as_slice())?;
        }
        fchmod(directory, Mode::from_raw_mode(mode & 0o7777))?;
        empty(directory)?;
        let modified = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        Ok(futimens(directory, &Timestamps { last_access: modified, last_modification: modified })?)
    }
}

impl Itself {
    fn read(directory: &File) -> io::Result<Self> {
        let metadata = directory.metadata()?;
        Ok(Self {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            // Not every file system has them.
            flags: ioctl_getflags(directory).map_or(0, |flags| flags.bits()),
            attributes: attributes(directory)?,
        })
    }
}

/// Lists what lies in a directory, by name, and stops where there is more than `most`.
fn list(directory: &File, depth: usize, most: usize, entries: &mut Vec<Entry>) -> io::Result<()> {
    let device = directory.metadata()?.dev();
    let mut names = names(directory)?;
    names.sort();
    for name in names {
        let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat.st_dev != device {
            continue;
        }
        if entries.len() == most {
            return Err(io::Error::other("there is more than there was"));
        }
        entries.push(Entry {
            depth,
            inode: stat.st_ino,
            mode: stat.st_mode,
            owner: (stat.st_uid, stat.st_gid),
            device: stat.st_rdev,
            changed: (stat.st_ctime, stat.st_ctime_nsec.cast_signed()),
            name: name.as_encoded_bytes().to_vec(),
        });
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            list(&openat(directory, &name, flags, Mode::empty())?.into(), depth + 1, most, entries)?;
        }
    }
    Ok(())
}

fn attributes(directory: &File) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = [0u8; 1024];
    let names = match flistxattr(directory, &mut names) {
        Ok(length) => &names[..length],
        Err(rustix::io::Errno::OPNOTSUPP) => &[],
        Err(errno) => return Err(errno.into()),
    };
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let names = names.filter(|name| !OF_KERNEL.iter().any(|own| own.as_bytes() == *name));
    let read = |name: &[u8]| {
        let mut value = [0u8; 4096];
        let length = fgetxattr(directory, name, &mut value)?;
        Ok((name.to_vec(), value[..length].to_vec()))
    };
    names.map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{XattrFlags, fsetxattr};

    use super::*;

    #[test]
    fn what_lies_in_a_directory_is_part_of_it() -> io::Result<()> {
        let kept = tempfile::tempdir()?;
        let path = |name: &str| kept.path().join(name);
        fs::create_dir_all(path("a/b"))?;
        fs::write(path("a/file"), "x")?;
        let directory = File::open(kept.path())?;
        let state = State::read(&directory)?;
        assert!(state.holds(&directory));
        fs::create_dir(path("a/b/c"))?;
        assert!(!state.holds(&directory));
        let state = State::read(&directory)?;
        fs::set_permissions(path("a/b/c"), Permissions::from_mode(0o700))?;
        assert!(!state.holds(&directory));
        let state = State::read(&directory)?;
        let before = path("a/file").metadata()?.modified()?;
        fs::write(path("a/file"), "y")?;
        File::options().write(true).open(path("a/file"))?.set_modified(before)?;
        assert!(!state.holds(&directory), "the time of the last change is not a task's to set");
        Ok(())
    }

    #[test]
    fn a_directory_is_made_as_it_was() -> io::Result<()> {
        let kept = tempfile::tempdir()?;
        let directory = File::open(kept.path())?;
        let state = State::read(&directory)?;
        assert!(state.holds(&directory));
        let change: [fn(&std::path::Path) -> io::Result<()>; 4] = [
            |path| fs::create_dir_all(path.join("a/b")),
            |path| fs::set_permissions(path, Permissions::from_mode(0o1777)),
            |path| fs::write(path.join("file"), "").and_then(|()| fs::remove_file(path.join("file"))),
            |path| {
                let value = fsetxattr(File::open(path)?, "user.left", b"x", XattrFlags::empty());
                // Not every file system has such attributes.
                value.or_else(|_| fs::write(path.join("other"), "").map_err(|_| rustix::io::Errno::IO))?;
                Ok(())
            },
        ];
        for change in change {
            change(kept.path())?;
            assert!(!state.holds(&directory));
            state.restore(&directory)?;
            assert!(state.holds(&directory), "{:?} is not {state:?}", State::read(&directory)?);
        }
        Ok(())
    }
}
