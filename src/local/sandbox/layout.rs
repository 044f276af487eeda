//! The directories of a view below the node's directory.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::mounts::{Layers, Problem, mount_new};

/// Where the parts of a view lie; all of it is removed with `file::remove::remove_tree` when the task has ended.
#[derive(Debug)]
pub(super) struct Layout {
    view: PathBuf,
    /// Holds the upper layers: the view's directory or, where its file system cannot hold them, one in memory.
    layers: PathBuf,
    memory: Option<PathBuf>,
    count: usize,
    unprivileged: bool,
}

impl Layout {
    /// Begins with an empty directory `view` in `directory`.
    pub(super) fn new(directory: &Path, unprivileged: bool) -> Result<Self, Problem> {
        let view = directory.join("view");
        make_directory(&view.join("root"), 0o755)?;
        Ok(Self { layers: view.clone(), view, memory: None, count: 0, unprivileged })
    }

    /// The directory that becomes `/`.
    pub(super) fn root(&self) -> PathBuf {
        self.view.join("root")
    }

    /// A fresh directory on disk.
    pub(super) fn fresh(&self, name: &str, mode: u32) -> Result<PathBuf, Problem> {
        let path = self.view.join(name);
        make_directory(&path, mode)?;
        Ok(path)
    }

    /// Lays a copy-on-write layer over the host's directory `lower` at `target`.
    pub(super) fn overlay(&mut self, lower: &Path, target: &Path) -> Result<(), Problem> {
        self.overlay_all(&[lower], target)
    }

    /// Lays one over several directories. The first is above the others, the last is the host's.
    pub(super) fn overlay_all(&mut self, lower: &[&Path], target: &Path) -> Result<(), Problem> {
        self.overlay_here(lower, target).or_else(|problem| {
            if self.count > 1 || self.layers != self.view {
                return Err(problem);
            }
            // The run directory may itself lie on an overlay, as in a container: memory always takes upper layers.
            self.layers = self.memory()?;
            self.overlay_here(lower, target)
        })
    }

    /// Like [`Self::overlay`], for what lies in memory on the host too.
    pub(super) fn overlay_in_memory(&mut self, lower: &Path, target: &Path) -> Result<(), Problem> {
        let memory = self.memory()?;
        let disk = std::mem::replace(&mut self.layers, memory);
        let done = self.overlay_here(&[lower], target);
        self.layers = disk;
        done
    }

    /// A directory in memory.
    pub(super) fn memory(&mut self) -> Result<PathBuf, Problem> {
        if let Some(memory) = &self.memory {
            return Ok(memory.clone());
        }
        let memory = self.fresh("memory", 0o700)?;
        mount_new("tmpfs", &memory, Some("mode=700"))?;
        Ok(self.memory.insert(memory).clone())
    }

    fn overlay_here(&mut self, lower: &[&Path], target: &Path) -> Result<(), Problem> {
        self.count += 1;
        let upper = self.layers.join(format!("upper{}", self.count));
        let work = self.layers.join(format!("work{}", self.count));
        let host = lower.last().copied().unwrap_or(target);
        let metadata = host.metadata().map_err(|error| Problem::new("read", host, error))?;
        make_directory(&upper, metadata.mode() & 0o7777)?;
        make_directory(&work, 0o700)?;
        if !self.unprivileged {
            chown(&upper, Some(metadata.uid()), Some(metadata.gid()))
                .map_err(|error| Problem::new("own", &upper, error))?;
        }
        Layers { lower, upper: &upper, work: &work }.mount(target, self.unprivileged)
    }
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
