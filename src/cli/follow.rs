//! Several runs followed at the same time, what is shown meanwhile, and the exit code that an end stands for.

use futures::future::join_all;

use super::failure::Failure;
use super::report::ReportArgs;
use crate::backend::Snapshot;
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::live::Live;
use crate::output::tree::{elapsed, printable};

/// What came of following a run.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its name, or as the user named it.
    pub(super) run: String,
    /// How it ended, or why that was not seen.
    pub(super) end: Result<Snapshot, Failure>,
}

/// Follows all runs at the same time: each by its name and what gives its end.
pub(super) async fn at_once(
    runs: impl IntoIterator<Item = (String, impl Future<Output = Result<Snapshot, Failure>>)>,
) -> Vec<Followed> {
    join_all(runs.into_iter().map(async |(run, end)| Followed { run, end: end.await })).await
}

/// Writes the reports; the worst exit code of all.
pub(super) fn conclude(followed: &[Followed], report: &ReportArgs) -> Exit {
    let written = report.write(followed);
    let exits = followed.iter().map(|followed| followed.end.as_ref().map_or_else(Failure::exit, exit));
    exits.fold(written, Exit::max)
}

/// What the end of a run means to a script.
pub(super) fn exit(snapshot: &Snapshot) -> Exit {
    match snapshot.phase() {
        "Succeeded" => Exit::Success,
        "Error" => Exit::Errored,
        _ => Exit::Failed,
    }
}

/// How a run ended, on one line: `workflow.argoproj.io/etl Failed in 12s: child 'etl-1' failed`.
pub(super) fn ending(snapshot: &Snapshot) -> String {
    let summary = snapshot.summary();
    let mask = snapshot.mask();
    let took = summary.completion_time.and_then(|end| summary.duration(end));
    let took = took.map(|took| format!(" in {}", elapsed(took))).unwrap_or_default();
    let message = printable(&mask.text(&summary.message));
    let line = format!("{} {}{took}: {message}", name(snapshot.workflow.value()), printable(&summary.phase));
    line.trim_end_matches(": ").to_owned()
}

/// The nodes of runs as they change, shown live.
pub(super) struct Screen(Live);

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        Self(Live::new(quiet))
    }

    pub(super) fn show(&self, snapshot: &Snapshot) {
        let nodes = snapshot.mask().nodes(snapshot.nodes.all.clone());
        self.0.show(nodes.iter());
    }

    /// Says how a run has ended, in the place of its nodes.
    pub(super) fn end(&self, snapshot: &Snapshot) {
        self.0.forget(snapshot.nodes.all.iter());
        self.0.voice().say(ending(snapshot));
    }

    /// Says why the end of a run was not seen, while the nodes of others are.
    pub(super) fn lose(&self, failure: &Failure) {
        self.0.above(|| failure.report());
    }
}
