//! `--resume`: the run that a workflow goes on from, whatever its end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::args::Args;
use super::resumable::Wanted;
use super::subject::Subject;
use crate::argo::Workflow;
use crate::argo::identity::ObjectName;
use crate::backend::{Backend, Run};
use crate::cache::Store;
use crate::cli::cache::Source;
use crate::cli::failure::Failure;
use crate::cli::retry::{Beside, Caches, Part};
use crate::cli::store;
use crate::cli::target::find_run;
use crate::cli::values::NamePrefix;
use crate::exit::Exit;
use crate::local::given_artifacts::of_attempt;
use crate::local::runtime::Choice;
use crate::output::stream::talk;
use crate::prepare::{Options, Prepared, Templates, exec_cache_of, existing_cache, unwrapped};
use crate::retry::{Asked, Attempt, Naming, Next, Plan, Refusal};

const END_FIRST: &str = "wait for its end, or stop it first";

/// The run that a workflow goes on from.
pub(super) struct Resumed {
    live: Workflow,
    attempt: Attempt,
    caches: Caches,
    /// The name of the next attempt, where the user gives it.
    name: Option<ObjectName>,
    /// What it begins with else, as every retry's.
    prefix: String,
    /// What runs the containers of the next attempt.
    pub(super) runtime: Option<Choice>,
    /// Entries of which runtime count: those of images or of the host, or all.
    in_images: Option<bool>,
}

impl Resumed {
    /// The run that the workflow goes on from; none where there is none yet.
    pub(super) async fn find(args: &Args, backend: &Backend, subject: Subject<'_>) -> Result<Option<Self>, Failure> {
        let naming = naming(args, subject)?;
        let backend = backend.within(namespace(args, subject))?;
        let Some(live) = last(args, &backend, &naming, subject).await? else {
            if !args.quiet {
                let name = naming.prefix();
                talk(format_args!(
                    "no earlier run of {} to continue from: this is the first",
                    name.trim_end_matches('-')
                ));
            }
            return Ok(None);
        };
        if !live.has_ended() {
            let message = format!("cannot resume: workflow {} is {}", live.name(), live.phase());
            return Err(Failure::new(Exit::Conflict, message).hint(END_FIRST));
        }

        let caches = caches(args, &backend, &live, subject).await?.with_due(&backend, &live)?;
        let (name, prefix) = args.names_of_next(&live);
        let beside = Beside {
            backend: &backend,
            live: &live,
            caches: &caches,
            handle: args.follow_up.handle.as_deref(),
            prefix: name.is_none().then_some(prefix.as_str()),
            archive: None,
        };
        let attempts = beside.attempts().await?;
        match attempts.check() {
            // An edited document may go on from any of the attempts.
            Ok(()) | Err(Refusal::LaterSucceeded { .. }) => {}
            Err(refusal) => {
                let message = format!("cannot resume: {refusal}");
                return Err(Failure::new(Exit::Conflict, message).hint(END_FIRST));
            }
        }
        let runtime = if args.local { args.runtime.choice(Some(&live))? } else { None };
        let in_images = (!args.runtime.accepts_any()).then_some(runtime.is_some());
        Ok(Some(Self { attempt: attempts.next(), live, caches, name, prefix, runtime, in_images }))
    }

    /// The store of its caches, on this machine.
    pub(super) fn store(&self) -> Option<&Store> {
        self.caches.store()
    }

    /// The name of the next attempt. A retry of the run at the same time gives its own this name, too, so that one of them
    /// is made.
    pub(super) fn name(&self) -> Result<ObjectName, Failure> {
        self.name.clone().map_or_else(|| Ok(self.attempt.name(&self.prefix)?), Ok)
    }

    /// What prepare is asked for: the same run and its cache.
    pub(super) fn options(&self, options: Options) -> Options {
        let cache_name = options.cache_name.clone().or_else(|| existing_cache(self.live.spec()));
        self.attempt.options(Options { cache_name, kept_artifacts: self.artifacts(), ..options })
    }

    /// The artifacts that it was given by `--artifact`.
    pub(super) fn artifacts(&self) -> Vec<Value> {
        of_attempt(self.live.spec())
    }

    /// Leaves in the prepared workflow what its own next attempt needs.
    pub(super) fn mark(&self, prepared: &mut Prepared) {
        Workflow::view_mut(&mut prepared.workflow).follows(&self.live);
    }

    /// Says what the prepared workflow goes on from.
    pub(super) fn tell(&self, prepared: &Prepared, templates: &Templates) {
        let (live, workflow) = (unwrapped(self.live.value()), unwrapped(&prepared.workflow));
        let next = Next { workflow: &workflow, templates, notices: &prepared.notices, stubs: None };
        let nodes = self.live.nodes();
        let entries = self.caches.entries(|| &nodes, self.in_images);
        let plan = Plan::new_attempt(&live, || &nodes, next, &Asked::default(), &entries, Timestamp::now());
        let (taken, all) = (plan.taken_over(), plan.nodes.len());
        let what = if plan.has_work() {
            format!("{taken} of {all} nodes are taken over")
        } else {
            format!("nothing is left to do, {taken} of {all} nodes are taken over")
        };
        talk(format_args!(
            "going on from {} ({}) as attempt {} of run {}: {what}",
            self.live.name(),
            self.live.phase(),
            plan.attempt,
            plan.run_id.unwrap_or_default(),
        ));
    }

    /// Does what must be done before the attempt begins.
    pub(super) async fn make_way(&self) -> Result<(), Failure> {
        self.caches.make_way(&BTreeSet::new()).await
    }

    /// Remembers the number of the attempt, once it is there.
    pub(super) async fn note(&self, prepared: &Prepared) {
        self.caches.note(&prepared.run, self.attempt.number).await;
    }
}

/// The run to go on from: the named one, else the last of the document.
async fn last(
    args: &Args,
    backend: &Backend,
    naming: &Naming,
    subject: Subject<'_>,
) -> Result<Option<Workflow>, Failure> {
    if let Some(run) = args.resume.as_deref().filter(|run| !run.is_empty()) {
        return named(args, backend, run).await.map(Some);
    }
    let run_id = || Workflow::view(subject.object).run_id()?.parse().ok();
    let run_id = args.run.run_id.clone().or_else(run_id);
    // Only what is told of the plan needs the nodes.
    Wanted { naming, run_id, nodes: !args.quiet }.last(backend).await
}

/// The caches of a run and of the document: of this machine's runs, of the cluster's namespace, and of the run's pods.
async fn caches(args: &Args, backend: &Backend, live: &Workflow, subject: Subject<'_>) -> Result<Caches, Failure> {
    let sources = match backend {
        Backend::Local { .. } => {
            let store = store::of_runs(args.store.as_ref(), Some(live))?;
            vec![store.map_or_else(|| Source::beside(backend, None), Source::Store)]
        }
        Backend::Cluster(_) => {
            let of_run = exec_cache_of(live.value())?.map(|cache| cache.store);
            let address = args.exec_cache.address()?.or(of_run);
            let of_pods = store::of_pods(address.as_deref(), None, args.exec_cache.store_endpoint.as_deref())?;
            [Source::beside(backend, None)].into_iter().chain(of_pods.map(Source::Store)).collect()
        }
    };
    // Only what is told of the plan needs the entries.
    let part = if args.quiet { Part::Numbers } else { Part::Entries };
    Caches::read(sources, &[subject.object, &unwrapped(live.value())], part).await
}

impl Args {
    /// The name of the next attempt, and its prefix. Where the run is named, the flags name the attempt; else they tell which
    /// run is meant.
    fn names_of_next(&self, live: &Workflow) -> (Option<ObjectName>, String) {
        let is_named = self.resume.as_ref().is_some_and(|run| !run.is_empty());
        let flags = is_named.then_some(&self.workflow);
        let prefix = flags.and_then(|flags| flags.generate_name.clone()).map(|NamePrefix(prefix)| prefix);
        (flags.and_then(|flags| flags.name.clone()), prefix.unwrap_or_else(|| live.prefix_of_attempts()))
    }
}

/// How the workflow names its runs: the flags go before the document.
fn naming(args: &Args, subject: Subject<'_>) -> Result<Naming, Failure> {
    let document = Workflow::view(subject.object);
    Ok(match (&args.workflow.name, &args.workflow.generate_name) {
        (Some(name), _) => Naming::Name(name.to_string()),
        (None, Some(NamePrefix(prefix))) => Naming::Prefix(prefix.clone()),
        (None, None) => match (document.name(), document.generate_name()) {
            ("", Some(prefix)) => Naming::Prefix(prefix.to_owned()),
            _ => Naming::Name(subject.name()?.to_string()),
        },
    })
}

fn namespace<'a>(args: &'a Args, subject: Subject<'a>) -> Option<&'a str> {
    let asked = args.access.namespace().map(ObjectName::as_str);
    asked.or_else(|| Some(Workflow::view(subject.object).namespace()).filter(|namespace| !namespace.is_empty()))
}

/// The run that the user names.
async fn named(args: &Args, backend: &Backend, run: &str) -> Result<Workflow, Failure> {
    let run: Run = find_run(args.local, &args.access, run).await?;
    if !run.backend()?.is_same_place(backend) {
        let message = format!("--resume: run {} is not where the workflow is submitted", run.name());
        return Err(Failure::usage(message).hint("add or leave out --local, or name the cluster's context"));
    }
    let live = run.settled().await?.written_out();
    if live.run_id().is_none() {
        let message = format!("--resume: workflow {} was not submitted by kubectl runnable", live.name());
        return Err(Failure::usage(message).hint("kubectl runnable retry runs it again"));
    }
    Ok(live)
}
