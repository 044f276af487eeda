//! The directories of a view on the disk of the run. Those that a task has left as they were serve the next one; the others
//! are made again.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::left::Left;
use super::mounts::{Layers, Problem, mount_new};
use super::state::{Look, State};
use crate::file::remove::remove_tree;

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
    /// What a task has left, where this is its view.
    left: Left,
    /// The copy-on-write layers that were mounted.
    mounted: Vec<Mounted>,
}

/// An empty directory that a task may change.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    directory: File,
    made: Make,
    state: State,
    /// Of an upper layer: the host's directory below it.
    host: Option<Look>,
}

#[derive(Debug, Clone)]
enum Make {
    /// With these permission bits.
    Mode(u32),
    /// As the upper layer over a directory of the host, beside which the kernel's own directory lies.
    Upper { lower: PathBuf, work: PathBuf },
}

/// A copy-on-write layer.
#[derive(Debug)]
pub(super) struct Mounted {
    /// Its file system, for it to be configured again.
    pub(super) context: OwnedFd,
    /// The host's directory, and the upper one where it lies in memory.
    pub(super) memory: Option<(PathBuf, File)>,
}

impl Layout {
    /// Begins with an empty directory `view`, or with one that was kept.
    pub(super) fn new(view: PathBuf, unprivileged: bool) -> Result<Self, Problem> {
        let left = Left::of(&view)?;
        let mut layout = Self {
            view,
            kept: Vec::new(),
            unprivileged,
            in_memory: false,
            memory: None,
            count: left.count,
            left,
            mounted: Vec::new(),
        };
        for name in ["root", "memory"] {
            layout.fresh(name, 0o755)?;
        }
        for (name, mode) in [("tmp", 0o1777), ("var-tmp", 0o1777), ("hidden", 0o755)] {
            layout.hold(layout.view.join(name), Make::Mode(mode))?;
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
        let before = self.left.uppers.get(lower).copied();
        let number = before.unwrap_or_else(|| {
            self.count += 1;
            self.count
        });
        let work = self.view.join(format!("work{number}"));
        let made = Make::Upper { lower: lower.to_owned(), work: work.clone() };
        self.hold(self.view.join(format!("upper{number}")), made)?;
        self.left.uppers.insert(lower.to_owned(), number);
        if before.is_some() { renew_work(&work) } else { Ok(()) }
    }

    /// Moves all of it to another place, where it can be laid out again. Nothing of it is mounted any more.
    pub(super) fn keep(mut self, memory: Vec<PathBuf>, place: &Path) -> Result<(), Problem> {
        self.remove_inputs()?;
        (self.left.count, self.left.memory) = (self.count, memory);
        self.left.write(&self.view)?;
        fs::rename(&self.view, place).map_err(|error| Problem::new("keep the view in", place, error))
    }

    /// Whether a task has left something at this path of the view.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let is_in = |lower: &Path, upper: &Path| {
            path.strip_prefix(lower).is_ok_and(|rest| upper.join(rest).symlink_metadata().is_ok())
        };
        let uppers = self.kept.iter().filter_map(|kept| match &kept.made {
            Make::Upper { lower, .. } => Some((lower.as_path(), kept.path.clone())),
            Make::Mode(_) => None,
        });
        let plain = [("/tmp", "tmp"), ("/var/tmp", "var-tmp")];
        let plain = plain.map(|(path, name)| (Path::new(path), self.view.join(name)));
        uppers.chain(plain).any(|(lower, upper)| is_in(lower, &upper))
    }

    /// The host's directories of which nothing is left that a task wrote there.
    pub(super) fn lost(&self) -> &[PathBuf] {
        &self.left.memory
    }

    fn hold(&mut self, path: PathBuf, made: Make) -> Result<(), Problem> {
        let host = self.make(&path, &made)?;
        let (directory, state) = opened(&path)?;
        self.kept.push(Kept { path, directory, made, state, host });
        Ok(())
    }

    fn make(&self, path: &Path, kind: &Make) -> Result<Option<Look>, Problem> {
        match kind {
            Make::Mode(bits) => make_directory(path, *bits).map(|()| None),
            Make::Upper { lower, work } => {
                make_directory(work, 0o700)?;
                make_upper(path, lower, self.unprivileged).map(Some)
            }
        }
    }

    /// Takes the layers as they are now, mounted, for what they are to be like for each task.
    pub(super) fn note_layers(&mut self) -> Result<(), Problem> {
        for layer in self.kept.iter_mut().filter(|kept| kept.is_layer()) {
            layer.state = read(&layer.path, &layer.directory)?;
        }
        Ok(())
    }

    /// Whether the layers that are mounted may serve another task. What a task has left in other directories is removed.
    pub(super) fn settle(&self) -> bool {
        let mut layers = self.kept.iter().filter(|kept| kept.is_layer());
        layers.all(|kept| kept.state.holds(&kept.directory))
            && self.plain().all(|kept| kept.state.settle(&kept.directory))
    }

    /// Whether the directories of the host that the layers are over look as they did.
    pub(super) fn is_current(&self) -> bool {
        self.kept.iter().all(Kept::is_of_host)
    }

    fn plain(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(|kept| !kept.is_layer())
    }

    /// Makes again what a task, or the preparation of a view, has changed. Nothing of it is mounted any more.
    pub(super) fn renew(&mut self) -> Result<(), Problem> {
        for mut one in std::mem::take(&mut self.kept) {
            if !one.is_of_host() || !one.state.is_empty() || !one.state.holds(&one.directory) {
                remove(&one.path)?;
                match self.make(&one.path, &one.made) {
                    Ok(host) => one.host = host,
                    // The host's directory has been removed since the view was made: there is nothing to lay a layer over.
                    Err(_) if one.is_over_nothing() => continue,
                    Err(problem) => return Err(problem),
                }
                (one.directory, one.state) = opened(&one.path)?;
            }
            if let Make::Upper { work, .. } = &one.made {
                renew_work(work)?;
            }
            self.kept.push(one);
        }
        self.remove_inputs()
    }

    /// Removes the input artifacts of a task that has ended.
    pub(super) fn remove_inputs(&self) -> Result<(), Problem> {
        remove(&self.view.join(INPUTS))
    }

    /// What was mounted, for who prepares the view to hand it on.
    pub(super) fn take_mounted(&mut self) -> Vec<Mounted> {
        std::mem::take(&mut self.mounted)
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
            match (Layers { lower, upper, work }).mount(target, self.unprivileged) {
                Ok(context) => {
                    self.mounted.push(Mounted { context, memory: None });
                    return Ok(());
                }
                Err(problem) if !is_first => return Err(problem),
                // The run directory may itself lie on an overlay, as in a container: memory always takes upper layers.
                Err(_) => self.in_memory = true,
            }
        }
        self.overlay_in_memory(lower, target)
    }

    /// Like [`Self::overlay_all`], for what lies in memory on the host too.
    pub(super) fn overlay_in_memory(&mut self, lower: &[&Path], target: &Path) -> Result<(), Problem> {
        let memory = self.memory()?;
        self.count += 1;
        let (upper, work) = (memory.join(format!("upper{}", self.count)), memory.join(format!("work{}", self.count)));
        let host = lower.last().copied().unwrap_or(target);
        make_directory(&work, 0o700)?;
        make_upper(&upper, host, self.unprivileged)?;
        let context = Layers { lower, upper: &upper, work: &work }.mount(target, self.unprivileged)?;
        let directory = File::open(&upper).map_err(|error| Problem::new("open", &upper, error))?;
        self.mounted.push(Mounted { context, memory: Some((host.to_owned(), directory)) });
        Ok(())
    }

    /// A directory in memory.
    pub(super) fn memory(&mut self) -> Result<PathBuf, Problem> {
        if let Some(memory) = &self.memory {
            return Ok(memory.clone());
        }
        let memory = self.view.join("memory");
        mount_new("tmpfs", &memory, Some(c"mode=700"))?;
        Ok(self.memory.insert(memory).clone())
    }
}

fn opened(path: &Path) -> Result<(File, State), Problem> {
    let directory = File::open(path).map_err(|error| Problem::new("open", path, error))?;
    let state = read(path, &directory)?;
    Ok((directory, state))
}

fn read(path: &Path, directory: &File) -> Result<State, Problem> {
    State::read(directory).map_err(|error| Problem::new("read", path, error))
}

/// The upper layer's first directory is what a task sees: it is as that of the host.
fn make_upper(upper: &Path, lower: &Path, unprivileged: bool) -> Result<Look, Problem> {
    let host = lower.metadata().map_err(|error| Problem::new("read", lower, error))?;
    make_directory(upper, host.mode() & 0o7777)?;
    if !unprivileged {
        chown(upper, Some(host.uid()), Some(host.gid())).map_err(|error| Problem::new("own", upper, error))?;
        // Changing the owner takes the set-group-ID bit away.
        make_directory(upper, host.mode() & 0o7777)?;
    }
    date_as(upper, &host)?;
    Ok(Look::from(&host))
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
    fn is_over_nothing(&self) -> bool {
        matches!(&self.made, Make::Upper { lower, .. } if !lower.exists())
    }

    fn is_layer(&self) -> bool {
        matches!(self.made, Make::Upper { .. })
    }

    fn is_of_host(&self) -> bool {
        match &self.made {
            Make::Mode(_) => true,
            Make::Upper { lower, .. } => looks_as(lower, self.host.as_ref()),
        }
    }
}

/// Whether a directory of the host looks as it did.
pub(super) fn looks_as(host: &Path, before: Option<&Look>) -> bool {
    host.metadata().ok().as_ref().map(Look::from).as_ref() == before
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
