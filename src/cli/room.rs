//! The room that runs of this machine take: kept within a limit where one is set, told of where they take much.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};

use super::cache::{Reach, caches_of_runs, delete_unused};
use super::failure::Failure;
use crate::backend::{Run, Snapshot};
use crate::file::replace::{Durable, Readers, replace_with};
use crate::file::size::size;
use crate::local::keep::{Keep, KeptRun};
use crate::local::record::Record;
use crate::output::stream::talk;

/// More than this is worth a line.
const MUCH: u64 = 10_000_000_000;
/// What was measured holds so long, as long as it was not much.
const FRESH: Duration = Duration::from_hours(1);
/// The file of the last measure.
const MEASURED: &str = ".measured";

/// The room of the runs and caches in a directory, on which runs are going to begin.
pub(super) struct Room {
    root: PathBuf,
    keep: Option<Keep>,
    quiet: bool,
    /// How many bytes they take, where that is to be found out.
    measure: Option<JoinHandle<u64>>,
}

impl Room {
    /// Begins to measure what they take, where there is no limit and the last measure is old: many files take a while, for
    /// which no run has to wait.
    pub(super) fn begin(root: &Path, keep: Option<Keep>, quiet: bool) -> Self {
        let root = root.to_owned();
        let is_due = keep.is_none() && !quiet && is_due(&root);
        let measured = root.clone();
        let measure = is_due.then(|| spawn_blocking(move || size(&measured, MUCH)));
        Self { root, keep, quiet, measure }
    }

    /// Keeps the runs and caches within the limit; without one, tells where they take much. Whatever goes wrong here is no
    /// fault of the runs that have ended by now.
    pub(super) async fn keep_within(self) {
        let Self { root, keep, quiet, measure } = self;
        let Some(keep) = keep else {
            if let Some(measure) = measure
                && let Ok(bytes) = measure.await
            {
                note_measure(&root, bytes);
            }
            return;
        };
        match remove_surplus(&root, keep).await {
            Ok(Removed { runs: 0, .. }) => {}
            Ok(removed) if !quiet => talk(format_args!(
                "note: {} and {} were removed: no more is kept",
                counted(removed.runs, "old run"),
                counted(removed.caches, "cache"),
            )),
            Ok(_) => {}
            Err(failure) => talk(format_args!("warning: old runs were not removed: {}", failure.message())),
        }
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Whether there is no measure of a moment ago that was not much. What was made a moment ago had nothing to measure.
fn is_due(root: &Path) -> bool {
    let is_fresh = |time: io::Result<SystemTime>| time.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < FRESH));
    let Ok(text) = std::fs::read_to_string(root.join(MEASURED)) else {
        return !is_fresh(root.metadata().and_then(|directory| directory.created()));
    };
    let was_little = text.trim().parse::<u64>().is_ok_and(|bytes| bytes <= MUCH);
    let measured = root.join(MEASURED).metadata().and_then(|file| file.modified());
    !(was_little && is_fresh(measured))
}

/// Tells where runs and caches take much, and writes down for an hour where they do not.
fn note_measure(root: &Path, bytes: u64) {
    // Without the file it is measured once more next time.
    let _ = replace_with(&root.join(MEASURED), Readers::Owner, Durable::No, |file| writeln!(file, "{bytes}"));
    if bytes > MUCH {
        talk(format_args!(
            "warning: the runs and caches in {} take more than 10 GB: kubectl runnable delete --local --older 7d \
             --with-cache frees room, and --keep 20 or RUNNABLE_KEEP=20 keeps no more than 20 runs",
            root.display(),
        ));
    }
}

struct Removed {
    runs: usize,
    caches: usize,
}

async fn remove_surplus(root: &Path, keep: Keep) -> Result<Removed, Failure> {
    let mut runs = Vec::new();
    // The oldest come first, also of those that were created in one second.
    for record in Record::all(root, None)?.into_iter().rev() {
        // What cannot be read is no run that anybody can judge.
        if let Ok(snapshot) = Snapshot::of_record(&record) {
            runs.push((record, snapshot));
        }
    }
    let measured = keep.bytes.is_some();
    let kept: Vec<KeptRun> = runs.iter().map(|(record, snapshot)| kept(record, snapshot, measured)).collect();
    let names: BTreeSet<&String> = kept.iter().flat_map(|run| &run.caches).collect();
    let path = root.join("cache");
    let caches: BTreeMap<String, u64> =
        names.into_iter().filter(|_| measured).map(|name| (name.clone(), size(&path.join(name), u64::MAX))).collect();

    let mut gone = Vec::new();
    let surplus: BTreeSet<usize> = keep.surplus(&kept, &caches).into_iter().collect();
    for (place, (record, snapshot)) in runs.into_iter().enumerate() {
        let run = Run::Local(record);
        // One that another command uses by now stays.
        if surplus.contains(&place) && run.delete(false, false).await.is_ok() {
            gone.push((run, snapshot.workflow));
        }
    }
    let objects: Vec<_> = gone.iter().map(|(_, workflow)| workflow.value()).collect();
    let caches = match gone.first() {
        Some((run, _)) => delete_unused(run, &objects, Reach::Beside, false).await?.len(),
        None => 0,
    };
    Ok(Removed { runs: gone.len(), caches })
}

fn kept(record: &Record, snapshot: &Snapshot, measured: bool) -> KeptRun {
    let workflow = &snapshot.workflow;
    KeptRun {
        run_id: workflow.run_id().unwrap_or(workflow.uid()).to_owned(),
        attempt: workflow.attempt(),
        created: workflow.created_at(),
        succeeded: workflow.phase() == "Succeeded",
        goes_on: !snapshot.is_over(),
        bytes: if measured { size(record.directory(), u64::MAX) } else { 0 },
        caches: caches_of_runs(std::iter::once(workflow.value())),
    }
}
