//! Reads everything about locks from a cluster into one table.

use crate::argo::Metadata;
use crate::argo::identity::ObjectName;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError, Selection};
use crate::locks::{Address, Limits, LockTable};
use crate::output::stream::talk;

/// The number of objects per page of a list.
const PAGE_SIZE: u32 = 200;
/// Excludes completed workflows: they have normally released their locks, and there are usually many.
pub(super) const NOT_COMPLETED: &str = "workflows.argoproj.io/completed!=true";

/// What to search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The ConfigMap whose keys are locks even if no workflow uses them.
    pub(super) config_map: &'a ObjectName,
    /// Search all namespaces instead of the connection's.
    pub(super) all_namespaces: bool,
    /// Include completed workflows.
    pub(super) completed: bool,
}

/// The result of a search.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) table: LockTable,
    /// Workflows of other namespaces, which may hold locks of this one, could not be read.
    pub(super) partial: bool,
}

impl Lookup {
    /// Warns if holders may be missing.
    pub(super) fn warn(&self, cluster: &Cluster) {
        if self.partial {
            talk(format_args!(
                "warning: only workflows in namespace {:?} were read; holders in other namespaces are visible only with \
                 permission to list workflows in all namespaces",
                cluster.namespace()
            ));
        }
    }
}

/// Reads workflows, the holders they name, and the limits of their locks.
pub(super) async fn look_up(cluster: &Cluster, scope: Scope<'_>) -> Result<Lookup, Failure> {
    let (mut table, partial) = workflows(cluster, scope).await?;
    if !scope.all_namespaces {
        table.retain_related_to(cluster.namespace());
    }

    for (namespace, name) in table.unread_holders() {
        match cluster.within(&namespace).workflow(&name).await {
            Ok(workflow) => table.add(&workflow),
            Err(ClusterError::WorkflowMissing { .. } | ClusterError::NamespaceMissing { .. }) => {
                table.add_gone((namespace, name));
            }
            // It may exist in a namespace that this user cannot read.
            Err(ClusterError::Forbidden { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }

    own_limits(cluster, scope, &mut table).await?;
    let own = |(namespace, name): &Address| {
        *name == scope.config_map.as_str() && (scope.all_namespaces || namespace == cluster.namespace())
    };
    for (namespace, name) in table.config_maps().into_iter().filter(|address| !own(address)) {
        match cluster.within(&namespace).config_map(&name).await {
            Ok(Some(config_map)) => {
                if let Ok(limits) = Limits::of(&config_map) {
                    table.add_limits(&namespace, &limits);
                }
            }
            Ok(None) | Err(ClusterError::NamespaceMissing { .. }) => table.add_missing_limits((namespace, name)),
            Err(ClusterError::Forbidden { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Lookup { table, partial })
}

/// Reads all workflows that may use the locks. A workflow can use a lock of any namespace.
async fn workflows(cluster: &Cluster, scope: Scope<'_>) -> Result<(LockTable, bool), Failure> {
    let labels = (!scope.completed).then(|| NOT_COMPLETED.to_owned());
    let mut selection = Selection { all_namespaces: true, labels, chunk: PAGE_SIZE, ..Selection::default() };
    let mut table = LockTable::default();
    match cluster.list(&selection, |workflow| table.add(&workflow)).await {
        Err(ClusterError::Forbidden { .. }) if !scope.all_namespaces => {}
        listed => {
            listed?;
            return Ok((table, false));
        }
    }
    selection.all_namespaces = false;
    cluster.list(&selection, |workflow| table.add(&workflow)).await?;
    Ok((table, true))
}

async fn own_limits(cluster: &Cluster, scope: Scope<'_>, table: &mut LockTable) -> Result<(), Failure> {
    let name = scope.config_map.as_str();
    if !scope.all_namespaces {
        let address = (cluster.namespace().to_owned(), name.to_owned());
        match cluster.config_map(name).await? {
            Some(config_map) => {
                table.add_limits(&address.0, &Limits::of(&config_map)?);
            }
            None => table.add_missing_limits(address),
        }
        return Ok(());
    }

    let mut found = Vec::new();
    let selection =
        Selection { all_namespaces: true, name: Some(name.to_owned()), chunk: PAGE_SIZE, ..Selection::default() };
    cluster.config_maps(&selection, |config_map| found.push(config_map)).await?;

    for config_map in &found {
        let namespace = Metadata::of(config_map).namespace();
        if let Ok(limits) = Limits::of(config_map) {
            table.add_limits(namespace, &limits);
        }
    }

    let there = |(namespace, _): &Address| found.iter().any(|found| Metadata::of(found).namespace() == namespace);
    for address in table.config_maps().into_iter().filter(|address| address.1 == name && !there(address)) {
        table.add_missing_limits(address);
    }
    Ok(())
}
