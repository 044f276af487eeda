//! Lays the input artifacts of a task in its view.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};

use super::layout::{INPUTS, Layout};
use super::mounts::{self, Problem};
use crate::file::beneath::{Beneath, Place};
use crate::file::tree;
use crate::local::artifact::{self, Content};
use crate::local::task::{ArtifactSource, InputArtifact, Task};

/// An empty file or directory of the host that can be shown in a view.
#[derive(Debug)]
pub(super) struct Room {
    place: Place,
    tree: OwnedFd,
}

/// Makes a room for each input artifact, while the host can be reached.
pub(super) fn rooms(layout: &Layout, task: &Task, stored: &[Option<File>]) -> Result<Vec<Room>, Problem> {
    if task.input_artifacts.is_empty() {
        return Ok(Vec::new());
    }
    let inputs = layout.fresh(INPUTS, 0o700)?;
    let make = |(number, stored): (usize, &Option<File>)| {
        let path = inputs.join(number.to_string());
        Room::make(&path, stored.as_ref()).map_err(|error| Problem::new("make room at", path, error))
    };
    stored.iter().enumerate().map(make).collect()
}

/// Lays them at their paths. Argo mounts an artifact over what is there; in a volume, and without a view of its own, what is
/// there may belong to others and is kept.
pub(super) fn lay(root: &Beneath, task: &Task, stored: &[Option<File>], rooms: Option<&[Room]>) -> Result<(), Problem> {
    for (number, (input, stored)) in task.input_artifacts.iter().zip(stored).enumerate() {
        let content = match (&input.source, stored) {
            (ArtifactSource::Stored(_), Some(file)) => Content::Stored(file),
            (ArtifactSource::Raw(text), _) => Content::Raw(text),
            (ArtifactSource::Stored(_) | ArtifactSource::Remote(_), _) => continue,
        };
        let in_volume = task.mounts.iter().any(|mount| input.path.starts_with(&mount.target));
        let reserved = rooms.filter(|_| !in_volume).and_then(|rooms| rooms.get(number));
        let laid = artifact::place(root, input, &content, reserved.is_some());
        let laid = laid.or_else(|error| match reserved {
            Some(reserved) => reserved.cover(root, input, &content).map_err(|_| error),
            None => Err(error),
        });
        laid.map_err(|error| Problem::new("lay the artifact at", &input.path, error))?;
    }
    Ok(())
}

impl Room {
    fn make(path: &Path, stored: Option<&File>) -> io::Result<Self> {
        if stored.map(File::metadata).transpose()?.is_some_and(|metadata| metadata.is_dir()) {
            fs::create_dir(path)?;
        } else {
            File::create_new(path)?;
        }
        let tree = mounts::detached(File::open(path)?)?;
        Ok(Self { place: Place::of(path)?, tree })
    }

    /// Fills the room and shows it over what cannot be removed: what lies in a directory that is read-only, belongs to somebody
    /// else, or is a mount.
    fn cover(&self, root: &Beneath, artifact: &InputArtifact, content: &Content) -> io::Result<()> {
        let target = root.open(&artifact.path, OFlags::PATH)?;
        match content {
            Content::Stored(source) if source.metadata()?.is_dir() => tree::copy_open(source, &self.place)?,
            Content::Stored(source) => {
                let mut file = self.open()?;
                let mut source: &File = source;
                source.rewind()?;
                io::copy(&mut source, &mut file)?;
                file.set_permissions(source.metadata()?.permissions())?;
            }
            Content::Raw(text) => self.open()?.write_all(text.as_bytes())?,
        }
        if let Some(mode) = artifact.mode {
            tree::set_mode(&self.place, mode, artifact.recurse_mode)?;
        }
        mounts::attach(&self.tree, target)
    }

    fn open(&self) -> io::Result<File> {
        let (directory, name) = self.place.parts();
        Ok(openat(directory, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?.into())
    }
}
