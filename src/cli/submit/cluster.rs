//! `submit` on a cluster: what the workflows refer to is fetched, everything is checked, then they are created.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::request::{Request, is_template};
use super::{Args, DryRun};
use crate::argo::document::Kind;
use crate::argo::status::{Node, Phase};
use crate::argo::template::references;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::exit::Exit;
use crate::output::format::{Format, name, serialized};
use crate::output::live::Live;
use crate::output::summary;
use crate::prepare::{Prepared, Templates};

pub(super) async fn run(args: &Args, request: Request) -> Result<Exit, Failure> {
    let cluster = Cluster::connect(&args.access.access()).await?;
    let (templates, live) = known_objects(&cluster, &request).await?;
    let prepared = request.prepare(&templates, live.as_ref())?;
    let server = args.dry_run == DryRun::Server;
    let mut objects = Vec::new();
    for prepared in &prepared {
        let created = cluster.create(&prepared.workflow, server).await.map_err(Failure::from);
        let created = created.inspect_err(|_| tell_partial(&objects))?;
        if args.output.is_none() {
            let verb = match (server, created.already) {
                (true, _) => "created (server dry run)",
                (false, true) => "unchanged: this attempt of the run is there already",
                (false, false) => "created",
            };
            println!("{} {verb}", name(&created.object));
        }
        if !args.quiet {
            tell_run(prepared);
        }
        objects.push(created.object);
    }
    let exit = if args.wait && !server { wait(args, &cluster, &mut objects).await? } else { Exit::Success };
    match args.output {
        Some(Format::Wide) => print!("{}", summary::table(&objects, Timestamp::now())),
        Some(format) => print!("{}", serialized(format, &objects).unwrap_or_default()),
        None => {}
    }
    Ok(exit)
}

/// What was created before the failure, which the exit code alone would hide.
fn tell_partial(objects: &[Value]) {
    for object in objects {
        eprintln!("note: {} had been created before", name(object));
    }
}

fn tell_run(prepared: &Prepared) {
    let run = &prepared.run;
    let cache = run.cache_name.as_ref().map(|cache| format!(", cache {cache}")).unwrap_or_default();
    if let Some(run_id) = &run.run_id {
        eprintln!("run id {run_id}{cache}");
    }
}

/// The templates that the workflows refer to, from the files and else from the cluster, and the object of `--from`.
/// The one that a workflow is made from must exist; others leave their callers out of memoization when they cannot be
/// read.
async fn known_objects(cluster: &Cluster, request: &Request) -> Result<(Templates, Option<Value>), Failure> {
    let mut templates = request.templates();
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<Value> = request.workflows.iter().map(|document| document.value.clone()).collect();
    queue.extend(
        request.beside.iter().filter(|document| is_template(document.kind)).map(|document| document.value.clone()),
    );
    let mut live = None;
    if let Some(from) = &request.from {
        let kind = match from.kind {
            TemplateKind::WorkflowTemplate => Kind::WorkflowTemplate,
            TemplateKind::ClusterWorkflowTemplate => Kind::ClusterWorkflowTemplate,
            TemplateKind::CronWorkflow => Kind::CronWorkflow,
        };
        if request.beside(kind, &from.name).is_none() || from.kind != TemplateKind::CronWorkflow {
            live = Some(cluster.template(from.kind, from.name.as_str()).await?);
        }
        queue.push_back(request.made_from(from, live.as_ref())?);
    }
    while let Some(document) = queue.pop_front() {
        let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(cluster.namespace());
        let home = cluster.within(namespace);
        for reference in references(&document) {
            let kind = if reference.cluster_scope {
                TemplateKind::ClusterWorkflowTemplate
            } else {
                TemplateKind::WorkflowTemplate
            };
            let known = templates.find(&reference.name, reference.cluster_scope, Some(namespace)).is_some();
            if (known && !reference.whole) || !seen.insert((reference.cluster_scope, reference.name.clone())) {
                continue;
            }
            match home.template(kind, &reference.name).await {
                Ok(object) if !known => {
                    queue.push_back(object.clone());
                    templates.insert(object);
                }
                Err(error) if reference.whole => return Err(error.into()),
                Ok(_) | Err(ClusterError::TemplateMissing { .. } | ClusterError::Forbidden { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok((templates, live))
}

async fn wait(args: &Args, cluster: &Cluster, objects: &mut [Value]) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut worst = Exit::Success;
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, uid, namespace) = (text("/metadata/name"), text("/metadata/uid"), text("/metadata/namespace"));
        let left = args.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()).max(Duration::from_millis(1)));
        let mut live = Live::new(args.quiet);
        let mut shown = Vec::new();
        let home = cluster.within(&namespace);
        let waited = tokio::select! {
            waited = home.wait(&name, &uid, left, |update| show(&mut live, &mut shown, update)) => waited,
            _ = tokio::signal::ctrl_c() => {
                live.finish();
                eprintln!("interrupted: workflow {name} goes on");
                return Ok(Exit::Interrupted);
            }
        };
        live.finish();
        let ended = waited?;
        args.notify.tell(&ended).await;
        let phase = ended.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default();
        let exit = match phase {
            "Succeeded" => Exit::Success,
            "Error" => Exit::Errored,
            _ => Exit::Failed,
        };
        if !args.quiet {
            let message = ended.pointer("/status/message").and_then(Value::as_str).unwrap_or_default();
            let said = format!("workflow {name} {phase}: {}", crate::output::tree::printable(message));
            eprintln!("{}", said.trim_end_matches(": "));
        }
        worst = worst.max(exit);
        *object = ended;
    }
    Ok(worst)
}

fn show(live: &mut Live, shown: &mut Vec<(String, Phase)>, update: &Value) {
    let nodes: Vec<Node> = update
        .pointer("/status/nodes")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(_, node)| serde_json::from_value(node.clone()).ok())
        .collect();
    let now: Vec<(String, Phase)> = nodes.iter().map(|node| (node.id.clone(), node.phase)).collect();
    let before: std::collections::HashSet<&(String, Phase)> = shown.iter().collect();
    let changed: Vec<&Node> = nodes.iter().filter(|node| !before.contains(&(node.id.clone(), node.phase))).collect();
    live.show(&nodes, changed.into_iter());
    *shown = now;
}
