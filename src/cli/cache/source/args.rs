//! Which caches are meant, as flags say it.

use std::path::Path;

use serde_json::Value;

use super::Source;
use crate::argo::Workflow;
use crate::argo::identity::ObjectName;
use crate::backend::Run;
use crate::cache::{Store, StoreAddress};
use crate::cli::failure::Failure;
use crate::cli::home;
use crate::cli::store::{self, StoreUrl};
use crate::cli::target::TargetArgs;
use crate::cli::values::Namespace;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::prepare::exec_cache_of;

/// Which caches are meant, and where they are.
#[derive(Debug, clap::Args)]
pub(in crate::cli::cache) struct SourceArgs {
    /// The namespace of the cache, which is the controller's. If omitted, the current namespace is searched and then all
    #[arg(long, value_name = "NAMESPACE")]
    pub(in crate::cli::cache) cache_namespace: Option<Namespace>,

    /// The store of manifests that has the cache: a path, file:///PATH, s3://BUCKET/PREFIX, gs:// or az:// (experimental)
    #[arg(long, value_name = "URL", conflicts_with_all = ["cache_namespace", "local"])]
    store: Option<StoreUrl>,

    /// Change a store that has no conditional writes
    #[arg(long, requires = "store")]
    no_lease: bool,

    #[command(flatten)]
    pub(in crate::cli::cache) target: TargetArgs,
}

impl SourceArgs {
    /// Opens the source; sends nothing yet.
    pub(in crate::cli::cache) async fn open(&self) -> Result<Source, Failure> {
        let named = self.store.as_ref().map(StoreUrl::address).transpose()?.cloned();
        match named.map_or_else(|| self.usual_store(), |named| Ok(Some(named)))? {
            Some(StoreAddress::Directory(path)) => return directory(&path).map(Source::Store),
            Some(bucket) => return Ok(Source::Store(store::open(&bucket, !self.no_lease)?)),
            None => {}
        }
        if self.target.local {
            return Ok(Source::Store(Store::at(&home::root()?)));
        }
        let cluster = Cluster::connect(&self.target.access.access()).await?;
        Ok(Source::Cluster { cluster: Box::new(cluster), namespace: self.namespace() })
    }

    /// The store of the settings, unless a flag says where the caches are.
    fn usual_store(&self) -> Result<Option<StoreAddress>, Failure> {
        let access = &self.target.access;
        let elsewhere = self.target.local || self.cache_namespace.is_some() || access.names_cluster();
        if elsewhere { Ok(None) } else { store::usual() }
    }

    /// The source of the caches of a run.
    pub(in crate::cli::cache) fn beside(&self, run: &Run) -> Result<Source, Failure> {
        Ok(match run {
            Run::Cluster { cluster, .. } => Source::Cluster { cluster: cluster.clone(), namespace: self.namespace() },
            Run::Local(record) => match self.store_of(record)? {
                Some(store) => Source::Store(store),
                None => Source::Store(Store::at(record.root())),
            },
        })
    }

    /// The store of the entries that the pods of a cluster's run have looked up themselves; none where they have not.
    pub(in crate::cli::cache) fn of_pods(&self, workflow: &Value) -> Result<Option<Source>, Failure> {
        let said = exec_cache_of(workflow)?.map(|cache| cache.store);
        Ok(store::of_pods(said.as_deref(), self.store.as_ref(), None)?.map(Source::Store))
    }

    fn store_of(&self, record: &Record) -> Result<Option<Store>, Failure> {
        let workflow = record.workflow().ok().map(Workflow::from);
        store::of_runs(self.store.as_ref(), workflow.as_ref())
    }

    fn namespace(&self) -> Option<String> {
        let Namespace(name) = self.cache_namespace.as_ref()?;
        name.as_ref().map(ObjectName::to_string)
    }
}

/// The store of a directory: of runs and caches, or the directory of the caches alone.
fn directory(path: &Path) -> Result<Store, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if !path.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("no store of manifests in {}", path.display()))
            .hint("name the directory that holds cache/, such as RUNNABLE_HOME"));
    }
    let parent = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "cache"));
    Ok(Store::at(parent.filter(|_| !path.join("cache").is_dir()).unwrap_or(&path)))
}
