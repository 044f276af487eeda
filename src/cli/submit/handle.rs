//! `--handle FILE`: what finds the run again, written once the run is there.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::prepare::Run;
use crate::run::handle::{Backend, Handle, VERSION};

/// Where a run is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// On a cluster.
    Cluster(&'a Cluster),
    /// On this machine, below this directory.
    Local(&'a Path),
}

/// The handle of a run: `object` is the Workflow as it was created.
pub(super) fn handle_of(object: &Value, run: &Run, place: Place<'_>) -> Handle {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let cache_namespace = match place {
        Place::Cluster(_) => None,
        Place::Local(_) => run.cache_name.as_ref().map(|_| text("namespace")),
    };
    let (backend, server, context, store) = match place {
        Place::Cluster(cluster) => {
            (Backend::Cluster, Some(cluster.server().to_owned()), cluster.context().map(str::to_owned), None)
        }
        Place::Local(root) => (Backend::Local, None, None, Some(root.display().to_string())),
    };
    Handle {
        version: VERSION,
        backend,
        server,
        context,
        namespace: text("namespace"),
        name: text("name"),
        uid: text("uid"),
        run_id: run.run_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        retry_run_id: run.retry_run_id.clone(),
        attempt: run.retry_indicator.parse().unwrap_or(1).max(1),
        cache_name: run.cache_name.as_ref().map(ToString::to_string),
        cache_namespace,
        submitted_at: text("creationTimestamp").parse().unwrap_or_else(|_| Timestamp::now()),
        store,
    }
}

/// Writes the handle in one piece: whoever reads the file reads all of it, or what stood there before.
pub(super) fn write(path: &Path, handle: &Handle) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let replace = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(handle.text().as_bytes())?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)
    };
    replace().map(drop).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Tool, message).hint(format!("the run {} is there all the same", handle.name))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_later_attempt_is_known_by_its_indicator() {
        let run = |indicator: &str| Run {
            run_id: "nightly-001".parse().ok(),
            retry_run_id: "nightly-001".to_owned(),
            retry_indicator: indicator.to_owned(),
            cache_name: None,
        };
        let object = json!({"metadata": {"name": "w", "namespace": "ci", "uid": "u", "creationTimestamp": "2026-11-21T10:00:00Z"}});
        let attempt = |indicator: &str| handle_of(&object, &run(indicator), Place::Local(Path::new("/runs"))).attempt;
        assert_eq!(["", "2", "odd", "0"].map(attempt), [1, 2, 1, 1]);
        let handle = handle_of(&object, &run(""), Place::Local(Path::new("/runs")));
        assert_eq!((handle.run_id.as_str(), handle.store.as_deref()), ("nightly-001", Some("/runs")));
        assert_eq!(handle.submitted_at.to_string(), "2026-11-21T10:00:00Z");
    }

    #[test]
    fn a_handle_replaces_the_one_before() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("run.json");
        std::fs::write(&path, "old")?;
        let object = json!({"metadata": {"name": "w"}});
        let run = Run { run_id: None, retry_run_id: String::new(), retry_indicator: String::new(), cache_name: None };
        let handle = handle_of(&object, &run, Place::Local(directory.path()));
        assert!(write(&path, &handle).is_ok());
        assert_eq!(Handle::read(&std::fs::read_to_string(&path)?)?, handle);
        assert!(write(&directory.path().join("none/run.json"), &handle).is_err());
        Ok(())
    }
}
