//! `submit --local`: runs the workflows on this machine, one after another.

mod ending;
mod given;
mod interrupts;
mod refusal;

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use self::interrupts::Interrupts;
use super::args::Args;
use super::request::Request;
use crate::argo::document::{Document, Kind};
use crate::argo::identity::ObjectName;
use crate::argo::status::Phase;
use crate::backend::Snapshot;
use crate::cli::failure::Failure;
use crate::cli::follow::Followed;
use crate::cli::follow_up::{FollowUp, Made, print};
use crate::cli::handle::{Place, handle_of};
use crate::cli::{generate, home};
use crate::exit::Exit;
use crate::file::private;
use crate::local::engine::{self, Ended};
use crate::local::executor::Executor;
use crate::local::open_files;
use crate::local::resolved::Plan;
use crate::local::run_locks::Places;
use crate::local::scheduler::Scheduler;
use crate::local::secrets::Secrets;
use crate::local::store::{self, Store, StoreError};
use crate::local::view::View;
use crate::mask::Mask;
use crate::output::format::Format;
use crate::output::live::Live;
use crate::output::stream::talk;
use crate::prepare::{Prepared, Run};

pub(super) async fn run(args: &Args, request: Request) -> Result<Exit, Failure> {
    let prepared = request.prepare(&request.templates(), None)?;
    let runs = LocalRuns {
        root: home::root()?,
        prepared: &prepared,
        workflows: &request.workflows,
        beside: &request.beside,
        limits: given::limits(args),
        max_tasks: args.max_tasks,
        follow_up: &args.follow_up,
        output: args.output,
        quiet: args.quiet,
    };
    runs.carry_out().await
}

/// Runs that are carried out on this machine.
pub(in crate::cli) struct LocalRuns<'a> {
    /// The directory of all runs and caches.
    pub(in crate::cli) root: PathBuf,
    /// The workflows as they are to run, one after another.
    pub(in crate::cli) prepared: &'a [Prepared],
    /// The documents that they were prepared from, for the places of their fields.
    pub(in crate::cli) workflows: &'a [Document],
    /// The documents that stand beside them.
    pub(in crate::cli) beside: &'a [Document],
    /// Limits of semaphores that the documents do not give.
    pub(in crate::cli) limits: Option<given::Limits<'a>>,
    /// How many tasks run at once, unless there is a usual number.
    pub(in crate::cli) max_tasks: Option<u16>,
    pub(in crate::cli) follow_up: &'a FollowUp,
    pub(in crate::cli) output: Option<Format>,
    pub(in crate::cli) quiet: bool,
}

impl LocalRuns<'_> {
    /// Carries them out to their ends; what was asked for is told.
    pub(in crate::cli) async fn carry_out(&self) -> Result<Exit, Failure> {
        let ready = self.prepared.iter().map(|prepared| Ready::new(self, prepared));
        let ready: Vec<Ready> = ready.collect::<Result<_, _>>()?;
        let machine = Machine::new(self)?;
        let mut interrupts = Interrupts::new(self.follow_up.timeout)?;

        let mut exit = Exit::Success;
        let (mut made, mut followed) = (Vec::new(), Vec::new());
        let mut ready = ready.into_iter();
        for next in ready.by_ref() {
            let over = next.run(self, &machine, &mut interrupts).await?;
            self.follow_up.notify.tell(&over.made.object).await;
            exit = exit.max(over.exit);
            followed.push(Followed { run: over.made.handle.name.clone(), end: Ok(over.last) });
            made.push(over.made);
            if over.interrupted {
                break;
            }
        }

        for left_out in ready {
            talk(format_args!("note: workflow {} was not started", left_out.name));
        }
        let written = self.follow_up.report.write(&followed);
        print(self.output, made)?;
        Ok(exit.max(written))
    }
}

/// What this machine offers to every run.
struct Machine {
    root: PathBuf,
    executable: PathBuf,
    view: View,
}

impl Machine {
    fn new(runs: &LocalRuns<'_>) -> Result<Self, Failure> {
        let root = runs.root.clone();
        let executable =
            std::env::current_exe().map_err(|error| anyhow::anyhow!("cannot find this program: {error}"))?;
        let write = |source| StoreError::Write { path: root.clone(), source };
        private::create_directory(&root).map_err(write)?;
        for inner in ["runs", "cache", "locks"] {
            private::close_directory(&root.join(inner)).map_err(write)?;
        }
        let view = View::detect(&executable, &root);
        if let (View::Plain(why), false) = (&view, runs.quiet) {
            talk(format_args!(
                "warning: tasks share this machine's file system, for a view of their own is not to be had: {why}"
            ));
        }
        Ok(Self { root, executable, view })
    }
}

/// A run that has ended.
struct Over {
    made: Made,
    last: Snapshot,
    exit: Exit,
    interrupted: bool,
}

/// A run that nothing keeps from starting.
struct Ready {
    plan: Plan,
    namespace: ObjectName,
    name: ObjectName,
    run: Run,
    /// What a later attempt needs beside the workflow. Secrets are not written down.
    beside: Vec<Value>,
}

impl Ready {
    fn new(runs: &LocalRuns<'_>, prepared: &Prepared) -> Result<Self, Failure> {
        let mut workflow = prepared.workflow.clone();
        let metadata = &mut workflow["metadata"];
        let namespace: ObjectName = metadata["namespace"].as_str().unwrap_or("default").parse()?;
        let name: ObjectName = metadata["name"].as_str().unwrap_or_default().parse()?;
        metadata["namespace"] = namespace.as_str().into();
        metadata["uid"] = generate::uid().into();
        metadata["creationTimestamp"] = now().into();
        let directory = store::directory(&runs.root, &namespace, &name);
        if store::exists(&directory) {
            return Err(StoreError::Exists { name: name.to_string(), directory }.into());
        }
        let wanted = runs.max_tasks.map_or_else(default_limit, usize::from);
        let limit = open_files::fitting(wanted);
        if limit < wanted && !runs.quiet {
            talk(format_args!("note: at most {limit} tasks go on at once, for few files may be open (ulimit -Hn)"));
        }
        let mut plan = Plan::new(workflow, directory, limit);
        for document in runs.beside {
            given::add(&mut plan, document)?;
        }
        let limits = runs.limits.as_ref().map(|limits| limits.add(&mut plan));
        refusal::check(runs, &plan)?;
        let beside = runs.beside.iter().filter(|document| document.kind != Kind::Secret);
        let beside = beside.map(|document| document.value.clone()).chain(limits).collect();
        Ok(Self { plan, namespace, name, run: prepared.run.clone(), beside })
    }

    async fn run(self, runs: &LocalRuns<'_>, machine: &Machine, interrupts: &mut Interrupts) -> Result<Over, Failure> {
        let _places = self.places(machine, interrupts).await?;
        let store = Store::create(&machine.root, &self.namespace, &self.name, &self.plan.workflow)?
            .hiding(Secrets::new(&self.plan.secrets));
        store.write_beside(&self.beside)?;
        let directory = store.directory().to_owned();
        let handle = handle_of(&self.plan.workflow, self.run.cache_name.as_ref(), Place::Local(&machine.root));
        let made = runs.follow_up.made(self.plan.workflow.clone(), handle)?;
        if !runs.quiet {
            let run_id = self.run.run_id.as_ref().map(ToString::to_string).unwrap_or_default();
            talk(format_args!("running workflow {} on this machine, run id {run_id}", self.name));
        }
        let executor = Executor::new(&directory, machine.view.clone(), &machine.executable).hide(&machine.root);
        let secrets: Vec<String> = self.plan.secrets.values().flat_map(|data| data.values().cloned()).collect();
        let mask = Mask::hiding(&self.plan.workflow, &[], &secrets);
        let live = Live::new(runs.quiet);
        let voice = live.voice();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let running = engine::run(Scheduler::new(self.plan), executor, store, &mut receiver, |scheduler, changed| {
            let nodes = mask.nodes(changed.iter().map(|&node| scheduler.node(node).clone()).collect());
            live.show(nodes.iter());
        });
        let ended = tokio::select! {
            ended = running => ended,
            never = interrupts.forward(sender, &voice) => match never {},
        };
        // What follows stands where the tree was.
        drop(live);
        let ended = ended?;
        let last = Snapshot { secrets, ..Snapshot::from(ended.workflow.clone()) };
        ending::tell(runs, &last, &directory)?;
        let exit = exit(&ended, interrupts.timed_out());
        Ok(Over { made: Made { object: ended.workflow, ..made }, last, exit, interrupted: ended.interrupted })
    }
}

impl Ready {
    /// The places that the run takes as a whole, once they are free.
    async fn places(&self, machine: &Machine, interrupts: &mut Interrupts) -> Result<Places, Failure> {
        let name = &self.name;
        let taking = Places::take(&machine.root, &self.plan, |lock| {
            talk(format_args!("workflow {name} waits for {lock}, which another run of this machine holds"));
        });
        tokio::select! {
            places = taking => Ok(places?),
            signalled = interrupts.next() => {
                let exit = if signalled { Exit::Interrupted } else { Exit::TimedOut };
                Err(Failure::new(exit, format!("workflow {name} was not started: it waited for its locks")))
            }
        }
    }
}

fn exit(ended: &Ended, timed_out: bool) -> Exit {
    match ended.finished.phase {
        _ if timed_out => Exit::TimedOut,
        _ if ended.interrupted => Exit::Interrupted,
        Phase::Succeeded => Exit::Success,
        Phase::Error => Exit::Errored,
        _ => Exit::Failed,
    }
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
