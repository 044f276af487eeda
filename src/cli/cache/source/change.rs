//! Changing the ConfigMap of a cache that runs change too.

use crate::cache::{Cache, Carried, Change, Place};
use crate::cli::failure::Failure;
use crate::cluster::{Attempt, Changed, Cluster, ClusterError, revise};
use crate::exit::Exit;
use crate::output::cache::size;

/// What can be done about a full cache.
pub(in crate::cli::cache) const FULL: &str =
    "make room with kubectl runnable cache prune, or import into another cache with --into";

/// That the cache can be changed at all.
pub(in crate::cli) fn check_mutable(cache: &Cache) -> Result<(), Failure> {
    if !cache.object.immutable {
        return Ok(());
    }
    let message = format!("cache {} in {} is immutable: its entries cannot be changed", cache.name, cache.place);
    let hint = format!("delete it with kubectl runnable cache delete {}: the controller makes a new one", cache.name);
    Err(Failure::new(Exit::Conflict, message).hint(hint))
}

/// Carries out what was agreed to. When the cache was changed meanwhile, it is read and decided on again.
pub(super) async fn on_cluster(
    cluster: &Cluster,
    cache: Cache,
    agreed: &Change,
    decide: impl Fn(&Cache) -> Result<Change, Failure>,
) -> Result<Carried, Failure> {
    let Place::ConfigMap { namespace } = &cache.place else { return Ok(Carried::default()) };
    let home = cluster.within(namespace);
    let (name, place) = (cache.name.clone(), cache.place.to_string());
    // Read before it was agreed to; after a conflict it is read again.
    let mut seen = Some(cache);
    let what = format!("cache {name}");
    revise(&what, async |perhaps_done| {
        let (cache, change) = if let Some(cache) = seen.take() {
            (cache, agreed.clone())
        } else {
            let Some(object) = home.config_map(&name).await? else {
                let message = format!("{what} in {place} was deleted meanwhile");
                return Err(Failure::new(Exit::NotFound, message));
            };
            let cache = Cache::of_config_map(&object);
            let change = decide(&cache)?.within(agreed);
            (cache, change)
        };
        if change.is_empty() {
            return Ok(Attempt::Settled(carried(agreed, &change, perhaps_done.then_some(&cache))));
        }
        let changed = if cache.object.uid.is_empty() {
            home.create_config_map(&change.object(&cache.name, home.namespace()), false).await
        } else {
            home.patch_config_map(&cache.name, &change.patch(&cache), false).await
        };
        Ok(match changed.map_err(|error| refused(error, &cache))? {
            Changed::Done(_) => Attempt::Settled(carried(agreed, &change, perhaps_done.then_some(&cache))),
            Changed::Stale { perhaps_ours } => Attempt::Stale { perhaps_ours },
        })
    })
    .await
}

/// Notes an attempt of a run in the ConfigMap. One that is gone, or that the user may not change, is left.
pub(super) async fn note(cluster: &Cluster, cache: Cache, run_id: &str, number: u32) -> Result<(), Failure> {
    let Place::ConfigMap { namespace } = &cache.place else { return Ok(()) };
    let home = cluster.within(namespace);
    let name = cache.name.clone();
    let what = format!("cache {name}");
    let mut seen = Some(cache);
    let noted = revise(&what, async |_| {
        let read = match seen.take() {
            Some(cache) => Some(cache),
            None => home.config_map(&name).await?.as_ref().map(Cache::of_config_map),
        };
        let Some(patch) = read.and_then(|cache| cache.noting(run_id, number)) else {
            return Ok(Attempt::Settled(()));
        };
        Ok::<_, ClusterError>(match home.patch_config_map(&name, &patch, false).await? {
            Changed::Done(_) => Attempt::Settled(()),
            Changed::Stale { perhaps_ours } => Attempt::Stale { perhaps_ours },
        })
    });
    match noted.await {
        Ok(()) | Err(ClusterError::Forbidden { .. } | ClusterError::ConfigMapMissing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Why the server did not take a change; that the cache is full is told with what makes room.
fn refused(error: ClusterError, cache: &Cache) -> Failure {
    let ClusterError::TooLarge { .. } = error else { return error.into() };
    let message = format!(
        "cache {} in {} would be full: with {} of entries it has no room for more on this API server; nothing was changed",
        cache.name,
        cache.place,
        size(cache.bytes())
    );
    Failure::new(Exit::Usage, message).hint(FULL)
}

/// What was done of what was agreed to; `now` is the cache where an earlier sending may have done it.
fn carried(agreed: &Change, change: &Change, now: Option<&Cache>) -> Carried {
    let (mut done, mut busy) = (Vec::new(), Vec::new());
    for key in &agreed.remove {
        let gone = now.is_some_and(|cache| !cache.entries.contains_key(key));
        if gone || change.remove.contains(key) { done.push(key.clone()) } else { busy.push(key.clone()) }
    }
    for (key, entry) in &agreed.set {
        let there = now.is_some_and(|cache| cache.entries.get(key).is_some_and(|other| other.is_same(entry)));
        if there || change.set.contains_key(key) { done.push(key.clone()) } else { busy.push(key.clone()) }
    }
    Carried { done, busy }
}
