//! Removing directories that others have filled.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{FileType, OFlags};

use super::beneath::Place;
use super::tree;
use crate::platform::{self, open_unmounted};

const READABLE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Removes a directory with everything in it, also what a task has made inaccessible. A missing one is fine. What is mounted
/// in it is an error and keeps its content.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let place = match Place::of(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        place => place?,
    };
    match tree::remove(&place) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let (directory, name) = place.parts();
            open_up(directory, name)?;
            tree::remove(&place)
        }
        done => done,
    }
}

/// Removes everything in an open directory, also what a task has made inaccessible.
pub(crate) fn empty(directory: impl AsFd) -> io::Result<()> {
    match tree::empty(&directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let names = tree::names(&directory)?;
            names.iter().try_for_each(|name| open_up(directory.as_fd(), name))?;
            tree::empty(directory)
        }
        done => done,
    }
}

fn open_up(directory: BorrowedFd, name: &OsStr) -> io::Result<()> {
    if platform::open_up(directory, name)? == FileType::Directory {
        let opened = open_unmounted(directory, name, READABLE)?;
        for name in tree::names(&opened)? {
            open_up(opened.as_fd(), &name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// In a thread with mounts of its own.
    #[cfg(target_os = "linux")]
    fn with_own_mounts(test: impl FnOnce() -> io::Result<()> + Send) -> io::Result<()> {
        use rustix::mount::{MountPropagationFlags, mount_change};
        use rustix::thread::UnshareFlags;

        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                supervisor::unshare(UnshareFlags::FS | UnshareFlags::NEWNS)?;
                mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
                test()
            });
            thread.join().map_err(|_| io::Error::other("the thread panicked"))?
        })
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_mounted_in_a_tree_is_neither_removed_nor_changed() -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        fs::create_dir_all(path("host/sub"))?;
        fs::write(path("host/sub/file"), "mine")?;
        fs::set_permissions(path("host"), Permissions::from_mode(0o711))?;
        fs::create_dir_all(path("tree/in/mounted"))?;
        fs::write(path("tree/in/file"), "theirs")?;
        with_own_mounts(|| {
            rustix::mount::mount_bind(path("host"), path("tree/in/mounted"))?;
            for refused in [remove_tree(&path("tree")), empty(fs::File::open(path("tree"))?)] {
                assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::CrossesDevices));
            }
            let place = Place::of(&path("tree/in"))?;
            let (parent, name) = place.parts();
            assert!(open_up(parent, name).is_err());
            Ok(())
        })?;
        assert_eq!(fs::read_to_string(path("host/sub/file"))?, "mine");
        assert_eq!(path("host").metadata()?.permissions().mode() & 0o777, 0o711);
        remove_tree(&path("tree"))?;
        assert!(!path("tree").exists());
        remove_tree(&path("tree"))
    }

    #[test]
    fn what_a_task_has_closed_is_removed() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("closed/in"))?;
        fs::write(tree.join("closed/in/file"), "")?;
        fs::set_permissions(tree.join("closed/in"), Permissions::from_mode(0o000))?;
        fs::set_permissions(tree.join("closed"), Permissions::from_mode(0o000))?;
        empty(fs::File::open(&tree)?)?;
        assert_eq!(fs::read_dir(&tree)?.count(), 0);
        remove_tree(&tree)?;
        remove_tree(&directory.path().join("neither/there"))
    }
}
