//! Where caches are: on a cluster or in a store of manifests. One way to find, read and change them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::argo::identity::{CacheName, ObjectName};
use crate::cache::{Cache, CacheError, Carried, Change, Object, Place, Store, Witnesses};
use crate::cli::failure::{Failure, chain};
use crate::cli::found::ended;
use crate::cli::home;
use crate::cli::target::{Target, TargetArgs};
use crate::cli::values::Namespace;
use crate::cluster::{Changed, Cluster, ClusterError, Selection, TemplateKind};
use crate::exit::Exit;
use crate::local::record::Record;
use crate::output::stream::talk;

/// A change is tried this often on a cache that runs change too.
const ATTEMPTS: u32 = 8;
/// The pause after the first attempt; it doubles with each, up to a second.
const PAUSE: Duration = Duration::from_millis(50);
/// Workflows asked of the server at a time.
const CHUNK: u32 = 100;

/// Which caches are meant, and where they are.
#[derive(Debug, clap::Args)]
pub(super) struct SourceArgs {
    /// The namespace of the cache: that of the controller. Without it the current namespace and then all are searched
    #[arg(long, value_name = "NAMESPACE")]
    pub(super) cache_namespace: Option<Namespace>,

    /// The store of manifests that has the cache: a path or a file:// URL
    #[arg(long, value_name = "URL", conflicts_with_all = ["cache_namespace", "local"])]
    store: Option<StoreUrl>,

    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// A store of manifests on this machine.
#[derive(Debug, Clone)]
pub(super) struct StoreUrl(PathBuf);

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => path,
            Some(("file", _)) => return Err("expected an absolute path after file://".to_owned()),
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is no store that is known: expected a path or file://"));
            }
            None if text.is_empty() => return Err("expected a path or a file:// URL".to_owned()),
            None => text,
        };
        Ok(Self(PathBuf::from(path)))
    }
}

/// Where caches are.
pub(super) enum Source {
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

impl SourceArgs {
    /// Opens the source; sends nothing yet.
    pub(super) async fn open(&self) -> Result<Source, Failure> {
        if let Some(StoreUrl(path)) = &self.store {
            return store(path).map(Source::Store);
        }
        if self.target.local {
            return Ok(Source::Store(Store::at(&home::root()?)));
        }
        let cluster = Cluster::connect(&self.target.access.access()).await?;
        Ok(Source::Cluster { cluster: Box::new(cluster), namespace: self.namespace() })
    }

    /// The source of the caches of a run.
    pub(super) fn beside(&self, target: &Target) -> Source {
        match target {
            Target::Cluster { cluster, .. } => {
                Source::Cluster { cluster: cluster.clone(), namespace: self.namespace() }
            }
            Target::Local(record) => Source::Store(Store::at(record.root())),
        }
    }

    fn namespace(&self) -> Option<String> {
        let Namespace(name) = self.cache_namespace.as_ref()?;
        name.as_ref().map(ObjectName::to_string)
    }
}

/// The store of a directory: of runs and caches, or the directory of the caches alone.
fn store(path: &Path) -> Result<Store, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if !path.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("no store of manifests in {}", path.display()))
            .hint("name the directory that holds cache/, such as RUNNABLE_HOME"));
    }
    let parent = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "cache"));
    Ok(Store::at(parent.filter(|_| !path.join("cache").is_dir()).unwrap_or(&path)))
}

impl Source {
    /// All caches: of a cluster, those of the namespace, or of all namespaces where it has none or all are asked for.
    pub(super) async fn caches(&self, all_namespaces: bool) -> Result<Vec<Cache>, Failure> {
        let mut found = Vec::new();
        match self {
            Self::Store(store) => {
                for name in store.names()? {
                    found.extend(store.cache(&name)?);
                }
            }
            Self::Cluster { cluster, namespace } => {
                let mut take = |object: Value| found.push(Cache::of_config_map(&object));
                if let Some(namespace) = namespace {
                    cluster.within(namespace).cache_config_maps(false, take).await?;
                } else if all_namespaces {
                    cluster.cache_config_maps(true, take).await?;
                } else {
                    let here = cluster.cache_config_maps(false, &mut take).await;
                    if found.is_empty() {
                        let anywhere =
                            cluster.cache_config_maps(true, |object| found.push(Cache::of_config_map(&object)));
                        // Who may only see the own namespace has seen all there is.
                        match (anywhere.await, here) {
                            (Err(ClusterError::Forbidden { .. }), here) => here?,
                            (anywhere, _) => anywhere?,
                        }
                    }
                }
            }
        }
        found.sort_by(|one, other| (&one.name, &one.place).cmp(&(&other.name, &other.place)));
        Ok(found)
    }

    /// The cache of a name, which is one.
    pub(super) async fn cache(&self, name: &CacheName) -> Result<Cache, Failure> {
        let cache = self.find(name).await?.ok_or_else(|| self.missing(name))?;
        if cache.is_foreign() {
            return Err(foreign(&cache));
        }
        Ok(cache)
    }

    /// The cache of a name, where there is one.
    pub(super) async fn find(&self, name: &CacheName) -> Result<Option<Cache>, Failure> {
        match self {
            Self::Store(store) => Ok(store.cache(name)?),
            Self::Cluster { cluster, namespace } => find(cluster, namespace.as_deref(), name.as_str()).await,
        }
    }

    /// That there is no cache of the name.
    pub(super) fn missing(&self, name: &CacheName) -> Failure {
        let (place, hint) = match self {
            Self::Store(store) => (store.root().display().to_string(), "kubectl runnable cache list --local"),
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
            return if cache.is_foreign() { Err(foreign(&cache)) } else { Ok(cache) };
        }
        let place = match self {
            Self::Store(store) => Place::Store { path: store.root().join("cache").join(name.as_str()) },
            Self::Cluster { cluster, namespace: Some(namespace) } => {
                Place::ConfigMap { namespace: cluster.within(namespace).namespace().to_owned() }
            }
            Self::Cluster { cluster, namespace: None } => {
                let mut controllers = cluster.controller_namespaces().await;
                let only = controllers.pop().filter(|_| controllers.is_empty());
                Place::ConfigMap { namespace: only.unwrap_or_else(|| cluster.namespace().to_owned()) }
            }
        };
        let object = Object { label: Some(crate::cache::LABEL_VALUE.to_owned()), ..Object::default() };
        Ok(Cache { name: name.to_string(), place, entries: std::collections::BTreeMap::new(), object })
    }

    /// What workflows and templates tell, as far as they can be seen.
    pub(super) async fn witnesses(&self) -> Result<Witnesses, Failure> {
        match self {
            Self::Store(store) => local_witnesses(store.root()),
            Self::Cluster { cluster, .. } => cluster_witnesses(cluster).await,
        }
    }

    /// The namespaces in which a controller looks for caches.
    pub(super) async fn controllers(&self) -> Vec<String> {
        match self {
            Self::Store(_) => Vec::new(),
            Self::Cluster { cluster, .. } => cluster.controller_namespaces().await,
        }
    }

    /// Carries out what was agreed to. When the cache was changed meanwhile it is read and decided on again, and nothing
    /// is done that was not agreed to.
    pub(super) async fn carry_out(
        &self,
        seen: Cache,
        agreed: &Change,
        decide: impl Fn(&Cache) -> Result<Change, Failure>,
    ) -> Result<Carried, Failure> {
        match self {
            Self::Store(store) => Ok(store.carry_out(&seen, agreed, Timestamp::now())?),
            Self::Cluster { cluster, .. } => on_cluster(cluster, seen, agreed, decide).await,
        }
    }

    /// Deletes a whole cache, as long as it is the one that was seen.
    pub(super) async fn delete(&self, seen: &Cache) -> Result<bool, Failure> {
        match (self, &seen.place) {
            (Self::Cluster { cluster, .. }, Place::ConfigMap { namespace }) => {
                let object = serde_json::json!({"metadata": {
                    "name": seen.name, "uid": seen.object.uid, "resourceVersion": seen.object.resource_version,
                }});
                match cluster.within(namespace).delete_config_map(&object, false).await {
                    Ok(Changed::Stale { .. }) => Ok(false),
                    // When it is missing, someone else has deleted it, or an earlier sending of this request has.
                    Ok(Changed::Done(_)) | Err(ClusterError::ConfigMapMissing { .. }) => Ok(true),
                    Err(error) => Err(error.into()),
                }
            }
            (Self::Store(store), _) => {
                let remove = seen.entries.keys().cloned().collect();
                let carried = store.carry_out(seen, &Change { remove, ..Change::default() }, Timestamp::now())?;
                if let Ok(name) = seen.name.parse() {
                    store.remove_empty(&name);
                }
                Ok(carried.busy.is_empty())
            }
            _ => Ok(false),
        }
    }
}

/// The ConfigMap of a cache's name: in the namespace that was asked for, else the one that there is; of several that of
/// the controller, else that of the current namespace.
pub(in crate::cli) async fn find(
    cluster: &Cluster,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<Cache>, Failure> {
    if let Some(namespace) = namespace {
        return Ok(cluster.within(namespace).config_map(name).await?.as_ref().map(Cache::of_config_map));
    }
    let named = cluster.config_maps_named(name).await.map_err(|error| match error {
        ClusterError::Forbidden { .. } => {
            Failure::from(error).hint("name the namespace of the cache, that of the controller, with --cache-namespace")
        }
        error => error.into(),
    })?;
    let mut found: Vec<Cache> = named.iter().map(Cache::of_config_map).collect();
    if found.len() < 2 {
        return Ok(found.pop());
    }
    let controllers = cluster.controller_namespaces().await;
    let is_in = |cache: &&Cache, wanted: &[String]| matches!(&cache.place, Place::ConfigMap { namespace } if wanted.contains(namespace));
    let of_controllers: Vec<&Cache> = found.iter().filter(|cache| is_in(cache, &controllers)).collect();
    let chosen = match of_controllers.as_slice() {
        [only] => Some(*only),
        _ => found.iter().find(|cache| is_in(cache, &[cluster.namespace().to_owned()])),
    };
    chosen.cloned().map(Some).ok_or_else(|| {
        let places: Vec<String> = found.iter().map(|cache| cache.place.to_string()).collect();
        Failure::new(Exit::Conflict, format!("there are several ConfigMaps {name:?}: in {}", places.join(", ")))
            .hint("choose one with --cache-namespace")
    })
}

/// That the ConfigMap of the name is none of Argo's caches.
fn foreign(cache: &Cache) -> Failure {
    let message = format!(
        "ConfigMap {:?} in {} is no cache: it lacks the label {}={}, and none of its keys holds an entry",
        cache.name,
        cache.place,
        crate::cache::LABEL,
        crate::cache::LABEL_VALUE
    );
    Failure::new(Exit::Conflict, message).hint("it is left as it is; choose another name")
}

async fn on_cluster(
    cluster: &Cluster,
    mut cache: Cache,
    agreed: &Change,
    decide: impl Fn(&Cache) -> Result<Change, Failure>,
) -> Result<Carried, Failure> {
    let Place::ConfigMap { namespace } = &cache.place else { return Ok(Carried::default()) };
    let home = cluster.within(&namespace.clone());
    // An earlier sending of the change, the answer to which was lost, may have done it.
    let mut perhaps_done = false;
    let mut change = agreed.clone();
    for attempt in 0..ATTEMPTS {
        if change.is_empty() {
            return Ok(carried(agreed, &change, perhaps_done.then_some(&cache)));
        }
        let is_new = cache.object.uid.is_empty();
        let changed = if is_new {
            home.create_config_map(&change.object(&cache.name, home.namespace()), false).await?
        } else {
            home.patch_config_map(&cache.name, &change.patch(&cache), false).await?
        };
        match changed {
            Changed::Done(_) => return Ok(carried(agreed, &change, perhaps_done.then_some(&cache))),
            Changed::Stale { perhaps_ours } => perhaps_done |= perhaps_ours,
        }
        tokio::time::sleep((PAUSE * 2_u32.pow(attempt)).min(Duration::from_secs(1))).await;
        let Some(object) = home.config_map(&cache.name).await? else {
            let message = format!("cache {} in {} was deleted meanwhile", cache.name, cache.place);
            return Err(Failure::new(Exit::NotFound, message));
        };
        cache = Cache::of_config_map(&object);
        change = decide(&cache)?.within(agreed);
    }
    let message = format!("cannot change cache {}: it changed during each of {ATTEMPTS} attempts", cache.name);
    Err(Failure::new(Exit::Conflict, message).hint("try again later"))
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

async fn cluster_witnesses(cluster: &Cluster) -> Result<Witnesses, Failure> {
    let mut witnesses = Witnesses::default();
    let everywhere = Selection { all_namespaces: true, chunk: CHUNK, ..Selection::default() };
    match cluster.list(&everywhere, |workflow| witnesses.add_workflow(&workflow)).await {
        Ok(_) => witnesses.complete = true,
        Err(ClusterError::NotInstalled { .. }) => return Ok(witnesses),
        Err(ClusterError::Forbidden { .. }) => {
            let here = Selection { all_namespaces: false, ..everywhere.clone() };
            match cluster.list(&here, |workflow| witnesses.add_workflow(&workflow)).await {
                Ok(_) => talk(format_args!(
                    "note: only workflows of namespace {:?} can be seen; entries of others are shown without their origin",
                    cluster.namespace()
                )),
                Err(ClusterError::Forbidden { .. }) => {
                    talk("note: workflows cannot be seen; entries are shown without their origin");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    }
    for kind in [TemplateKind::WorkflowTemplate, TemplateKind::ClusterWorkflowTemplate, TemplateKind::CronWorkflow] {
        let selection = Selection { all_namespaces: witnesses.complete, ..everywhere.clone() };
        match cluster.templates(kind, &selection, |object| drop(witnesses.add_templates(&object["spec"]))).await {
            Ok(()) | Err(ClusterError::Forbidden { .. } | ClusterError::NotInstalled { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(witnesses)
}

fn local_witnesses(root: &Path) -> Result<Witnesses, Failure> {
    let mut witnesses = Witnesses::default();
    witnesses.complete = true;
    for record in Record::all(root, None)? {
        match ended(&record) {
            Ok(workflow) => witnesses.add_workflow(&workflow),
            Err(error) => {
                talk(format_args!("warning: {} left out: {}", record.directory().display(), chain(&error)));
                witnesses.complete = false;
            }
        }
    }
    Ok(witnesses)
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        Self::new(Exit::Tool, chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_path_or_a_file_url() {
        for legal in ["file:///var/runs", "/var/runs", "runs"] {
            assert!(legal.parse::<StoreUrl>().is_ok(), "{legal}");
        }
        for illegal in ["", "file://runs", "s3://bucket/prefix", "https://x"] {
            assert!(illegal.parse::<StoreUrl>().is_err(), "{illegal}");
        }
    }
}
