//! Where an ordinary user may write on this host beside the directories that the view looks at anyway. Found once a run:
//! it takes a look at thousands of directories.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::{getegid, geteuid};

use super::{Reach, mounts};

/// What no user's directories lie in, and what is not to be looked through.
const LEFT_OUT: [&str; 17] = [
    "/bin",
    "/boot",
    "/dev",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/nix",
    "/proc",
    "/root",
    "/run/user",
    "/sbin",
    "/snap",
    "/sys",
    "/tmp",
    "/usr",
];
/// Looked through although it lies in one of them.
const ADDED: &str = "/usr/local";
/// File systems of this machine: a look into others may take long, or mount something.
const LOCAL: [&str; 9] = ["bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs"];
/// So many directories are looked at, those near the root first.
const MOST: usize = 4_000;

/// Looks through this host, but not into what tasks do not see.
pub(crate) fn find(hidden: &[PathBuf]) -> Reach {
    let points = mounts::mount_points().unwrap_or_default();
    let elsewhere = points.into_iter().filter(|point| !LOCAL.contains(&point.kind.as_str()));
    let left_out = LEFT_OUT.iter().map(PathBuf::from).chain(hidden.iter().cloned());
    let left_out = left_out.chain(elsewhere.map(|point| point.path)).collect();
    let mut search = Search { left_out, reach: Reach::default(), waiting: VecDeque::new() };
    search.enter(Path::new("/"), false);
    search.waiting.push_back((PathBuf::from(ADDED), false));
    for _ in 0..MOST {
        let Some((directory, within)) = search.waiting.pop_front() else { break };
        search.look_at(&directory, within);
    }
    search.reach
}

struct Search {
    left_out: HashSet<PathBuf>,
    reach: Reach,
    /// Directories, each with whether it lies in one that the caller may write in.
    waiting: VecDeque<(PathBuf, bool)>,
}

impl Search {
    fn look_at(&mut self, directory: &Path, within: bool) {
        let Ok(metadata) = directory.symlink_metadata() else { return };
        let writable = metadata.is_dir() && access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        if writable && !within {
            self.reach.own.push(directory.to_owned());
        }
        if writable && within && is_foreign(&metadata) {
            self.reach.foreign.push(directory.to_owned());
        }
        // One that holds no directory has no link but its name and `.`.
        if metadata.nlink() != 2 {
            self.enter(directory, within || writable);
        }
    }

    fn enter(&mut self, directory: &Path, within: bool) {
        // What the caller may not read, his tasks do not see.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !self.left_out.contains(&path) {
                self.waiting.push_back((path, within));
            }
        }
    }
}

fn is_foreign(metadata: &Metadata) -> bool {
    metadata.uid() != geteuid().as_raw() || metadata.gid() != getegid().as_raw()
}
