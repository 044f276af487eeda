//! `--resume`: the run that a workflow goes on from, whatever its end.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::args::Args;
use super::subject::Subject;
use crate::argo::Workflow;
use crate::argo::identity::{ObjectName, RunId};
use crate::backend::{Backend, ListSelection, Run};
use crate::cli::cache::Source;
use crate::cli::failure::Failure;
use crate::cli::prompt::choose;
use crate::cli::retry::{Caches, known_attempts};
use crate::cli::target::find_run;
use crate::cli::values::NamePrefix;
use crate::exit::Exit;
use crate::output::list::age;
use crate::output::stream::{is_terminal, talk};
use crate::prepare::{Options, Prepared, Templates, existing_cache};
use crate::retry::{Asked, Attempt, Naming, Next, Plan, Refusal, is_run_of};

const END_FIRST: &str = "wait for its end, or stop it first";

/// The run that a workflow goes on from.
pub(super) struct Resumed {
    live: Workflow,
    attempt: Attempt,
    caches: Caches,
    naming: Naming,
}

impl Resumed {
    /// The run that the workflow goes on from; none where there is none yet.
    pub(super) async fn find(args: &Args, backend: &Backend, subject: Subject<'_>) -> Result<Option<Self>, Failure> {
        let naming = naming(args, subject)?;
        let backend = backend.within(namespace(args, subject))?;
        let found = match args.resume.as_deref().filter(|run| !run.is_empty()) {
            Some(run) => Some(named(args, &backend, run).await?),
            None => last(args, &backend, subject, &naming).await?,
        };
        let Some(live) = found else {
            talk(format_args!(
                "no earlier run of {} to go on from: this is the first",
                naming.prefix().trim_end_matches('-')
            ));
            return Ok(None);
        };
        if !live.has_ended() {
            let message = format!("cannot resume: workflow {} is {}", live.name(), live.phase());
            return Err(Failure::new(Exit::Conflict, message).hint(END_FIRST));
        }

        let source = Source::beside(&backend, None);
        let caches = Caches::read(source, &[subject.object, live.value()]).await?;
        let attempts = known_attempts(&backend, &live, &caches, args.follow_up.handle.as_deref()).await?;
        match attempts.check() {
            // An edited document may go on from any of the attempts.
            Ok(()) | Err(Refusal::LaterSucceeded { .. }) => {}
            Err(refusal) => {
                let message = format!("cannot resume: {refusal}");
                return Err(Failure::new(Exit::Conflict, message).hint(END_FIRST));
            }
        }
        Ok(Some(Self { attempt: attempts.next(), live, caches, naming }))
    }

    /// The name of the next attempt, unless the user gives one.
    pub(super) fn name(&self) -> Result<ObjectName, Failure> {
        Ok(self.attempt.name(&self.naming.prefix())?)
    }

    /// What prepare is asked for: the same run and its cache.
    pub(super) fn options(&self, options: Options) -> Options {
        let cache_name = options.cache_name.clone().or_else(|| existing_cache(self.live.spec()));
        self.attempt.options(Options { cache_name, ..options })
    }

    /// Says what the prepared workflow goes on from, and leaves in it what its own next attempt needs.
    pub(super) fn tell(&self, prepared: &mut Prepared, templates: &Templates) {
        Workflow::view_mut(&mut prepared.workflow).follows(&self.live);
        let next = Next { workflow: &prepared.workflow, templates, notices: &prepared.notices };
        let entries = self.caches.entries(&self.live);
        let plan = Plan::new_attempt(self.live.value(), next, &Asked::default(), &entries, Timestamp::now());
        let (taken, all) = (plan.taken_over(), plan.nodes.len());
        talk(format_args!(
            "going on from {} ({}) as attempt {} of run {}: {taken} of {all} nodes are taken over",
            self.live.name(),
            self.live.phase(),
            plan.attempt,
            plan.run_id.unwrap_or_default(),
        ));
    }

    /// Remembers the number of the attempt, once it is there.
    pub(super) async fn note(&self, prepared: &Prepared) -> Result<(), Failure> {
        self.caches.note(&prepared.run, self.attempt.number).await
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
    let live = run.get().await?.settled().written_out();
    if live.run_id().is_none() {
        let message = format!("--resume: workflow {} was not submitted by kubectl runnable", live.name());
        return Err(Failure::usage(message).hint("kubectl runnable retry runs it again"));
    }
    Ok(live)
}

/// The last attempt of the document's run; of several runs the one that is chosen.
async fn last(
    args: &Args,
    backend: &Backend,
    subject: Subject<'_>,
    naming: &Naming,
) -> Result<Option<Workflow>, Failure> {
    let document = Workflow::view(subject.object);
    let run_id = args.run.run_id.clone().or_else(|| document.run_id()?.parse::<RunId>().ok());
    let mut last: BTreeMap<String, Workflow> = BTreeMap::new();
    let all = ListSelection::with(None);
    let listed = backend.list(&all, |_, snapshot| {
        let Ok(run) = snapshot.map(crate::backend::Snapshot::settled) else { return };
        if !is_run_of(document, naming, run_id.as_ref(), &run) {
            return;
        }
        let id = run.run_id().unwrap_or_default().to_owned();
        let is_later = |other: &Workflow| (other.attempt(), other.created_at()) < (run.attempt(), run.created_at());
        if last.get(&id).is_none_or(is_later) {
            last.insert(id, run);
        }
    });
    listed.await?;

    let mut runs: Vec<Workflow> = last.into_values().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.created_at()));
    if runs.len() < 2 {
        return Ok(runs.pop().map(Workflow::written_out));
    }
    let lines: Vec<String> = runs.iter().map(line).collect();
    if !is_terminal() {
        let message = format!("{} runs of this document can be resumed\n  {}", runs.len(), lines.join("\n  "));
        let hint = format!("name one: --resume={}", runs[0].name());
        return Err(Failure::usage(message).hint(hint));
    }
    Ok(Some(runs.swap_remove(choose("Which run goes on?", &lines)?).written_out()))
}

/// A run among several.
fn line(run: &Workflow) -> String {
    let created = run.created_at().map(|created| age(Timestamp::now().duration_since(created))).unwrap_or_default();
    let (name, id) = (run.name(), run.run_id().unwrap_or_default());
    format!("{name}  {}  {created} old  run {id}, attempt {}", run.phase(), run.attempt())
}
