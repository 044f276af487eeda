//! A run that this machine is to carry out: what keeps it from starting shows before anything is written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::engine::{self, Ended, Interrupt};
use super::event_thread::State;
use super::executor::Executor;
use super::failed_views::FailedViews;
use super::given::{self, Limits};
use super::given_artifacts::{self, GivenArtifact, GivenError};
use super::machine::Machine;
use super::open_files;
use super::refusal;
use super::repository;
use super::resolved::Resolved;
use super::run_locks::{Claim, Places};
use super::runtime::{Choice, ImageError, Runtime};
use super::sandbox::RUNS_TASKS;
use super::scheduler::{ARTIFACTS, KnownKeys, NodeIndex, Scheduler};
use super::secrets::Secrets;
use super::store::{self, Store, StoreError};
use super::stub::Stubs;
use super::view::View;
use crate::argo::Workflow;
use crate::argo::document::{Document, Kind};
use crate::argo::identity::{IdentityError, ObjectName};
use crate::cache::{self, BucketAddress, STORE_ANNOTATION};
use crate::exit::{CommandError, Exit};

/// What to do where programs of this machine cannot be tasks.
pub(crate) const NO_TASKS_HINT: &str = "--runtime podman or docker runs each template in its image (podman machine start, or \
                                        Docker Desktop); or run it in a Linux machine or container, or on a cluster";

/// Why a run cannot start on this machine.
#[derive(Debug, thiserror::Error)]
pub enum NewRunError {
    /// Its name is none.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its directory cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data of a Secret is no text in base64; tells where.
    #[error("{0}")]
    NotBase64(String),
    /// A document describes an artifact repository that is none.
    #[error("{0}")]
    Repository(String),
    /// Containers cannot run in their images.
    #[error(transparent)]
    Runtime(#[from] ImageError),
    /// Programs of this machine cannot be tasks.
    #[error("only Linux runs the programs of a machine as tasks, and this is {}", std::env::consts::OS)]
    NoTasks,
    /// An artifact of the arguments cannot be had.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// It asks for what this machine cannot do.
    #[error("workflow {name} cannot run on this machine\n  {refused}")]
    Unsupported {
        /// The workflow.
        name: String,
        /// What, each on a line with its place.
        refused: String,
    },
    /// The program that tasks are started with is not found.
    #[error("cannot find this program")]
    Program(#[source] io::Error),
}

impl CommandError for NewRunError {
    fn exit(&self) -> Exit {
        match self {
            Self::Identity(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::NotBase64(_) | Self::Repository(_) | Self::Runtime(_) | Self::NoTasks | Self::Unsupported { .. } => {
                Exit::Usage
            }
            Self::Given(error) => error.exit(),
            Self::Program(_) => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::NotBase64(_) => Some("plain text goes into stringData".to_owned()),
            Self::Given(error) => error.hint(),
            Self::Runtime(error) => error.hint(),
            Self::NoTasks => Some(NO_TASKS_HINT.to_owned()),
            Self::Identity(_) | Self::Repository(_) | Self::Unsupported { .. } | Self::Program(_) => None,
        }
    }
}

/// The documents that a run is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The workflows as they were written, for the places of their fields.
    pub(crate) workflows: &'a [Document],
    /// What stands beside them.
    pub(crate) beside: &'a [Document],
    /// Limits of semaphores that the documents do not give.
    pub(crate) limits: Option<&'a Limits>,
    /// Outcomes of nodes that do not run.
    pub(crate) stubs: &'a Stubs,
    /// How many tasks run at once, unless there is a usual number.
    pub(crate) max_tasks: Option<u16>,
    /// The store of the caches, where it is not beside the runs.
    pub(crate) caches: Option<&'a cache::Store>,
    /// Where artifacts are that only say their key, where no document has to say it.
    pub(crate) artifact_store: Option<&'a BucketAddress>,
    /// Files of this machine that are artifacts of the workflow's arguments.
    pub(crate) given: &'a [GivenArtifact],
    /// What runs containers in their images, where that is asked for.
    pub(crate) runtime: Option<&'a Choice>,
    /// Whether entries of any runtime and image count.
    pub(crate) accept_runtime: bool,
    /// Whether a task will surely run, so that what it needs is made ready at once.
    pub(crate) expects_tasks: bool,
    /// The keys of its nodes that were evaluated for its plan.
    pub(crate) keys: Option<&'a Arc<KnownKeys>>,
}

/// A run that nothing keeps from starting.
#[derive(Debug)]
pub(crate) struct NewRun {
    plan: Resolved,
    namespace: ObjectName,
    name: ObjectName,
    /// What a later attempt needs beside the workflow. Secrets are not written down.
    beside: Vec<Value>,
    caches: Option<cache::Store>,
    /// Where the files of the arguments' artifacts are, and what they are in the run.
    given: Vec<(PathBuf, String)>,
    /// What runs containers in their images.
    runtime: Option<Runtime>,
    /// Whether entries of any runtime and image count.
    accept_runtime: bool,
    expects_tasks: bool,
    keys: Option<Arc<KnownKeys>>,
    /// What the user should know of it.
    pub(crate) notes: Vec<String>,
}

impl NewRun {
    /// The run of a workflow, with the uid as its own; its directory is not made yet.
    pub(crate) fn new(root: &Path, workflow: &Value, uid: &str, source: Source<'_>) -> Result<Self, NewRunError> {
        if !RUNS_TASKS && source.runtime.is_none() {
            return Err(NewRunError::NoTasks);
        }
        let mut workflow = Workflow::from(workflow.clone());
        let namespace: ObjectName = workflow.metadata().own_namespace().unwrap_or("default").parse()?;
        let name: ObjectName = workflow.name().parse()?;
        workflow.set_namespace(namespace.as_str());
        workflow.set_identity(uid, &now());
        let directory = store::directory(root, &namespace, &name);
        if store::exists(&directory) {
            return Err(StoreError::Exists { name: name.to_string(), directory }.into());
        }
        mark(&mut workflow, source, source.caches.filter(|store| store.root() != Some(root)));

        let mut notes = Vec::new();
        let mut plan = Resolved::new(workflow.into_value(), directory, task_limit(source.max_tasks, &mut notes));
        add_sources(&mut plan, source, &mut notes)?;
        let limits = source.limits.map(|limits| limits.add(&mut plan));
        let runtime = source.runtime.map(Runtime::open).transpose()?;
        let given = given_artifacts::find(root, &plan, source.given)?;
        let ignored = refusal::check(source, &plan, runtime.as_ref())?;
        if !ignored.is_empty() {
            notes.push(format!("ignored in local runs: {}", ignored.join(", ")));
        }
        let beside = source.beside.iter().filter(|document| document.kind != Kind::Secret);
        let beside = beside.map(|document| document.value.clone()).chain(limits).collect();
        Ok(Self {
            plan,
            namespace,
            name,
            beside,
            caches: source.caches.cloned(),
            given,
            runtime,
            accept_runtime: source.accept_runtime,
            expects_tasks: source.expects_tasks,
            keys: source.keys.cloned(),
            notes,
        })
    }

    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Takes the locks that the run holds as a whole, once they are free. `on_wait` is told once what is waited for.
    pub(crate) async fn locks(
        &self,
        machine: &Machine,
        on_wait: impl FnOnce(&str, &[Claim]),
    ) -> Result<Places, StoreError> {
        Places::take(&machine.root, &self.plan, on_wait).await
    }

    /// Makes the run's directory.
    pub(crate) fn start(self, machine: &Machine) -> Result<StartedRun, StoreError> {
        let secrets = Secrets::new(&self.plan.secrets);
        let mut store = Store::create(&machine.root, &self.namespace, &self.name, &self.plan.workflow)?.hiding(secrets);
        if let Some(caches) = self.caches {
            store = store.with_caches(caches);
        }
        store.write_beside(&self.beside)?;
        store.write_stubs(&self.plan.stubs)?;
        for (source, key) in &self.given {
            given_artifacts::keep(source, &store.directory().join(ARTIFACTS).join(key))?;
        }
        let runtime = self.runtime.map(Runtime::of_run_that_starts);
        let executor = Executor::new(store.directory(), machine.view.clone(), &machine.executable);
        let executor = executor.hide(&machine.root).keep_bases_in(&machine.root).in_images(runtime.clone());
        let store = store.made_in(runtime, self.accept_runtime);
        let Self { plan, expects_tasks, keys, .. } = self;
        Ok(StartedRun { plan, store, executor, expects_tasks, keys })
    }
}

/// A run whose directory is there.
pub(crate) struct StartedRun {
    plan: Resolved,
    store: Store,
    executor: Executor,
    expects_tasks: bool,
    keys: Option<Arc<KnownKeys>>,
}

impl StartedRun {
    /// The Workflow object as it was created.
    pub(crate) fn workflow(&self) -> &Workflow {
        Workflow::view(&self.plan.workflow)
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.store.directory().to_owned()
    }

    /// The same, which tells how its tasks see the machine, before the first one begins.
    pub(crate) fn telling_of_view(self, tell: impl Fn(&View) + Send + Sync + 'static) -> Self {
        Self { executor: self.executor.telling_of_view(tell), ..self }
    }

    /// The same, which keeps the views of so many of its last failed tasks.
    pub(crate) fn keeping_failed(self, most: usize) -> Self {
        let failed = FailedViews::new(most, Arc::clone(self.store.secrets()));
        Self { executor: self.executor.keep_failed(failed), ..self }
    }

    /// The values of the Secrets that it was given.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.plan.secrets.values().flat_map(|data| data.values().cloned()).collect()
    }

    /// Carries it out to its end. `observe` sees the state after each event and the nodes that it changed.
    pub(crate) async fn carry_out(
        self,
        mut interrupts: UnboundedReceiver<Interrupt>,
        observe: impl FnMut(&Scheduler, &[NodeIndex]),
    ) -> Result<Ended, StoreError> {
        if self.expects_tasks {
            self.executor.make_ready();
        }
        let mut scheduler = Scheduler::new(self.plan);
        if let Some(keys) = self.keys {
            scheduler = scheduler.knowing(keys);
        }
        let state = State { scheduler, store: self.store };
        engine::run(state, self.executor, &mut interrupts, observe).await
    }
}

/// Writes down what its next attempt has to find: stores, and what runs its containers.
fn mark(workflow: &mut Workflow, source: Source<'_>, caches: Option<&cache::Store>) {
    if let Some(store) = caches {
        workflow.set_annotation(STORE_ANNOTATION, &store.address());
    }
    Choice::note(source.runtime, workflow);
    if let Some(store) = source.artifact_store {
        workflow.set_annotation(repository::ANNOTATION, &store.with_settings());
    }
}

/// Adds what the run is given beside its workflow.
fn add_sources(plan: &mut Resolved, source: Source<'_>, notes: &mut Vec<String>) -> Result<(), NewRunError> {
    for document in source.beside {
        given::add(plan, document)?;
    }
    plan.stubs.clone_from(source.stubs);
    plan.in_images = source.runtime.is_some();
    plan.repository = repository::find(&source, Workflow::view(&plan.workflow))?;
    if plan.repository.is_none() && plan.spec.get("artifactRepositoryRef").is_some() {
        notes.push("artifactRepositoryRef is ignored: its ConfigMap is not among the documents".to_owned());
    }
    Ok(())
}

/// How many tasks run at once.
fn task_limit(wanted: Option<u16>, notes: &mut Vec<String>) -> usize {
    let wanted = wanted.map_or_else(default_limit, usize::from);
    let limit = open_files::fitting(wanted);
    if limit < wanted {
        notes.push(format!("at most {limit} tasks run at once, for few files may be open (ulimit -Hn)"));
    }
    limit
}

/// The time as Kubernetes writes it, in whole seconds.
fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Enough for tasks that wait more than they compute.
fn default_limit() -> usize {
    std::thread::available_parallelism().map_or(16, |cores| cores.get().saturating_mul(8).max(16))
}
