//! Paths, one directory after another, where the kernel has no call that keeps a path within a directory. What is open stays
//! where it is whatever others rename, and `..` goes back to what was open before: no race leads out.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::{Errno, Result};

use super::Within;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The kernel follows as many links in one path.
const MOST_LINKS: usize = 40;

/// Opens a path without leaving what it must not leave.
pub(super) fn open_within(top: BorrowedFd, path: &Path, flags: OFlags, within: Within) -> Result<OwnedFd> {
    let mut walk = Walk { top, open: Vec::new(), left: VecDeque::new(), links: 0, within };
    walk.put_in_front(path)?;
    while let Some(name) = walk.left.pop_front() {
        if name == ".." {
            walk.go_back()?;
        } else if let Some(end) = walk.step(&name, flags)? {
            return Ok(end);
        }
    }
    openat(walk.here(), ".", flags, Mode::empty())
}

struct Walk<'a> {
    top: BorrowedFd<'a>,
    /// The directories below the top, down to where it is.
    open: Vec<OwnedFd>,
    /// The names that are still to go.
    left: VecDeque<OsString>,
    links: usize,
    within: Within,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.top, AsFd::as_fd)
    }

    /// Goes these names first.
    fn put_in_front(&mut self, path: &Path) -> Result<()> {
        if path.is_absolute() {
            match self.within {
                Within::Root => self.open.clear(),
                Within::Directory | Within::DirectoryWithoutLinks => return Err(Errno::XDEV),
            }
        }
        let names = path.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        for name in names.collect::<Vec<_>>().into_iter().rev() {
            self.left.push_front(name);
        }
        Ok(())
    }

    fn go_back(&mut self) -> Result<()> {
        match (self.open.pop(), self.within) {
            (Some(_), _) | (None, Within::Root) => Ok(()),
            (None, Within::Directory | Within::DirectoryWithoutLinks) => Err(Errno::XDEV),
        }
    }

    /// Enters a directory, or opens the end of the path. What becomes a link between the look and the open is an error.
    fn step(&mut self, name: &OsStr, flags: OFlags) -> Result<Option<OwnedFd>> {
        let is_last = self.left.is_empty();
        let kind = FileType::from_raw_mode(statat(self.here(), name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        if kind == FileType::Symlink && !(is_last && flags.contains(OFlags::NOFOLLOW)) {
            return self.follow(name).map(|()| None);
        }
        if is_last {
            return openat(self.here(), name, flags | OFlags::NOFOLLOW, Mode::empty()).map(Some);
        }
        let entered = openat(self.here(), name, DIRECTORY, Mode::empty())?;
        self.open.push(entered);
        Ok(None)
    }

    fn follow(&mut self, name: &OsStr) -> Result<()> {
        self.links += 1;
        if self.within == Within::DirectoryWithoutLinks || self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        let target = readlinkat(self.here(), name, Vec::new())?;
        self.put_in_front(Path::new(OsStr::from_bytes(target.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{self, Read};
    use std::os::unix::fs::symlink;

    use super::*;

    /// What a path leads to, by its content.
    fn read(top: &Path, path: &str, within: Within) -> io::Result<String> {
        let top = File::open(top)?;
        let opened = open_within(top.as_fd(), Path::new(path), OFlags::RDONLY | OFlags::CLOEXEC, within)?;
        let mut text = String::new();
        File::from(opened).read_to_string(&mut text)?;
        Ok(text)
    }

    fn laid_out() -> io::Result<tempfile::TempDir> {
        let host = tempfile::tempdir()?;
        let top = host.path().join("top");
        fs::create_dir_all(top.join("in/deep"))?;
        fs::write(host.path().join("secret"), "secret")?;
        fs::write(top.join("in/deep/file"), "inside")?;
        fs::write(top.join("secret"), "of the top")?;
        symlink("..", top.join("up"))?;
        symlink("/secret", top.join("absolute"))?;
        symlink("deep/../deep", top.join("in/inside"))?;
        symlink("loop", top.join("loop"))?;
        Ok(host)
    }

    #[test]
    fn a_path_stays_within_its_directory() -> io::Result<()> {
        let host = laid_out()?;
        let top = host.path().join("top");
        for inside in ["in/deep/file", "in/inside/file", "./in/../in/deep//file"] {
            assert_eq!(read(&top, inside, Within::Directory)?, "inside", "{inside}");
        }
        for outside in ["../secret", "up/secret", "absolute", "up/top/in/deep/file", "in/../../secret", "/secret"] {
            let error = read(&top, outside, Within::Directory).map_err(|error| error.kind());
            assert_eq!(error, Err(io::ErrorKind::CrossesDevices), "{outside}");
        }
        Ok(())
    }

    #[test]
    fn a_directory_can_take_the_place_of_the_root() -> io::Result<()> {
        let host = laid_out()?;
        let top = host.path().join("top");
        for path in ["absolute", "up/secret", "../../secret", "/secret"] {
            assert_eq!(read(&top, path, Within::Root)?, "of the top", "{path}");
        }
        Ok(())
    }

    #[test]
    fn links_are_refused_where_none_is_wanted_and_where_they_have_no_end() -> io::Result<()> {
        let host = laid_out()?;
        let top = host.path().join("top");
        assert_eq!(read(&top, "in/deep/file", Within::DirectoryWithoutLinks)?, "inside");
        for (path, within) in [("in/inside/file", Within::DirectoryWithoutLinks), ("loop", Within::Directory)] {
            let error = read(&top, path, within).expect_err("it is refused");
            assert_eq!(Errno::from_io_error(&error), Some(Errno::LOOP), "{path}");
        }
        assert!(read(&top, "in/deep/file/more", Within::Directory).is_err());
        assert!(read(&top, "none", Within::Directory).is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
        Ok(())
    }

    #[test]
    fn the_directory_itself_is_opened() -> io::Result<()> {
        let host = laid_out()?;
        let top = File::open(host.path().join("top"))?;
        for path in ["", ".", "in/.."] {
            let opened = open_within(top.as_fd(), Path::new(path), DIRECTORY, Within::Directory)?;
            let same = |one: &File, other: &File| io::Result::Ok(fs_id(one)? == fs_id(other)?);
            assert!(same(&File::from(opened), &top)?, "{path}");
        }
        Ok(())
    }

    fn fs_id(file: &File) -> io::Result<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }
}
