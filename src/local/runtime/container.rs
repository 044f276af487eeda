//! One container: made, started with its output in its log, stopped, removed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdout, Command};
use tokio::task::{JoinHandle, block_in_place};

use super::Runtime;
use super::argv::{self, Setting};
use crate::blocking::blocking;
use crate::local::capture::Capture;
use crate::local::task::Process;

/// A container that was made. It is removed when this is dropped.
pub(super) struct Container {
    runtime: Runtime,
    name: String,
}

/// A container that runs.
pub(super) struct Running {
    client: Child,
    result: Option<JoinHandle<String>>,
}

/// How a container ended.
pub(super) struct Ended {
    pub(super) exit_code: i32,
    pub(super) result: Option<String>,
}

impl Container {
    pub(super) async fn create(runtime: &Runtime, process: &Process, of: &Setting<'_>) -> Result<Self, String> {
        let words = argv::create(&runtime.choice, process, of)?;
        let (runtime, name) = (runtime.clone(), of.name.to_owned());
        let asked = runtime.clone();
        let made = blocking(move || asked.ask(&words.iter().map(String::as_str).collect::<Vec<_>>()).map(drop));
        made.await.map_err(|error| error.to_string())??;
        Ok(Self { runtime, name })
    }

    /// Starts it; its output goes to the log, and the standard output is kept too where it is the task's result.
    pub(super) fn start(&self, log: &Path, kept: bool) -> io::Result<Running> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::from(self.runtime.command(&["start", "--attach", &self.name]));
        command.stderr(log.try_clone()?);
        command.stdout(if kept { Stdio::piped() } else { Stdio::from(log.try_clone()?) });
        let mut client = command.spawn()?;
        let output = client.stdout.take().filter(|_| kept).map(ChildStdout::into_owned_fd).transpose()?;
        let result = output.map(|output| {
            let output = File::from(output);
            tokio::task::spawn_blocking(move || Capture::finish(vec![Capture::new(output, log)]))
        });
        Ok(Running { client, result })
    }

    /// Sends a signal; one that has just ended is not missed.
    pub(super) async fn signal(&self, signal: &'static str) {
        let (runtime, name) = (self.runtime.clone(), self.name.clone());
        let _ = blocking(move || runtime.ask(&["kill", "--signal", signal, &name])).await;
    }

    /// Ends it: SIGTERM, and SIGKILL after the time.
    pub(super) async fn stop(&self, grace: Duration) {
        let (runtime, name, seconds) = (self.runtime.clone(), self.name.clone(), grace.as_secs().to_string());
        let _ = blocking(move || runtime.ask(&["stop", "--time", &seconds, &name])).await;
    }

    /// Why it did not start at all; none where it did.
    pub(super) async fn unstarted(&self) -> Option<String> {
        let (runtime, name) = (self.runtime.clone(), self.name.clone());
        let asked = blocking(move || {
            runtime.ask(&["container", "inspect", "--format", "{{.State.Status}}\t{{.State.Error}}", &name])
        });
        let told = asked.await.ok()?.ok()?;
        let (status, error) = told.split_once('\t').unwrap_or((&told, ""));
        let error = if error.is_empty() { "its log says why" } else { error };
        (["created", "initialized"].contains(&status) || error != "its log says why").then(|| error.to_owned())
    }

    /// Copies a path of its file system into a directory; what is not there is not copied.
    pub(super) fn copy(&self, path: &Path, directory: &Path) {
        let (Some(path), Some(directory)) = (path.to_str(), directory.to_str()) else { return };
        // What is missing then is told by whoever looks for it.
        let _ = self.runtime.ask(&["cp", &format!("{}:{path}", self.name), directory]);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // What is left has the label of its task.
        let _ = block_in_place(|| self.runtime.ask(&["rm", "--force", "--volumes", &self.name]));
    }
}

impl Running {
    /// Waits for its end. Dropping the future leaves it running.
    pub(super) async fn wait(&mut self) -> io::Result<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.client.wait().await?;
        Ok(status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or_default())
    }

    /// What it wrote, once it has ended.
    pub(super) async fn finish(self, exit_code: i32) -> Ended {
        let result = match self.result {
            Some(result) => result.await.ok(),
            None => None,
        };
        Ended { exit_code, result }
    }
}
