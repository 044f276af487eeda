//! Runs asynchronous verbs, and work on several runs at the same time.

use std::io;
use std::pin::{Pin, pin};
use std::sync::RwLock;
use std::thread;

use futures::future::join_all;

use super::failure::Failure;
use super::signals::Signals;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Runs a verb. Threads that it leaves behind, such as one that waits for a lock, do not delay the exit.
pub(super) fn block_on<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut outcome = None;
    drive(pin!(async { outcome = Some(verb.await) }))?;
    outcome.expect("the verb has ended")
}

/// Compiled once for all verbs: the runtime would be for each type of future.
fn drive(verb: Pin<&mut dyn Future<Output = ()>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    runtime.block_on(verb);
    runtime.shutdown_background();
    Ok(())
}

/// As many threads as a local run has at once, and some more.
const THREADS: usize = 8;

/// Tells beforehand that there is no room for threads: the runtime panics where it finds none.
pub(super) fn has_room_for_threads() -> Result<(), Failure> {
    let gate = RwLock::new(());
    let started: io::Result<()> = thread::scope(|scope| {
        let closed = gate.write();
        let wait = || drop(gate.read());
        let threads: io::Result<Vec<_>> =
            (0..THREADS).map(|_| thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, wait)).collect();
        drop(closed);
        threads.map(drop)
    });
    started.map_err(|error| {
        Failure::new(Exit::Tool, format!("cannot start threads: {error}"))
            .hint("end some processes, or raise the number that this user may have (ulimit -u)")
    })
}

/// Runs a verb that only watches. A signal ends it, with the message that what it watched continues.
pub(super) async fn until_interrupted(
    verb: impl Future<Output = Result<Exit, Failure>>,
    continues: &str,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    tokio::select! {
        outcome = verb => outcome,
        () = signals.next() => {
            talk(format_args!("interrupted: {continues}"));
            Ok(Exit::Interrupted)
        }
    }
}

/// Does the work for all runs at the same time. Prints failures to standard error, in the order of the runs, and
/// returns the highest exit code.
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
