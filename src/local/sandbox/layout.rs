//! The directories of a view on the disk of the run. Those that a task has left as they were serve the next one; the others
//! are made again.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Timespec, Timestamps, fgetxattr, flistxattr, ioctl_getflags, utimensat};

use super::mounts::{Layers, Problem, mount_new};
use crate::file::remove::remove_tree;

/// What the kernel writes on the uppermost directory of a layer by itself.
const OF_KERNEL: [&str; 4] =
    ["trusted.overlay.origin", "trusted.overlay.uuid", "user.overlay.origin", "user.overlay.uuid"];

/// Where the input artifacts of a task lie.
pub(super) const INPUTS: &str = "inputs";

/// Where the parts of a view lie.
#[derive(Debug)]
pub(super) struct Layout {
    view: PathBuf,
    kept: Vec<Kept>,
    unprivileged: bool,
    /// Whether upper layers lie in memory, where the disk's file system cannot hold them.
    in_memory: bool,
    memory: Option<PathBuf>,
    count: usize,
}

/// An empty directory that a task may change.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    made: Make,
    state: State,
}

#[derive(Debug, Clone)]
enum Make {
    /// With these permission bits.
    Mode(u32),
    /// As the upper layer over a directory of the host, beside which the kernel's own directory lies.
    Upper { lower: PathBuf, work: PathBuf },
}

impl Layout {
    /// Begins with an empty directory `view`.
    pub(super) fn new(view: PathBuf, unprivileged: bool) -> Result<Self, Problem> {
        let mut layout = Self { view, kept: Vec::new(), unprivileged, in_memory: false, memory: None, count: 0 };
        for (name, mode) in
            [("root", 0o755), ("memory", 0o700), ("tmp", 0o1777), ("var-tmp", 0o1777), ("hidden", 0o755)]
        {
            layout.keep(layout.view.join(name), Make::Mode(mode))?;
        }
        Ok(layout)
    }

    /// The directory that becomes `/`.
    pub(super) fn root(&self) -> PathBuf {
        self.view.join("root")
    }

    /// A part of the view.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.view.join(name)
    }

    /// A directory on disk that no task changes, or, by the name [`INPUTS`], one that goes with the task.
    pub(super) fn fresh(&self, name: &str, mode: u32) -> Result<PathBuf, Problem> {
        let path = self.view.join(name);
        make_directory(&path, mode)?;
        Ok(path)
    }

    /// Prepares a copy-on-write layer over the host's directory `lower`.
    pub(super) fn prepare(&mut self, lower: &Path) -> Result<(), Problem> {
        self.count += 1;
        let (upper, work) = (format!("upper{}", self.count), format!("work{}", self.count));
        let made = Make::Upper { lower: lower.to_owned(), work: self.view.join(work) };
        self.keep(self.view.join(upper), made)
    }

    fn keep(&mut self, path: PathBuf, made: Make) -> Result<(), Problem> {
        self.make(&path, &made)?;
        let state = State::read(&path).map_err(|error| Problem::new("read", &path, error))?;
        self.kept.push(Kept { path, made, state });
        Ok(())
    }

    fn make(&self, path: &Path, kind: &Make) -> Result<(), Problem> {
        match kind {
            Make::Mode(bits) => make_directory(path, *bits),
            Make::Upper { lower, work } => {
                make_directory(work, 0o700)?;
                make_upper(path, lower, self.unprivileged)
            }
        }
    }

    /// Makes again what a task has changed, and removes what else it has left.
    pub(super) fn renew(&mut self) -> Result<(), Problem> {
        let mut kept = std::mem::take(&mut self.kept);
        for one in &mut kept {
            if !one.is_as_it_was() {
                remove(&one.path)?;
                self.make(&one.path, &one.made)?;
                one.state = State::read(&one.path).map_err(|error| Problem::new("read", &one.path, error))?;
            }
            if let Make::Upper { work, .. } = &one.made {
                renew_work(work)?;
            }
        }
        self.kept = kept;
        remove(&self.view.join(INPUTS))
    }

    /// Lays a copy-on-write layer over the host's directory `lower` at `target`.
    pub(super) fn overlay(&mut self, lower: &Path, target: &Path) -> Result<(), Problem> {
        self.overlay_all(&[lower], target)
    }

    /// Lays one over several directories. The first is above the others, the last is the host's.
    pub(super) fn overlay_all(&mut self, lower: &[&Path], target: &Path) -> Result<(), Problem> {
        let host = lower.last().copied().unwrap_or(target);
        let mut uppers = self.kept.iter().filter_map(|kept| match &kept.made {
            Make::Upper { lower, work } => Some((lower, &kept.path, work)),
            Make::Mode(_) => None,
        });
        let is_first = uppers.clone().next().is_some_and(|(first, ..)| first == host);
        if let (Some((_, upper, work)), false) = (uppers.find(|(lower, ..)| *lower == host), self.in_memory) {
            let mounted = Layers { lower, upper, work }.mount(target, self.unprivileged);
            if mounted.is_ok() || !is_first {
                return mounted;
            }
            // The run directory may itself lie on an overlay, as in a container: memory always takes upper layers.
            self.in_memory = true;
        }
        self.overlay_in_memory(lower, target)
    }

    /// Like [`Self::overlay_all`], for what lies in memory on the host too.
    pub(super) fn overlay_in_memory(&mut self, lower: &[&Path], target: &Path) -> Result<(), Problem> {
        let memory = self.memory()?;
        self.count += 1;
        let (upper, work) = (memory.join(format!("upper{}", self.count)), memory.join(format!("work{}", self.count)));
        make_directory(&work, 0o700)?;
        make_upper(&upper, lower.last().copied().unwrap_or(target), self.unprivileged)?;
        Layers { lower, upper: &upper, work: &work }.mount(target, self.unprivileged)
    }

    /// A directory in memory.
    pub(super) fn memory(&mut self) -> Result<PathBuf, Problem> {
        if let Some(memory) = &self.memory {
            return Ok(memory.clone());
        }
        let memory = self.view.join("memory");
        mount_new("tmpfs", &memory, Some("mode=700"))?;
        Ok(self.memory.insert(memory).clone())
    }
}

/// The upper layer's first directory is what a task sees: it is as that of the host.
fn make_upper(upper: &Path, lower: &Path, unprivileged: bool) -> Result<(), Problem> {
    let host = lower.metadata().map_err(|error| Problem::new("read", lower, error))?;
    make_directory(upper, host.mode() & 0o7777)?;
    if !unprivileged {
        chown(upper, Some(host.uid()), Some(host.gid())).map_err(|error| Problem::new("own", upper, error))?;
        // Changing the owner takes the set-group-ID bit away.
        make_directory(upper, host.mode() & 0o7777)?;
    }
    date_as(upper, &host)
}

/// Gives a directory the times of one of the host.
pub(super) fn date_as(directory: &Path, host: &Metadata) -> Result<(), Problem> {
    let time = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(host.atime(), host.atime_nsec()),
        last_modification: time(host.mtime(), host.mtime_nsec()),
    };
    utimensat(CWD, directory, &times, AtFlags::empty()).map_err(|error| Problem::new("date", directory, error))
}

/// The kernel marks a layer that it does not write to disk at its end, and does not take a marked one again.
fn renew_work(work: &Path) -> Result<(), Problem> {
    let mark = work.join("work/incompat");
    let remove_mark = || {
        fs::remove_file(mark.join("volatile/dirty"))?;
        fs::remove_dir(mark.join("volatile"))?;
        fs::remove_dir(&mark)
    };
    match remove_mark() {
        Ok(()) => Ok(()),
        // Not used, or kept in another way by another kernel.
        Err(_) => remove(work).and_then(|()| make_directory(work, 0o700)),
    }
}

impl Kept {
    fn is_as_it_was(&self) -> bool {
        let host_is = match &self.made {
            Make::Mode(_) => true,
            Make::Upper { lower, .. } => lower.metadata().is_ok_and(|host| self.state.is_of(&host)),
        };
        host_is && State::read(&self.path).is_ok_and(|state| state == self.state)
    }
}

/// What a task may change of a directory: that it is empty is part of it.
#[derive(Debug, PartialEq, Eq)]
struct State {
    empty: bool,
    mode: u32,
    owner: (u32, u32),
    /// Grows with the entries, and does not shrink.
    size: u64,
    modified: (i64, i64),
    flags: u32,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl State {
    fn read(path: &Path) -> io::Result<Self> {
        let directory = File::open(path)?;
        let metadata = directory.metadata()?;
        let mut names = Dir::read_from(&directory)?;
        let own = |name: &[u8]| name == b"." || name == b"..";
        let empty = names.by_ref().all(|entry| entry.is_ok_and(|entry| own(entry.file_name().to_bytes())));
        Ok(Self {
            empty,
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            // Not every file system has them.
            flags: ioctl_getflags(&directory).map_or(0, |flags| flags.bits()),
            attributes: attributes(&directory)?,
        })
    }

    /// Whether it looks as the host's directory does now.
    fn is_of(&self, host: &Metadata) -> bool {
        self.modified == (host.mtime(), host.mtime_nsec()) && self.mode & 0o7777 == host.mode() & 0o7777
    }
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

/// Makes a directory and its parents, the last one with exactly these permission bits.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<(), Problem> {
    let problem = |error| Problem::new("make the directory", path, error);
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(problem)?;
    if mode != 0o755 {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(problem)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Problem> {
    remove_tree(path).map_err(|error| Problem::new("remove", path, error))
}
