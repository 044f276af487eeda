//! Runs tasks as processes of this host.
//!
//! Below the run directory a node's directory is `nodes/<node id>/`. In it lies one log for each process, `<name>.log`:
//! standard output and error as they were written, complete as the process writes them; and beside it `<name>.times`, when
//! that was. Nothing else stays there when the task has ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::process::Pid;
use tokio::task::JoinHandle;

use super::daemons::Link;
use super::failed_views::{FailedViews, forget};
use super::kill::Kill;
use super::orders::{Assignment, Keep, Order, Reach, Setup, VIEW};
use super::orphans::Orphans;
use super::runtime::Runtime;
use super::task::{Outcome, Task, VOLUME_FILES};
use super::times::Recorder;
use super::transfers::Transfers;
use super::view::{MachineView, View};
use super::volume_files;
use super::workers::{Worker, Workers};
use super::{open_files, sandbox, small_pages};
use crate::artifact::Carrier;
use crate::blocking::blocking;
use crate::file::private;
use crate::file::remove::remove_tree;
use crate::platform::adopt_orphans;

/// The directory of the bases of git repositories.
const BASES: &str = "git";

/// Runs the tasks of one run.
#[derive(Debug, Clone)]
pub struct Executor {
    run_directory: PathBuf,
    view: MachineView,
    executable: PathBuf,
    hidden: Vec<PathBuf>,
    keep: Keep,
    failed: Arc<FailedViews>,
    carrier: Carrier,
    runtime: Option<Runtime>,
    times: Recorder,
    /// Started when the first task begins.
    workers: Arc<OnceLock<Workers>>,
    /// What makes a worker ready before a task asks for one.
    preparation: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// The limit of open files that tasks get back.
    open_files: Option<u64>,
}

impl Executor {
    /// An executor for the run whose files lie in `run_directory`, an absolute path that tasks do not see.
    /// `executable` is this program (`/proc/self/exe`): its hidden command supervises each task.
    pub fn new(run_directory: &Path, view: impl Into<MachineView>, executable: &Path) -> Self {
        Self {
            run_directory: run_directory.to_owned(),
            view: view.into(),
            executable: executable.to_owned(),
            hidden: vec![run_directory.to_owned()],
            keep: Keep::Nothing,
            failed: Arc::new(FailedViews::new(0, Arc::default())),
            carrier: Carrier::new(&run_directory.join(BASES), executable),
            runtime: None,
            times: Recorder::new(),
            workers: Arc::default(),
            preparation: Arc::default(),
            open_files: open_files::raise(),
        }
    }

    /// Keeps another directory out of every task's sight, such as the one that holds all runs.
    #[must_use]
    pub fn hide(mut self, directory: &Path) -> Self {
        self.hidden.push(directory.to_owned());
        self.workers = Arc::default();
        self
    }

    /// Keeps the bases of git repositories in another directory than the run's, such as the one that holds all runs.
    #[must_use]
    pub(crate) fn keep_bases_in(mut self, directory: &Path) -> Self {
        self.carrier = Carrier::new(&directory.join(BASES), &self.executable);
        self
    }

    /// Tells how tasks see the machine before the first one begins.
    #[must_use]
    pub(super) fn telling_of_view(mut self, tell: impl Fn(&View) + Send + Sync + 'static) -> Self {
        self.view = self.view.telling(tell);
        self
    }

    /// Runs containers in their images.
    #[must_use]
    pub(crate) fn in_images(mut self, runtime: Option<Runtime>) -> Self {
        self.runtime = runtime;
        self
    }

    /// Leaves what tasks wrote in `nodes/<node id>/view/`, for debugging.
    #[must_use]
    pub fn keep_views(mut self) -> Self {
        self.keep = Keep::All;
        self.workers = Arc::default();
        self
    }

    /// Leaves there what the last failed tasks wrote.
    #[must_use]
    pub(super) fn keep_failed(mut self, failed: FailedViews) -> Self {
        self.keep = if failed.are_kept() { Keep::Failed } else { Keep::Nothing };
        self.failed = Arc::new(failed);
        self.workers = Arc::default();
        self
    }

    /// Where the logs of a node lie.
    pub fn node_directory(&self, node: &str) -> PathBuf {
        self.run_directory.join("nodes").join(node)
    }

    /// Begins to make ready what the first task needs, before it asks.
    pub(super) fn make_ready(&self) {
        if self.runtime.is_some() {
            return;
        }
        let executor = self.clone();
        let preparation = tokio::spawn(async move {
            // What is wrong is for the task to tell.
            let _ = executor.workers(executor.view.get().await).make_ready().await;
        });
        *self.preparation.lock().unwrap_or_else(PoisonError::into_inner) = Some(preparation);
    }

    /// Runs one task to its end. Dropping the future kills the task's processes; its files are then removed by the next try
    /// of the same node.
    pub async fn run(&self, task: Task, kill: Kill) -> Outcome {
        self.run_linked(task, kill, None).await
    }

    /// The same of a daemon, which tells when it has started and runs commands of probes.
    #[tracing::instrument(level = "debug", name = "node", skip_all, fields(id = task.node))]
    pub(super) async fn run_linked(&self, task: Task, kill: Kill, link: Option<Link>) -> Outcome {
        let directory = self.node_directory(&task.node);
        let Some(transfers) = Transfers::of(&task, &self.run_directory, &self.carrier) else {
            return self.run_here(task, &directory, kill, link).await;
        };
        let mut outcome = match transfers.bring(task, kill.clone()).await {
            Ok(task) => self.run_here(task, &directory, kill.clone(), link).await,
            Err(outcome) => outcome,
        };
        transfers.take(&mut outcome, kill).await;
        transfers.end().await;
        outcome
    }

    /// Runs a task whose artifacts are all here.
    async fn run_here(&self, task: Task, directory: &Path, kill: Kill, link: Option<Link>) -> Outcome {
        if let Some(runtime) = &self.runtime {
            return self.run_in_images(runtime, task, directory, kill).await;
        }
        let is_plain = self.is_plain().await;
        let files = (!task.volume_files.is_empty()).then_some(VOLUME_FILES);
        let (outcome, killed) = match self.supervise(task, directory, kill, link).await {
            Ok(done) => done,
            Err(error) => {
                (Outcome { error: Some(format!("cannot run the task: {error}")), ..Outcome::default() }, None)
            }
        };
        let mut outcome = Outcome { killed, ..outcome };
        if self.keep == Keep::All {
            return outcome;
        }
        let stays = self.keep == Keep::Failed && outcome.has_failed();
        for left in (is_plain && !stays).then_some(VIEW).into_iter().chain(files) {
            if let Err(error) = remove_view(directory.join(left)).await {
                outcome.error.get_or_insert_with(|| format!("cannot remove the task's files: {error}"));
            }
        }
        outcome
    }

    /// Runs a task whose containers run in their images.
    async fn run_in_images(&self, runtime: &Runtime, task: Task, directory: &Path, kill: Kill) -> Outcome {
        let laid = private::create_new_directory(directory)
            .and_then(|_| remove_tree(&directory.join(VOLUME_FILES)))
            .and_then(|()| volume_files::lay(&directory.join(VOLUME_FILES), &task.volume_files));
        if let Err(error) = laid {
            return Outcome { error: Some(format!("cannot run the task: {error}")), ..Outcome::default() };
        }
        let recording = self.times.begin(directory);
        let outcome = runtime.run(task, directory, kill).await;
        drop(recording);
        // What is left costs space and nothing else.
        let _ = remove_view(directory.join(VOLUME_FILES)).await;
        outcome
    }

    async fn supervise(
        &self,
        task: Task,
        directory: &Path,
        kill: Kill,
        link: Option<Link>,
    ) -> io::Result<(Outcome, Option<String>)> {
        if !private::create_new_directory(directory)? {
            // Left by an engine that was killed, or of another try.
            remove_view(directory.join(VOLUME_FILES)).await?;
            let node = directory.to_owned();
            blocking(move || forget(&node)).await?;
        }
        volume_files::lay(&directory.join(VOLUME_FILES), &task.volume_files)?;
        let _recording = self.times.begin(directory);
        let (node, serves_again) = (task.node.clone(), !self.is_plain().await && !task.is_privileged());
        let order = Order::Run(Box::new(Assignment::new(task, directory)));

        let workers = self.workers(self.view.get().await);
        let mut worker = workers.take().await?;
        while worker.begin(&order).await.is_err() && worker.has_waited() {
            // It was killed while it waited.
            drop(worker);
            worker = workers.take().await?;
        }
        let orphans = if self.is_plain().await { orphans(&worker, &node) } else { None };
        let followed = worker.follow(kill, link).await;
        if followed.is_ok() && serves_again {
            workers.give_back(worker);
        } else {
            drop(worker);
            workers.lost();
        }

        if let (Ok((outcome, _)), Order::Run(assignment)) = (&followed, order)
            && self.failed.is_for(outcome, &assignment.task)
        {
            let (failed, setup) = (Arc::clone(&self.failed), workers.setup().clone());
            // The view that is given up for it may be large.
            blocking(move || failed.note(setup, *assignment)).await?;
        }
        if let (Err(_), Some(orphans)) = (&followed, orphans) {
            blocking(move || orphans.end()).await?;
        }
        followed
    }

    fn workers(&self, view: &View) -> &Workers {
        self.workers.get_or_init(|| {
            let setup = Setup {
                directory: self.run_directory.clone(),
                hidden: self.hidden.clone(),
                view: view.clone(),
                reach: if *view == View::Bind { sandbox::reach(&self.hidden) } else { Reach::default() },
                open_files: self.open_files,
                huge_pages: small_pages::begin(),
                keep: self.keep,
            };
            Workers::new(self.executable.clone(), setup)
        })
    }

    async fn is_plain(&self) -> bool {
        matches!(self.view.get().await, View::Plain(_))
    }

    /// Ends the processes that wait for tasks, once all tasks have ended. No view of a run that Succeeded is kept.
    pub async fn end(&self, is_success: bool) {
        // A run that was interrupted at once can end sooner than its first worker is there.
        let preparation = self.preparation.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(preparation) = preparation {
            let _ = preparation.await;
        }
        if let Some(workers) = self.workers.get() {
            workers.end().await;
            let failed = Arc::clone(&self.failed);
            // What is left costs space and nothing else.
            let _ = blocking(move || failed.settle(is_success)).await;
        }
    }
}

/// What a killed supervisor leaves behind where tasks have no namespace of their own.
fn orphans(supervisor: &Worker, node: &str) -> Option<Orphans> {
    adopt_orphans();
    let session = Pid::from_raw(supervisor.id()?.cast_signed())?;
    Some(Orphans { session, node: node.to_owned() })
}

async fn remove_view(view: PathBuf) -> io::Result<()> {
    if !view.exists() {
        return Ok(());
    }
    blocking(move || remove_tree(&view)).await.map_err(io::Error::other)?
}
