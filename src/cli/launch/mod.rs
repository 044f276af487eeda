//! Runs that a command creates, followed to their ends: what `submit` and `retry` have in common once it is decided what is
//! to run.

mod background;
mod ending;
mod engine;
mod interrupts;

use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::follow_up::{CreatedRun, FollowUp, print};
use super::generate;
use super::handle::handle_of;
use super::known_calls::{known_calls, prefixes};
use crate::argo::identity::{ObjectName, RunId};
use crate::argo::{Nodes, Workflow};
use crate::backend::{Backend, BackendError, Created, Creation};
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::handle::Handle;
use crate::local::new_run::{NewRun, NewRunError, Source};
use crate::local::record::Record;
use crate::local::store::StoreError;
use crate::mask::Mask;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};
use crate::prepare::{self, Prepared, differences, existing_cache};
use crate::retry::Refusal;

/// Runs that are created, followed as the flags ask, and told.
pub(super) struct Launch<'a> {
    pub(super) backend: &'a Backend,
    /// The workflows as they are to run, each with the documents that it was prepared from, for a run of this machine.
    pub(super) runs: &'a [(&'a Prepared, Source<'a>)],
    pub(super) existing: Existing,
    pub(super) follow_up: &'a FollowUp,
    /// Create nothing; a cluster checks the objects.
    pub(super) dry_run: bool,
    pub(super) output: Option<Format>,
    pub(super) quiet: bool,
}

/// What the same attempt of the same run means that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// It was submitted before, by a command whose answer was lost.
    Found,
    /// Someone else makes the same retry.
    Refused,
    /// Another submit of the same key has made it: it is this command's run too.
    Joined,
    /// Another submit of the same key has made it, and there is to be none beside it.
    Duplicate,
}

/// A run's first file is written within this time.
const CREATION: Duration = Duration::from_secs(10);

/// A local run that is ready, what identifies it, and the documents that it was prepared from.
type Ready<'a> = (NewRun, &'a prepare::Run, Source<'a>);

/// Leaves the run to a process of its own, where `--detach` asks for it and this process is not that one.
pub(super) fn detached(follow_up: &FollowUp, quiet: bool) -> Option<Result<Exit, Failure>> {
    (follow_up.detach && !background::is_background()).then(|| background::start(quiet))
}

impl<'a> Launch<'a> {
    /// Creates all of them and carries out what was asked for; the worst end counts.
    pub(super) async fn carry_out(&self) -> Result<Exit, Failure> {
        let mut made: Vec<CreatedRun> = Vec::new();
        let mut ready: Vec<Ready<'a>> = Vec::new();
        let creator = self.backend.user().await?;
        for (prepared, source) in self.runs {
            let created = self.create(prepared, *source, creator.as_deref()).await;
            match created.inspect_err(|_| tell_partial(&made))? {
                // Only one run is ever made with others.
                None => return self.join(prepared).await,
                Some(Created::Object(created)) => {
                    let object = Workflow::from(created.object);
                    let handle = self.handle(&object, &prepared.run, *source).await;
                    made.push(self.made(prepared, CreatedRun { object, handle }, created.already)?);
                }
                Some(Created::Ready(run)) => ready.push((*run, &prepared.run, *source)),
            }
        }

        match self.backend {
            Backend::Local { root, .. } => self.run_here(root, ready).await,
            Backend::Cluster(_) if self.dry_run => {
                let objects: Vec<Value> = made.into_iter().map(|run| run.object.into_value()).collect();
                self.output.map_or(Ok(()), |format| result(rendered(format, &objects)))?;
                Ok(Exit::Success)
            }
            Backend::Cluster(_) => self.follow_up.conclude(self.backend, made, self.output, self.quiet).await,
        }
    }

    /// Creates one, marked with its run and its creator. A document that is only shown has no marks: whoever submits it may
    /// give it another run id. None: another submit of the same key has made it.
    async fn create(
        &self,
        prepared: &Prepared,
        source: Source<'_>,
        creator: Option<&str>,
    ) -> Result<Option<Created>, Failure> {
        let mut workflow = Workflow::from(prepared.workflow.clone());
        workflow.set_marks(prepared.run.run_id.as_ref(), creator);
        let workflow = workflow.value();
        let creation = Creation { workflow, uid: &generate::uid(), source, dry_run: self.dry_run };
        match self.backend.create(creation).await {
            Ok(Created::Object(created)) if created.already && self.existing == Existing::Refused => {
                Err(Refusal::made(workflow).into())
            }
            Err(error) if self.existing == Existing::Joined && is_taken(&error) => Ok(None),
            Err(error) if self.existing == Existing::Duplicate && is_taken(&error) => {
                Err(duplicate(Workflow::view(workflow).name()))
            }
            Err(BackendError::NewRun(error)) => Err(self.taken(&prepared.run, error)),
            created => Ok(Some(created?)),
        }
    }

    /// Takes the run of another submit for one's own: it is told, waited for and printed as if this command had made it.
    async fn join(&self, prepared: &Prepared) -> Result<Exit, Failure> {
        let ours = Workflow::view(&prepared.workflow);
        let home = self.backend.within(ours.metadata().own_namespace())?;
        let own = ours.name().parse::<ObjectName>()?;
        if let Backend::Local { .. } = home {
            // Whoever holds the run's directory writes its workflow at this instant.
            let _ = tokio::time::timeout(CREATION, home.appears(own.clone())).await;
        }
        let object = home.find(&own)?.get().await?.workflow;
        if self.output.is_none() {
            result(format_args!("{} reused: another submit of the same key has made it\n", name(object.value())))?;
        }
        if !self.quiet {
            let run_id = object.run_id().and_then(|id| id.parse().ok());
            tell_run(&prepare::Run { run_id, cache_name: None, ..prepared.run.clone() }, &object);
            let differences = differences(ours, &object);
            if !differences.is_empty() {
                let name = object.name();
                talk(format_args!("warning: workflow {name} differs from this one in {}", differences.join(", ")));
            }
        }
        let handle = handle_of(&object, None, self.backend);
        let made = self.follow_up.record_run(object, handle)?;
        self.follow_up.conclude(self.backend, vec![made], self.output, self.quiet).await
    }

    /// Why a local run cannot begin: its name is taken, perhaps by the same attempt, or something else.
    fn taken(&self, run: &prepare::Run, error: NewRunError) -> Failure {
        let NewRunError::Store(StoreError::Exists { name, directory }) = &error else { return error.into() };
        let number = run.retry_indicator.parse().unwrap_or(1);
        // Whoever holds the directory and has not written its workflow yet makes it at this instant.
        let is_same = Record::at(directory).workflow().map_or(true, |there| {
            let there = Workflow::view(&there);
            there.run_id() == run.run_id.as_ref().map(RunId::as_str) && there.attempt() == number
        });
        if is_same && self.existing == Existing::Refused {
            return Refusal::Made { name: name.clone(), number }.into();
        }
        error.into()
    }

    /// Tells of an object that a cluster has now, or would take.
    fn made(&self, prepared: &Prepared, made: CreatedRun, already: bool) -> Result<CreatedRun, Failure> {
        let done = match (self.dry_run, already) {
            (true, _) => "created (server dry run)",
            (false, true) => "unchanged: this attempt of the run is there already",
            (false, false) => "created",
        };
        if self.output.is_none() {
            result(format_args!("{} {done}\n", name(made.object.value())))?;
        }
        if !self.quiet {
            tell_run(&prepared.run, &made.object);
        }
        if self.dry_run { Ok(made) } else { self.follow_up.record_run(made.object, made.handle) }
    }

    /// The handle of a run. The calls that its document tells of are found out where somebody gets to see them.
    async fn handle(&self, object: &Workflow, run: &prepare::Run, source: Source<'_>) -> Handle {
        let mut handle = handle_of(object, run.cache_name.as_ref(), self.backend);
        let is_shown = matches!(self.output, Some(Format::Json | Format::Yaml));
        if run.cache_name.is_some() && (self.follow_up.handle.is_some() || is_shown) && !self.dry_run {
            let beside = source.beside.iter().map(|document| document.value.clone()).collect();
            let calls = known_calls(self.backend, beside, object).await;
            handle.nodes = Some(prefixes(object, &Nodes::default(), &calls, &Mask::of(object, &[])));
        }
        handle
    }
}

/// Whether another run has the name.
fn is_taken(error: &BackendError) -> bool {
    matches!(
        error,
        BackendError::Cluster(ClusterError::Exists { .. })
            | BackendError::NewRun(NewRunError::Store(StoreError::Exists { .. }))
    )
}

fn duplicate(name: &str) -> Failure {
    let message = format!("workflow {name} of another submit of the same key is there already");
    Failure::new(Exit::Conflict, message).hint("wait until --debounce has passed, or use another --on-duplicate")
}

/// What was created before the failure, which the exit code alone would hide.
fn tell_partial(runs: &[CreatedRun]) {
    for run in runs {
        talk(format_args!("note: {} had been created before", name(run.object.value())));
    }
}

/// The cache is the live object's: one that was there before has kept its own.
fn tell_run(run: &prepare::Run, object: &Workflow) {
    let cache = existing_cache(object.spec()).or_else(|| run.cache_name.clone());
    let cache = cache.map(|cache| format!(", cache {cache}")).unwrap_or_default();
    if let Some(run_id) = &run.run_id {
        talk(format_args!("run id {run_id}{cache}"));
    }
}
