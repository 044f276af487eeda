//! What is laid out for the tasks of a worker: a mount namespace with the view as its root, in which no process lives. Each
//! task enters a copy of it, so that its mounts end with it. Before the next one enters, whatever a task can have changed
//! is as it was at the beginning, or the namespace is given up and another one laid out; and the kernel is told to look at
//! the host again.
//!
//! A copy of the worker lays the view out and hands its namespace over. The worker itself stays among the mounts of the
//! host, where the view is an empty directory: nothing that it removes is seen through a mount.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{WaitOptions, waitpid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use serde::{Deserialize, Serialize};

use super::layout::{Layout, Mounted, looks_as};
use super::mounts::{self, MountTable, Problem};
use super::root::{self, ViewPlan};
use super::scarcity::wait_for_room;
use super::state::{Look, State};
use super::{Assignment, Setup, VIEW, handover};
use crate::local::task::Task;
use crate::local::view::View;

/// The view of a worker.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) layout: Layout,
    pub(super) plan: ViewPlan,
    hidden: Vec<PathBuf>,
    /// Directories that the kernel does not look at again while something is mounted below them.
    pinned: Vec<(PathBuf, Option<Identity>)>,
    prepared: Option<Prepared>,
}

/// Which file a path leads to, and who may use it.
type Identity = (u64, u64, u32, u32, u32);

/// The namespace and what tasks can change of it.
#[derive(Debug)]
struct Prepared {
    namespace: OwnedFd,
    /// What it was laid out for.
    wanted: Wanted,
    /// The copy-on-write layers, by what they are configured.
    layers: Vec<OwnedFd>,
    /// Upper directories in memory, each with the host's one below it.
    in_memory: Vec<(PathBuf, Option<Look>, Kept)>,
    /// `/dev/shm`.
    shared: Option<Kept>,
    /// Directories of devices.
    devices: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    directory: File,
    state: State,
}

/// What a task asks of its view.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The kernel's files as they are.
    pub(super) privileged: bool,
    /// Places for what is mounted for the task alone.
    pub(super) points: Vec<Point>,
}

impl Wanted {
    fn of(task: &Task) -> Self {
        Self { privileged: task.is_privileged(), points: root::points(task) }
    }
}

/// A place in the view for a mount of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) path: PathBuf,
    pub(super) is_directory: bool,
}

/// What the copy of the worker says of the files that it hands over.
#[derive(Debug, Serialize, Deserialize)]
struct Word {
    problem: Option<String>,
    layers: usize,
    in_memory: Vec<PathBuf>,
    shared: bool,
}

/// What the copy of the worker has laid out.
#[derive(Debug)]
pub(super) struct Laid {
    pub(super) namespace: OwnedFd,
    pub(super) mounted: Vec<Mounted>,
    pub(super) shared: Option<File>,
    pub(super) devices: Vec<File>,
}

impl Stage {
    /// Makes the directories; `view` does not exist yet.
    pub(super) fn new(setup: &Setup, view: PathBuf, mounts: &MountTable) -> Result<Self, Problem> {
        let mut layout = Layout::new(view, setup.view == View::Bind)?;
        let plan = ViewPlan::new(setup, mounts, &mut layout)?;
        let hidden: Vec<PathBuf> = setup.hidden.iter().map(|path| canonical(path)).collect::<Result<_, _>>()?;
        let targets = plan.targets().chain(hidden.iter().map(PathBuf::as_path)).chain([Path::new("/var/tmp")]);
        let mut pinned: Vec<PathBuf> =
            targets.flat_map(|target| target.ancestors().skip(1)).map(Path::to_owned).collect();
        pinned.sort();
        pinned.dedup();
        let pinned = pinned.into_iter().map(|path| (identity(&path), path)).map(|(seen, path)| (path, seen)).collect();
        Ok(Self { layout, plan, hidden, pinned, prepared: None })
    }

    /// Lays out again what a failed task has left, with all that it wrote.
    pub(super) fn reopen(setup: &Setup, assignment: &Assignment, mounts: &MountTable) -> Result<Self, Problem> {
        let mut stage = Self::new(setup, assignment.directory.join(VIEW), mounts)?;
        let prepared = stage.lay_out(Wanted::of(&assignment.task))?;
        stage.prepared = Some(prepared);
        Ok(stage)
    }

    /// Gives the view to a node, whose task has ended. What lay in memory is gone.
    pub(super) fn keep(mut self, node: &Path) -> Result<(), Problem> {
        let prepared = self.prepared.take();
        let memory = prepared.iter().flat_map(|prepared| prepared.in_memory.iter().map(|(lower, ..)| lower.clone()));
        let memory = memory.collect();
        drop(prepared);
        self.layout.keep(memory, &node.join(VIEW))
    }

    /// Whether the host's directories are still those that this was laid out for.
    pub(super) fn is_current(&self) -> bool {
        self.plan.is_current() && self.pinned.iter().all(|(path, seen)| identity(path) == *seen)
    }

    /// Has the view ready for a task.
    pub(super) fn prepare(&mut self, task: &Task) -> Result<(), Problem> {
        let wanted = Wanted::of(task);
        let is_current = self.layout.is_current();
        let fits = |prepared: &Prepared| prepared.wanted == wanted && prepared.refresh();
        if is_current && self.prepared.as_ref().is_some_and(fits) {
            return Ok(());
        }
        if self.prepared.take().is_some() || !is_current {
            self.layout.renew()?;
        }
        let prepared = self.lay_out(wanted)?;
        self.layout.note_layers()?;
        self.prepared = Some(prepared);
        Ok(())
    }

    /// Takes in what a task has changed, which has ended: the view is as it was, or it will be laid out again.
    pub(super) fn settle(&mut self) -> Result<(), Problem> {
        let unchanged = self.layout.settle() && self.prepared.as_ref().is_some_and(Prepared::settle);
        if unchanged { Ok(()) } else { self.give_up() }
    }

    /// Keeps nothing that is mounted.
    pub(super) fn give_up(&mut self) -> Result<(), Problem> {
        self.prepared = None;
        self.layout.renew()
    }

    /// Moves this process, a copy of the worker, among mounts of its own that are those of the view.
    pub(super) fn enter(&mut self) -> Result<(), Problem> {
        let problem = |action| move |errno: rustix::io::Errno| Problem::general(action, errno);
        // With it all files are closed here that no task is to find.
        let Some(Prepared { namespace, .. }) = self.prepared.take() else {
            return Err(Problem::Told("the view is not laid out".to_owned()));
        };
        let kind = Some(LinkNameSpaceType::Mount);
        move_into_link_name_space(namespace.as_fd(), kind).map_err(problem("enter the view"))?;
        ::supervisor::unshare(UnshareFlags::NEWNS)
            .map_err(|errno| Problem::general("copy the mounts of the view", errno))
    }

    fn lay_out(&mut self, wanted: Wanted) -> Result<Prepared, Problem> {
        let general = |error| Problem::general("lay out the view", error);
        let (ours, theirs) = handover::pair().map_err(general)?;
        let helper = wait_for_room(|| {
            ::supervisor::fork(UnshareFlags::NEWNS | UnshareFlags::NEWCGROUP, || {
                let laid = root::lay_out(&mut self.layout, &self.plan, &self.hidden, &wanted);
                u8::from(hand_over(&theirs, laid).is_err())
            })
        });
        let helper = helper.map_err(general)?;
        drop(theirs);
        let taken = handover::take(&ours);
        waitpid(Some(helper), WaitOptions::empty()).map_err(|errno| Problem::general("lay out the view", errno))?;
        let (word, files) = taken.map_err(general)?;
        if word.is_empty() {
            return Err(Problem::Told("the process that lays out the view was killed".to_owned()));
        }
        let word: Word = serde_json::from_slice(&word).map_err(|error| general(error.into()))?;
        match word.problem {
            Some(problem) => Err(Problem::Told(problem)),
            None => Prepared::new(wanted, word, files).map_err(general),
        }
    }
}

fn canonical(path: &Path) -> Result<PathBuf, Problem> {
    path.canonicalize().map_err(|error| Problem::new("find", path, error))
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = path.symlink_metadata().ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.mode(), metadata.uid(), metadata.gid()))
}

/// In this order: the namespace, the layers, their upper directories in memory, `/dev/shm`, the directories of devices.
fn hand_over(end: &OwnedFd, laid: Result<Laid, Problem>) -> std::io::Result<()> {
    let mut word = Word { problem: None, layers: 0, in_memory: Vec::new(), shared: false };
    let laid = match laid {
        Ok(laid) => laid,
        Err(problem) => {
            word.problem = Some(problem.to_string());
            return handover::give(end, &serde_json::to_vec(&word)?, &[]);
        }
    };
    word.layers = laid.mounted.len();
    word.shared = laid.shared.is_some();
    let in_memory = || laid.mounted.iter().filter_map(|mounted| mounted.memory.as_ref());
    word.in_memory = in_memory().map(|(lower, _)| lower.clone()).collect();
    let mut files: Vec<BorrowedFd> = vec![laid.namespace.as_fd()];
    files.extend(laid.mounted.iter().map(|mounted| mounted.context.as_fd()));
    files.extend(in_memory().map(|(_, directory)| directory.as_fd()));
    files.extend(laid.shared.iter().chain(&laid.devices).map(AsFd::as_fd));
    handover::give(end, &serde_json::to_vec(&word)?, &files)
}

impl Prepared {
    fn new(wanted: Wanted, word: Word, files: Vec<OwnedFd>) -> std::io::Result<Self> {
        let missing = || std::io::Error::other("a file was not handed over");
        let mut files = files.into_iter();
        let namespace = files.next().ok_or_else(missing)?;
        let layers: Vec<OwnedFd> = files.by_ref().take(word.layers).collect();
        let mut in_memory = Vec::new();
        for lower in word.in_memory {
            let look = lower.metadata().ok().as_ref().map(Look::from);
            in_memory.push((lower, look, Kept::new(files.next().ok_or_else(missing)?)?));
        }
        let shared = if word.shared { Some(Kept::new(files.next().ok_or_else(missing)?)?) } else { None };
        let devices = files.map(Kept::new).collect::<Result<_, _>>()?;
        Ok(Self { namespace, wanted, layers, in_memory, shared, devices })
    }

    /// Has the kernel look at the host again; whether it did, and the host looks as it did.
    fn refresh(&self) -> bool {
        self.in_memory.iter().all(|(lower, look, _)| looks_as(lower, look.as_ref()))
            && self.layers.iter().all(|layer| mounts::look_again(layer).is_ok())
    }

    fn settle(&self) -> bool {
        !self.wanted.privileged
            && self.in_memory.iter().all(|(.., kept)| kept.holds())
            && self.devices.iter().all(Kept::holds)
            && self.shared.as_ref().is_none_or(Kept::settle)
    }
}

impl Kept {
    fn new(directory: OwnedFd) -> std::io::Result<Self> {
        let directory = File::from(directory);
        let state = State::read(&directory)?;
        Ok(Self { directory, state })
    }

    fn holds(&self) -> bool {
        self.state.holds(&self.directory)
    }

    /// Whether it is as it was, or could be made so.
    fn settle(&self) -> bool {
        self.state.settle(&self.directory)
    }
}
