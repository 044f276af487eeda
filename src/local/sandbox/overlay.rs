//! The view of a task that root runs: the host through copy-on-write layers.

use std::path::{Path, PathBuf};

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

/// Lays the host out below the layout's root.
pub(super) fn build(layout: &mut Layout, privileged: bool) -> Result<(), Problem> {
    let root = layout.root();
    let points = mounts::mount_points()?;
    layout.overlay(Path::new("/"), &root)?;
    for point in points.iter().filter(|point| wanted(point)) {
        let target = below(&root, &point.path);
        // A mount on a directory that another mount covers cannot be reached, on the host neither.
        if target.exists() {
            mounts::unless_gone(&point.path, show(layout, point, &target))?;
        }
    }
    kernel::show(&root, privileged)
}

fn wanted(point: &MountPoint) -> bool {
    let virtual_kind = matches!(point.kind.as_str(), "nsfs" | "autofs" | "overlay");
    let left_out = LEFT_OUT.iter().any(|tree| point.path.starts_with(tree));
    point.path != Path::new("/") && !virtual_kind && !left_out
}

fn show(layout: &mut Layout, point: &MountPoint, target: &Path) -> Result<(), Problem> {
    if !point.read_only && point.path.is_dir() {
        let layered = match point.kind.as_str() {
            "tmpfs" => layout.overlay_in_memory(&point.path, target),
            _ => layout.overlay(&point.path, target),
        };
        if layered.is_ok() {
            return Ok(());
        }
    }
    mounts::bind_one(&point.path, target)?;
    mounts::make_read_only(target)
}

/// An absolute path of the host, below `root`.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}
