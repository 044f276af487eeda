//! The view of a task that an ordinary user runs: the host's directories in a user namespace.
//!
//! There the kernel refuses a copy-on-write layer over a directory below which something is mounted, such as `/`. Such a
//! directory is created again and its entries are shown one by one. So is a short one that belongs to someone else: a mount
//! of each entry costs a fraction of a layer, and the task may make new entries in it just the same.

use std::fs::{self, FileType};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::mount::MountFlags;

use super::Reach;
use super::kernel;
use super::layout::{Layout, date_as, make_directory};
use super::mounts::{self, MountPoint, Problem};
use super::overlay::below;

/// What gets a treatment of its own.
const OWN: [&str; 6] = ["/dev", "/proc", "/tmp", "/root", "/lost+found", "/run/user"];
/// The kernel's own files, with what is mounted below them.
const KERNEL: &str = "/sys";
/// Programs: read-only without a look inside.
const PROGRAMS: [&str; 10] = ["/bin", "/boot", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/sbin", "/snap", "/usr"];
/// Where the directories that are created again lie.
const SKELETON: &str = "skeleton";
/// More entries than this cost more than a layer.
const SHORT: usize = 40;

/// How the host's directories are shown.
#[derive(Debug)]
pub(super) struct BindPlan {
    points: Vec<MountPoint>,
    reach: Reach,
    skeleton: Vec<(PathBuf, Entry)>,
    shown: Vec<(PathBuf, How)>,
    /// The directories that were created again, and what they were like.
    opened: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether the caller is root outside the user namespace too: the kernel's files are then its own to change.
    of_root: bool,
}

/// What is created again.
#[derive(Debug)]
enum Entry {
    Directory(u32),
    /// For something to be shown on it.
    File,
    Link(PathBuf),
}

#[derive(Debug, Clone, Copy)]
enum How {
    Whole,
    Layered,
    ReadOnly,
}

/// Differs when the entries of a directory do.
type Stamp = (u64, u64, i64, i64);

fn stamp(directory: &Path) -> Option<Stamp> {
    let metadata = directory.metadata().ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

impl BindPlan {
    /// Decides, and prepares the layers.
    pub(super) fn new(points: Vec<MountPoint>, reach: Reach, layout: &mut Layout) -> Result<Self, Problem> {
        let of_root = is_root_of_host();
        let mut plan = Self { points, reach, skeleton: Vec::new(), shown: Vec::new(), opened: Vec::new(), of_root };
        plan.show_entries(Path::new("/"));
        plan.show_own();
        for (name, mode) in [("/root", 0o700), ("/tmp", 0o1777), ("/mnt", 0o755), ("/dev", 0o755), ("/proc", 0o555)] {
            plan.skeleton.push((PathBuf::from(name), Entry::Directory(mode)));
        }

        let skeleton = layout.fresh(SKELETON, 0o755)?;
        plan.make_skeleton(&skeleton)?;
        layout.prepare(&skeleton)?;
        for (path, how) in &plan.shown {
            if let How::Layered = how {
                mounts::unless_gone(path, layout.prepare(path))?;
            }
        }
        Ok(plan)
    }

    /// Whether the host's directories that were looked at have the same entries.
    pub(super) fn is_current(&self) -> bool {
        self.opened.iter().all(|(directory, seen)| stamp(directory) == *seen)
    }

    /// Lays the host out below the layout's root: a layer over the directories that were created again, so that what the task
    /// makes beside them goes to disk, then the mounts on them.
    pub(super) fn build(&self, layout: &mut Layout) -> Result<(), Problem> {
        let root = layout.root();
        if layout.overlay(&layout.path(SKELETON), &root).is_err() {
            let skeleton = layout.memory()?.join(SKELETON);
            make_directory(&skeleton, 0o755)?;
            self.make_skeleton(&skeleton)?;
            mounts::bind_one(&skeleton, &root)?;
        }
        for (path, how) in &self.shown {
            mounts::unless_gone(path, self.mount(layout, path, *how))?;
        }
        // Without it the kernel lets nobody mount one of the task's own on it (`mount_too_revealing` in fs/namespace.c).
        mounts::bind(Path::new("/proc"), &root.join("proc"))?;
        kernel::show_devices(&root, self.flags_at(Path::new("/dev")))?;
        if self.of_root {
            // Where overlays are refused, root has this view too.
            mounts::make_read_only(&root.join("sys"))?;
            kernel::mask(&root)?;
        }
        Ok(())
    }

    /// Shows the task's own processes where the kernel lets it: a container may mask files of `/proc`.
    pub(super) fn show_processes(&self) -> Result<(), Problem> {
        // Else it sees those of its host, as it does without a view.
        let _ = kernel::show_processes();
        kernel::show_queues();
        if self.of_root { kernel::protect() } else { Ok(()) }
    }

    /// Where something is mounted in the view.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Path> {
        self.shown.iter().map(|(path, _)| path.as_path())
    }

    fn make_skeleton(&self, skeleton: &Path) -> Result<(), Problem> {
        for (path, entry) in &self.skeleton {
            let target = below(skeleton, path);
            let made = match entry {
                Entry::Directory(mode) => {
                    make_directory(&target, *mode)?;
                    continue;
                }
                Entry::File => fs::write(&target, ""),
                Entry::Link(link) => symlink(link, &target),
            };
            made.map_err(|error| Problem::new("show", path, error))?;
        }

        // Once they are filled. One that is gone keeps the time at which it was created again.
        let directories = self.skeleton.iter().filter(|(_, entry)| matches!(entry, Entry::Directory(_)));
        for path in directories.map(|(path, _)| path.as_path()).chain([Path::new("/")]) {
            if let Ok(host) = path.symlink_metadata() {
                date_as(&below(skeleton, path), &host)?;
            }
        }
        Ok(())
    }

    fn show_entries(&mut self, directory: &Path) {
        self.opened.push((directory.to_owned(), stamp(directory)));
        // What the caller may not read, his tasks do not see.
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if !is_one_of(&path, &OWN) {
                self.show(path, kind);
            }
        }
    }

    fn show(&mut self, path: PathBuf, kind: FileType) {
        if kind.is_symlink() {
            // One that is gone is not missed.
            let Ok(link) = fs::read_link(&path) else { return };
            self.skeleton.push((path, Entry::Link(link)));
        } else if kind.is_dir() {
            self.skeleton.push((path.clone(), Entry::Directory(0o755)));
            self.show_directory(path);
        } else {
            self.skeleton.push((path.clone(), Entry::File));
            self.shown.push((path, How::ReadOnly));
        }
    }

    fn show_directory(&mut self, path: PathBuf) {
        if path == Path::new(KERNEL) {
            return self.shown.push((path, How::Whole));
        }
        if self.points.iter().any(|point| point.path != path && point.path.starts_with(&path)) {
            return self.show_entries(&path);
        }
        if is_one_of(&path, &PROGRAMS) {
            return self.shown.push((path, How::ReadOnly));
        }
        let Ok(entries) = fs::read_dir(&path) else { return };
        let count = entries.take(SHORT + 1).count();
        let writable = access(&path, Access::WRITE_OK).is_ok();
        let top = path.parent() == Some(Path::new("/"));
        if count == 0 || (top && !writable && count <= SHORT) {
            return self.show_entries(&path);
        }
        self.shown.push((path, if top || writable { How::Layered } else { How::ReadOnly }));
    }

    /// The caller's directories that lie in one shown read-only.
    fn show_own(&mut self) {
        for path in &self.reach.own {
            let layered = self.shown.iter().any(|(shown, how)| shown == path && matches!(how, How::Layered));
            if !layered && !self.opened.iter().any(|(opened, _)| opened == path) {
                self.shown.push((path.clone(), How::Layered));
            }
        }
    }

    fn mount(&self, layout: &mut Layout, path: &Path, how: How) -> Result<(), Problem> {
        let target = below(&layout.root(), path);
        match how {
            How::Whole => mounts::bind(path, &target),
            How::Layered if self.mount_layered(layout, path, &target).is_ok() => Ok(()),
            How::Layered | How::ReadOnly => self.mount_read_only(path, &target),
        }
    }

    /// Directories whose owner has no number here are made again in a layer between, for the task to write in.
    fn mount_layered(&self, layout: &mut Layout, path: &Path, target: &Path) -> Result<(), Problem> {
        let foreign: Vec<_> = self.reach.foreign.iter().filter(|foreign| foreign.starts_with(path)).collect();
        if foreign.is_empty() {
            return layout.overlay(path, target);
        }
        // A layer must not lie in another one: the view's directory may lie in this one.
        let renewed = layout.memory()?.join("renewed");
        for directory in foreign {
            renew(&renewed, path, directory)?;
        }
        layout.overlay_all(&[&below(&renewed, path), path], target)
    }

    /// Also where the caller may not write: others, or his groups, might.
    fn mount_read_only(&self, path: &Path, target: &Path) -> Result<(), Problem> {
        mounts::bind_one(path, target)?;
        mounts::remount_read_only(target, self.flags_at(path))
    }

    /// The flags of the mount that holds a path of the host.
    fn flags_at(&self, path: &Path) -> MountFlags {
        let holder = self.points.iter().rev().find(|point| path.starts_with(&point.path));
        holder.map_or(MountFlags::empty(), |point| point.flags)
    }
}

/// Makes `directory` and those between it and `top` again, with their permissions.
fn renew(renewed: &Path, top: &Path, directory: &Path) -> Result<(), Problem> {
    let between: Vec<&Path> = directory.ancestors().take_while(|path| path.starts_with(top)).collect();
    for path in between.into_iter().rev() {
        // One that is gone is not missed.
        let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
        make_directory(&below(renewed, path), metadata.permissions().mode() & 0o7777)?;
    }
    Ok(())
}

/// Whether the caller is root outside the user namespace too: only then the host's root directory has an owner here.
fn is_root_of_host() -> bool {
    Path::new("/").metadata().is_ok_and(|metadata| metadata.uid() == 0)
}

fn is_one_of(path: &Path, list: &[&str]) -> bool {
    list.iter().any(|one| path == Path::new(one))
}
