//! A server process that ends with the test process, even if that is killed.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::support::programs::built;

const SUPERVISOR: &str = include_str!("supervise.sh");

/// The process ends when the pipe in this value is closed; the kernel closes it when the test process dies.
pub(crate) struct Process {
    name: &'static str,
    directory: PathBuf,
    supervisor: Child,
}

impl Process {
    /// Starts `program` with its own directory for output, which is removed at its end.
    pub(crate) fn start(name: &'static str, program: &Path, directory: &Path, arguments: Vec<String>) -> Self {
        let supervisor = Command::new("sh")
            .args([OsString::from("-c"), SUPERVISOR.into(), name.into(), directory.into(), program.into()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { name, directory: directory.to_owned(), supervisor }
    }

    /// Kills the process and waits until its directory is removed.
    pub(crate) fn kill(&mut self) {
        drop(self.supervisor.stdin.take());
        self.supervisor.wait().unwrap();
    }

    /// The exit status and last output of the process, if it has ended.
    pub(crate) fn exit_report(&mut self) -> Option<String> {
        let status = self.supervisor.try_wait().unwrap()?;
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(15).collect();
        Some(format!("{} ended with {status}:\n{}", self.name, last.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }
}

/// The directory of the programs that tests/run builds.
pub(super) fn assets() -> &'static Path {
    static ASSETS: OnceLock<PathBuf> = OnceLock::new();
    ASSETS.get_or_init(|| built("kubernetes"))
}

/// A directory that its process removes.
pub(super) fn own_directory() -> PathBuf {
    tempfile::Builder::new().prefix("runnable-apiserver-").tempdir().unwrap().keep()
}
