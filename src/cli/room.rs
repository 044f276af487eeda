//! The room that runs of this machine take: kept within a limit where one is set, told of where they take much.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::cache::{Reach, caches_of_runs, delete_unused};
use super::failure::Failure;
use crate::backend::{Run, Snapshot};
use crate::file::replace::{Readers, replace};
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

/// Keeps the runs and caches of a directory within the limit; without one, tells where they take much. Whatever goes wrong
/// here is no fault of the run that has just ended.
pub(super) async fn keep_within(root: &Path, keep: Option<Keep>, quiet: bool) {
    let Some(keep) = keep else {
        if !quiet && takes_much(root) {
            talk(format_args!(
                "warning: the runs and caches in {} take more than 10 GB: kubectl runnable delete --local --older 7d \
                 --with-cache frees room, and --keep 20 or RUNNABLE_KEEP=20 keeps no more than 20 runs",
                root.display(),
            ));
        }
        return;
    };
    match remove_surplus(root, keep).await {
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

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Whether runs and caches take much. Measuring many files takes a while, so it is not done each time.
fn takes_much(root: &Path) -> bool {
    let path = root.join(MEASURED);
    let is_fresh = path.metadata().and_then(|file| file.modified()).ok().and_then(|time| time.elapsed().ok());
    let before = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    if is_fresh.is_some_and(|age| age < FRESH) && before.is_some_and(|bytes| bytes <= MUCH) {
        return false;
    }
    let bytes = size(root, MUCH);
    // Without the file it is measured once more next time.
    let _ = replace(&path, Readers::Owner, format!("{bytes}\n").as_bytes());
    bytes > MUCH
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
