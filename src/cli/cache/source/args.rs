//! Which caches are meant, as flags say it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Source;
use crate::argo::identity::ObjectName;
use crate::backend::Run;
use crate::cache::Store;
use crate::cli::failure::Failure;
use crate::cli::home;
use crate::cli::settings::settings;
use crate::cli::target::TargetArgs;
use crate::cli::values::Namespace;
use crate::cluster::Cluster;
use crate::exit::Exit;

/// Which caches are meant, and where they are.
#[derive(Debug, clap::Args)]
pub(in crate::cli::cache) struct SourceArgs {
    /// The namespace of the cache: that of the controller. Without it the current namespace and then all are searched
    #[arg(long, value_name = "NAMESPACE")]
    pub(in crate::cli::cache) cache_namespace: Option<Namespace>,

    /// The store of manifests that has the cache: a path or a file:// URL
    #[arg(long, value_name = "URL", conflicts_with_all = ["cache_namespace", "local"])]
    store: Option<StoreUrl>,

    #[command(flatten)]
    pub(in crate::cli::cache) target: TargetArgs,
}

/// A store of manifests on this machine.
#[derive(Debug, Clone)]
pub(in crate::cli::cache) struct StoreUrl(PathBuf);

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = match text.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => path,
            Some(("file", _)) => return Err("expected an absolute path after file://".to_owned()),
            Some(("s3", _)) => {
                return Err("stores in S3 are not supported yet: expected a directory of this machine".to_owned());
            }
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not supported: expected a path or file://"));
            }
            None if text.is_empty() => return Err("expected a path or a file:// URL".to_owned()),
            None => text,
        };
        Ok(Self(PathBuf::from(path)))
    }
}

impl SourceArgs {
    /// Opens the source; sends nothing yet.
    pub(in crate::cli::cache) async fn open(&self) -> Result<Source, Failure> {
        if let Some(StoreUrl(path)) = &self.store {
            return store(path).map(Source::Store);
        }
        if let Some(usual) = self.usual_store()? {
            return store(&usual).map(Source::Store);
        }
        if self.target.local {
            return Ok(Source::Store(Store::at(&home::root()?)));
        }
        let cluster = Cluster::connect(&self.target.access.access()).await?;
        Ok(Source::Cluster { cluster: Box::new(cluster), namespace: self.namespace() })
    }

    /// The store of the settings, unless a flag says where the caches are.
    fn usual_store(&self) -> Result<Option<PathBuf>, Failure> {
        let access = &self.target.access;
        let elsewhere = self.target.local || self.cache_namespace.is_some() || access.names_cluster();
        let Some(text) = settings().store.as_ref().filter(|_| !elsewhere) else { return Ok(None) };
        let StoreUrl(path) = text.parse().map_err(|why| Failure::usage(format!("setting store: {why}")))?;
        Ok(Some(path))
    }

    /// The source of the caches of a run.
    pub(in crate::cli::cache) fn beside(&self, run: &Run) -> Source {
        match run {
            Run::Cluster { cluster, .. } => Source::Cluster { cluster: cluster.clone(), namespace: self.namespace() },
            Run::Local(record) => Source::Store(Store::at(record.root())),
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
