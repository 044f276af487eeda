//! What the nodes of a run have written, or are writing.

use std::collections::BTreeSet;
use std::io;

use super::pod_logs::Reader;
use super::{BackendError, Run, Snapshot};
use crate::argo::status::Node;
use crate::local::logs::{self, Wanted};

/// What is told while logs are read.
pub(crate) enum LogEvent<'a> {
    /// The run as it is now: before the first line, and again while it is followed.
    State(&'a Snapshot),
    /// A line.
    Line {
        /// Whose it is.
        source: &'a str,
        /// When it was written, where that is known.
        time: Option<&'a str>,
        /// The line without its end.
        text: &'a [u8],
    },
}

/// What has been read, and what has not.
#[derive(Debug, Default)]
pub(crate) struct LogsRead {
    /// Whether a node was found that was asked for.
    pub(crate) found: bool,
    /// The logs of which nobody has noted when they were written, by what their lines are called.
    pub(crate) timeless: BTreeSet<String>,
    /// The nodes of which lines are missing.
    pub(crate) missing: Vec<MissingLog>,
    /// The workflow was deleted while it was followed.
    pub(crate) deleted: bool,
}

/// A log that was not read, or not to its end.
#[derive(Debug)]
pub(crate) struct MissingLog {
    /// The node, as its lines are called.
    pub(crate) source: String,
    /// Why.
    pub(crate) why: Missing,
    /// Where the controller has archived it: the key of its artifact.
    pub(crate) archived: Option<String>,
}

/// Why lines of a log are missing.
#[derive(Debug)]
pub(crate) enum Missing {
    /// Its pod was deleted before it was read.
    Gone,
    /// Its pod was deleted while it was read: the lines after the last one are missing.
    Cut,
    /// Its container has not begun.
    NotBegun,
    /// It cannot be read.
    Failed(BackendError),
}

impl Run {
    /// Reads the logs of the run's nodes, line by line. Ends with the first error of `tell`.
    pub(crate) async fn logs(
        &self,
        wanted: &Wanted,
        tell: impl FnMut(LogEvent<'_>) -> io::Result<()>,
    ) -> Result<LogsRead, LogsError> {
        let mut tell = tell;
        let snapshot = self.get().await?;
        tell(LogEvent::State(&snapshot))?;
        let record = match self {
            Self::Cluster { cluster, .. } => return Reader::new(cluster, wanted, tell).read(snapshot).await,
            Self::Local(record) => record,
        };
        // The reader of files has no other way to say that nobody reads on.
        let mut closed = None;
        let read = logs::read(record, wanted, |source, time, text| {
            let time = time.map(|time| format!("{time:.3}"));
            let told = tell(LogEvent::Line { source, time: time.as_deref(), text });
            told.map_err(|error| io::Error::other(closed.insert(error).to_string()))
        });
        match (read.await, closed) {
            (_, Some(error)) => Err(error.into()),
            (Ok(read), None) => Ok(LogsRead { found: read.found, timeless: read.timeless, ..LogsRead::default() }),
            (Err(error), None) => Err(BackendError::from(error).into()),
        }
    }
}

/// Why reading logs ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogsError {
    /// The run cannot be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// What was read cannot be told.
    #[error(transparent)]
    Told(#[from] io::Error),
}

/// The key, path or URL of the artifact in which the controller archives the log of a container
/// (`saveLogs` in cmd/argoexec and `SaveLogs` in workflow/executor/executor.go, v4.1.2: `<container>-logs`).
pub(super) fn archived(node: &Node, container: &str) -> Option<String> {
    let name = format!("{container}-logs");
    let artifacts = node.outputs.as_ref()?.artifacts.iter();
    let artifact = artifacts.into_iter().find(|artifact| artifact["name"] == name.as_str())?;
    let places = artifact.as_object()?.iter().filter_map(|(store, place)| Some((store, place.as_object()?)));
    places.into_iter().find_map(|(store, place)| {
        let key = ["key", "path", "url"].iter().find_map(|field| place.get(*field)?.as_str())?;
        Some(format!("{store} {key}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_archived_log_is_found_by_its_key() {
        let node = |artifacts: serde_json::Value| {
            Node::read("w-1", &json!({"id": "w-1", "name": "w", "type": "Pod", "outputs": {"artifacts": artifacts}}))
        };
        let archive =
            json!([{"name": "other", "s3": {"key": "x"}}, {"name": "main-logs", "s3": {"key": "w/w-1/main.log"}}]);
        assert_eq!(archived(&node(archive.clone()), "main").as_deref(), Some("s3 w/w-1/main.log"));
        assert_eq!(archived(&node(archive), "side"), None);
        assert_eq!(archived(&node(json!([{"name": "main-logs"}])), "main"), None);
    }
}
