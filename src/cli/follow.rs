//! Follows several runs at the same time, shows their nodes, and maps their end to an exit code.

use futures::future::join_all;

use super::failure::Failure;
use super::report::ReportArgs;
use crate::backend::Snapshot;
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::live::Live;
use crate::output::tree::{elapsed, printable};

/// The result of following a run.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its name, or the RUN argument.
    pub(super) run: String,
    /// The final state, or why following failed.
    pub(super) end: Result<Snapshot, Failure>,
}

/// Follows all runs at the same time: each is a name and a future of its final state.
pub(super) async fn follow_all(
    runs: impl IntoIterator<Item = (String, impl Future<Output = Result<Snapshot, Failure>>)>,
) -> Vec<Followed> {
    join_all(runs.into_iter().map(async |(run, end)| Followed { run, end: end.await })).await
}

/// Writes the reports and returns the highest exit code.
pub(super) fn conclude(followed: &[Followed], report: &ReportArgs) -> Exit {
    let written = report.write(followed);
    let exits = followed.iter().map(|followed| followed.end.as_ref().map_or_else(Failure::exit, exit));
    exits.fold(written, Exit::max)
}

/// The exit code for a run that has ended.
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

    /// Replaces the run's nodes by a line that says how it ended.
    pub(super) fn end(&self, snapshot: &Snapshot) {
        self.0.forget(snapshot.nodes.all.iter());
        self.0.voice().say(ending(snapshot));
    }

    /// Prints why following a run failed, while other runs are still shown.
    pub(super) fn print_failure(&self, failure: &Failure) {
        self.0.above(|| failure.report());
    }
}
