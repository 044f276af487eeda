//! `cache why`: why a node of a run had, or had not, an entry.

use jiff::Timestamp;
use serde_json::Value;

use super::source::{Source, SourceArgs};
use crate::argo::Metadata;
use crate::argo::identity::{CacheName, ObjectName};
use crate::argo::status::{Node, node_id};
use crate::argo::{Nodes, Workflow};
use crate::backend::Snapshot;
use crate::cache::{Before, Cache, Entry, Explained, Question, attempt_before, attempts};
use crate::cli::failure::Failure;
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::output::cache::{Form, document, explanation, lines, run_table};
use crate::output::stream::{result, stdout_width, talk};
use crate::prepare::{Notice, Options, Reason, Templates, prepare, unwrapped};

const EXAMPLES: &str = "Examples:
  # Why a node ran again, although it had succeeded before
  kubectl runnable cache why etl-x2k9f load

  # Every node of a run beside the attempt before
  kubectl runnable cache why etl-x2k9f --all

  # A node by its full name, of a run of this machine
  kubectl runnable cache why --local @latest 'etl[0].load(2:berlin)'

It names the part of the key that differs from the nearest entry: the template's content, the run id, the inputs. Then it
compares the node with the same call in the attempt before, whatever its end: the lines of the template that were edited, and
each input then and now, as long as the workflow of that attempt exists.";

/// Explain why a node was, or was not, taken from the cache
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// The node: its name as status shows it, its full name, or its id
    #[arg(value_name = "NODE", required_unless_present = "all", conflicts_with = "all")]
    node: Option<String>,

    /// Show every node of the run that looked in the cache, compared with the attempt before
    #[arg(long)]
    all: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let run = args.source.target.resolve(&args.run).await?;
    let source = args.source.beside(&run)?;
    let found = run.get().await?;
    let workflow = &*unwrapped(found.workflow.value());
    let before = before(&source, workflow).await?;
    let Some(asked) = &args.node else { return all(args, workflow, before.as_ref()) };
    let node = node(&found.nodes, workflow, asked)?;
    let cache = match (cache(&source, node).await?, args.source.of_pods(workflow)?) {
        // Pods have looked into a store of their own.
        (None, Some(of_pods)) => cache(&of_pods, node).await?,
        (found, _) => found,
    };
    let question = Question { workflow, node, cache: cache.as_ref(), now: Timestamp::now() };
    let origin = match question.nearest() {
        Some(nearest) => origin(&source, nearest, workflow).await?,
        None => None,
    };
    let explained = Explained {
        because: reason(workflow, node).filter(|_| node.memoization_status.is_none()),
        attempt: found.workflow.attempt(),
        before: before.map(|before| Before::of(workflow, node, &before)),
        answer: question.answer(origin.as_ref()),
    };
    match args.output {
        None => result(explanation(&node.name, &explained))?,
        Some(Form::Name) => result(explained.answer.key().map(|key| format!("{key}\n")).unwrap_or_default())?,
        Some(form) => result(document(form, &explained).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}

/// All nodes that asked a cache.
fn all(args: &Args, workflow: &Value, before: Option<&Value>) -> Result<Exit, Failure> {
    let compared = attempts(before.unwrap_or(&Value::Null), workflow);
    match args.output {
        None if compared.is_empty() => talk("no node of the run has asked a cache"),
        None => result(run_table(&compared, before.is_some(), stdout_width()))?,
        Some(Form::Name) => result(lines(compared.iter().map(|node| &node.node)))?,
        Some(form) => result(document(form, &compared).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}

/// The workflow of the attempt before, where there was one and it still exists.
async fn before(source: &Source, workflow: &Value) -> Result<Option<Value>, Failure> {
    let Some(name) = attempt_before(workflow) else { return Ok(None) };
    let same_run = |other: &Value| Workflow::view(other).run_id() == Workflow::view(workflow).run_id();
    Ok(named(source, name, workflow).await?.filter(same_run))
}

/// Why prepare leaves the node's template out of memoization.
fn reason(workflow: &Value, node: &Node) -> Option<String> {
    let options = Options::new("none".parse().ok()?, "none".parse().ok()?);
    let prepared = prepare(workflow.clone(), &Templates::default(), &options).ok()?;
    prepared.notices.iter().find_map(|notice| match notice {
        Notice::NotMemoized { reason: Reason::UnknownTemplate { .. }, .. } => None,
        Notice::NotMemoized { template, reason } if template == node.called() => Some(reason.to_string()),
        _ => None,
    })
}

/// The node that is meant, which is one.
fn node<'a>(nodes: &'a Nodes, workflow: &Value, asked: &str) -> Result<&'a Node, Failure> {
    let run = Workflow::view(workflow).name();
    let exact = |node: &&Node| [&node.id, &node.name].into_iter().any(|name| name == asked);
    let below = [format!("{run}.{asked}"), format!("{run}{asked}")];
    let near = |node: &&Node| node.display_name == asked || below.contains(&node.name);
    if let Some(node) = nodes.all.iter().find(exact) {
        return Ok(node);
    }
    let found: Vec<&Node> = nodes.all.iter().filter(near).collect();
    match found.as_slice() {
        [node] => Ok(node),
        [] => Err(Failure::new(Exit::NotFound, format!("run {run} has no node {asked:?}"))
            .hint(format!("kubectl runnable status {run} shows its nodes"))),
        several => {
            let names: Vec<&str> = several.iter().take(5).map(|node| node.name.as_str()).collect();
            Err(Failure::usage(format!("{} nodes of run {run} are called {asked:?}", several.len()))
                .hint(format!("name one in full: {}", names.join(", "))))
        }
    }
}

async fn cache(source: &Source, node: &Node) -> Result<Option<Cache>, Failure> {
    let Some(status) = &node.memoization_status else { return Ok(None) };
    match status.cache_name.parse::<CacheName>() {
        Ok(name) => source.find(&name).await,
        Err(_) => Ok(None),
    }
}

/// The workflow that made an entry, where it still exists: the node's id holds its name.
async fn origin(source: &Source, entry: &Entry, asking: &Value) -> Result<Option<Value>, Failure> {
    let before = entry.node_id.rsplit_once('-').map(|(before, _)| before);
    let names = before.into_iter().chain([entry.node_id.as_str()]).filter(|name| name.parse::<ObjectName>().is_ok());
    for name in names {
        let workflow = named(source, name, asking).await?;
        let is_maker = |node: &Node| node.id == entry.node_id && node_id(name, &node.name) == entry.node_id;
        if let Some(workflow) = workflow.filter(|workflow| Workflow::view(workflow).nodes().all.iter().any(is_maker)) {
            return Ok(Some(workflow));
        }
    }
    Ok(None)
}

/// The workflow of a name beside the one that is asked about, where it still exists and can be seen.
async fn named(source: &Source, name: &str, asking: &Value) -> Result<Option<Value>, Failure> {
    match source {
        Source::Cluster { cluster, .. } => {
            let namespace = Metadata::of(asking).own_namespace().unwrap_or(cluster.namespace());
            match cluster.within(namespace).workflow(name).await {
                Ok(workflow) => {
                    let workflow = Workflow::from(workflow).written_out();
                    Ok(Some(unwrapped(workflow.value()).into_owned()))
                }
                Err(ClusterError::WorkflowMissing { .. } | ClusterError::Forbidden { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        Source::Store(store) => {
            let namespace = Metadata::of(asking).own_namespace().unwrap_or("default").parse()?;
            let Some(root) = store.root() else { return Ok(None) };
            let record = Record::find(root, &namespace, &name.parse()?);
            Ok(record
                .and_then(|record| Snapshot::of_record(&record))
                .ok()
                .map(|snapshot| snapshot.settled().into_value()))
        }
    }
}
