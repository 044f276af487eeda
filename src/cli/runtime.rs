//! Running a verb that waits for answers, and one piece of work for each of several runs.

use futures::future::join_all;

use super::failure::Failure;
use super::signals::Signals;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Carries out a verb. What it leaves behind, such as a thread that waits for a lock, keeps nobody waiting.
pub(super) fn block_on<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(verb);
    runtime.shutdown_background();
    outcome
}

/// Carries out a verb that only looks on: when a signal ends it, what it looked at goes on, as the line says.
pub(super) async fn looking_on(
    verb: impl Future<Output = Result<Exit, Failure>>,
    goes_on: &str,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    tokio::select! {
        outcome = verb => outcome,
        () = signals.next() => {
            talk(format_args!("interrupted: {goes_on}"));
            Ok(Exit::Interrupted)
        }
    }
}

/// Does the work for all runs at once. Failures are said on standard error, in the order of the runs; the highest of
/// their exit codes stands for all.
pub(super) async fn each<T>(
    work: impl IntoIterator<Item = impl Future<Output = Result<T, Failure>>>,
) -> (Vec<T>, Exit) {
    let mut done = Vec::new();
    let mut exit = Exit::Success;
    for outcome in join_all(work).await {
        match outcome {
            Ok(one) => done.push(one),
            Err(failure) => exit = exit.max(failure.report()),
        }
    }
    (done, exit)
}
