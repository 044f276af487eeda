//! Steering a local run from another process: a named pipe in the run's directory, which only the process that carries
//! the run out reads. Nothing that is sent there can reach another process.
//!
//! A message is a line: the part of the Workflow object that is to change, as for a cluster; or, where that is too long to
//! arrive in one piece, the name of the file in the run's directory that holds it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;

use super::scheduler::Given;
use crate::argo::status::Outputs;
use crate::argo::{Shutdown, Workflow};
use crate::platform::open_pipe;

/// The kernel writes up to this many bytes to a pipe in one piece.
const LONGEST: usize = 4096;
/// The field of a message that names a file, and the beginning of that file's name.
const ORDER: &str = "order";

/// Why a run cannot be steered.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody reads.
    #[error("no process of this machine carries it out")]
    Nobody,
    /// The pipe, or the file, cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A change of the run, asked for from outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// To end.
    Shutdown(Shutdown),
    /// To begin nothing more, or to go on.
    Suspend(bool),
    /// Suspended nodes are to go on, by their ids.
    Resume(BTreeMap<String, Given>),
}

/// The end of the pipe that the run's process holds.
#[derive(Debug)]
pub(crate) struct Inbox {
    directory: PathBuf,
    lines: Option<Lines<BufReader<Receiver>>>,
    _held_open: Option<File>,
}

impl Inbox {
    /// Makes the pipe. Without one, as on a file system that has none, the run cannot be steered and goes on all the
    /// same.
    pub(crate) fn open(directory: &Path) -> Self {
        let (receiver, held_open) = open_pipe(&path(directory)).ok().unzip();
        let lines = receiver.map(|receiver| BufReader::new(receiver).lines());
        Self { directory: directory.to_owned(), lines, _held_open: held_open.flatten() }
    }

    /// The next requests; never returns where there will be none.
    pub(crate) async fn next(&mut self) -> Vec<Request> {
        while let Some(lines) = &mut self.lines {
            match lines.next_line().await {
                Ok(Some(line)) => return requests(&self.change(&line)),
                Ok(None) | Err(_) => self.lines = None,
            }
        }
        std::future::pending().await
    }

    /// The change that a message holds, or its file.
    fn change(&self, line: &str) -> Value {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        let Some(name) = message[ORDER].as_str() else { return message };
        // Nothing but a file of this directory is read.
        if !name.starts_with(ORDER) || name.contains('/') {
            return Value::Null;
        }
        let path = self.directory.join(name);
        let text = fs::read(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

/// Sends a change to the run's process.
pub(crate) fn send(directory: &Path, change: &Value) -> Result<(), ControlError> {
    let path = path(directory);
    let mut line = format!("{change}\n");
    let mut file = None;
    if line.len() > LONGEST {
        let order =
            order(directory, change).map_err(|source| ControlError::Write { path: directory.to_owned(), source })?;
        line = format!("{}\n", json!({ORDER: order.path().file_name().and_then(OsStr::to_str)}));
        file = Some(order);
    }
    let pipe = fs::OpenOptions::new().write(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&path);
    let written = pipe.and_then(|mut pipe| pipe.write_all(line.as_bytes()));
    written.map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::NXIO | Errno::NOENT) => ControlError::Nobody,
        _ => ControlError::Write { path, source },
    })?;
    if let Some(file) = file {
        // Whoever reads it removes it.
        let _ = file.keep();
    }
    Ok(())
}

/// The file of a change that is too long for the pipe; it goes unless it is kept.
fn order(directory: &Path, change: &Value) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(ORDER).tempfile_in(directory)?;
    file.write_all(change.to_string().as_bytes())?;
    Ok(file)
}

fn path(directory: &Path) -> PathBuf {
    directory.join("control")
}

/// What a change asks for: the release of a suspended run comes first, for nothing else is applied before it.
fn requests(patch: &Value) -> Vec<Request> {
    let mut requests = Vec::new();
    match Workflow::view(patch).spec().get("suspend") {
        Some(Value::Bool(true)) => requests.push(Request::Suspend(true)),
        Some(_) => requests.push(Request::Suspend(false)),
        None => {}
    }
    let shutdown = Workflow::view(patch).shutdown().and_then(Shutdown::of);
    requests.extend(shutdown.map(Request::Shutdown));
    let nodes = Workflow::view(patch).node_values().unwrap_or_default();
    let resumed = nodes.iter().filter(|(_, node)| node["phase"] == "Succeeded");
    let resumed: BTreeMap<String, Given> = resumed.map(|(id, node)| (id.clone(), given(node))).collect();
    if !resumed.is_empty() {
        requests.push(Request::Resume(resumed));
    }
    requests
}

/// What a node is given that goes on. What is not whole is nothing.
fn given(node: &Value) -> Given {
    let outputs = node.get("outputs").and_then(|outputs| Outputs::deserialize(outputs).ok());
    Given { outputs, message: node["message"].as_str().unwrap_or_default().to_owned() }
}

impl Request {
    /// The part of the Workflow object that it changes besides nodes; for the journal.
    pub(super) fn spec(&self) -> Option<Value> {
        match self {
            Self::Shutdown(shutdown) => Some(json!({"shutdown": shutdown.as_str()})),
            Self::Suspend(true) => Some(json!({"suspend": true})),
            Self::Suspend(false) => Some(json!({"suspend": null})),
            Self::Resume(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_arrives_while_somebody_reads() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        assert!(matches!(send(directory.path(), &json!({})), Err(ControlError::Nobody)));
        let mut inbox = Inbox::open(directory.path());
        send(directory.path(), &json!({"spec": {"suspend": null, "shutdown": "Stop"}}))?;
        send(
            directory.path(),
            &json!({"status": {"nodes": {"a": {"phase": "Succeeded"}}}, "spec": {"suspend": true}}),
        )?;
        assert_eq!(inbox.next().await, [Request::Suspend(false), Request::Shutdown(Shutdown::Stop)]);
        let resumed = BTreeMap::from([("a".to_owned(), Given::default())]);
        assert_eq!(inbox.next().await, [Request::Suspend(true), Request::Resume(resumed)]);
        drop(inbox);
        assert!(matches!(send(directory.path(), &json!({})), Err(ControlError::Nobody)));
        Ok(())
    }

    #[tokio::test]
    async fn a_message_that_would_be_torn_goes_by_a_file() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let long = "x".repeat(LONGEST);
        let outputs = json!({"parameters": [{"name": "text", "value": long}]});
        let node = json!({"phase": "Succeeded", "message": "so be it", "outputs": outputs});
        let change = json!({"status": {"nodes": {"a": node}}});
        assert!(matches!(send(directory.path(), &change), Err(ControlError::Nobody)));
        assert_eq!(fs::read_dir(directory.path())?.count(), 0);
        let mut inbox = Inbox::open(directory.path());
        send(directory.path(), &change)?;
        let requests = inbox.next().await;
        let [Request::Resume(resumed)] = requests.as_slice() else { panic!("{requests:?}") };
        let given = &resumed["a"];
        let value = given.outputs.as_ref().and_then(|outputs| outputs.parameters[0].value.clone());
        assert_eq!((given.message.as_str(), value), ("so be it", Some(long)));
        assert_eq!(fs::read_dir(directory.path())?.count(), 1, "nothing but the pipe is left");
        Ok(())
    }

    #[tokio::test]
    async fn a_message_names_no_file_of_another_directory() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let outside = directory.path().join("order.json");
        fs::write(&outside, r#"{"spec": {"suspend": true}}"#)?;
        let run = directory.path().join("run");
        fs::create_dir(&run)?;
        let mut inbox = Inbox::open(&run);
        send(&run, &json!({ORDER: "order/../../order.json"}))?;
        assert_eq!(inbox.next().await, []);
        assert!(outside.exists());
        Ok(())
    }
}
