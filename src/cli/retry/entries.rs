//! What the caches of a run hold that a plan can count on.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::backend::Backend;
use crate::cache::{Cache, CacheError, Entry, LABEL, LABEL_VALUE, State, Store, caches_of};
use crate::cli::cache::find;
use crate::cli::failure::Failure;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::output::stream::talk;
use crate::retry::{Entries, Kept};

/// What the caches of both attempts hold; `namespace` is that of a cluster's caches, where it is known.
pub(super) async fn of_caches(
    backend: &Backend,
    namespace: Option<&str>,
    attempts: [&Value; 2],
) -> Result<Entries, Failure> {
    let names: BTreeSet<String> = attempts.into_iter().flat_map(caches_of).collect();
    let names: Vec<CacheName> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
    match backend {
        Backend::Cluster(cluster) => on_cluster(cluster, namespace, &names, Workflow::view(attempts[0])).await,
        Backend::Local { root, .. } => Ok(entries(on_machine(root, &names)?)),
    }
}

fn on_machine(root: &Path, names: &[CacheName]) -> Result<Vec<Cache>, CacheError> {
    let store = Store::at(root);
    names.iter().filter_map(|name| store.cache(name).transpose()).collect()
}

/// Where a cache cannot be read, what succeeded is expected to have left its entry.
async fn on_cluster(
    cluster: &Cluster,
    namespace: Option<&str>,
    names: &[CacheName],
    live: &Workflow,
) -> Result<Entries, Failure> {
    let mut caches = Vec::new();
    for name in names {
        match find(cluster, namespace, name.as_str()).await {
            Ok(cache) => caches.extend(cache),
            Err(failure) if failure.exit() == Exit::Tool => {
                let why = failure.message();
                talk(format_args!("note: cache {name} cannot be read, so the plan says what it should hold ({why})"));
                return Ok(Entries::expected(live));
            }
            Err(failure) => return Err(failure),
        }
    }
    caches.iter().for_each(warn);
    Ok(entries(caches))
}

fn entries(caches: impl IntoIterator<Item = Cache>) -> Entries {
    let known = |cache: Cache| {
        let name = cache.name;
        cache.entries.into_values().filter(Entry::is_usable).map(move |entry| {
            let kept =
                Kept { created: entry.created, outputs: serde_json::from_value(entry.outputs).unwrap_or_default() };
            ((name.clone(), entry.key), kept)
        })
    };
    caches.into_iter().flat_map(known).collect()
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
