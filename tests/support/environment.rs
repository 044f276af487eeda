//! A directory, a home and variables for one test; programs get nothing from the environment of the user or the CI.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_fs::TempDir;

use super::output::Output;
use super::process::Running;
use super::{PROGRAM, files};

/// The directory is the working directory and home of the programs started in it; local runs are in its subdirectory
/// `state`.
pub(crate) struct Environment {
    directory: TempDir,
    variables: Vec<(String, String)>,
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
        let _ = self.write(name, text);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Writes a file and returns its path as an argument.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        files::write(&path, text);
        path.into_os_string().into_string().unwrap()
    }

    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.other(PROGRAM);
        command.args(arguments);
        command
    }

    /// A command of another program, such as git or a shell.
    pub(crate) fn other(&self, program: &str) -> Command {
        let mut command = isolated(program, self.directory());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program and waits for its end.
    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.finish(&mut self.command(arguments))
    }

    /// Runs a command in this environment and waits for its end.
    pub(crate) fn finish(&self, command: &mut Command) -> Output {
        Output::of(command).in_directory(self.directory())
    }

    pub(crate) fn run_with_input(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: impl AsRef<[u8]>,
    ) -> Output {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
        Output::from(child.wait_with_output().unwrap()).in_directory(self.directory())
    }

    /// Starts the program in the background.
    pub(crate) fn start(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Running {
        Running::start(self.command(arguments), self.directory())
    }
}

/// A program with this home and working directory, and only PATH from the test's environment.
pub(crate) fn isolated(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home).env("RUNNABLE_HOME", home.join("state")).env("TZ", "UTC");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Tester").env(format!("GIT_{role}_EMAIL"), "tester@example.org");
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").current_dir(home).stdin(Stdio::null());
    command
}
