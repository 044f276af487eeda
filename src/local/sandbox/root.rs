//! Makes the view the root of this process and lays the task's volumes, artifacts and script in it. What a document or a
//! task names is touched only when the way back to the host is closed; what the task sees of the host is opened before
//! (`sources`).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root};
use rustix::system::sethostname;

use super::ground::Ground;
use super::layout::{Layout, make_directory};
use super::mounts::{self, MountTable, Problem};
use super::sources::{self, Sources};
use super::stage::{Laid, Point, Stage, Wanted};
use super::{Assignment, Setup, VIEW, bind, inputs, overlay};
use crate::file::beneath::{Beneath, path_of};
use crate::file::tree;
use crate::local::artifact;
use crate::local::task::Task;
use crate::local::view::View;
use crate::platform::path_through;

/// Argo's path of a script template's source.
const SCRIPT: &str = "/argo/staging/script";
const STAGING: &str = "/argo/staging";
/// The namespace of the mounts of this process.
const MOUNTS: &str = "/proc/self/ns/mnt";
/// The longest name of a host that Linux takes.
const LONGEST_HOST_NAME: usize = 64;

/// How the host is shown.
#[derive(Debug)]
pub(super) enum ViewPlan {
    Overlay(overlay::OverlayPlan),
    Bind(bind::BindPlan),
}

impl ViewPlan {
    /// Decides, and prepares the layers.
    pub(super) fn new(setup: &Setup, mounts: &MountTable, layout: &mut Layout) -> Result<Self, Problem> {
        let points = mounts.points();
        Ok(match setup.view {
            View::Bind => Self::Bind(bind::BindPlan::new(points.to_vec(), setup.reach.clone(), layout)?),
            _ => Self::Overlay(overlay::OverlayPlan::new(points, layout)?),
        })
    }

    /// Where something is mounted in the view.
    pub(super) fn targets(&self) -> Box<dyn Iterator<Item = &Path> + '_> {
        match self {
            Self::Overlay(plan) => Box::new(plan.targets()),
            Self::Bind(plan) => Box::new(plan.targets()),
        }
    }

    /// Whether the host is still as it was when this was decided, apart from its mounts.
    pub(super) fn is_current(&self) -> bool {
        match self {
            Self::Overlay(_) => true,
            Self::Bind(plan) => plan.is_current(),
        }
    }
}

/// Where a task has mounts of its own, as it asks for.
pub(super) fn points(task: &Task) -> Vec<Point> {
    let volumes = task.mounts.iter().map(|mount| {
        // Of a link in the volume this tells what it leads to on the host. Nothing is opened by it: a place that does not fit
        // what is opened later is an error of the task.
        let is_whole = mount.sub_path.as_os_str().is_empty();
        let file = if is_whole { mount.source.is_file() } else { mount.source.join(&mount.sub_path).is_file() };
        Point { path: mount.target.clone(), is_directory: !file }
    });
    let has_script = task.main.iter().any(|process| process.script.is_some());
    let staging = has_script.then(|| Point { path: PathBuf::from(STAGING), is_directory: true });
    let mut points: Vec<Point> = volumes.chain(staging).collect();
    points.sort_by(|one, other| one.path.cmp(&other.path));
    // What lies in a volume is a place in the volume.
    points.dedup_by(|later, earlier| later.path.starts_with(&earlier.path));
    points
}

/// Makes the view the root of this process's mounts, which are its own. What differs from task to task is not in it yet, but for
/// the places of its mounts: one that cannot be made is missed when the task is there.
pub(super) fn lay_out(stage: &mut Layout, plan: &ViewPlan, hidden: &[PathBuf], of: &Wanted) -> Result<Laid, Problem> {
    mounts::make_private()?;
    match plan {
        ViewPlan::Bind(plan) => plan.build(stage)?,
        ViewPlan::Overlay(plan) => plan.build(stage, of.privileged)?,
    }
    cover(stage, hidden)?;
    let root = stage.root();
    let view = Beneath::directory_as_root(&root).map_err(|error| Problem::new("open", &root, error))?;
    for point in &of.points {
        let _ = make_point(&view, &point.path, point.is_directory);
    }

    let open = |path: &Path| File::open(path).map_err(|error| Problem::new("open", path, error));
    let namespace = open(Path::new(MOUNTS))?.into();
    let devices = ["dev", "dev/pts"].map(|name| root.join(name));
    let devices = devices.iter().filter(|_| !of.privileged).map(|path| open(path)).collect::<Result<_, _>>()?;
    let shared = root.join("dev/shm");
    let shared = if shared.is_dir() { Some(open(&shared)?) } else { None };
    leave_host(&root)?;
    Ok(Laid { namespace, mounted: stage.take_mounted(), shared, devices })
}

/// Moves this process, which has namespaces of its own, into the task's view; on return only the task's processes are missing.
pub(super) fn enter(setup: &Setup, assignment: &Assignment, stage: Option<&mut Stage>) -> Result<Ground, Problem> {
    let mut ground = Ground::open(assignment, setup.huge_pages)?;
    let Some(stage) = stage else { return enter_plain(assignment, ground) };
    let task = &assignment.task;
    let sources = Sources::open(assignment, &stage.plan)?;
    let rooms = inputs::rooms(&stage.layout, task, &sources.artifacts)?;
    name_host(&task.node);

    stage.enter()?;
    match &stage.plan {
        ViewPlan::Bind(plan) => plan.show_processes()?,
        ViewPlan::Overlay(_) => overlay::OverlayPlan::show_processes(task.is_privileged())?,
    }
    ground.root = Ground::open_root()?;
    if !ground.root.is_supported() {
        let reason = io::Error::other("the kernel cannot resolve paths beneath a directory (openat2, Linux 5.6)");
        return Err(Problem::general("keep paths in the view", reason));
    }
    sources::mount_volumes(&ground.root, &task.mounts, sources.mounts)?;
    inputs::lay(&ground.root, task, &sources.artifacts, Some(&rooms))?;
    ground.working_directory = PathBuf::from("/");
    ground.script = PathBuf::from(SCRIPT);
    if task.main.iter().any(|process| process.script.is_some()) {
        show_staging(&ground.root, task)?;
    }
    write_script(&ground.root, task, &ground.script)?;
    Ok(ground)
}

/// An empty directory of the task's own, so that its script leaves nothing in the view, unless a volume is there.
fn show_staging(root: &Beneath, task: &Task) -> Result<(), Problem> {
    if task.mounts.iter().any(|mount| Path::new(SCRIPT).starts_with(&mount.target)) {
        return Ok(());
    }
    let staging = Path::new(STAGING);
    let made = root.make_directory(staging, 0o755).and_then(path_of);
    let made = made.map_err(|error| Problem::new("make the directory", staging, error))?;
    mounts::mount_new("tmpfs", &made, Some(c"mode=755"))
}

/// Without a view of its own a task runs in its node's directory; a volume cannot be shown to it.
fn enter_plain(assignment: &Assignment, mut ground: Ground) -> Result<Ground, Problem> {
    let task = &assignment.task;
    if let Some(mount) = task.mounts.first() {
        let reason = io::Error::other("this host allows no view of the file system of its own");
        return Err(Problem::new("mount a volume at", &mount.target, reason));
    }
    let artifacts = Sources::artifacts(assignment)?;
    let view = assignment.directory.join(VIEW);
    ground.working_directory = view.join("root");
    make_directory(&ground.working_directory, 0o755)?;
    inputs::lay(&ground.root, task, &artifacts, None)?;
    ground.script = view.join("staging/script");
    make_directory(&view.join("staging"), 0o755)?;
    write_script(&ground.root, task, &ground.script)?;
    Ok(ground)
}

/// The pod's name, as in a pod; the host's own name stays where a kernel keeps it for everybody.
fn name_host(node: &str) {
    let _ = sethostname(&node.as_bytes()[..node.floor_char_boundary(LONGEST_HOST_NAME)]);
}

/// The view takes the place of the host, whose mounts then lie on it and are taken away: nothing is made for it in the view.
fn leave_host(root: &Path) -> Result<(), Problem> {
    let leave = || -> rustix::io::Result<()> {
        let host = open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        chdir(root)?;
        pivot_root(".", ".")?;
        fchdir(&host)?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")
    };
    leave().map_err(|errno| Problem::new("change the root to", root, errno))
}

/// Lays fresh directories over those that processes share by custom, and over what the task must not see.
fn cover(layout: &Layout, hidden: &[PathBuf]) -> Result<(), Problem> {
    let root = layout.root();
    // One of them may be a link, which leads to a place in the view.
    let view = Beneath::directory_as_root(&root).map_err(|error| Problem::new("open", &root, error))?;
    let place = |path: &str| {
        let open = view.open(Path::new(path), OFlags::PATH | OFlags::DIRECTORY).ok()?;
        Some((path_through(&open), open))
    };
    for (path, name) in [("/tmp", "tmp"), ("/var/tmp", "var-tmp")] {
        if let Some((place, _open)) = place(path) {
            mounts::bind_one(&layout.path(name), &place)?;
        }
    }
    if let Some((place, _open)) = place("/dev/shm") {
        mounts::mount_new("tmpfs", &place, Some(c"mode=1777"))?;
    }
    for path in hidden.iter().map(|path| overlay::below(&root, path)).filter(|path| path.is_dir()) {
        mounts::bind_one(&layout.path("hidden"), &path)?;
    }
    Ok(())
}

pub(super) fn make_point(root: &Beneath, target: &Path, is_directory: bool) -> io::Result<OwnedFd> {
    if is_directory {
        return root.make_directory(target, 0o755);
    }
    match root.open(target, OFlags::PATH) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            artifact::write_new(&root.place(target)?, b"", 0o644)?;
            root.open(target, OFlags::PATH)
        }
        done => done,
    }
}

fn write_script(root: &Beneath, task: &Task, path: &Path) -> Result<(), Problem> {
    let Some(source) = task.main.iter().find_map(|process| process.script.as_ref()) else {
        return Ok(());
    };
    let write = || {
        let place = root.place(path)?;
        tree::remove(&place)?;
        artifact::write_new(&place, source.as_bytes(), 0o755)
    };
    write().map_err(|error| Problem::new("write the script", path, error))
}
