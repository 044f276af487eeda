//! `submit` on a cluster: what the workflows refer to is fetched, everything is checked, then they are created.

use std::collections::VecDeque;

use serde_json::Value;

use super::args::{Args, DryRun};
use super::locks;
use super::owner;
use super::request::{Request, is_template};
use crate::argo::document::Kind;
use crate::cli::failure::Failure;
use crate::cli::follow_up::{Made, print};
use crate::cli::handle::{Place, handle_of};
use crate::cli::templates::called_templates;
use crate::cli::values::FromKind;
use crate::cluster::{Cluster, Created, TemplateKind};
use crate::exit::Exit;
use crate::output::format::{name, rendered};
use crate::output::stream::{result, talk};
use crate::prepare::{Prepared, Templates, existing_cache};

pub(super) async fn run(args: &Args, mut request: Request) -> Result<Exit, Failure> {
    let cluster = Cluster::connect(&args.access.access()).await?;
    request.options.locks.form = locks::form(&cluster, &request.options.locks).await;
    let (templates, live) = known_objects(&cluster, &request).await?;
    let mut prepared = request.prepare(&templates, live.as_ref())?;
    if let Some(owner) = &args.workflow.owner {
        owner::set(owner, &cluster, &mut prepared, args.quiet).await?;
    }
    locks::ensure(args, &cluster, &prepared).await?;
    if args.dry_run == DryRun::Server {
        return check(args, &cluster, &prepared).await;
    }
    let mut runs = create(args, &cluster, &prepared).await?;
    let ended = if args.follow_up.wait {
        args.follow_up.wait_for(&cluster, &mut runs, args.quiet).await
    } else {
        Ok(Exit::Success)
    };
    // What was created is told however waiting for it went.
    print(args.output, runs)?;
    ended
}

/// Has the server check everything and store nothing.
async fn check(args: &Args, cluster: &Cluster, prepared: &[Prepared]) -> Result<Exit, Failure> {
    let mut objects = Vec::new();
    for prepared in prepared {
        let object = cluster.create(&prepared.workflow, true).await?.object;
        if args.output.is_none() {
            result(format_args!("{} created (server dry run)\n", name(&object)))?;
        }
        if !args.quiet {
            tell_run(prepared, &object);
        }
        objects.push(object);
    }
    if let Some(format) = args.output {
        result(rendered(format, &objects))?;
    }
    Ok(Exit::Success)
}

async fn create(args: &Args, cluster: &Cluster, prepared: &[Prepared]) -> Result<Vec<Made>, Failure> {
    let mut runs = Vec::new();
    for prepared in prepared {
        let created = cluster.create(&prepared.workflow, false).await.map_err(Failure::from);
        let Created { object, already } = created.inspect_err(|_| tell_partial(&runs))?;
        if args.output.is_none() {
            let verb = if already { "unchanged: this attempt of the run is there already" } else { "created" };
            result(format_args!("{} {verb}\n", name(&object)))?;
        }
        if !args.quiet {
            tell_run(prepared, &object);
        }
        let handle = handle_of(&object, prepared.run.cache_name.as_ref(), Place::Cluster(cluster));
        runs.push(args.follow_up.made(object, handle)?);
    }
    Ok(runs)
}

/// What was created before the failure, which the exit code alone would hide.
fn tell_partial(runs: &[Made]) {
    for run in runs {
        talk(format_args!("note: {} had been created before", name(&run.object)));
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
