//! `submit`: prepares workflows and creates them on a cluster, or runs them on this machine.

mod args;
mod artifacts;
mod check;
mod claim;
mod debounce;
mod exec_cache;
mod locks;
mod owner;
mod request;
mod resumable;
mod resume;
mod runtime;
mod subject;

use std::ffi::OsString;

use serde_json::Value;

pub(super) use self::args::Args;
use self::args::DryRun;
use self::request::Request;
use super::failure::Failure;
use super::launch::{Existing, Launch, detached};
use super::run_words;
use super::runtime::{block_on, has_room_for_threads};
use super::settings::settings;
use super::{store, stub};
use crate::argo::Metadata;
use crate::backend::Backend;
use crate::exit::Exit;
use crate::local::new_run::Source;
use crate::local::small_pages;
use crate::output::format::{Format, rendered};
use crate::output::stream;
use crate::prepare::{Prepared, Templates};

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    agree(args)?;
    if let Some(left) = detached(&args.follow_up, args.quiet) {
        return left;
    }
    let request = Request::read(args)?;
    if args.dry_run == DryRun::Client {
        let format = args.output.filter(|format| *format != Format::Wide).unwrap_or(Format::Yaml);
        stream::result(rendered(format, &request.objects()?))?;
        return Ok(Exit::Success);
    }
    request.has_workflow()?;
    if args.local {
        has_room_for_threads()?;
        small_pages::begin();
    }
    let (exit, prepared) = block_on(submit(args, request))?;
    match &prepared[..] {
        [prepared] if args.log && exit != Exit::Interrupted && args.dry_run == DryRun::None => {
            log(args, exit, &prepared.workflow)
        }
        _ => Ok(exit),
    }
}

/// Prints the logs of a run that was created: of a local run, which has ended, and of a cluster's until it ends.
fn log(args: &Args, exit: Exit, workflow: &Value) -> Result<Exit, Failure> {
    let metadata = Metadata::of(workflow);
    let words = |verb: &str, flags: &[&str]| {
        let own = [verb, metadata.name()].into_iter().chain(flags.iter().copied()).map(OsString::from);
        let namespace = metadata.own_namespace().filter(|_| args.access.namespace().is_none());
        let namespace = namespace.map(|namespace| OsString::from(format!("--namespace={namespace}")));
        own.chain(namespace).collect::<Vec<_>>()
    };
    if args.local {
        let given = args.access.namespace().map(|namespace| OsString::from(format!("--namespace={namespace}")));
        run_words(words("logs", &["--local"]).into_iter().chain(given))?;
        return Ok(exit);
    }
    let words = |verb, flags| words(verb, flags).into_iter().chain(args.access.words());
    if exit != Exit::Success {
        return Ok(exit);
    }
    match run_words(words("logs", &["--follow"]))? {
        Exit::Interrupted => Ok(Exit::Interrupted),
        _ => run_words(words("wait", &["--quiet"])),
    }
}

async fn submit(args: &Args, mut request: Request<'_>) -> Result<(Exit, Vec<Prepared>), Failure> {
    let backend = args.access.backend(args.local).await?;
    let mut prepared = prepare(args, &backend, &mut request).await?;

    if let Backend::Cluster(cluster) = &backend {
        if let Some(owner) = &args.workflow.owner {
            owner::set(owner, cluster, &mut prepared, args.quiet).await?;
        }
        claim::check(args, cluster, &prepared).await?;
        locks::ensure(args, cluster, &prepared).await?;
    }
    if !args.local && args.dry_run == DryRun::None {
        args.artifacts.upload(&request.given, args.exec_cache.store_endpoint.as_deref()).await?;
    }
    if args.dry_run == DryRun::None {
        request.make_way().await?;
    }

    let exit = launch(args, &backend, &request, &prepared).await?;
    if args.dry_run == DryRun::None {
        request.note_attempts(&prepared).await;
    }
    Ok((exit, prepared))
}

/// Prepares the workflows, by what the backend knows: its locks, its templates, its version, the runs before.
async fn prepare(args: &Args, backend: &Backend, request: &mut Request<'_>) -> Result<Vec<Prepared>, Failure> {
    if let Backend::Cluster(cluster) = backend {
        request.lock_form = locks::form(cluster, args).await;
    }
    let (templates, live) = known_objects(backend, request).await?;
    if let Backend::Cluster(cluster) = backend
        && request.depends_on_version(&templates, live.as_ref())?
    {
        request.definition = Some(cluster.definition().await);
    }
    request.find_resumed(backend, live.as_ref()).await?;

    let prepared = request.prepare(&templates, live.as_ref())?;
    match debounce::turn(args, backend, request, live.as_ref(), &prepared).await? {
        None => Ok(prepared),
        Some(name) => {
            request.reserved = Some(name);
            request.prepare(&templates, live.as_ref())
        }
    }
}

/// Creates the prepared workflows, or runs them on this machine.
async fn launch(args: &Args, backend: &Backend, request: &Request<'_>, prepared: &[Prepared]) -> Result<Exit, Failure> {
    let runtimes = request.runtimes(prepared.len())?;
    let artifact_store = args.artifacts.store()?.filter(|_| args.local);
    let store = match (request.store(), args.local) {
        (Some(store), _) => Some(store.clone()),
        (None, true) => store::of_runs(args.store.as_ref(), None)?,
        (None, false) => None,
    };
    let (limits, stubs) = (locks::limits(args), stub::read(&args.stubs, args.quiet)?);
    let source = Source {
        workflows: &request.workflows,
        beside: &request.beside,
        limits: limits.as_ref(),
        stubs: &stubs,
        max_tasks: args.max_tasks.or(settings().max_tasks),
        caches: store.as_ref(),
        artifact_store: artifact_store.as_ref(),
        given: &request.given,
        runtime: None,
        accept_runtime: args.runtime.accepts_any(),
        expects_tasks: false,
        keys: None,
    };
    let sources = runtimes.iter().map(|runtime| Source { runtime: runtime.as_ref(), ..source });
    let runs: Vec<_> = prepared.iter().zip(sources).collect();
    let launch = Launch {
        backend,
        runs: &runs,
        existing: if args.resume.is_some() { Existing::Refused } else { args.debounce.existing() },
        follow_up: &args.follow_up,
        dry_run: args.dry_run == DryRun::Server,
        output: args.output,
        quiet: args.quiet,
    };
    launch.carry_out().await
}

/// The templates that the workflows refer to, from the files and else from a cluster, and the object of `--from`.
async fn known_objects(backend: &Backend, request: &Request<'_>) -> Result<(Templates, Option<Value>), Failure> {
    let live = match (backend, request.not_in_files()) {
        (Backend::Cluster(cluster), Some(from)) => Some(cluster.template(from.kind, from.name.as_str()).await?),
        _ => None,
    };
    let callers = request.callers(live.as_ref())?;
    Ok((backend.called_templates(request.templates(), callers).await?, live))
}

/// Refuses flags that contradict each other.
fn agree(args: &Args) -> Result<(), Failure> {
    args.follow_up.check(args.local)?;
    args.debounce.agree(args.dry_run)?;
    if args.max_tasks.is_some() && !args.local {
        return Err(Failure::usage("--max-tasks is for a run of this machine")
            .hint("add --local; --parallelism limits the pods of a workflow"));
    }
    if args.exec_cache.is_given() && args.from.is_some() && !args.run.inline {
        return Err(Failure::usage("--exec-cache changes templates, and --from only refers to them")
            .hint("add --inline: it puts them into the workflow"));
    }
    if args.local && args.dry_run == DryRun::Server {
        return Err(
            Failure::usage("--dry-run=server asks a cluster, which --local does without").hint("use --dry-run=client")
        );
    }
    let for_runs = [("--handle", args.follow_up.handle.is_some()), ("--detach", args.follow_up.detach)];
    if let Some((flag, _)) = for_runs.into_iter().find(|&(_, given)| given && args.dry_run != DryRun::None) {
        let message = format!("{flag} needs a run, and --dry-run makes none");
        return Err(Failure::usage(message).hint("leave one of them out"));
    }
    if args.resume.is_some() && args.dry_run == DryRun::Client {
        let message = "--resume looks at earlier runs, which --dry-run=client does without";
        return Err(Failure::usage(message).hint("leave one of them out"));
    }
    if args.workflow.owner.is_some() && args.dry_run == DryRun::Client {
        return Err(Failure::usage("--owner is looked up on the cluster, which --dry-run=client does without")
            .hint("use --dry-run=server"));
    }
    let count = args.files.len() + usize::from(args.from.is_some());
    if args.log && count > 1 {
        return Err(Failure::usage(format!("--log fits one workflow, and there are {count} documents"))
            .hint("submit them one by one, or print logs with kubectl runnable logs"));
    }
    let for_caches = [
        ("--cache-name", args.run.cache_name.is_some()),
        ("--max-age", args.run.max_age.is_some()),
        ("--exec-cache", args.exec_cache.is_given()),
        ("--reuse", !args.run.reuse.is_empty()),
    ];
    match for_caches.into_iter().find(|&(_, given)| given && !args.memoizes()) {
        Some((flag, _)) => Err(Failure::usage(format!("{flag} is for memoization, which is off"))
            .hint(format!("use --memoize=auto, or leave {flag} out"))),
        None => Ok(()),
    }
}
