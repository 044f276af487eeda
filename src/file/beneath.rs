//! Resolves untrusted paths, from a document or a task, beneath a directory: neither `..`, nor a link, nor a magic link
//! of `/proc` leads out of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, open, openat};
use rustix::io::Errno;

pub(crate) use crate::platform::path_of;
use crate::platform::{self, HANDLE, Within};

/// How often a lookup is repeated if the path changes during it (EAGAIN).
const MAX_TRIES: usize = 128;

/// A directory beneath which paths are resolved.
#[derive(Debug)]
pub(crate) struct Beneath {
    top: OwnedFd,
    within: Within,
}

/// A name in an open directory.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: OwnedFd,
    pub(crate) name: OsString,
}

impl Beneath {
    /// The root directory of this process. Links are followed as usual, except magic links of `/proc`.
    pub(crate) fn root() -> io::Result<Self> {
        Self::directory_as_root(Path::new("/"))
    }

    /// A directory that takes the place of the root: links lead as they would from there.
    pub(crate) fn directory_as_root(path: &Path) -> io::Result<Self> {
        Self::open_top(path, Within::Root)
    }

    /// A directory of the host. A link that leads out of it is an error.
    pub(crate) fn directory(path: &Path) -> io::Result<Self> {
        Self::open_top(path, Within::Directory)
    }

    fn open_top(path: &Path, within: Within) -> io::Result<Self> {
        Ok(Self { top: open(path, HANDLE | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?, within })
    }

    /// Whether the kernel supports this.
    pub(crate) fn is_supported(&self) -> bool {
        platform::resolves_within(self.top.as_fd(), self.within)
    }

    /// Opens a path. A pipe is opened without waiting for its other end.
    pub(crate) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = relative(path);
        let is_handle = !HANDLE.is_empty() && flags.contains(HANDLE);
        let usual = if is_handle { OFlags::empty() } else { OFlags::NOCTTY | OFlags::NONBLOCK };
        let flags = flags | OFlags::CLOEXEC | usual;
        for _ in 0..MAX_TRIES {
            match platform::open_within(self.top.as_fd(), path, flags, self.within) {
                Err(Errno::AGAIN) => {}
                // Only a task without its own view of the file system gets here: other tasks are refused if openat2 is
                // not supported.
                Err(Errno::NOSYS | Errno::PERM) => return Ok(openat(&self.top, path, flags, Mode::empty())?),
                done => return Ok(done?),
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// Opens a directory; creates it and its parents if missing.
    pub(crate) fn make_directory(&self, path: &Path, mode: u32) -> io::Result<OwnedFd> {
        let flags = HANDLE | OFlags::DIRECTORY;
        match self.open(path, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
        let Place { directory, name } = self.place(path)?;
        match mkdirat(&directory, &name, platform::mode(mode)) {
            Ok(()) | Err(Errno::EXIST) => self.open(path, flags),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The place of a file or directory; missing parent directories are created.
    pub(crate) fn place(&self, path: &Path) -> io::Result<Place> {
        let name = path.file_name().ok_or_else(|| invalid("not the path of a file"))?;
        let directory = self.make_directory(path.parent().unwrap_or(Path::new("")), 0o755)?;
        Ok(Place { directory, name: name.to_owned() })
    }
}

impl Place {
    /// The place of a trusted path of this program.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| invalid("not the path of a file"))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = openat(CWD, parent, HANDLE | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { directory, name: name.to_owned() })
    }

    pub(crate) fn parts(&self) -> (BorrowedFd<'_>, &OsStr) {
        (self.directory.as_fd(), &self.name)
    }
}

/// Returns the file if it is a regular file or a directory; other files have no content.
pub(crate) fn has_content(open: OwnedFd) -> io::Result<File> {
    let file = File::from(open);
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() { Ok(file) } else { Err(invalid("not a file or directory")) }
}

fn relative(path: &Path) -> &Path {
    let path = path.strip_prefix("/").unwrap_or(path);
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out_of_a_directory() -> io::Result<()> {
        let host = tempfile::tempdir()?;
        let top = host.path().join("top");
        fs::create_dir_all(top.join("in/deep"))?;
        fs::write(host.path().join("secret"), "")?;
        symlink("..", top.join("up"))?;
        symlink("/", top.join("absolute"))?;
        symlink("in/deep", top.join("inside"))?;
        let beneath = Beneath::directory(&top)?;
        for inside in ["", "in/deep", "inside", "in/../in", "/in"] {
            assert!(beneath.open(Path::new(inside), HANDLE).is_ok(), "{inside}");
        }
        for outside in ["up/secret", "../secret", "up/top/in", "absolute/etc"] {
            assert!(beneath.open(Path::new(outside), HANDLE).is_err(), "{outside}");
            assert!(beneath.make_directory(&Path::new(outside).join("new"), 0o755).is_err(), "{outside}");
        }
        assert_eq!(fs::read_dir(host.path())?.count(), 2);
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn links_of_proc_are_not_followed() -> io::Result<()> {
        use std::os::fd::AsRawFd;
        use std::path::PathBuf;

        let host = tempfile::tempdir()?;
        let held = File::open(host.path())?;
        let through = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
        let root = Beneath::root()?;
        assert!(root.open(&through, HANDLE).is_err());
        assert!(root.make_directory(&through.join("new"), 0o755).is_err());
        let link = host.path().join("link");
        symlink(&through, &link)?;
        assert!(root.place(&link.join("new/file")).is_err());
        assert_eq!(fs::read_dir(host.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn missing_directories_are_created() -> io::Result<()> {
        let host = tempfile::tempdir()?;
        let beneath = Beneath::directory(host.path())?;
        let place = beneath.place(Path::new("/a/b/c"))?;
        assert_eq!(path_of(&place.directory)?.join(&place.name), host.path().canonicalize()?.join("a/b/c"));
        assert!(host.path().join("a/b").is_dir() && !host.path().join("a/b/c").exists());
        assert!(beneath.place(Path::new("/")).is_err());
        Ok(())
    }
}
