//! What a task sees of the host's files, opened on the host: they can be reached when the host itself cannot. Of them the volumes
//! are mounted in the view.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::thread::UnshareFlags;

use super::Assignment;
use super::layout::make_directory;
use super::mounts::{self, Problem};
use super::root::{ViewPlan, make_point};
use crate::file::beneath::{Beneath, has_content, path_of};
use crate::local::task::{ArtifactSource, Mount};

/// The files and directories, in the order in which the task names them.
pub(super) struct Sources {
    pub(super) mounts: Vec<OwnedFd>,
    pub(super) artifacts: Vec<Option<File>>,
}

impl Sources {
    pub(super) fn open(assignment: &Assignment, plan: &ViewPlan) -> Result<Self, Problem> {
        let task = &assignment.task;
        let shows_files = !task.mounts.is_empty() || !task.input_artifacts.is_empty();
        if shows_files && matches!(plan, ViewPlan::Bind(_)) {
            // The mounts of the host are not this user's to show in another place.
            ::supervisor::unshare(UnshareFlags::NEWNS)
                .map_err(|errno| Problem::general("copy the mounts of the host", errno))?;
        }
        Ok(Self {
            mounts: task.mounts.iter().map(volume).collect::<Result<_, _>>()?,
            artifacts: Self::artifacts(assignment)?,
        })
    }

    /// A `subPath` may lead through a link that a task has left in an artifact: it stays in the run's directory.
    pub(super) fn artifacts(assignment: &Assignment) -> Result<Vec<Option<File>>, Problem> {
        let run = assignment.directory.ancestors().nth(2).unwrap_or(&assignment.directory);
        let open = |path: &Path| {
            let below = path.strip_prefix(run).map_err(|_| io::Error::other("it is not of this run"))?;
            has_content(Beneath::directory(run)?.open(below, OFlags::RDONLY)?)
        };
        let artifacts = assignment.task.input_artifacts.iter().map(|artifact| match &artifact.source {
            // What is kept elsewhere has come before a worker gets the task.
            ArtifactSource::Raw(_) | ArtifactSource::Remote(_) => Ok(None),
            ArtifactSource::Stored(path) => open(path).map(Some).map_err(|error| Problem::new("find", path, error)),
        });
        artifacts.collect()
    }
}

/// A volume, or a path below it. What is missing is made: the volume for everybody, since its tasks may be different users.
fn volume(mount: &Mount) -> Result<OwnedFd, Problem> {
    if !mount.source.exists() {
        make_directory(&mount.source, 0o777)?;
    }
    let open = || {
        let volume = Beneath::directory(mount.source.parent().unwrap_or(Path::new("/")))?;
        let volume = volume.open(Path::new(mount.source.file_name().unwrap_or_default()), OFlags::PATH)?;
        if mount.sub_path.as_os_str().is_empty() {
            return mounts::detached(volume);
        }
        let volume = Beneath::directory(&mount.source)?;
        match volume.open(&mount.sub_path, OFlags::PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                mounts::detached(volume.make_directory(&mount.sub_path, 0o777)?)
            }
            found => mounts::detached(found?),
        }
    };
    open().map_err(|error| Problem::new("find", mount.source.join(&mount.sub_path), error))
}

/// Mounts the volumes in the view, those above others first.
pub(super) fn mount_volumes(root: &Beneath, volumes: &[Mount], sources: Vec<OwnedFd>) -> Result<(), Problem> {
    let mut order: Vec<(&Mount, OwnedFd)> = volumes.iter().zip(sources).collect();
    order.sort_by_key(|(mount, _)| mount.target.components().count());
    for (mount, source) in order {
        let show = || {
            let target = mount_point(root, &source, &mount.target)?;
            mounts::attach(&source, &target)?;
            path_of(&target)
        };
        let path = show().map_err(|error| Problem::new("mount a volume at", &mount.target, error))?;
        if mount.read_only {
            mounts::make_read_only(&path)?;
        }
    }
    Ok(())
}

/// A directory for a directory, a file for a file.
fn mount_point(root: &Beneath, source: &OwnedFd, target: &Path) -> io::Result<OwnedFd> {
    make_point(root, target, File::from(source.try_clone()?).metadata()?.is_dir())
}
