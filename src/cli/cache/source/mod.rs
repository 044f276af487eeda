//! Where caches are: on a cluster or in a store of manifests. One way to find, read and change them.

mod args;
mod change;
mod found;
mod provenance;

use std::cell::Cell;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

pub(super) use self::args::SourceArgs;
pub(super) use self::change::FULL;
pub(in crate::cli) use self::change::check_mutable;
use self::found::find;
use crate::argo::check::nearest_of_few;
use crate::argo::identity::CacheName;
use crate::argo::{Metadata, Workflow};
use crate::backend::Backend;
use crate::cache::{Cache, Carried, Change, Homes, Object, Place, Provenance, Removed, Store};
use crate::cli::failure::Failure;
use crate::cluster::{Changed, Cluster, ClusterError};
use crate::exit::Exit;

/// Where caches are.
pub(in crate::cli) enum Source {
    /// ConfigMaps of a cluster.
    Cluster {
        /// The connection.
        cluster: Box<Cluster>,
        /// The only namespace that is searched.
        namespace: Option<String>,
    },
    /// A store on this machine.
    Store(Store),
}

impl Source {
    /// The caches of runs; of a cluster those in the namespace, where one is asked for.
    pub(in crate::cli) fn beside(backend: &Backend, namespace: Option<String>) -> Self {
        match backend {
            Backend::Cluster(cluster) => Self::Cluster { cluster: cluster.clone(), namespace },
            Backend::Local { root, .. } => Self::Store(Store::at(root)),
        }
    }

    /// The same, which knows the manifests of a cache that was read when a run asks for them.
    pub(in crate::cli) fn remembering(self) -> Self {
        match self {
            Self::Store(store) => Self::Store(store.remembering()),
            cluster @ Self::Cluster { .. } => cluster,
        }
    }

    /// Gives each cache to `take`, in no order: of a cluster, those of the namespace, or of all namespaces where it has
    /// none or all are asked for.
    pub(super) async fn each(&self, all_namespaces: bool, mut take: impl FnMut(Cache)) -> Result<(), Failure> {
        let (cluster, namespace) = match self {
            Self::Store(store) => {
                for name in store.names()? {
                    store.cache(&name)?.into_iter().for_each(&mut take);
                }
                return Ok(());
            }
            Self::Cluster { cluster, namespace } => (cluster, namespace),
        };
        let found = Cell::new(false);
        let mut take = |object: Value| {
            found.set(true);
            take(Cache::of_config_map(&object));
        };
        if let Some(namespace) = namespace {
            return Ok(cluster.within(namespace).cache_config_maps(false, take).await?);
        }
        if all_namespaces {
            return Ok(cluster.cache_config_maps(true, take).await?);
        }
        let here = cluster.cache_config_maps(false, &mut take).await;
        if found.get() {
            return Ok(here?);
        }
        match cluster.cache_config_maps(true, take).await {
            // Who may only see the own namespace has seen all there is.
            Err(ClusterError::Forbidden { .. }) => Ok(here?),
            anywhere => Ok(anywhere?),
        }
    }

    /// Gives each cache to `take` that lacks the label and that workflows or templates refer to by name: their nodes end in
    /// Error. Those of the namespace, or of all namespaces where all are asked for.
    pub(super) async fn each_unlabelled(
        &self,
        all_namespaces: bool,
        mut take: impl FnMut(Cache),
    ) -> Result<(), Failure> {
        let Self::Cluster { cluster, namespace } = self else { return Ok(()) };
        let (cluster, all) = match namespace {
            Some(namespace) => (cluster.within(namespace), false),
            None => ((**cluster).clone(), all_namespaces),
        };
        let mut unlabelled = Vec::new();
        match cluster.unlabelled_config_maps(all, |object| unlabelled.push(object)).await {
            // Whoever may not list ConfigMaps has been told so.
            Err(ClusterError::Forbidden { .. }) => return Ok(()),
            listed => listed?,
        }
        if unlabelled.is_empty() {
            return Ok(());
        }

        // Only names are needed, and no cache is called "": what nodes asked for is not remembered.
        let provenance = provenance::of_cluster(&cluster, Provenance::about([""])).await?;
        let referred = provenance.caches();
        for object in unlabelled {
            let metadata = Metadata::of(&object);
            if !referred.contains(metadata.name()) {
                continue;
            }
            let whole = cluster.within(metadata.namespace()).config_map(metadata.name()).await?;
            whole.iter().map(Cache::of_config_map).filter(|cache| !cache.is_foreign()).for_each(&mut take);
        }
        Ok(())
    }

    /// The cache of a name, which is one.
    pub(super) async fn cache(&self, name: &CacheName) -> Result<Cache, Failure> {
        let Some(cache) = self.find(name).await? else {
            let missing = self.missing(name);
            return Err(match self.nearest(name).await {
                Some(near) => missing.hint(format!("did you mean {near}?")),
                None => missing,
            });
        };
        if cache.is_foreign() {
            return Err(found::foreign(&cache));
        }
        Ok(cache)
    }

    /// The cache of a name, where there is one.
    pub(in crate::cli) async fn find(&self, name: &CacheName) -> Result<Option<Cache>, Failure> {
        match self {
            Self::Store(store) => Ok(store.cache(name)?),
            Self::Cluster { cluster, namespace } => find(cluster, namespace.as_deref(), name.as_str()).await,
        }
    }

    /// The same; of a store with the entries of these keys, which are read one by one.
    pub(in crate::cli) async fn find_of(
        &self,
        name: &CacheName,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Cache>, Failure> {
        match self {
            Self::Store(store) => Ok(store.cache_of(name, wanted)?),
            Self::Cluster { .. } => self.find(name).await,
        }
    }

    /// The same; of a store without its entries, which would have to be read one by one.
    pub(in crate::cli) async fn find_without_entries(&self, name: &CacheName) -> Result<Option<Cache>, Failure> {
        match self {
            Self::Store(store) => Ok(store.cache_without_entries(name)?),
            Self::Cluster { .. } => self.find(name).await,
        }
    }

    /// The cache whose name is much the same, as far as names can be listed.
    async fn nearest(&self, name: &CacheName) -> Option<String> {
        let mut names = Vec::new();
        match self {
            Self::Store(store) => names.extend(store.names().ok()?.iter().map(ToString::to_string)),
            Self::Cluster { .. } => self.each(true, |cache| names.push(cache.name)).await.ok()?,
        }
        nearest_of_few(name.as_str(), names.iter().map(String::as_str)).map(str::to_owned)
    }

    /// That there is no cache of the name.
    pub(super) fn missing(&self, name: &CacheName) -> Failure {
        let (place, hint) = match self {
            Self::Store(store @ Store::Bucket(_)) => {
                return Failure::new(Exit::NotFound, format!("cache {name} does not exist in {store}"))
                    .hint(format!("kubectl runnable cache list --store {store} shows those that do"));
            }
            Self::Store(store) => (store.to_string(), "kubectl runnable cache list --local"),
            Self::Cluster { namespace: Some(namespace), .. } => {
                (format!("namespace {namespace:?}"), "kubectl runnable cache list -A")
            }
            Self::Cluster { .. } => ("any namespace that can be seen".to_owned(), "kubectl runnable cache list -A"),
        };
        Failure::new(Exit::NotFound, format!("cache {name} does not exist in {place}"))
            .hint(format!("{hint} shows those that do"))
    }

    /// The cache of a name, or an empty one where it would be made.
    pub(super) async fn find_or_empty(&self, name: &CacheName) -> Result<Cache, Failure> {
        if let Some(cache) = self.find(name).await? {
            return if cache.is_foreign() { Err(found::foreign(&cache)) } else { Ok(cache) };
        }
        let place = match self {
            Self::Store(store) => Place::Store { path: store.path(name) },
            Self::Cluster { cluster, namespace: Some(namespace) } => {
                Place::ConfigMap { namespace: cluster.within(namespace).namespace().to_owned() }
            }
            Self::Cluster { cluster, namespace: None } => {
                let homes = cluster.cache_homes().await;
                let only = homes.namespaces().first().filter(|_| homes.namespaces().len() == 1);
                Place::ConfigMap { namespace: only.cloned().unwrap_or_else(|| cluster.namespace().to_owned()) }
            }
        };
        let object = Object { label: Some(crate::cache::LABEL_VALUE.to_owned()), ..Object::default() };
        Ok(Cache { name: name.to_string(), place, entries: std::collections::BTreeMap::new(), object })
    }

    /// What workflows and templates tell of these caches, as far as they can be seen.
    pub(super) async fn provenance<'a>(
        &self,
        caches: impl IntoIterator<Item = &'a Cache>,
    ) -> Result<Provenance, Failure> {
        let about = Provenance::about(caches.into_iter().map(|cache| cache.name.as_str()));
        match self {
            Self::Store(store) => provenance::of_store(store, about),
            Self::Cluster { cluster, .. } => provenance::of_cluster(cluster, about).await,
        }
    }

    /// What tells where controllers keep their caches.
    pub(super) async fn homes(&self) -> Homes {
        match self {
            Self::Store(_) => Homes::default(),
            Self::Cluster { cluster, .. } => cluster.cache_homes().await,
        }
    }

    /// Carries out what was agreed to. When the cache was changed meanwhile it is read and decided on again, and nothing
    /// is done that was not agreed to.
    pub(in crate::cli) async fn carry_out(
        &self,
        seen: Cache,
        agreed: &Change,
        decide: impl Fn(&Cache) -> Result<Change, Failure>,
    ) -> Result<Carried, Failure> {
        match self {
            Self::Store(store) => Ok(store.carry_out(&seen, agreed, Timestamp::now())?),
            Self::Cluster { cluster, .. } => change::on_cluster(cluster, seen, agreed, decide).await,
        }
    }

    /// Notes an attempt of a run beside the entries of a cache, where that is there. Whoever may not read or change the
    /// ConfigMap leaves no note.
    pub(in crate::cli) async fn note(&self, name: &CacheName, run_id: &str, number: u32) -> Result<(), Failure> {
        match self {
            Self::Store(store) => Ok(store.note(name, run_id, number)?),
            Self::Cluster { cluster, .. } => match self.find(name).await {
                Ok(Some(seen)) => change::note(cluster, seen, run_id, number).await,
                // Whoever may not read the cache may not write to it either.
                Ok(None) | Err(_) => Ok(()),
            },
        }
    }

    /// Deletes a whole cache, as long as it is the one that was seen.
    pub(super) async fn delete(&self, seen: &Cache) -> Result<Deleted, Failure> {
        match self {
            Self::Cluster { cluster, .. } => {
                let object = serde_json::json!({"metadata": {
                    "name": seen.name, "uid": seen.object.uid, "resourceVersion": seen.object.resource_version,
                }});
                let home = cluster.within(seen.place.namespace().unwrap_or(cluster.namespace()));
                match home.delete_config_map(&object, false).await {
                    Ok(Changed::Stale { .. }) => Ok(Deleted::Changed),
                    // When it is missing, someone else has deleted it, or an earlier sending of this request has.
                    Ok(Changed::Done(_)) | Err(ClusterError::ConfigMapMissing { .. }) => Ok(Deleted::Whole),
                    Err(error) => Err(error.into()),
                }
            }
            Self::Store(store) => {
                let Removed { busy, left } = store.remove(seen, Timestamp::now())?;
                Ok(match (busy.is_empty(), left.is_empty()) {
                    (false, _) => Deleted::Changed,
                    (true, true) => Deleted::Whole,
                    (true, false) => Deleted::But(left),
                })
            }
        }
    }
}

/// That active runs use the cache, and which.
pub(super) fn in_use(provenance: &Provenance, cache: &Cache) -> Option<String> {
    let users = provenance.users(&cache.name);
    let user = users.first()?;
    let more = if users.len() > 1 { format!(" and {} more", users.len() - 1) } else { String::new() };
    Some(format!("cache {} is in use by the active run {user}{more}", cache.name))
}

/// What the runs and templates beside caches tell of them, when some runs are gone or will be.
pub(super) async fn provenance_of(source: &Source, gone: &[&Value]) -> Result<Provenance, Failure> {
    // Only names are needed, and no cache is called "": what nodes asked for is not remembered.
    let mut about = Provenance::about([""]);
    about.leave_out(gone.iter().map(|workflow| Workflow::view(workflow).uid().to_owned()));
    match source {
        Source::Store(store) => provenance::of_store(store, about),
        Source::Cluster { cluster, .. } => provenance::of_cluster(cluster, about).await,
    }
}

/// What came of deleting a cache.
pub(super) enum Deleted {
    /// It is gone.
    Whole,
    /// Its entries are gone; what does not belong to it keeps its directory.
    But(Vec<PathBuf>),
    /// It is not the one any more that was seen.
    Changed,
}
