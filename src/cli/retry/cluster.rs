//! `retry` on a cluster.

use jiff::Timestamp;
use serde_json::Value;

use super::Args;
use crate::argo::document::Kind;
use crate::cli::failure::Failure;
use crate::cli::follow::{Screen, ending, exit, follow};
use crate::cli::found::live;
use crate::cli::runtime::looking_on;
use crate::cli::target::Target;
use crate::cli::templates::called_templates;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::output::format::{name, rendered};
use crate::output::stream::{result, talk};
use crate::prepare::Templates;
use crate::retry::{Entries, InPlace, Mode, Owner, Plan, anew, check, in_place, memoized};
use crate::run::nodes::written_out;

pub(super) async fn run(args: &Args, cluster: &Cluster, run: &str, uid: Option<&str>) -> Result<Exit, Failure> {
    if args.timeout.is_some() && !args.wait {
        return Err(Failure::usage("--timeout needs --wait").hint("add --wait, or leave --timeout out"));
    }
    let live = written_out(live(cluster, run, uid).await?);
    let mode = args.mode();
    check(&live, &mode, &owners(cluster, &live).await)?;
    let change = Change::new(args, cluster, &live, &mode).await?;
    if !args.agree(&change.plan)? {
        return Ok(args.not_done());
    }
    let mut object = change.act(cluster).await?;
    if args.output.is_none() {
        let done = if matches!(mode, Mode::InPlace(_)) { "retried" } else { "created" };
        result(format_args!("{} {done}\n", name(&object)))?;
    }
    let exit = if args.wait { wait(args, cluster, &mut object).await } else { Ok(Exit::Success) };
    if let Some(format) = args.output {
        result(rendered(format, &[object]))?;
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
                let known = called_templates(cluster, known, [edited.as_ref().unwrap_or(live).clone()].into()).await?;
                let next = anew(live, edited.as_ref(), &known, &args.options(live)?)?.workflow;
                let plan = Plan::anew(live, &next, &Entries::Expected, now);
                Ok(Self { plan, request: Request::Create(next) })
            }
            Mode::Memoized => {
                let next = memoized(live, &args.new_name(live)?, &args.parameters(), now);
                Ok(Self { plan: Plan::memoized(live, &next), request: Request::Create(next) })
            }
            Mode::InPlace(selector) => {
                let change = in_place(live, selector.as_ref(), &args.parameters(), now)?;
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

/// Follows the attempt to its end.
async fn wait(args: &Args, cluster: &Cluster, object: &mut Value) -> Result<Exit, Failure> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, uid) = (text("/metadata/name"), text("/metadata/uid"));
    let goes_on = format!("workflow {name} goes on");
    let target = Target::Cluster { cluster: Box::new(cluster.clone()), name, uid: Some(uid) };
    let following = async {
        let mut screen = Screen::new(args.quiet);
        let ended = follow(&target, args.timeout, Some(&mut |found: &_| screen.show(found))).await;
        drop(screen);
        let ended = ended?;
        if !args.quiet {
            talk(ending(&ended));
        }
        let exit = exit(&ended);
        *object = written_out(ended.workflow);
        Ok(exit)
    };
    looking_on(following, &goes_on).await
}
