//! Names that the cluster or the directory of runs knows which the line selects.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{ArgMatches, FromArgMatches};

use super::candidates::{Names, What};
use crate::argo::Metadata;
use crate::backend::Backend;
use crate::cache::Store;
use crate::cli::access::AccessArgs;
use crate::cli::archive::ServerArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::settings::settings;
use crate::cli::target::TargetArgs;
use crate::cluster::{ArchiveSelection, Selection, TemplateKind};
use crate::exit::Exit;

/// The maximum time that completion waits for a cluster.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of names, the latest runs first.
const MAX_NAMES: usize = 100;
/// Kinds that a workflow is made from, as `--from` calls them.
const KINDS: [(&str, TemplateKind); 3] = [
    ("workflowtemplate", TemplateKind::WorkflowTemplate),
    ("clusterworkflowtemplate", TemplateKind::ClusterWorkflowTemplate),
    ("cronworkflow", TemplateKind::CronWorkflow),
];

/// None if there is no answer in time.
pub(super) fn names(what: What, verb: &ArgMatches) -> Option<Names> {
    let mut target = target(verb)?;
    if what == What::Context {
        let contexts = target.access.access().contexts();
        return Some(contexts.into_iter().map(|name| (name, None)).collect());
    }
    target.access.request_timeout = Some(TIMEOUT);
    let asking = async {
        let asked = tokio::time::timeout(TIMEOUT, fetched(what, &target, verb));
        asked.await.unwrap_or_else(|_| Err(Failure::new(Exit::TimedOut, "no answer")))
    };
    block_on(asking).ok().map(|names| names.into_iter().map(|name| (name, None)).collect())
}

/// The flags that select where the verb's objects are.
fn target(verb: &ArgMatches) -> Option<TargetArgs> {
    let knows = |flag: &str| verb.try_contains_id(flag).is_ok();
    if !(knows("local") || knows("argo_server")) || !knows("request_timeout") {
        return None;
    }
    // A line with a value that is not whole yet has no defaults.
    let local = verb.try_get_one("local").ok().flatten().copied().unwrap_or(settings().local == Some(true));
    Some(TargetArgs { local, access: AccessArgs::from_arg_matches(verb).ok()? })
}

async fn fetched(what: What, target: &TargetArgs, verb: &ArgMatches) -> Result<Vec<String>, Failure> {
    match what {
        What::Run => Ok(target.backend().await?.names(MAX_NAMES).await?),
        What::Node => nodes(target, verb).await,
        What::Archived => archived(target, verb).await,
        What::Cache => caches(target).await,
        What::Namespace => namespaces(target).await,
        What::From => templates(target).await,
        What::Context | What::Template | What::Parameter => Ok(Vec::new()),
    }
}

/// The nodes of the run that the line names.
async fn nodes(target: &TargetArgs, verb: &ArgMatches) -> Result<Vec<String>, Failure> {
    let of = |id: &str| verb.try_get_many::<String>(id).ok().flatten().and_then(|mut names| names.next().cloned());
    let Some(run) = of("runs").or_else(|| of("run")) else { return Ok(Vec::new()) };
    let snapshot = target.resolve(&run).await?.get().await?;
    let names = snapshot.nodes.all.iter().map(|node| node.display_name.clone()).filter(|name| !name.is_empty());
    Ok(names.collect::<BTreeSet<_>>().into_iter().take(MAX_NAMES).collect())
}

/// Names of the archive's newest page.
async fn archived(target: &TargetArgs, verb: &ArgMatches) -> Result<Vec<String>, Failure> {
    let server = ServerArgs::from_arg_matches(verb).map_err(anyhow::Error::from)?.connect(&target.access).await?;
    let page = u32::try_from(MAX_NAMES).unwrap_or(u32::MAX);
    let selection =
        ArchiveSelection { namespace: server.namespace().to_owned(), chunk: page, ..ArchiveSelection::default() };
    Ok(server.names(&selection).await?)
}

async fn caches(target: &TargetArgs) -> Result<Vec<String>, Failure> {
    let mut names = BTreeSet::new();
    match target.backend().await? {
        Backend::Cluster(cluster) => {
            let mut take = |object| {
                names.insert(Metadata::of(&object).name().to_owned());
            };
            if cluster.cache_config_maps(true, &mut take).await.is_err() {
                cluster.cache_config_maps(false, take).await?;
            }
        }
        Backend::Local { root, .. } => names.extend(Store::at(&root).names()?.iter().map(ToString::to_string)),
    }
    Ok(names.into_iter().take(MAX_NAMES).collect())
}

async fn namespaces(target: &TargetArgs) -> Result<Vec<String>, Failure> {
    match target.backend().await? {
        Backend::Cluster(cluster) => Ok(cluster.namespace_names().await?),
        Backend::Local { root, .. } => {
            let entries = std::fs::read_dir(root.join("runs")).into_iter().flatten().flatten();
            let names =
                entries.filter(|entry| entry.path().is_dir()).filter_map(|entry| entry.file_name().into_string().ok());
            Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
        }
    }
}

/// `KIND/NAME` of all that a workflow can be made from.
async fn templates(target: &TargetArgs) -> Result<Vec<String>, Failure> {
    let Backend::Cluster(cluster) = target.backend().await? else { return Ok(Vec::new()) };
    let selection = Selection { chunk: 500, metadata_only: true, ..Selection::default() };
    let mut names = Vec::new();
    for (word, kind) in KINDS {
        // A kind that the user may not list hides no other.
        let take = |object| names.push(format!("{word}/{}", Metadata::of(&object).name()));
        let _ = cluster.templates(kind, &selection, take).await;
    }
    names.truncate(MAX_NAMES);
    Ok(names)
}
