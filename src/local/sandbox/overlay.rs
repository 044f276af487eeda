//! The view of a task that root runs: the host through copy-on-write layers.

use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;

use super::kernel;
use super::layout::Layout;
use super::mounts::{self, MountPoint, Problem};

/// Whole trees that get a treatment of their own or that no task has business with.
const LEFT_OUT: [&str; 12] = [
    "/proc",
    "/sys",
    "/dev",
    "/tmp",
    "/var/tmp",
    "/run/user",
    "/run/docker",
    "/run/containerd",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/var/lib/kubelet",
];

/// How the mounts of the host are shown.
#[derive(Debug)]
pub(super) struct OverlayPlan(Vec<Shown>);

#[derive(Debug)]
struct Shown {
    path: PathBuf,
    how: How,
    flags: MountFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Layered,
    /// Like the host's, which is gone when the machine stops.
    LayeredInMemory,
    ReadOnly,
}

impl OverlayPlan {
    /// Decides, and prepares the layers.
    pub(super) fn new(points: &[MountPoint], layout: &mut Layout) -> Result<Self, Problem> {
        layout.prepare(Path::new("/"))?;
        let shown: Vec<Shown> = points.iter().filter(|point| wanted(point)).map(Shown::new).collect();
        for shown in shown.iter().filter(|shown| shown.how == How::Layered) {
            mounts::unless_gone(&shown.path, layout.prepare(&shown.path))?;
        }
        Ok(Self(shown))
    }

    /// Lays the host out below the layout's root.
    pub(super) fn build(&self, layout: &mut Layout, privileged: bool) -> Result<(), Problem> {
        let root = layout.root();
        layout.overlay(Path::new("/"), &root)?;
        for shown in &self.0 {
            let target = below(&root, &shown.path);
            // A mount on a directory that another mount covers cannot be reached, on the host neither.
            if target.exists() {
                mounts::unless_gone(&shown.path, shown.mount(layout, &target))?;
            }
        }
        kernel::show(&root, privileged)
    }

    /// Shows the task's own processes.
    pub(super) fn show_processes(privileged: bool) -> Result<(), Problem> {
        kernel::show_processes()?;
        if privileged {
            return Ok(());
        }
        kernel::show_queues();
        kernel::protect()
    }

    /// Where something is mounted in the view.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|shown| shown.path.as_path())
    }
}

fn wanted(point: &MountPoint) -> bool {
    let virtual_kind = matches!(point.kind.as_str(), "nsfs" | "autofs" | "overlay");
    let left_out = LEFT_OUT.iter().any(|tree| point.path.starts_with(tree));
    point.path != Path::new("/") && !virtual_kind && !left_out
}

impl Shown {
    fn new(point: &MountPoint) -> Self {
        let how = match point.kind.as_str() {
            _ if point.read_only || !point.path.is_dir() => How::ReadOnly,
            "tmpfs" => How::LayeredInMemory,
            _ => How::Layered,
        };
        Self { path: point.path.clone(), how, flags: point.flags }
    }

    fn mount(&self, layout: &mut Layout, target: &Path) -> Result<(), Problem> {
        let layered = match self.how {
            How::Layered => layout.overlay(&self.path, target).is_ok(),
            How::LayeredInMemory => layout.overlay_in_memory(&[&self.path], target).is_ok(),
            How::ReadOnly => false,
        };
        if layered {
            return Ok(());
        }
        mounts::bind_one(&self.path, target)?;
        mounts::remount_read_only(target, self.flags)
    }
}

/// An absolute path of the host, below `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
