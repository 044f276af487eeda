//! The outputs of a task, from the file system of its main container or from what is mounted there.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path};

use rustix::fs::OFlags;

use super::argv::Bind;
use super::container::Container;
use crate::file::beneath::{Beneath, Place};
use crate::file::tree;
use crate::local::artifact::{self, Destination};
use crate::local::task::{Outcome, Task};

/// Saves what there is; a failure of the program outranks a missing output.
///
/// Each output is copied to a directory of its own below `directory`: a link that a task has left in one is never a part of
/// the way to another.
pub(super) fn save(
    container: &Container,
    task: &Task,
    directory: &Path,
    binds: &[Bind],
    outcome: &mut Outcome,
    exit_code: i32,
) {
    let mut errors = Vec::new();
    let mut number = 0;
    let mut brought = |path: &Path| {
        number += 1;
        bring(container, path, &directory.join(number.to_string()), binds).map_err(|error| error.to_string())
    };
    for output in &task.output_parameters {
        let value = brought(&output.path)
            .and_then(|root| artifact::parameter(&root, output).map_err(|error| error.to_string()));
        match value {
            Ok(value) => drop(outcome.parameters.insert(output.name.clone(), value)),
            Err(why) => errors.push(why),
        }
    }
    for output in &task.output_artifacts {
        let saved = brought(&output.path).map_err(|why| (false, why)).and_then(|root| {
            let to = Destination::open(&output.store).map_err(|error| (false, error.to_string()))?;
            let saved = to.save(&root, &output.name, &output.path);
            saved.map_err(|error| (error.is_missing(), error.to_string()))
        });
        match saved {
            Ok(()) => outcome.artifacts.push(output.name.clone()),
            Err((true, _)) if output.optional => {}
            Err((_, why)) => errors.push(why),
        }
    }
    if outcome.error.is_none() && exit_code == 0 && !errors.is_empty() {
        outcome.error = Some(errors.join("; "));
    }
}

/// Copies a path of the container below a directory that is not there yet, at the same path. What is not there is missed
/// later.
fn bring(container: &Container, path: &Path, directory: &Path, binds: &[Bind]) -> io::Result<Beneath> {
    fs::create_dir_all(directory)?;
    let below = path.strip_prefix("/").ok().filter(|below| is_plain(below));
    if let Some(target) = below.map(|below| directory.join(below))
        && let Some(parent) = target.parent()
    {
        fs::create_dir_all(parent)?;
        copy(container, path, &target, parent, binds);
    }
    Beneath::directory_as_root(directory)
}

/// Whether a path leads nowhere but down.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// Copies from the innermost mount, or else from the container. What a task has left in a mount is never followed out of it.
fn copy(container: &Container, path: &Path, target: &Path, parent: &Path, binds: &[Bind]) {
    let bind =
        binds.iter().filter(|bind| path.starts_with(&bind.target)).max_by_key(|bind| bind.target.components().count());
    let Some((bind, rest)) = bind.and_then(|bind| Some((bind, path.strip_prefix(&bind.target).ok()?))) else {
        return container.copy(path, parent);
    };
    let copied = || {
        if rest.as_os_str().is_empty() {
            return tree::copy(&bind.source, target);
        }
        let source = Beneath::directory(&bind.source)?.open(rest, OFlags::RDONLY)?;
        tree::copy_open(&File::from(source), &Place::of(target)?)
    };
    let _ = copied();
}
