//! A directory, a home and an environment for one test; nothing of the user's reaches the program.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use regex::Regex;
use tempfile::TempDir;

/// Longer than anything that is waited for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Environment {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command did.
#[must_use]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
    directory: PathBuf,
}

/// A command at work.
#[must_use]
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    directory: PathBuf,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap(), variables: Vec::new() }
    }

    /// An environment with one file.
    pub(crate) fn with(name: &str, text: impl AsRef<[u8]>) -> Self {
        Self::new().file(name, text)
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory of a local run.
    pub(crate) fn run_directory(&self, name: &str) -> PathBuf {
        self.path("state/runs/default").join(name)
    }

    /// The names of the local runs there are.
    pub(crate) fn runs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("state/runs/default")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).current_dir(self.directory.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TZ", "UTC");
        command.env("HOME", self.directory.path()).env("RUNNABLE_HOME", self.path("state"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.output(self.command(arguments).output().unwrap())
    }

    pub(crate) fn run_with_input(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: impl AsRef<[u8]>,
    ) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
        self.output(child.wait_with_output().unwrap())
    }

    pub(crate) fn start(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Running {
        let (stdout, stderr) = (self.path(".stdout"), self.path(".stderr"));
        let mut command = self.command(arguments);
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        Running { child: command.spawn().unwrap(), stdout, stderr, directory: self.directory.path().to_owned() }
    }

    fn output(&self, output: std::process::Output) -> Output {
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
            directory: self.directory.path().to_owned(),
        }
    }
}

impl Running {
    /// Waits until standard error holds a word.
    pub(crate) fn wait_for_talk(&self, word: &str) {
        wait_for_word(&self.stderr, word);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    pub(crate) fn end(mut self) -> Output {
        let code = self.child.wait().unwrap().code();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        Output { stdout: read(&self.stdout), stderr: read(&self.stderr), code, directory: self.directory.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
    }
}

/// Waits until a file holds a word.
pub(crate) fn wait_for_word(file: &Path, word: &str) {
    wait_until(word, || fs::read_to_string(file).is_ok_and(|text| text.contains(word)));
}

pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < limit, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Output {
    /// Standard output, when the command ended as it should.
    pub(crate) fn result(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self}");
        &self.stdout
    }
}

/// What differs from run to run is replaced.
impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("by a signal".to_owned(), |code| code.to_string());
        let text = format!("exit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        formatter.write_str(&without_chance(&text, &self.directory))
    }
}

fn without_chance(text: &str, directory: &Path) -> String {
    let mut text = text.replace(directory.to_str().unwrap(), "[DIRECTORY]");
    for (pattern, replacement) in [
        // The host decides how well tasks are isolated.
        (r"(?m)^warning: tasks share this machine's file system.*\n", ""),
        (r"\b20\d{6}-\d{6}-[a-z0-9]{6}\b", "[RUN-ID]"),
        (r"\brunnable-[a-z0-9]{6}\b", "runnable-[CACHE]"),
        (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIMESTAMP]"),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[UID]"),
        (r"(?m)^\d\d:\d\d:\d\d ", "[TIME] "),
        (r"\b\d+\.\ds\b", "[DURATION]"),
        (r"\b(hello|fails|template|ends)-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "$1-[SUFFIX]"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
    }
    text
}
