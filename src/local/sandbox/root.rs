//! Makes the view the root of this process and lays the task's volumes, artifacts and script in it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, pivot_root};

use super::layout::{Layout, make_directory};
use super::mounts::{self, Problem};
use super::{Spec, bind, overlay};
use crate::local::artifact::{self, Destination};
use crate::local::task::{ArtifactSource, Mount, Task};
use crate::local::view::View;

/// Where the host stands in the view until everything is laid out.
const HOST: &str = "/.kubectl-runnable-host";
/// Argo's path of a script template's source.
const SCRIPT: &str = "/argo/staging/script";

/// What the processes need that was opened on the host.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) logs: BTreeMap<String, File>,
    /// In the order of the task's output artifacts.
    pub(super) stores: Vec<Destination>,
    /// Where a process without a working directory runs.
    pub(super) working_directory: PathBuf,
    /// Where a script's source lies.
    pub(super) script: PathBuf,
}

/// Paths of the host without links, so that they can be found from inside the view.
struct Sources {
    mounts: Vec<PathBuf>,
    artifacts: Vec<Option<PathBuf>>,
    hidden: Vec<PathBuf>,
}

/// Moves this process into the task's view; on return only the task's processes are missing.
pub(super) fn enter(spec: &Spec) -> Result<Ground, Problem> {
    umask(Mode::from_bits_truncate(0o022));
    let sources = Sources::find(spec)?;
    let mut ground = Ground::open(spec)?;
    if let View::Plain(_) = spec.view {
        return enter_plain(spec, &sources, ground);
    }
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| Problem::general("make a mount namespace", errno))?;
    mounts::make_private()?;
    let unprivileged = spec.view == View::Bind;
    let mut layout = Layout::new(&spec.directory, unprivileged)?;
    if unprivileged {
        bind::build(&mut layout)?;
    } else {
        overlay::build(&mut layout)?;
    }
    for (name, mode) in [("tmp", 0o1777), ("var-tmp", 0o1777), ("hidden", 0o755)] {
        layout.fresh(name, mode)?;
    }
    pivot(&layout.root())?;
    cover(&host(&spec.directory.join("view")), &sources.hidden)?;
    mount_volumes(&spec.task.mounts, &sources.mounts)?;
    place_artifacts(&spec.task, &sources, host, true)?;
    leave_host()?;
    ground.working_directory = PathBuf::from("/");
    ground.script = PathBuf::from(SCRIPT);
    write_script(&spec.task, &ground.script)?;
    Ok(ground)
}

/// Without a view of its own a task runs in its node's directory; a volume cannot be shown to it.
fn enter_plain(spec: &Spec, sources: &Sources, mut ground: Ground) -> Result<Ground, Problem> {
    if let Some(mount) = spec.task.mounts.first() {
        let reason = std::io::Error::other("this host allows no view of the file system of its own");
        return Err(Problem::new("mount a volume at", &mount.target, reason));
    }
    let layout = Layout::new(&spec.directory, true)?;
    place_artifacts(&spec.task, sources, Path::to_owned, false)?;
    ground.working_directory = layout.root();
    ground.script = layout.fresh("staging", 0o755)?.join("script");
    write_script(&spec.task, &ground.script)?;
    Ok(ground)
}

impl Sources {
    fn find(spec: &Spec) -> Result<Self, Problem> {
        let task = &spec.task;
        Ok(Self {
            mounts: task.mounts.iter().map(mount_source).collect::<Result<_, _>>()?,
            artifacts: task
                .input_artifacts
                .iter()
                .map(|artifact| match &artifact.source {
                    ArtifactSource::Raw(_) => Ok(None),
                    ArtifactSource::Stored(path) => canonical(path).map(Some),
                })
                .collect::<Result<_, _>>()?,
            hidden: spec.hidden.iter().map(|path| canonical(path)).collect::<Result<_, _>>()?,
        })
    }
}

fn mount_source(mount: &Mount) -> Result<PathBuf, Problem> {
    if !mount.source.exists() {
        make_directory(&mount.source, 0o777)?;
    }
    canonical(&mount.source)
}

fn canonical(path: &Path) -> Result<PathBuf, Problem> {
    path.canonicalize().map_err(|error| Problem::new("find", path, error))
}

impl Ground {
    fn open(spec: &Spec) -> Result<Self, Problem> {
        let task = &spec.task;
        let processes = task.init.iter().chain(&task.main).chain(&task.sidecars);
        Ok(Self {
            logs: processes
                .map(|process| Ok((process.name.clone(), open_log(&spec.directory, &process.name)?)))
                .collect::<Result<_, Problem>>()?,
            stores: task
                .output_artifacts
                .iter()
                .map(|artifact| {
                    let store = &artifact.store;
                    Destination::open(store).map_err(|error| Problem::new("make room at", store, error))
                })
                .collect::<Result<_, _>>()?,
            working_directory: PathBuf::new(),
            script: PathBuf::new(),
        })
    }
}

fn open_log(directory: &Path, process: &str) -> Result<File, Problem> {
    let path = directory.join(format!("{process}.log"));
    let empty = File::create(&path);
    let log = empty.and_then(|_| OpenOptions::new().append(true).open(&path));
    log.map_err(|error| Problem::new("open the log", path, error))
}

fn host(path: &Path) -> PathBuf {
    overlay::below(Path::new(HOST), path)
}

fn pivot(root: &Path) -> Result<(), Problem> {
    let old = overlay::below(root, Path::new(HOST));
    make_directory(&old, 0o700)?;
    pivot_root(root, &old).and_then(|()| chdir("/")).map_err(|errno| Problem::new("change the root to", root, errno))
}

fn leave_host() -> Result<(), Problem> {
    umount2(HOST, MntFlags::MNT_DETACH).map_err(|errno| Problem::new("leave the host at", HOST, errno))?;
    fs::remove_dir(HOST).map_err(|error| Problem::new("remove", HOST, error))
}

/// Lays fresh directories over those that processes share by custom, and over what the task must not see.
fn cover(view: &Path, hidden: &[PathBuf]) -> Result<(), Problem> {
    for (path, name) in [("/tmp", "tmp"), ("/var/tmp", "var-tmp")] {
        if Path::new(path).is_dir() {
            mounts::bind_one(&view.join(name), Path::new(path))?;
        }
    }
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() {
        mounts::mount_new("tmpfs", shared_memory, Some("mode=1777"))?;
    }
    for path in hidden.iter().filter(|path| path.is_dir()) {
        mounts::bind_one(&view.join("hidden"), path)?;
    }
    Ok(())
}

fn mount_volumes(volumes: &[Mount], sources: &[PathBuf]) -> Result<(), Problem> {
    let mut order: Vec<(&Mount, PathBuf)> = volumes.iter().zip(sources.iter().map(|path| host(path))).collect();
    order.sort_by_key(|(mount, _)| mount.target.components().count());
    for (mount, source) in order {
        let target = &mount.target;
        make_mount_point(&source, target)?;
        mounts::bind(&source, target)?;
        if mount.read_only {
            mounts::make_read_only(&canonical(target)?)?;
        }
    }
    Ok(())
}

fn make_mount_point(source: &Path, target: &Path) -> Result<(), Problem> {
    if source.is_dir() {
        return make_directory(target, 0o755);
    }
    if let Some(parent) = target.parent() {
        make_directory(parent, 0o755)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(target);
    file.map(drop).map_err(|error| Problem::new("make the file", target, error))
}

fn place_artifacts(task: &Task, sources: &Sources, reach: fn(&Path) -> PathBuf, own_view: bool) -> Result<(), Problem> {
    for (input, source) in task.input_artifacts.iter().zip(&sources.artifacts) {
        let raw = match &input.source {
            ArtifactSource::Raw(text) => text.as_str(),
            ArtifactSource::Stored(_) => "",
        };
        let in_volume = task.mounts.iter().any(|mount| input.path.starts_with(&mount.target));
        let source = source.as_deref().map(reach);
        artifact::place(input, raw, source.as_deref(), own_view && !in_volume)
            .map_err(|error| Problem::new("lay the artifact at", &input.path, error))?;
    }
    Ok(())
}

fn write_script(task: &Task, path: &Path) -> Result<(), Problem> {
    let Some(source) = task.main.iter().find_map(|process| process.script.as_ref()) else {
        return Ok(());
    };
    if let Some(parent) = path.parent() {
        make_directory(parent, 0o755)?;
    }
    fs::write(path, source)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(|error| Problem::new("write the script", path, error))
}
