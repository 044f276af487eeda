//! The caches that are left without a user when runs are deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::source::{Deleted, Source, provenance_of};
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::backend::Run;
use crate::cache::{AddressError, Entry, STORE_ANNOTATION, Store, StoreAddress, caches_of};
use crate::cli::failure::Failure;
use crate::cli::store;
use crate::output::stream::talk;
use crate::prepare::exec_cache_of;

/// The names of the caches that the runs have used.
pub(in crate::cli) fn caches_of_runs<'a>(runs: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    runs.flat_map(caches_of).collect()
}

/// Where caches of runs that are gone are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Reach {
    /// Where the runs were.
    Beside,
    /// Also in the stores that they name, which other machines use too: only where the user asks for it.
    Stores,
}

/// Deletes the caches of runs that are gone, as far as no other run and no template refers to them; gives their names.
/// `one` of them tells where they are.
pub(in crate::cli) async fn delete_unused(
    one: &Run,
    gone: &[&Value],
    reach: Reach,
    dry_run: bool,
) -> Result<Vec<String>, Failure> {
    let source = match one {
        Run::Cluster { cluster, .. } => Source::Cluster { cluster: cluster.clone(), namespace: None },
        Run::Local(record) => Source::Store(Store::at(record.root())),
    };
    let others = provenance_of(&source, gone).await?;
    if !others.complete {
        talk("note: caches are kept: not all runs that may use them can be seen");
        return Ok(Vec::new());
    }
    let referred = others.caches();
    let mut deleted = Vec::new();
    for name in caches_of_runs(gone.iter().copied()) {
        if referred.contains(name.as_str()) {
            talk(format_args!("note: cache {name} is kept: other runs or templates refer to it"));
            continue;
        }
        let Ok(name) = name.parse::<CacheName>() else { continue };
        let Some(cache) = source.find(&name).await?.filter(|cache| !cache.is_foreign()) else { continue };
        if dry_run || !matches!(source.delete(&cache).await?, Deleted::Changed) {
            deleted.push(name.to_string());
        } else {
            talk(format_args!("note: cache {name} is kept: it was used in the meantime"));
        }
    }
    if reach == Reach::Stores {
        deleted.extend(delete_elsewhere(gone, &referred, dry_run).await?);
    }
    Ok(deleted)
}

/// The same of caches in the stores that runs name. Other machines use these too: a cache goes when runs that are gone have made
/// all of its entries.
async fn delete_elsewhere(gone: &[&Value], referred: &BTreeSet<&str>, dry_run: bool) -> Result<Vec<String>, Failure> {
    let mut stores: BTreeMap<String, Vec<&Workflow>> = BTreeMap::new();
    for workflow in gone.iter().map(|workflow| Workflow::view(workflow)) {
        let of_pods = exec_cache_of(workflow.value())?.map(|cache| cache.store);
        if let Some(address) = of_pods.or_else(|| workflow.annotation(STORE_ANNOTATION).map(str::to_owned)) {
            stores.entry(address).or_default().push(workflow);
        }
    }
    let mut deleted = Vec::new();
    for (address, runs) in stores {
        let address: StoreAddress = address
            .parse()
            .map_err(|error: AddressError| Failure::usage(format!("the store of a run's caches: {error}")))?;
        let source = Source::Store(store::open(&address, true)?);
        let ids: BTreeSet<&str> = runs.iter().filter_map(|run| run.run_id()).collect();
        for name in caches_of_runs(runs.iter().map(|run| run.value())) {
            let Ok(name) = name.parse::<CacheName>() else { continue };
            let Some(cache) = source.find(&name).await? else { continue };
            let is_theirs =
                |entry: &Entry| entry.maker.as_ref().is_some_and(|maker| ids.contains(maker.run_id.as_str()));
            if referred.contains(name.as_str()) || !cache.entries.values().all(is_theirs) {
                talk(format_args!("note: cache {name} in {address} is kept: other runs use it"));
            } else if dry_run || !matches!(source.delete(&cache).await?, Deleted::Changed) {
                deleted.push(format!("{name} in {address}"));
            } else {
                talk(format_args!("note: cache {name} in {address} is kept: it was used in the meantime"));
            }
        }
    }
    Ok(deleted)
}
