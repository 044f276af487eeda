//! The ConfigMap of a cache's name.

use crate::cache::{Cache, LABEL, LABEL_VALUE};
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;

/// The ConfigMap of a cache's name: in the namespace that was asked for, else the one that there is; of several that of
/// the controller, else that of the current namespace.
pub(super) async fn find(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Result<Option<Cache>, Failure> {
    if let Some(namespace) = namespace {
        return Ok(cluster.within(namespace).config_map(name).await?.as_ref().map(Cache::of_config_map));
    }
    let named = cluster.config_maps_named(name).await.map_err(|error| match error {
        ClusterError::Forbidden { .. } => {
            Failure::from(error).hint("name the controller's namespace with --cache-namespace")
        }
        error => error.into(),
    })?;
    let mut found: Vec<Cache> = named.iter().map(Cache::of_config_map).collect();
    if found.len() < 2 {
        return Ok(found.pop());
    }
    // What only has the name is not meant where something else may be.
    if found.iter().any(|cache| !cache.is_foreign()) {
        found.retain(|cache| !cache.is_foreign());
    }
    let homes = cluster.cache_homes().await;
    let is_in = |cache: &&Cache, wanted: &dyn Fn(&str) -> bool| cache.place.namespace().is_some_and(wanted);
    let of_controllers = || found.iter().filter(|cache| is_in(cache, &|place| homes.namespaces().contains(place)));
    let chosen = match (found.as_slice(), of_controllers().count()) {
        ([only], _) => Some(only),
        (_, 1) => of_controllers().next(),
        _ => found.iter().find(|cache| is_in(cache, &|place| place == cluster.namespace())),
    };
    chosen.cloned().map(Some).ok_or_else(|| {
        let places: Vec<String> = found.iter().map(|cache| cache.place.to_string()).collect();
        Failure::new(Exit::Conflict, format!("there are several ConfigMaps {name:?}: in {}", places.join(", ")))
            .hint("choose one with --cache-namespace")
    })
}

/// That the ConfigMap of the name is none of Argo's caches.
pub(super) fn foreign(cache: &Cache) -> Failure {
    let message = format!(
        "ConfigMap {:?} in {} is not a cache: it lacks the label {}={}, and none of its keys holds an entry",
        cache.name, cache.place, LABEL, LABEL_VALUE
    );
    Failure::new(Exit::Conflict, message).hint("it was not changed; choose another name")
}
