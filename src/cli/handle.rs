//! `--handle FILE` and the field `run` of `-o json`: the handle of a created run.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::failure::Failure;
use super::target::is_path;
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::backend::Backend;
use crate::cache::{BucketAddress, BucketKind, STORE_ANNOTATION, StoreAddress};
use crate::exit::Exit;
use crate::file::replace::{Readers, can_be_written, replace};
use crate::handle::{CacheStore, Handle, Place, StoreKind, VERSION};
use crate::prepare::{exec_cache_of, existing_cache};

/// The handle of a run: `run` is the Workflow as it was created, `cache` the one that it uses by reference.
pub(super) fn handle_of(run: &Workflow, cache: Option<&CacheName>, backend: &Backend) -> Handle {
    let cache_name = existing_cache(run.spec()).or_else(|| cache.cloned()).map(|name| name.to_string());
    let (place, server, context, store) = match backend {
        Backend::Cluster(cluster) => {
            (Place::Cluster, Some(cluster.server().to_owned()), cluster.context().map(str::to_owned), None)
        }
        Backend::Local { root, .. } => (Place::Local, None, None, Some(root.display().to_string())),
    };

    Handle {
        version: VERSION,
        backend: place,
        server,
        context,
        namespace: run.namespace().to_owned(),
        name: run.name().to_owned(),
        uid: run.uid().to_owned(),
        run_id: run.run_id().unwrap_or_default().to_owned(),
        retry_run_id: run.retry_run_id().unwrap_or_default().to_owned(),
        attempt: run.attempt(),
        cache_namespace: cache_name.as_ref().filter(|_| place == Place::Local).map(|_| run.namespace().to_owned()),
        cache_name,
        submitted_at: run.created_at().unwrap_or_else(Timestamp::now),
        store,
        cache_store: store_of(run, backend).as_ref().map(cache_store),
        nodes: None,
    }
}

/// Where the manifests of a run are: where it says so, else beside it on this machine, and nowhere on a cluster.
fn store_of(run: &Workflow, backend: &Backend) -> Option<StoreAddress> {
    let of_pods = exec_cache_of(run.value()).ok().flatten().map(|cache| cache.store);
    let said = of_pods.as_deref().or_else(|| run.annotation(STORE_ANNOTATION)).and_then(|address| address.parse().ok());
    said.or_else(|| match backend {
        Backend::Cluster(_) => None,
        Backend::Local { root, .. } => Some(StoreAddress::Directory(root.clone())),
    })
}

/// An address as a handle has it.
fn cache_store(address: &StoreAddress) -> CacheStore {
    match address {
        StoreAddress::Directory(path) => CacheStore {
            kind: StoreKind::Directory,
            url: path.display().to_string(),
            endpoint: None,
            region: None,
            path_style: None,
        },
        StoreAddress::Bucket(bucket) => CacheStore {
            kind: match bucket.kind {
                BucketKind::S3 => StoreKind::S3,
                BucketKind::Gcs => StoreKind::Gcs,
                BucketKind::Azure => StoreKind::Azure,
            },
            url: bucket.to_string(),
            endpoint: bucket.endpoint.clone(),
            region: bucket.region.clone(),
            path_style: bucket.path_style,
        },
    }
}

/// The address of a handle's store. What the handle says of a bucket counts before its URL.
pub(super) fn address_of(store: &CacheStore) -> Result<StoreAddress, Failure> {
    let invalid = |why: String| Failure::usage(format!("the handle's store of manifests: {why}"));
    let address: StoreAddress =
        store.url.parse().map_err(|error: crate::cache::AddressError| invalid(error.to_string()))?;
    match (address, store.kind) {
        (StoreAddress::Directory(path), StoreKind::Directory) => Ok(StoreAddress::Directory(path)),
        (StoreAddress::Bucket(bucket), kind) if cache_store(&StoreAddress::Bucket(bucket.clone())).kind == kind => {
            let settings = BucketAddress {
                endpoint: store.endpoint.clone().or(bucket.endpoint.clone()),
                region: store.region.clone().or(bucket.region.clone()),
                path_style: store.path_style.or(bucket.path_style),
                ..bucket
            };
            // Read again, so that an endpoint with credentials is refused here too.
            settings.with_settings().parse().map_err(|error: crate::cache::AddressError| invalid(error.to_string()))
        }
        _ => Err(invalid("its type and its url do not agree".to_owned())),
    }
}

/// `--handle`: a path that verbs cannot take for the name of a run.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    if is_path(text) {
        return Ok(text.into());
    }
    Err(format!("other commands would take it for the name of a run; expected a path such as ./{text} or {text}.json"))
}

/// Fails if the handle's file cannot be written, before the run is created.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    can_be_written(path).map_err(|error| Failure::usage(format!("--handle: cannot write {}: {error}", path.display())))
}

/// Writes the handle to its file.
pub(super) fn write(path: &Path, handle: &Handle) -> Result<(), Failure> {
    replace(path, Readers::Umask, handle.text().as_bytes()).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Tool, message).hint(format!("the run {} was created nevertheless", handle.name))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(indicator: &str) -> Value {
        json!({
            "metadata": {"name": "w", "namespace": "ci", "uid": "u", "creationTimestamp": "2026-11-21T10:00:00Z"},
            "spec": {"arguments": {"parameters": [
                {"name": "run_id", "value": "nightly-001"}, {"name": "retry_indicator", "value": indicator},
            ]}},
        })
    }

    fn backend() -> Backend {
        Backend::Local { root: "/runs".into(), namespace: "default".parse().unwrap() }
    }

    #[test]
    fn the_retry_indicator_is_the_attempt() {
        let of = |indicator: &str| handle_of(&object(indicator).into(), None, &backend());
        assert_eq!(["", "2", "odd", "0"].map(|indicator| of(indicator).attempt), [1, 2, 1, 1]);
        let handle = of("");
        assert_eq!((handle.run_id.as_str(), handle.store.as_deref()), ("nightly-001", Some("/runs")));
        assert_eq!(handle.submitted_at.to_string(), "2026-11-21T10:00:00Z");
        assert_eq!(
            handle.cache_store.map(|store| (store.kind, store.url)),
            Some((StoreKind::Directory, "/runs".into()))
        );
    }

    #[test]
    fn a_store_is_read_from_its_handle_as_it_was_written() {
        for text in
            ["/srv/cache", "s3://b/p?endpoint=http://127.0.0.1:9000&region=eu-1&path_style=true", "gs://b", "az://c/p"]
        {
            let address: StoreAddress = text.parse().unwrap();
            let store = cache_store(&address);
            assert!(address_of(&store).is_ok_and(|read| read == address), "{text}");
        }
        let store = cache_store(&"s3://b/p".parse().unwrap());
        let with_login = CacheStore { endpoint: Some("http://user:s3cret@host".to_owned()), ..store.clone() };
        assert!(address_of(&with_login).is_err_and(|failure| !failure.message().contains("s3cret")));
        assert!(address_of(&CacheStore { kind: StoreKind::Gcs, ..store }).is_err());
    }

    #[test]
    fn a_file_name_differs_from_the_name_of_a_run() {
        assert!(["./run", "a/b", "run.json", "run.yaml", "etl-1.yml"].iter().all(|text| file(text).is_ok()));
        assert!(["run", "etl-x2k9f", "run.txt", ""].iter().all(|text| file(text).is_err()));
    }

    #[test]
    fn the_caches_of_a_local_run_are_in_its_namespace() {
        let cache = "runnable-abc123".parse().ok();
        let handle = handle_of(&object("").into(), cache.as_ref(), &backend());
        assert_eq!(
            handle.cache_name.as_deref().zip(handle.cache_namespace.as_deref()),
            Some(("runnable-abc123", "ci"))
        );
        let mut memoized = object("");
        memoized["spec"]["templates"] = json!([{"memoize": {"key": "k", "cache": {"configMap": {"name": "own"}}}}]);
        let handle = handle_of(&memoized.into(), cache.as_ref(), &backend());
        assert_eq!(handle.cache_name.as_deref(), Some("own"));
    }
}
