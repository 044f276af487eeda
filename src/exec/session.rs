//! One execution of a job: look up, wait, run, keep.

use std::io::Write;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::command::{self, Finished, StartError};
use super::entry::{StageError, keep, stage};
use super::job::{Job, OnStoreError};
use super::outputs::{ParameterFile, Staged};
use crate::argo::entry_report::{EntryReport, MadeBy};
use crate::argo::status::Outputs;
use crate::cache::{CacheError, Failure, Holder, LookUp, Manifest, Prefix, Right, Seen, Stop, TOOL, VERSION};
use crate::exit::{CommandError, chain};

/// How often those who wait for another are told about it.
const REPORT: Duration = Duration::from_mins(1);
/// How long work may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// A job that is being executed.
pub(crate) struct Session {
    job: Job,
    prefix: Prefix,
    maker: Maker,
    signals: UnboundedReceiver<Signal>,
    tell: fn(Told),
}

/// Who makes an entry, as the manifest tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Maker {
    /// The id of the node, or of this process.
    pub(crate) node_id: String,
    /// The full name of the node, or the machine.
    pub(crate) node_name: String,
    /// The template that the node calls, where it is one.
    pub(crate) template: String,
    /// The uid of the workflow, where there is one.
    pub(crate) workflow_uid: String,
    /// The run's id, where there is one.
    pub(crate) run_id: String,
}

/// What the user hears.
#[derive(Debug)]
pub(crate) enum Told {
    /// The entry was used.
    Hit {
        /// Who made it.
        maker: String,
        /// How long ago.
        age: SignedDuration,
    },
    /// Somebody else makes the entry.
    Waiting {
        /// Who, where that is known.
        holder: Option<Holder>,
        /// For how long this process has waited.
        waited: Duration,
    },
    /// Something that does not end the command.
    Warning(String),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As the command did that it restored or ran.
    Code(i32),
    /// By this signal: the command's, or one that came before it ran.
    Signal(i32),
}

/// The command was not run, or what it gave cannot be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    /// The store cannot be used.
    #[error("the cache cannot be used")]
    Store(#[source] CacheError),
    /// The command did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An output cannot be written.
    #[error("cannot restore output {name} to {path}")]
    Restore {
        /// The output.
        name: String,
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write the standard output of the cached command")]
    Stdout(#[source] std::io::Error),
}

impl ExecError {
    /// A remedy for the user.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Start(_) | Self::Restore { .. } | Self::Stdout(_) => None,
        }
    }

    /// The exit code, as shells have it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Start(StartError::NotFound(_)) => 127,
            Self::Start(StartError::NotExecutable(..)) => 126,
            _ => 125,
        }
    }
}

/// A signal came before the command ran.
struct Interrupted(Signal);

/// What ends a session early.
enum Early {
    Ended(Ended),
    Error(ExecError),
}

impl From<Interrupted> for Early {
    fn from(Interrupted(signal): Interrupted) -> Self {
        Self::Ended(Ended::Signal(signal.as_raw()))
    }
}

impl From<ExecError> for Early {
    fn from(error: ExecError) -> Self {
        Self::Error(error)
    }
}

/// What a look for the entry comes to.
enum Found {
    Hit,
    /// There is none that can be used; what is there may be replaced.
    Miss(Seen),
}

/// What waiting for the right to make the entry comes to.
enum Waited {
    Right(Right),
    /// Somebody has made one.
    Made,
    /// It took too long: the entry is made without the right.
    TooLong,
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
        let ended = finished.ended();
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
            match (self.look().await?, waited) {
                (Found::Hit, _) => return Ok(None),
                (Found::Miss(now), Waited::Made) => seen = now,
                (Found::Miss(now), Waited::Right(right)) => return Ok(Some((now, Some(right)))),
                (Found::Miss(now), Waited::TooLong) => return Ok(Some((now, None))),
            }
        }
    }

    async fn look(&mut self) -> Result<Found, Early> {
        let prefix = self.prefix.clone();
        let seen = self.until_signal(move |_| prefix.look_up()).await?.map_err(ExecError::Store)?;
        if self.job.policy.force {
            return Ok(Found::Miss(seen));
        }
        let manifest = match &seen.found {
            LookUp::Missing => return Ok(Found::Miss(seen)),
            LookUp::Broken(why) => {
                self.warn(format!("ignored a broken cache entry: {why}"));
                return Ok(Found::Miss(seen));
            }
            LookUp::OtherVersion => {
                self.warn("ignored a cache entry written by another version of this tool".to_owned());
                return Ok(Found::Miss(seen));
            }
            LookUp::Whole(manifest) => manifest.clone(),
        };
        let age = Timestamp::now().duration_since(manifest.created_at);
        if self.job.policy.max_age.is_some_and(|max_age| age > max_age) {
            return Ok(Found::Miss(seen));
        }
        if let Some(missing) = self.missing(&manifest) {
            self.warn(format!("ignored a cache entry: it lacks the output {missing}"));
            return Ok(Found::Miss(seen));
        }
        if !self.restore(&manifest).await? {
            return Ok(Found::Miss(seen));
        }
        let told = Told::Hit { maker: manifest.node_name.clone(), age };
        (self.tell)(told);
        self.report(Some(&manifest));
        if !self.job.policy.read_only {
            let prefix = self.prefix.clone();
            let _ = self.until_signal(move |_| prefix.touch(&seen)).await;
        }
        Ok(Found::Hit)
    }

    /// A declared output that an entry does not have.
    fn missing(&self, manifest: &Manifest) -> Option<String> {
        let has = |output: &&super::Output| {
            let kept = manifest.artifacts.iter().find(|kept| kept.name == output.name);
            kept.is_some_and(|kept| output.optional || !kept.is_absent())
        };
        let missing = self.job.outputs.iter().find(|output| !has(output)).map(|output| output.name.clone());
        let values = manifest.outputs.iter().flat_map(|outputs| &outputs.parameters);
        let named: Vec<&str> = values.filter(|value| value.value.is_some()).map(|value| value.name.as_str()).collect();
        let value = || self.job.parameters.iter().find(|parameter| !named.contains(&parameter.name.as_str()));
        missing.or_else(|| value().map(|parameter| parameter.name.clone()))
    }

    /// Tells the file of the report what became of the entry: `hit` is the one that was used.
    fn report(&self, hit: Option<&Manifest>) {
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

    /// Restores outputs and standard output; false where the store has them otherwise than the manifest says.
    async fn restore(&mut self, manifest: &Manifest) -> Result<bool, Early> {
        let (prefix, outputs, kept) = (self.prefix.clone(), self.job.outputs.clone(), manifest.artifacts.clone());
        let values = self.values(manifest);
        let stage = move |stop: &Stop| {
            let mut staged = stage(&prefix, &outputs, &kept, stop)?;
            for (parameter, value) in values {
                let made = Staged::make(&parameter.path, |place| std::fs::write(place, value));
                let made = made.map_err(|source| StageError::Local { output: parameter.name.clone(), source })?;
                staged.push((parameter.name, made));
            }
            Ok(staged)
        };
        let staged = self.until_signal(stage).await?;
        let staged = match staged {
            Ok(staged) => staged,
            Err(StageError::Broken(why)) => {
                self.warn(format!("ignored a broken cache entry: {why}"));
                return Ok(false);
            }
            Err(StageError::Store(error)) => return Err(ExecError::Store(error).into()),
            Err(StageError::Local { output, source }) => return Err(self.unwritable(&output, source).into()),
        };
        for (name, staged) in staged {
            staged.place().map_err(|source| self.unwritable(&name, source))?;
        }
        let stdout = match &manifest.stdout {
            Some(stdout) => stdout.bytes().unwrap_or_default(),
            None => manifest.outputs.as_ref().and_then(|outputs| outputs.result.clone()).unwrap_or_default().into(),
        };
        let mut out = std::io::stdout().lock();
        match out.write_all(&stdout).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(ExecError::Stdout(error).into()),
            _ => Ok(true),
        }
    }

    /// The files of parameters, each with the entry's value.
    fn values(&self, manifest: &Manifest) -> Vec<(ParameterFile, String)> {
        let value = |name: &str| {
            let mut kept = manifest.outputs.iter().flat_map(|outputs| &outputs.parameters);
            kept.find(|kept| kept.name == name)?.value.clone()
        };
        let parameters = self.job.parameters.iter();
        parameters.filter_map(|parameter| Some((parameter.clone(), value(&parameter.name)?))).collect()
    }

    fn unwritable(&self, name: &str, source: std::io::Error) -> ExecError {
        let outputs = self.job.outputs.iter().map(|output| (&output.name, &output.path));
        let parameters = self.job.parameters.iter().map(|parameter| (&parameter.name, &parameter.path));
        let path = outputs.chain(parameters).find(|(own, _)| *own == name);
        let path = path.map(|(_, path)| path.display().to_string()).unwrap_or_default();
        ExecError::Restore { name: name.to_owned(), path, source }
    }

    /// Waits for the right to make the entry.
    async fn right(&mut self, seen: &Seen) -> Result<Waited, Early> {
        let prefix = self.prefix.clone();
        let right = self.until_signal(move |_| prefix.right_now()).await?.map_err(ExecError::Store)?;
        if let Some(right) = right {
            return Ok(Waited::Right(right));
        }
        let begin = Instant::now();
        let deadline = self.job.policy.lease_wait.and_then(|wait| begin.checked_add(wait));
        let mut report = interval_at(begin + REPORT, REPORT);
        self.tell_waiting(begin);
        let (prefix, seen) = (self.prefix.clone(), seen.clone());
        let stop = Stop::default();
        let told = stop.clone();
        let mut waiting = tokio::task::spawn_blocking(move || prefix.right_unless_made(&seen, &told));
        loop {
            tokio::select! {
                right = &mut waiting => {
                    let right = joined(right).map_err(ExecError::Store)?;
                    return Ok(right.map_or(Waited::Made, Waited::Right));
                }
                signal = self.signals.recv() => {
                    stop.stop();
                    return Err(Interrupted(signal.unwrap_or(Signal::TERM)).into());
                }
                _ = report.tick() => self.tell_waiting(begin),
                () = sleep_until(deadline.unwrap_or(begin)), if deadline.is_some() => {
                    stop.stop();
                    self.warn("the other process takes too long: the command runs here, too".to_owned());
                    return Ok(Waited::TooLong);
                }
            }
        }
    }

    fn tell_waiting(&self, begin: Instant) {
        (self.tell)(Told::Waiting { holder: self.prefix.holder(), waited: begin.elapsed() });
    }

    /// Makes the entry of a command that succeeded, or notes the failure. Neither changes how the command ended.
    async fn settle(&mut self, finished: Finished, seen: Seen, right: Option<Right>) {
        if finished.interrupted {
            return;
        }
        if !finished.status.success() {
            let (prefix, failure) = (self.prefix.clone(), self.failure(&finished));
            if let Ok(Err(error)) = self.until_signal(move |_| prefix.fail(&failure)).await {
                self.warn(chain(&error));
            }
            return;
        }
        if self.job.policy.min_duration.is_some_and(|least| finished.took < least) {
            return;
        }
        if !finished.stdout.whole {
            self.warn("the command leaves no cache entry: nobody has read all of its standard output".to_owned());
            return;
        }
        let (job, prefix, manifest) = (self.job.clone(), self.prefix.clone(), self.manifest(finished));
        let kept = self.until_signal(move |stop| keep(&job, &prefix, manifest, &seen, right, stop)).await;
        match kept {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => self.warn(format!("the command leaves no cache entry: {why}")),
            Err(Interrupted(_)) => self.warn("interrupted: the command leaves no cache entry".to_owned()),
        }
    }

    fn failure(&self, finished: &Finished) -> Failure {
        Failure {
            version: VERSION,
            node_id: self.maker.node_id.clone(),
            workflow_uid: self.maker.workflow_uid.clone(),
            phase: "Failed".to_owned(),
            message: format!("exit code {}", finished.code()),
        }
    }

    fn manifest(&self, finished: Finished) -> Manifest {
        let now = Timestamp::now();
        let result = finished.stdout.kept.text().map(|text| text.strip_suffix('\n').unwrap_or(text).to_owned());
        let outputs = Outputs { result, exit_code: Some("0".to_owned()), ..Outputs::default() };
        Manifest {
            version: VERSION,
            key: self.job.key.to_string(),
            cache_name: self.job.cache.to_string(),
            node_id: self.maker.node_id.clone(),
            node_name: self.maker.node_name.clone(),
            template: self.maker.template.clone(),
            workflow_uid: self.maker.workflow_uid.clone(),
            run_id: self.maker.run_id.clone(),
            outputs: Some(outputs),
            artifacts: Vec::new(),
            stdout: Some(finished.stdout.kept),
            runtime: None,
            tool: TOOL.to_owned(),
            finished_at: now,
            created_at: now,
        }
    }

    /// Does work in a thread until it ends; a signal stops it.
    async fn until_signal<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Interrupted> {
        let stop = Stop::default();
        let told = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || work(&told));
        tokio::select! {
            done = &mut work => Ok(joined(done)),
            signal = next(&mut self.signals) => {
                stop.stop();
                let _ = timeout(GRACE, end(work)).await;
                Err(Interrupted(signal))
            }
        }
    }

    fn warn(&self, text: String) {
        (self.tell)(Told::Warning(text));
    }
}

async fn end<T>(work: JoinHandle<T>) {
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
fn joined<T>(done: Result<T, tokio::task::JoinError>) -> T {
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

impl Finished {
    fn ended(&self) -> Ended {
        use std::os::unix::process::ExitStatusExt;
        match self.status.signal() {
            Some(signal) => Ended::Signal(signal),
            None => Ended::Code(self.code()),
        }
    }
}
