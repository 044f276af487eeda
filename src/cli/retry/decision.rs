//! What becomes of one run when it is retried: its plan, and what carries the plan out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;

use super::attempts::Beside;
use super::caches::{Caches, Part};
use super::carry_out::Retry;
use super::chosen::Chosen;
use super::edited::Edited;
use crate::argo::identity::ObjectName;
use crate::argo::{Nodes, Workflow};
use crate::backend::{Backend, Run};
use crate::cache::LIMIT;
use crate::cli::cache;
use crate::cli::failure::Failure;
use crate::cli::generate;
use crate::cli::settings::settings;
use crate::cli::store;
use crate::local::late_nodes::LateNodes;
use crate::local::new_run::{NewRunError, Source};
use crate::local::runtime::Choice;
use crate::local::small_pages;
use crate::local::stub::Stubs;
use crate::output::stream::talk;
use crate::prepare::{self, ExecCaching, Inline, Options, Prepared};
use crate::retry::{self, Asked, Attempt, InPlace, Mode, Next, Owner, Plan, Refusal, in_place, memoized, new_attempt};

/// A run whose retry is decided on.
pub(super) struct Decision {
    pub(super) backend: Backend,
    pub(super) plan: Plan,
    pub(super) change: Change,
    edited: Edited,
    caches: Caches,
    /// The outcomes that nodes are given, now or by the attempts before.
    stubs: Stubs,
    /// What runs the containers of the run.
    runtime: Option<Choice>,
}

/// What is sent or run once the plan is agreed to.
pub(super) enum Change {
    Create(Box<Prepared>),
    Replace(InPlace),
    /// The same for a workflow that is gone: it is created again under its name.
    Restore(InPlace),
}

impl Decision {
    pub(super) async fn of(retry: &Retry<'_>, chosen: &Chosen) -> Result<Self, Failure> {
        let run = &chosen.run;
        let backend = run.backend()?;
        if let Backend::Local { .. } = backend {
            small_pages::begin();
        }
        let with_nodes = has_nodes(retry, &backend);
        let (live, nodes) = chosen.settled(with_nodes).await?;
        if matches!(backend, Backend::Local { .. }) && retry.mode != Mode::NewAttempt {
            return Err(needs_controller());
        }
        retry::check(live.value(), &retry.mode, &owners(&backend, &live).await, retry.asks_for_something())?;
        let mut edited = retry.edited.clone();
        if let Some(options) = &retry.check {
            edited.check(*options, &live, &retry.parameters, retry.quiet)?;
        }
        edited.keep_beside(run, retry.quiet)?;
        let stubs = stubs(retry, run)?;

        let mut caches = caches(retry, &backend, &live, &edited).await?.with_due(&backend, &live)?;
        let prefix = retry.name.is_none().then(|| retry.prefix(&live));
        let beside = Beside {
            backend: &backend,
            live: &live,
            caches: &caches,
            handle: retry.follow_up.handle.as_deref(),
            prefix: prefix.as_deref(),
            archive: retry.archive,
        };
        let known = beside.attempts().await?;
        match known.check() {
            Err(refusal) if retry.plan.plan => talk(format_args!("note: {refusal}")),
            Err(_) if retry.force => {}
            checked => checked?,
        }

        let runtime = match backend {
            Backend::Local { .. } => Choice::of_run(&live).map_err(NewRunError::from)?,
            Backend::Cluster(_) => None,
        };
        let case = Case {
            retry,
            backend: &backend,
            live: &live,
            nodes: nodes.as_ref(),
            edited: &edited,
            caches: &caches,
            stubs: &stubs,
            in_images: runtime.is_some(),
            with_nodes,
            attempt: known.next(),
            is_gone: chosen.archived.is_some(),
        };
        let (plan, change) = case.decide().await?;
        if live.phase() == "Succeeded" && !plan.has_work() && !retry.plan.plan {
            return Err(Refusal::NothingChanged { name: live.name().to_owned() }.into());
        }
        caches.can_remove(&plan.removes)?;
        caches.forget_but(&plan.removes);
        Ok(Self { backend, plan, change, edited, caches, stubs, runtime })
    }

    /// Forgets what the plan says of each node, once that is told: there may be very many.
    pub(super) fn forget_nodes(&mut self) {
        self.plan.nodes = Vec::new();
    }

    /// Does what must be done before the attempt is created.
    pub(super) async fn make_way(&self) -> Result<(), Failure> {
        self.caches.make_way(&self.plan.removes).await
    }

    /// Remembers the number of the attempt once it is there. Before that another retry would take it for the number of one
    /// that is gone, and count on.
    pub(super) async fn note(&self) {
        if let Change::Create(prepared) = &self.change {
            self.caches.note(&prepared.run, self.plan.attempt).await;
        }
    }

    pub(super) fn source(&self) -> Source<'_> {
        let workflows = self.edited.workflow.as_slice();
        Source {
            workflows,
            beside: &self.edited.beside,
            limits: None,
            stubs: &self.stubs,
            max_tasks: settings().max_tasks,
            caches: self.caches.store(),
            artifact_store: None,
            given: &[],
            runtime: self.runtime.as_ref(),
            accept_runtime: false,
            expects_tasks: self.stubs.is_empty(),
            keys: Some(&self.plan.keys),
        }
    }
}

/// Whether the plan tells what becomes of each node. Where nobody asks, the next attempt of a local run finds it out by itself.
fn has_nodes(retry: &Retry<'_>, backend: &Backend) -> bool {
    matches!(backend, Backend::Cluster(_)) || retry.asks_for_nodes()
}

/// The caches that the run and the edited document name. A retry that carries the status over can do without them.
async fn caches(retry: &Retry<'_>, backend: &Backend, live: &Workflow, edited: &Edited) -> Result<Caches, Failure> {
    let part = if has_nodes(retry, backend) { Part::Entries } else { Part::Numbers };
    let store = match backend {
        Backend::Local { .. } => store::of_runs(retry.store, Some(live))?,
        Backend::Cluster(_) => None,
    };
    let source = || match &store {
        Some(store) => cache::Source::Store(store.clone()),
        None => cache::Source::beside(backend, retry.cache_namespace.map(str::to_owned)),
    };
    let documents = edited.workflow.iter().map(|document| &document.value);
    let live_document = prepare::unwrapped(live.value());
    let workflows: Vec<&Value> = documents.chain([&*live_document]).collect();
    if retry.mode != Mode::NewAttempt {
        return Ok(match Caches::read(vec![source()], &workflows, Part::Entries).await {
            Err(failure) => Caches::unread(source(), failure),
            Ok(read) => read,
        });
    }
    let of_pods = match backend {
        Backend::Local { .. } => None,
        Backend::Cluster(_) => {
            let said = prepare::exec_cache_of(live.value())?.map(|cache| cache.store);
            store::of_pods(said.as_deref(), retry.store, retry.store_endpoint)?
        }
    };
    let sources = [source()].into_iter().chain(of_pods.map(cache::Source::Store)).collect();
    Caches::read(sources, &workflows, part).await
}

/// The outcomes that are given to nodes of a local run now, and those that it was given before.
fn stubs(retry: &Retry<'_>, run: &Run) -> Result<Stubs, Failure> {
    let Run::Local(record) = run else {
        if retry.stubs.is_empty() {
            return Ok(Stubs::default());
        }
        let message = format!("--stub gives outcomes to nodes of local runs, and {} runs on a cluster", run.name());
        return Err(Failure::usage(message).hint("leave --stub out, or retry a run of submit --local"));
    };
    let earlier = record.stubs()?;
    let kept: Vec<&str> = earlier.names().filter(|name| !retry.stubs.has_template(name)).collect();
    if !kept.is_empty() && !retry.quiet {
        talk(format_args!("note: the outcomes of {} are those that --stub gave to {}", kept.join(", "), run.name()));
    }
    Ok(retry.stubs.clone().over(earlier))
}

/// A run, and what is known of it when its retry is decided on.
struct Case<'a> {
    retry: &'a Retry<'a>,
    backend: &'a Backend,
    live: &'a Workflow,
    /// Its nodes, where they stand beside it.
    nodes: Option<&'a LateNodes>,
    edited: &'a Edited,
    caches: &'a Caches,
    stubs: &'a Stubs,
    /// Whether its containers run in their images.
    in_images: bool,
    /// Whether the plan tells what becomes of each node.
    with_nodes: bool,
    attempt: Attempt,
    /// Whether the cluster has it no more.
    is_gone: bool,
}

impl Case<'_> {
    async fn decide(&self) -> Result<(Plan, Change), Failure> {
        let now = Timestamp::now();
        let (live, parameters) = (self.live.value(), &self.retry.parameters);
        match &self.retry.mode {
            Mode::NewAttempt => self.new_attempt(now).await,
            Mode::Memoized => {
                let parameters = [parameters.clone(), self.attempt.parameters()].concat();
                let mut next = memoized(live, &self.new_name()?, &parameters, now);
                if let Some(priority) = self.retry.priority {
                    Workflow::view_mut(&mut next).set_in_spec("priority", priority.into());
                }
                let plan = Plan::memoized(live, &next);
                Ok((plan, Change::Create(Box::new(as_prepared(next)))))
            }
            mode @ Mode::InPlace(selector) => {
                let change = in_place(live, selector.as_ref(), parameters, now)?;
                let plan = Plan::in_place(live, mode, &change);
                Ok((plan, if self.is_gone { Change::Restore(change) } else { Change::Replace(change) }))
            }
        }
    }

    async fn new_attempt(&self, now: Timestamp) -> Result<(Plan, Change), Failure> {
        let edited = self.edited.workflow.as_ref().map(|document| &document.value);
        let document = edited.unwrap_or(self.live.value());
        // A copy of it is made where somebody reads it: its nodes can be many.
        let callers = std::iter::once_with(|| document.clone());
        let templates = self.backend.called_templates(self.edited.templates(), callers).await?;
        let is_local = matches!(self.backend, Backend::Local { .. });
        let options = self.attempt.options(Options {
            name: Some(self.new_name()?),
            parameters: self.retry.parameters.clone(),
            priority: self.retry.priority,
            // A local run has no controller that would resolve the reference.
            inline: if is_local { Inline::Whole } else { Inline::No },
            room: (!is_local).then_some(LIMIT / 2),
            exec_cache: if is_local { ExecCaching::Never } else { ExecCaching::AsSaid },
            ..Options::new(generate::run_id(now)?, generate::cache_name())
        });
        let prepared = new_attempt(self.live.value(), edited, &templates, &options)?;
        self.tell_undeclared(Workflow::view(document));

        let (live, workflow) = (prepare::unwrapped(self.live.value()), prepare::unwrapped(&prepared.workflow));
        let stubs = Some(self.stubs);
        let next = Next { workflow: &workflow, templates: &templates, notices: &prepared.notices, stubs };
        if !self.with_nodes {
            let plan = Plan::without_nodes(&live, next);
            return Ok((plan, Change::Create(Box::new(prepared))));
        }
        let nodes = LazyLock::new(|| match self.nodes {
            Some(nodes) => Cow::Borrowed(&**nodes),
            None => Cow::Owned(self.live.nodes()),
        });
        let nodes = || -> &Nodes { &nodes };
        let entries = self.caches.entries(nodes, Some(self.in_images));
        let asked = Asked::new(&self.retry.wish, nodes, next, &entries, now)?;
        let plan = Plan::new_attempt(&live, nodes, next, &asked, &entries, now);
        Ok((plan, Change::Create(Box::new(prepared))))
    }

    /// The name of the new workflow, fixed before anything is asked of a server.
    fn new_name(&self) -> Result<ObjectName, Failure> {
        if let Some(name) = self.retry.name {
            return Ok(name.clone());
        }
        Ok(self.attempt.name(&self.retry.prefix(self.live))?)
    }

    /// Says which parameters are given that nobody declares: Argo takes them, and mostly they are a slip.
    fn tell_undeclared(&self, workflow: &Workflow) {
        if self.retry.quiet || workflow.is_by_reference() {
            return;
        }
        let declared = workflow.parameters();
        let given: BTreeSet<&str> = self.retry.parameters.iter().map(|(name, _)| name.as_str()).collect();
        for name in given.into_iter().filter(|name| declared.iter().all(|parameter| parameter.name != *name)) {
            talk(format_args!("warning: workflow {:?} declares no parameter {name:?}; it is added", workflow.name()));
        }
    }
}

pub(super) fn needs_controller() -> Failure {
    Failure::usage("--memoized and --in-place need the controller of a cluster")
        .hint("leave them out: a local run takes what succeeded from its cache, and --from or --only run more again")
}

/// A run whose owner is deleted would be deleted with it.
async fn owners(backend: &Backend, live: &Workflow) -> Vec<Owner> {
    let Backend::Cluster(cluster) = backend else { return Vec::new() };
    let mut owners = Vec::new();
    for reference in live.owner_references() {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let stays = cluster.owner_stays(reference).await;
        owners.push(Owner { name: format!("{}/{}", text("kind"), text("name")), stays });
    }
    owners
}

/// A workflow that is created without being prepared again.
fn as_prepared(workflow: Value) -> Prepared {
    let view = Workflow::view(&workflow);
    let run = prepare::Run {
        run_id: view.run_id().and_then(|id| id.parse().ok()),
        retry_run_id: view.retry_run_id().unwrap_or_default().to_owned(),
        retry_indicator: view.attempt().to_string(),
        cache_name: None,
    };
    Prepared { workflow, run, notices: Vec::new() }
}
