//! One execution of a job: look up, wait, run, keep.

use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::command;
use super::ended::{Early, Ended, ExecError, Interrupted};
use super::found::Found;
use super::job::{Job, OnStoreError};
use super::right::Waited;
use super::told::{Maker, Told};
use crate::argo::entry_report::{EntryReport, MadeBy};
use crate::blocking::blocking;
use crate::cache::{Manifest, Prefix, Right, Seen, Stop};
use crate::exit::chain;

/// How long work may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// A job that is being executed.
pub(crate) struct Session {
    pub(super) job: Job,
    pub(super) prefix: Prefix,
    pub(super) maker: Maker,
    pub(super) signals: UnboundedReceiver<Signal>,
    pub(super) tell: fn(Told),
}

impl Session {
    pub(crate) fn new(
        job: Job,
        prefix: Prefix,
        maker: Maker,
        signals: UnboundedReceiver<Signal>,
        tell: fn(Told),
    ) -> Self {
        Self { job, prefix, maker, signals, tell }
    }

    /// Executes the job.
    pub(crate) async fn run(mut self) -> Result<Ended, ExecError> {
        match self.until_end().await {
            Ok(ended) | Err(Early::Ended(ended)) => Ok(ended),
            Err(Early::Error(error)) => Err(error),
        }
    }

    async fn until_end(&mut self) -> Result<Ended, Early> {
        let (seen, right) = match self.prepare().await {
            Ok(None) => return Ok(Ended::Code(0)),
            Ok(Some((seen, right))) => (Some(seen), right),
            Err(Early::Error(ExecError::Store(error))) if self.job.policy.on_store_error == OnStoreError::Run => {
                self.warn(format!("{}; the command runs without the cache", chain(&error)));
                (None, None)
            }
            Err(early) => return Err(early),
        };
        self.report(None);
        let finished = command::run(&self.job.command, &mut self.signals).await.map_err(ExecError::from)?;
        let ended = Ended::of(&finished);
        if let Some(seen) = seen.filter(|_| !self.job.policy.read_only) {
            self.settle(finished, seen, right).await;
        }
        Ok(ended)
    }

    /// Looks for the entry, and gets the right to make it: none after a hit.
    async fn prepare(&mut self) -> Result<Option<(Seen, Option<Right>)>, Early> {
        let Found::Miss(mut seen) = self.look().await? else { return Ok(None) };
        if self.job.policy.read_only || !self.job.policy.lease {
            return Ok(Some((seen, None)));
        }
        loop {
            let waited = self.right(&seen).await?;
            // Somebody may have made the entry until this process had the right to.
            match (self.look_again(seen).await?, waited) {
                (Found::Hit, _) => return Ok(None),
                (Found::Miss(now), Waited::Made) => seen = now,
                (Found::Miss(now), Waited::Right(right)) => return Ok(Some((now, Some(right)))),
                (Found::Miss(now), Waited::TooLong) => return Ok(Some((now, None))),
            }
        }
    }

    /// Tells the file of the report what became of the entry: `hit` is the one that was used.
    pub(super) fn report(&self, hit: Option<&Manifest>) {
        let Some(path) = &self.job.report else { return };
        let made_by = hit.map(|manifest| MadeBy {
            workflow_uid: manifest.workflow_uid.clone(),
            node_id: manifest.node_id.clone(),
            node_name: manifest.node_name.clone(),
        });
        let (cache, key) = (self.job.cache.to_string(), self.job.key.to_string());
        let report = EntryReport { hit: hit.is_some(), cache, key, made_by };
        let text = serde_json::to_string(&report).expect("a report's fields are texts");
        if let Err(error) = std::fs::write(path, text + "\n") {
            self.warn(format!("cannot write the report {}: {error}", path.display()));
        }
    }

    /// Does work in a thread until it ends; a signal stops it.
    pub(super) async fn until_signal<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Interrupted> {
        let stop = Stop::default();
        let told = stop.clone();
        let mut work = blocking(move || work(&told));
        tokio::select! {
            done = &mut work => Ok(joined(done)),
            signal = next(&mut self.signals) => {
                stop.stop();
                let _ = timeout(GRACE, end(work)).await;
                Err(Interrupted(signal))
            }
        }
    }

    pub(super) fn warn(&self, text: String) {
        (self.tell)(Told::Warning(text));
    }
}

async fn end(work: impl Future) {
    let _ = work.await;
}

/// The next signal that asks for the end.
async fn next(signals: &mut UnboundedReceiver<Signal>) -> Signal {
    match signals.recv().await {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}

/// A panic in a thread goes on in this one.
pub(super) fn joined<T>(done: Result<T, tokio::task::JoinError>) -> T {
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
