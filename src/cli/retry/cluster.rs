//! `retry` on a cluster.

use jiff::Timestamp;
use serde_json::Value;

use super::{Args, templates};
use crate::argo::document::Kind;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::output::format::{Format, name, serialized};
use crate::output::summary;
use crate::output::tree::printable;
use crate::prepare::Templates;
use crate::retry::{Entries, InPlace, Mode, Owner, Plan, anew, check, in_place, memoized};

pub(super) async fn run(args: &Args, cluster: &Cluster, run: &str, uid: Option<&str>) -> Result<Exit, Failure> {
    if args.timeout.is_some() && !args.wait {
        return Err(Failure::usage("--timeout needs --wait").hint("add --wait, or leave --timeout out"));
    }
    let live = cluster.workflow(run).await?;
    if uid.is_some_and(|uid| live["metadata"]["uid"] != uid) {
        return Err(Failure::new(
            Exit::NotFound,
            format!("workflow {run} of the handle is gone; another has its name"),
        ));
    }
    let mode = args.mode();
    check(&live, &mode, &owners(cluster, &live).await)?;
    let change = Change::new(args, cluster, &live, &mode).await?;
    if !args.agree(&change.plan)? {
        return Ok(args.not_done());
    }
    let mut object = change.act(cluster).await?;
    if args.output.is_none() {
        println!("{} {}", name(&object), if matches!(mode, Mode::InPlace(_)) { "retried" } else { "created" });
    }
    let exit = if args.wait { wait(args, cluster, &mut object).await } else { Ok(Exit::Success) };
    match args.output {
        Some(Format::Wide) => print!("{}", summary::table(&[object], Timestamp::now())),
        Some(format) => print!("{}", serialized(format, &[object]).unwrap_or_default()),
        None => {}
    }
    exit
}

async fn owners(cluster: &Cluster, live: &Value) -> Vec<Owner> {
    let mut owners = Vec::new();
    for reference in live.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten() {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let stays = cluster.owner_stays(reference).await;
        owners.push(Owner { name: format!("{}/{}", text("kind"), text("name")), stays });
    }
    owners
}

/// What the retry sends, with its plan.
struct Change {
    plan: Plan,
    request: Request,
}

enum Request {
    Create(Value),
    Replace(InPlace),
}

impl Change {
    async fn new(args: &Args, cluster: &Cluster, live: &Value, mode: &Mode) -> Result<Self, Failure> {
        let now = Timestamp::now();
        match mode {
            Mode::Anew => {
                let (edited, beside) = args.documents()?;
                let mut known = Templates::default();
                for document in beside {
                    if matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate) {
                        known.insert(document.value);
                    }
                }
                let edited = edited.map(|document| document.value);
                let known = templates::add(cluster, known, edited.as_ref().unwrap_or(live)).await?;
                let next = anew(live, edited.as_ref(), &known, &args.options(live)?)?.workflow;
                let plan = Plan::anew(live, &next, &Entries::Expected, now);
                Ok(Self { plan, request: Request::Create(next) })
            }
            Mode::Memoized => {
                let next = memoized(live, &args.new_name(live)?, &args.parameters, now);
                Ok(Self { plan: Plan::memoized(live, &next), request: Request::Create(next) })
            }
            Mode::InPlace(selector) => {
                let change = in_place(live, selector.as_ref(), &args.parameters, now)?;
                Ok(Self { plan: Plan::in_place(live, mode, &change), request: Request::Replace(change) })
            }
        }
    }

    async fn act(&self, cluster: &Cluster) -> Result<Value, ClusterError> {
        match &self.request {
            Request::Create(workflow) => Ok(cluster.create(workflow, false).await?.object),
            Request::Replace(change) => {
                // Nothing is deleted for a change that the server would refuse.
                cluster.replace(&change.workflow, true).await?;
                for pod in &change.pods {
                    cluster.delete_pod(pod).await?;
                }
                cluster.replace(&change.workflow, false).await
            }
        }
    }
}

async fn wait(args: &Args, cluster: &Cluster, object: &mut Value) -> Result<Exit, Failure> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, uid) = (text("/metadata/name"), text("/metadata/uid"));
    let ended = tokio::select! {
        ended = cluster.wait(&name, &uid, args.timeout, |_| {}) => ended?,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("interrupted: workflow {name} goes on");
            return Ok(Exit::Interrupted);
        }
    };
    let text = |pointer: &str| ended.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let phase = text("/status/phase").to_owned();
    if !args.quiet {
        let said = format!("workflow {name} {phase}: {}", printable(text("/status/message")));
        eprintln!("{}", said.trim_end_matches(": "));
    }
    *object = ended;
    Ok(match phase.as_str() {
        "Succeeded" => Exit::Success,
        "Error" => Exit::Errored,
        _ => Exit::Failed,
    })
}
