//! `retry` on a cluster.

use jiff::Timestamp;
use serde_json::Value;

use super::{Args, cache_names, entries};
use crate::argo::Workflow;
use crate::argo::document::Kind;
use crate::argo::identity::CacheName;
use crate::cache::{Cache, LABEL, LABEL_VALUE, State};
use crate::cli::cache::find;
use crate::cli::failure::Failure;
use crate::cli::follow_up::print;
use crate::cli::handle::{Place, handle_of};
use crate::cli::templates::called_templates;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::stream::{result, talk};
use crate::prepare::Templates;
use crate::retry::{Entries, InPlace, Mode, Next, Owner, Plan, check, in_place, memoized, new_attempt};

pub(super) async fn run(args: &Args, cluster: &Cluster, live: Value) -> Result<Exit, Failure> {
    let live = Workflow::from(live).written_out().into_value();
    let mode = args.mode();
    check(&live, &mode, &owners(cluster, &live).await)?;
    let change = Change::new(args, cluster, &live, &mode).await?;
    if !args.agree(&change.plan)? {
        return Ok(args.not_done());
    }
    let object = change.act(cluster).await?;
    if args.output.is_none() {
        let done = if matches!(mode, Mode::InPlace(_)) { "retried" } else { "created" };
        result(format_args!("{} {done}\n", name(&object)))?;
    }
    let handle = handle_of(&object, change.cache.as_ref(), Place::Cluster(cluster));
    let mut runs = vec![args.follow_up.made(object, handle)?];
    let ended = if args.follow_up.wait {
        args.follow_up.wait_for(cluster, &mut runs, args.quiet).await
    } else {
        Ok(Exit::Success)
    };
    print(args.output, runs)?;
    ended
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
    /// The cache that the new workflow uses by reference.
    cache: Option<CacheName>,
}

enum Request {
    Create(Value),
    Replace(InPlace),
}

impl Change {
    async fn new(args: &Args, cluster: &Cluster, live: &Value, mode: &Mode) -> Result<Self, Failure> {
        let now = Timestamp::now();
        match mode {
            Mode::NewAttempt => {
                let (edited, beside) = args.documents(live)?;
                let mut known_templates = Templates::default();
                for document in beside {
                    if matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate) {
                        known_templates.insert(document.value);
                    }
                }
                let edited = edited.map(|document| document.value);
                let known_templates =
                    called_templates(cluster, known_templates, [edited.as_ref().unwrap_or(live).clone()].into())
                        .await?;
                let next = new_attempt(live, edited.as_ref(), &known_templates, &args.options(live)?)?;
                args.tell_undeclared(edited.as_ref().unwrap_or(live));
                let entries = known(args, cluster, [live, &next.workflow]).await?;
                let document = Next { workflow: &next.workflow, templates: &known_templates, notices: &next.notices };
                let plan = Plan::new_attempt(live, document, &entries, now);
                Ok(Self { plan, request: Request::Create(next.workflow), cache: next.run.cache_name })
            }
            Mode::Memoized => {
                let next = memoized(live, &args.new_name(live)?, &args.parameters(), now);
                Ok(Self { plan: Plan::memoized(live, &next), request: Request::Create(next), cache: None })
            }
            Mode::InPlace(selector) => {
                let change = in_place(live, selector.as_ref(), &args.parameters(), now)?;
                Ok(Self { plan: Plan::in_place(live, mode, &change), request: Request::Replace(change), cache: None })
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

/// What the caches of the attempts hold. Where they cannot be read, what succeeded is expected to have left its entry.
async fn known(args: &Args, cluster: &Cluster, attempts: [&Value; 2]) -> Result<Entries, Failure> {
    let mut caches = Vec::new();
    for name in cache_names(attempts) {
        match find(cluster, args.cache_namespace(), name.as_str()).await {
            Ok(cache) => caches.extend(cache),
            Err(failure) if failure.exit() == Exit::Tool => {
                let why = failure.message();
                talk(format_args!("note: cache {name} cannot be read, so the plan says what it should hold ({why})"));
                return Ok(Entries::expected(Workflow::view(attempts[0])));
            }
            Err(failure) => return Err(failure),
        }
    }
    caches.iter().for_each(warn);
    Ok(entries(caches))
}

/// Says what of a cache would end nodes of the next attempt in Error.
fn warn(cache: &Cache) {
    let broken = cache.entries.values().filter(|entry| matches!(entry.state, State::Malformed(_))).count();
    let what = match (cache.is_labelled(), broken) {
        (true, 0) => return,
        (true, broken) => format!("has {broken} malformed entries, whose nodes end in Error"),
        (false, _) => format!("lacks the label {LABEL}={LABEL_VALUE}: nodes that use it end in Error"),
    };
    talk(format_args!(
        "warning: cache {} {what}; kubectl runnable cache inspect {} --fix fixes it",
        cache.name, cache.name
    ));
}
