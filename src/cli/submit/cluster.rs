//! `submit` on a cluster: what the workflows refer to is fetched, everything is checked, then they are created.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::args::{Args, DryRun};
use super::handle::{self, Place, handle_of};
use super::owner;
use super::print;
use super::request::{Request, is_template};
use crate::argo::document::Kind;
use crate::cli::failure::Failure;
use crate::cli::follow::{self, Screen};
use crate::cli::found::Found;
use crate::cli::signals::Signals;
use crate::cli::templates::called_templates;
use crate::cli::values::FromKind;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::stream::{result, talk};
use crate::prepare::{Prepared, Templates, existing_cache};

pub(super) async fn run(args: &Args, request: Request) -> Result<Exit, Failure> {
    let cluster = Cluster::connect(&args.access.access()).await?;
    let (templates, live) = known_objects(&cluster, &request).await?;
    let mut prepared = request.prepare(&templates, live.as_ref())?;
    if let Some(owner) = &args.workflow.owner {
        owner::set(owner, &cluster, &mut prepared).await?;
    }
    let mut objects = create(args, &cluster, &prepared).await?;
    let ended = match args.dry_run {
        DryRun::None if args.wait => wait(args, &cluster, &mut objects).await,
        _ => Ok(Exit::Success),
    };
    // What was created is told however waiting for it went.
    print(args.output, &objects)?;
    ended
}

async fn create(args: &Args, cluster: &Cluster, prepared: &[Prepared]) -> Result<Vec<Value>, Failure> {
    let server = args.dry_run == DryRun::Server;
    let mut objects = Vec::new();
    for prepared in prepared {
        let created = cluster.create(&prepared.workflow, server).await.map_err(Failure::from);
        let created = created.inspect_err(|_| tell_partial(&objects))?;
        if args.output.is_none() {
            let verb = match (server, created.already) {
                (true, _) => "created (server dry run)",
                (false, true) => "unchanged: this attempt of the run is there already",
                (false, false) => "created",
            };
            result(format_args!("{} {verb}\n", name(&created.object)))?;
        }
        if !args.quiet {
            tell_run(prepared, &created.object);
        }
        if let Some(path) = &args.handle {
            handle::write(path, &handle_of(&created.object, &prepared.run, Place::Cluster(cluster)))?;
        }
        objects.push(created.object);
    }
    Ok(objects)
}

/// What was created before the failure, which the exit code alone would hide.
fn tell_partial(objects: &[Value]) {
    for object in objects {
        talk(format_args!("note: {} had been created before", name(object)));
    }
}

/// The cache is the live object's: one that was there before has kept its own.
fn tell_run(prepared: &Prepared, object: &Value) {
    let run = &prepared.run;
    let cache = existing_cache(&object["spec"]).or_else(|| run.cache_name.clone());
    let cache = cache.map(|cache| format!(", cache {cache}")).unwrap_or_default();
    if let Some(run_id) = &run.run_id {
        talk(format_args!("run id {run_id}{cache}"));
    }
}

/// The templates that the workflows refer to, from the files and else from the cluster, and the object of `--from`.
async fn known_objects(cluster: &Cluster, request: &Request) -> Result<(Templates, Option<Value>), Failure> {
    let written = request.workflows.iter().chain(request.beside.iter().filter(|document| is_template(document.kind)));
    let mut callers: VecDeque<Value> = written.map(|document| document.value.clone()).collect();
    let mut live = None;
    if let Some(from) = &request.from {
        live = live_object(cluster, request, from).await?;
        callers.push_back(request.made_from(from, live.as_ref())?);
    }
    Ok((called_templates(cluster, request.templates(), callers).await?, live))
}

/// The object of `--from` on the cluster. A CronWorkflow may stand in the files instead.
async fn live_object(cluster: &Cluster, request: &Request, from: &FromKind) -> Result<Option<Value>, Failure> {
    let in_files = from.kind == TemplateKind::CronWorkflow && request.beside(Kind::CronWorkflow, &from.name).is_some();
    if in_files {
        return Ok(None);
    }
    Ok(Some(cluster.template(from.kind, from.name.as_str()).await?))
}

/// Waits for one after the other; the worst end counts.
async fn wait(args: &Args, cluster: &Cluster, objects: &mut [Value]) -> Result<Exit, Failure> {
    let mut signals = Signals::new()?;
    let begun = Instant::now();
    let mut worst = Exit::Success;
    for object in objects {
        let left = args.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()).max(Duration::from_millis(1)));
        let Some(ended) = wait_for_one(args, cluster, object, left, &mut signals).await? else {
            return Ok(Exit::Interrupted);
        };
        args.notify.tell(&ended).await;
        let ended = Found::from(ended);
        worst = worst.max(follow::exit(&ended));
        if !args.quiet {
            talk(follow::ending(&ended));
        }
        *object = ended.workflow;
    }
    Ok(worst)
}

/// A workflow that has ended; none when the user did not want to wait so long.
async fn wait_for_one(
    args: &Args,
    cluster: &Cluster,
    object: &Value,
    left: Option<Duration>,
    signals: &mut Signals,
) -> Result<Option<Value>, Failure> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, uid, namespace) = (text("/metadata/name"), text("/metadata/uid"), text("/metadata/namespace"));
    let mut screen = Screen::new(args.quiet);
    let voice = screen.voice();
    let home = cluster.within(&namespace);
    tokio::select! {
        waited = home.wait(&name, &uid, left, |update| screen.show(&Found::from(update.clone()))) => {
            Ok(Some(waited.map_err(|error| as_asked(error, args.timeout))?))
        }
        () = signals.next() => {
            voice.say(format_args!("interrupted: workflow {name} goes on"));
            Ok(None)
        }
    }
}

/// A timeout as the user gave it, of which former workflows took their share.
fn as_asked(error: ClusterError, timeout: Option<Duration>) -> ClusterError {
    match (error, timeout) {
        (ClusterError::TimedOut { name, phase, .. }, Some(after)) => ClusterError::TimedOut { name, after, phase },
        (error, _) => error,
    }
}
