//! Brings the input artifacts of a task that are kept elsewhere, and takes its outputs there. What has come lies in a
//! directory of the run, which tasks do not see, until the task has ended.

use std::fs;
use std::path::{Path, PathBuf};

use super::kill::Kill;
use super::task::{ArtifactSource, Outcome, Task, Upload};
use crate::artifact::{Carrier, TransferError};
use crate::blocking::blocking;
use crate::cache::Stop;
use crate::file::private;
use crate::file::remove::remove_tree;

/// The directory, below that of the run, of artifacts that have come.
const ARRIVED: &str = "arrived";

/// An output that goes elsewhere when it is kept.
struct Departure {
    name: String,
    store: PathBuf,
    path: PathBuf,
    upload: Upload,
}

/// The artifacts of one task that come and go.
pub(super) struct Transfers {
    carrier: Carrier,
    directory: PathBuf,
    departures: Vec<Departure>,
    has_arrivals: bool,
}

impl Transfers {
    /// Those of a task in a run's directory; none where all of its artifacts are in the run.
    pub(super) fn of(task: &Task, run: &Path, carrier: &Carrier) -> Option<Self> {
        let has_arrivals = task.input_artifacts.iter().any(|input| matches!(input.source, ArtifactSource::Remote(_)));
        let departures = task.output_artifacts.iter().filter_map(|output| {
            let upload = output.upload.as_deref()?.clone();
            Some(Departure {
                name: output.name.clone(),
                store: output.store.clone(),
                path: output.path.clone(),
                upload,
            })
        });
        let departures: Vec<Departure> = departures.collect();
        let directory = run.join(ARRIVED).join(&task.node);
        let any = has_arrivals || !departures.is_empty();
        any.then(|| Self { carrier: carrier.clone(), directory, departures, has_arrivals })
    }

    /// Brings what the task reads; it reads files of this machine then. The outcome is that of a task that cannot begin.
    pub(super) async fn bring(&self, mut task: Task, mut kill: Kill) -> Result<Task, Outcome> {
        if !self.has_arrivals {
            return Ok(task);
        }
        let (stop, carrier, directory) = (Stop::default(), self.carrier.clone(), self.directory.clone());
        let told = stop.clone();
        let work = blocking(move || {
            arrive(&mut task, &carrier, &directory, &told)?;
            Ok::<_, String>(task)
        });
        let failed = |error: String| Outcome { error: Some(error), ..Outcome::default() };
        tokio::select! {
            done = work => done.map_err(|error| error.to_string()).flatten().map_err(failed),
            order = kill.next() => {
                stop.stop();
                Err(Outcome { killed: Some(order.reason), ..failed("its artifacts had not come yet".to_owned()) })
            }
        }
    }

    /// Takes the outputs that were kept to their places. As in Argo what fails counts where the program has not failed.
    pub(super) async fn take(&self, outcome: &mut Outcome, mut kill: Kill) {
        let kept = self.departures.iter().filter(|departure| outcome.artifacts.contains(&departure.name));
        let mut errors = Vec::new();
        for departure in kept {
            let (stop, carrier, upload) = (Stop::default(), self.carrier.clone(), departure.upload.clone());
            let (store, path, told) = (departure.store.clone(), departure.path.clone(), stop.clone());
            let work = blocking(move || carrier.take(&upload.place, upload.archive, (&store, &path), &told));
            let done = tokio::select! {
                done = work => done.map_err(|error| error.to_string()).and_then(|done| done.map_err(|error| error.to_string())),
                order = kill.next() => {
                    stop.stop();
                    Err(order.reason)
                }
            };
            if let Err(why) = done {
                errors.push(format!("artifact {} failed to be saved: {why}", departure.name));
            }
        }
        if !errors.is_empty() && outcome.error.is_none() && outcome.exit_code == Some(0) {
            outcome.error = Some(errors.join("; "));
        }
    }

    /// Removes what has come.
    pub(super) async fn end(self) {
        if self.has_arrivals {
            let directory = self.directory;
            // What is left costs space and nothing else.
            let _ = blocking(move || {
                let removed = remove_tree(&directory);
                let _ = directory.parent().map(fs::remove_dir);
                removed
            })
            .await;
        }
    }
}

fn arrive(task: &mut Task, carrier: &Carrier, directory: &Path, stop: &Stop) -> Result<(), String> {
    // Left by an engine that was killed.
    remove_tree(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    private::create_directory(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut absent = Vec::new();
    for (number, input) in task.input_artifacts.iter_mut().enumerate() {
        let ArtifactSource::Remote(remote) = &input.source else { continue };
        if let Some(near) = remote.near.as_ref().filter(|near| near.symlink_metadata().is_ok()) {
            input.source = ArtifactSource::Stored(near.clone());
            continue;
        }
        let target = directory.join(number.to_string());
        match carrier.bring(&remote.place, remote.archive, &target, stop) {
            Ok(()) => input.source = ArtifactSource::Stored(target),
            Err(TransferError::Missing(_)) if remote.optional => absent.push(number),
            Err(error) => return Err(format!("artifact {} failed to load: {error}", input.name)),
        }
    }
    for number in absent.into_iter().rev() {
        task.input_artifacts.remove(number);
    }
    Ok(())
}
