//! `cache why`: why a node of a run had, or had not, an entry.

use jiff::Timestamp;
use serde_json::Value;

use super::source::{Source, SourceArgs};
use crate::argo::Metadata;
use crate::argo::identity::{CacheName, ObjectName};
use crate::argo::status::{Node, node_id};
use crate::argo::{Nodes, Workflow};
use crate::backend::Snapshot;
use crate::cache::{Cache, Entry, Question};
use crate::cli::failure::Failure;
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::output::cache::{Form, answer, document};
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # Why a node ran again, although it had succeeded before
  kubectl runnable cache why etl-x2k9f load

  # A node by its full name, of a run of this machine
  kubectl runnable cache why --local @latest 'etl[0].load(2:berlin)'

It names the part of the key that differs from the nearest entry: the template's content, the run id, the inputs. What was
edited, and which input has another value, is told as long as the workflow that made the entry exists.";

/// Explain why a node was, or was not, taken from the cache
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// The node: its name as status shows it, its full name, or its id
    #[arg(value_name = "NODE")]
    node: String,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let run = args.source.target.resolve(&args.run).await?;
    let source = args.source.beside(&run);
    let found = run.get().await?;
    let node = node(&found.nodes, found.workflow.value(), &args.node)?;
    let cache = cache(&source, node).await?;
    let question = Question { workflow: found.workflow.value(), node, cache: cache.as_ref(), now: Timestamp::now() };
    let origin = match question.nearest() {
        Some(nearest) => origin(&source, nearest, found.workflow.value()).await?,
        None => None,
    };
    let said = question.answer(origin.as_ref());
    match args.output {
        None => result(answer(&node.name, &said))?,
        Some(Form::Name) => result(said.key().map(|key| format!("{key}\n")).unwrap_or_default())?,
        Some(form) => result(document(form, &said).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
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
        let workflow = match source {
            Source::Cluster { cluster, .. } => {
                let namespace = Metadata::of(asking).own_namespace().unwrap_or(cluster.namespace());
                match cluster.within(namespace).workflow(name).await {
                    Ok(workflow) => Some(workflow),
                    Err(ClusterError::WorkflowMissing { .. } | ClusterError::Forbidden { .. }) => None,
                    Err(error) => return Err(error.into()),
                }
            }
            Source::Store(store) => {
                let namespace = Metadata::of(asking).own_namespace().unwrap_or("default").parse()?;
                Record::find(store.root(), &namespace, &name.parse()?)
                    .and_then(|record| Snapshot::of_record(&record))
                    .ok()
                    .map(|snapshot| snapshot.settled().into_value())
            }
        };
        let is_maker = |node: &Node| node.id == entry.node_id && node_id(name, &node.name) == entry.node_id;
        if let Some(workflow) = workflow.filter(|workflow| Workflow::view(workflow).nodes().all.iter().any(is_maker)) {
            return Ok(Some(workflow));
        }
    }
    Ok(None)
}
