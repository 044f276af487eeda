//! Steering a local run from another process: a named pipe in the run's directory, which only the process that carries
//! the run out reads. Nothing that is sent there can reach another process.
//!
//! A message is a line: the part of the Workflow object that is to change, as for a cluster.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use super::scheduler::Shutdown;

/// The kernel writes up to this many bytes to a pipe in one piece.
const LONGEST: usize = 4096;

/// Why a run cannot be steered.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody reads.
    #[error("no process of this machine carries it out")]
    Nobody,
    /// The message does not fit.
    #[error("too many nodes at once: choose some with --node-field-selector")]
    TooLong,
    /// The pipe cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The pipe.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A change of the run, asked for from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To end.
    Shutdown(Shutdown),
    /// To begin nothing more, or to go on.
    Suspend(bool),
    /// Suspended nodes are to go on, by their ids.
    Resume(Vec<String>),
}

/// The end of the pipe that the run's process holds.
#[derive(Debug)]
pub struct Inbox(Option<Lines<BufReader<Receiver>>>);

impl Inbox {
    /// Makes the pipe. Without one, as on a file system that has none, the run cannot be steered and goes on all the
    /// same.
    pub fn open(directory: &Path) -> Self {
        let path = path(directory);
        let made = nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR);
        // Open for writing too, so that it does not end when a writer goes.
        let receiver =
            made.map_err(io::Error::from).and_then(|()| OpenOptions::new().read_write(true).open_receiver(&path));
        Self(receiver.ok().map(|receiver| BufReader::new(receiver).lines()))
    }

    /// The next requests; never returns where there will be none.
    pub async fn next(&mut self) -> Vec<Request> {
        while let Some(lines) = &mut self.0 {
            match lines.next_line().await {
                Ok(Some(line)) => return requests(&serde_json::from_str(&line).unwrap_or_default()),
                Ok(None) | Err(_) => self.0 = None,
            }
        }
        std::future::pending().await
    }
}

/// Sends a change to the run's process.
pub fn send(directory: &Path, change: &Value) -> Result<(), ControlError> {
    let path = path(directory);
    let line = format!("{change}\n");
    if line.len() > LONGEST {
        return Err(ControlError::TooLong);
    }
    let pipe = fs::OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
    let written = pipe.and_then(|mut pipe| pipe.write_all(line.as_bytes()));
    written.map_err(|source| match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENXIO | Errno::ENOENT) => ControlError::Nobody,
        _ => ControlError::Write { path, source },
    })
}

fn path(directory: &Path) -> PathBuf {
    directory.join("control")
}

/// What a change asks for: the release of a suspended run comes first, for nothing else is heeded before it.
fn requests(patch: &Value) -> Vec<Request> {
    let mut requests = Vec::new();
    match patch["spec"].get("suspend") {
        Some(Value::Bool(true)) => requests.push(Request::Suspend(true)),
        Some(_) => requests.push(Request::Suspend(false)),
        None => {}
    }
    match patch["spec"]["shutdown"].as_str() {
        Some("Stop") => requests.push(Request::Shutdown(Shutdown::Stop)),
        Some("Terminate") => requests.push(Request::Shutdown(Shutdown::Terminate)),
        _ => {}
    }
    let nodes = patch["status"]["nodes"].as_object().into_iter().flatten();
    let ids: Vec<String> = nodes.filter(|(_, node)| node["phase"] == "Succeeded").map(|(id, _)| id.clone()).collect();
    if !ids.is_empty() {
        requests.push(Request::Resume(ids));
    }
    requests
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
        assert_eq!(inbox.next().await, [Request::Suspend(true), Request::Resume(vec!["a".to_owned()])]);
        drop(inbox);
        assert!(matches!(send(directory.path(), &json!({})), Err(ControlError::Nobody)));
        Ok(())
    }

    #[tokio::test]
    async fn a_message_that_would_be_torn_is_not_sent() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let _inbox = Inbox::open(directory.path());
        assert!(matches!(send(directory.path(), &json!({"a": "x".repeat(LONGEST)})), Err(ControlError::TooLong)));
        Ok(())
    }
}
