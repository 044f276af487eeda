//! The view of a task that an ordinary user runs: the host's directories in a user namespace.
//!
//! There the kernel refuses a copy-on-write layer over a directory below which something is mounted, such as `/`. Such a
//! directory is made anew and its entries are shown one by one.

use std::fs::{self, FileType};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::layout::{Layout, make_directory};
use super::mounts::{self, Problem};
use super::overlay::below;

/// What gets a treatment of its own.
const OWN: [&str; 5] = ["/proc", "/tmp", "/root", "/lost+found", "/run/user"];
/// Programs and devices: nothing that a user could write to, so a layer would only cost time.
const BOUND: [&str; 12] =
    ["/bin", "/boot", "/dev", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/sbin", "/snap", "/sys", "/usr"];

/// Lays the host out below the layout's root.
pub(super) fn build(layout: &mut Layout) -> Result<(), Problem> {
    let root = layout.root();
    let points = mounts::mount_points()?.into_iter().map(|point| point.path).collect();
    mounts::bind(&root.clone(), &root)?;
    Showing { layout, points, root: root.clone() }.show_entries(Path::new("/"))?;
    for (name, mode) in [("root", 0o700), ("tmp", 0o1777), ("mnt", 0o755), ("proc", 0o555)] {
        make_directory(&root.join(name), mode)?;
    }
    let proc = root.join("proc");
    mounts::mount_new("proc", &proc, None).or_else(|_| mounts::bind(Path::new("/proc"), &proc))
}

struct Showing<'a> {
    layout: &'a mut Layout,
    points: Vec<PathBuf>,
    root: PathBuf,
}

impl Showing<'_> {
    fn show_entries(&mut self, directory: &Path) -> Result<(), Problem> {
        // What the caller may not read, his tasks do not see.
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if !OWN.iter().any(|own| path == Path::new(own)) {
                self.show(&path, kind)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, path: &Path, kind: FileType) -> Result<(), Problem> {
        let target = below(&self.root, path);
        if kind.is_symlink() {
            let linked = fs::read_link(path).and_then(|link| symlink(link, &target));
            return linked.map_err(|error| Problem::new("show", path, error));
        }
        if !kind.is_dir() {
            // A file such as a container's /etc/hosts is itself a mount.
            return if self.points.iter().any(|point| point == path) { show_file(path, &target) } else { Ok(()) };
        }
        make_directory(&target, 0o755)?;
        if BOUND.iter().any(|bound| path == Path::new(bound)) {
            return mounts::bind(path, &target);
        }
        if self.points.iter().any(|point| point != path && point.starts_with(path)) {
            return self.show_entries(path);
        }
        self.show_tree(path, &target)
    }

    /// Deep below only the caller's own directories are worth a layer: others he cannot write to anyway.
    fn show_tree(&mut self, path: &Path, target: &Path) -> Result<(), Problem> {
        // The caller is user 0 here; users that are not mapped appear as another one.
        let own = path.metadata().is_ok_and(|metadata| metadata.uid() == 0);
        let top = path.parent() == Some(Path::new("/"));
        if (own || top) && self.layout.overlay(path, target).is_ok() {
            return Ok(());
        }
        if fs::read_dir(path).is_err() {
            return Ok(());
        }
        mounts::bind(path, target)?;
        if own || top { mounts::make_read_only(target) } else { Ok(()) }
    }
}

fn show_file(path: &Path, target: &Path) -> Result<(), Problem> {
    fs::write(target, "").map_err(|error| Problem::new("show", path, error))?;
    mounts::bind(path, target)
}
