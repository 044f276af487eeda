//! The outputs of a task, from the file system of its main container or from what is mounted there.

use std::fs;
use std::path::{Path, PathBuf};

use super::argv::Bind;
use super::container::Container;
use crate::file::beneath::Beneath;
use crate::file::tree;
use crate::local::artifact::{self, Destination};
use crate::local::task::{Outcome, Task};

/// Saves what there is; a failure of the program outranks a missing output.
pub(super) fn save(
    container: &Container,
    task: &Task,
    directory: &Path,
    binds: &[Bind],
    outcome: &mut Outcome,
    exit_code: i32,
) {
    let parameters = task.output_parameters.iter().map(|output| &output.path);
    let paths = parameters.chain(task.output_artifacts.iter().map(|output| &output.path));
    let mut paths: Vec<&PathBuf> = paths.collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        bring(container, path, directory, binds);
    }

    let mut errors = Vec::new();
    let root = fs::create_dir_all(directory).and_then(|()| Beneath::directory_as_root(directory));
    match root {
        Err(error) => errors.push(error.to_string()),
        Ok(root) => {
            for output in &task.output_parameters {
                match artifact::parameter(&root, output) {
                    Ok(value) => drop(outcome.parameters.insert(output.name.clone(), value)),
                    Err(error) => errors.push(error.to_string()),
                }
            }
            for output in &task.output_artifacts {
                let saved =
                    Destination::open(&output.store).map_err(|error| (false, error.to_string())).and_then(|to| {
                        to.save(&root, &output.name, &output.path)
                            .map_err(|error| (error.is_missing(), error.to_string()))
                    });
                match saved {
                    Ok(()) => outcome.artifacts.push(output.name.clone()),
                    Err((true, _)) if output.optional => {}
                    Err((_, why)) => errors.push(why),
                }
            }
        }
    }
    if outcome.error.is_none() && exit_code == 0 && !errors.is_empty() {
        outcome.error = Some(errors.join("; "));
    }
}

/// Copies a path of the container below a directory, at the same path. What is not there is missed later.
fn bring(container: &Container, path: &Path, directory: &Path, binds: &[Bind]) {
    let Ok(below) = path.strip_prefix("/") else { return };
    let target = directory.join(below);
    let Some(parent) = target.parent() else { return };
    if fs::create_dir_all(parent).is_err() {
        return;
    }
    // The innermost mount counts. What a task has left there is never followed out of it.
    let bind =
        binds.iter().filter(|bind| path.starts_with(&bind.target)).max_by_key(|bind| bind.target.components().count());
    let Some((bind, rest)) = bind.and_then(|bind| Some((bind, path.strip_prefix(&bind.target).ok()?))) else {
        return container.copy(path, parent);
    };
    if rest.as_os_str().is_empty() {
        let _ = tree::copy(&bind.source, &target);
        return;
    }
    let copied = || {
        let source = Beneath::directory(&bind.source)?.open(rest, rustix::fs::OFlags::RDONLY)?;
        tree::copy_open(&std::fs::File::from(source), &crate::file::beneath::Place::of(&target)?)
    };
    let _ = copied();
}
