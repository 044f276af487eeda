//! Follows several runs at the same time, shows their nodes, and maps their end to an exit code.

use futures::future::join_all;

use super::failure::Failure;
use super::home;
use super::report::ReportArgs;
use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::backend::{Run, Snapshot};
use crate::exit::Exit;
use crate::output::failures::screen;
use crate::output::format::name;
use crate::output::live::{Expected, Live};
use crate::output::stream::{stderr_colors, talk};
use crate::output::tree::{elapsed, printable};
use crate::report::address::Address;
use crate::report::failures::Failures;
use crate::report::profile::durations;
use crate::shell::word;

/// The result of following a run.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its name, or the RUN argument.
    pub(super) run: String,
    /// The final state, or why following failed.
    pub(super) end: Result<End, Failure>,
}

/// The end of a run.
#[derive(Debug)]
pub(super) struct End {
    /// The final state.
    pub(super) state: Snapshot,
    /// What failed.
    pub(super) failures: Failures,
}

impl End {
    /// The end of a run in its final state.
    pub(super) async fn of(run: &Run, state: Snapshot) -> Self {
        let failures = failures(run, &state).await;
        Self { state, failures }
    }

    /// Prints what failed, and the commands that help.
    pub(super) fn tell(&self) {
        let text = screen(&self.failures, stderr_colors());
        if !text.is_empty() {
            talk(text.trim_end());
        }
    }
}

/// What failed in a run. The commands find it also if its directory is not the one that they look into by themselves.
pub(super) async fn failures(run: &Run, state: &Snapshot) -> Failures {
    let failures = run.failures(state).await;
    Failures { address: address(run), ..failures }
}

/// How another command finds the run.
pub(super) fn address(run: &Run) -> Address {
    let mut address = run.address();
    if let Run::Local(record) = run
        && home::root().ok().as_deref() != Some(record.root())
    {
        address.environment.push(format!("RUNNABLE_HOME={}", word(&record.root().display().to_string())));
    }
    address
}

/// Follows all runs at the same time: each is a name and a future of its final state.
pub(super) async fn follow_all(
    runs: impl IntoIterator<Item = (String, impl Future<Output = Result<End, Failure>>)>,
) -> Vec<Followed> {
    join_all(runs.into_iter().map(async |(run, end)| Followed { run, end: end.await })).await
}

/// Writes the reports and returns the highest exit code.
pub(super) fn conclude(followed: &[Followed], report: &ReportArgs) -> Exit {
    let written = report.write(followed);
    let exits =
        followed.iter().map(|followed| followed.end.as_ref().map_or_else(Failure::exit, |end| exit(&end.state)));
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

/// Has the time that is left estimated from the attempt before, if that is still there and the time is shown.
pub(super) async fn expect(live: &Live, run: &Run, workflow: &Workflow) {
    if live.estimates()
        && let Some(expected) = expected(run, workflow).await
    {
        live.expect(expected);
    }
}

async fn expected(run: &Run, workflow: &Workflow) -> Option<Expected> {
    let before = run.before(workflow).await?;
    let took = before.summary().completion_time?.duration_since(before.summary().start_time?);
    let run_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    Some(Expected { by_path: durations(&before.nodes), run_ms })
}

/// The nodes of runs as they change, shown live.
pub(super) struct Screen(Live);

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        Self(Live::new(quiet))
    }

    pub(super) fn show(&self, snapshot: &Snapshot) {
        self.show_some(snapshot, |_| true);
    }

    /// Shows only some of the nodes.
    pub(super) fn show_some(&self, snapshot: &Snapshot, wanted: impl Fn(&Node) -> bool) {
        self.0.show(snapshot.nodes.all.iter().filter(|node| wanted(node)), &snapshot.mask());
    }

    /// Estimates the time that is left, if the run is a retry of one that is still there.
    pub(super) async fn expect(&self, run: &Run, workflow: &Workflow) {
        expect(&self.0, run, workflow).await;
    }

    /// Replaces the run's nodes by a line that says how it ended, and what failed.
    pub(super) fn end(&self, end: &End) {
        self.0.forget(end.state.nodes.all.iter());
        let voice = self.0.voice();
        voice.say(ending(&end.state));
        voice.above(|| end.tell());
    }

    /// Prints why following a run failed, while other runs are still shown.
    pub(super) fn print_failure(&self, failure: &Failure) {
        self.0.above(|| failure.report());
    }
}
