//! Runs the user's own git, which does everything that needs the network, with its credential helpers, ssh, proxies and
//! certificates.
//!
//! Git is started through this program's hidden command `__git`, so that it is killed when this process ends, however that
//! happens: by the kernel, where it can. Otherwise: this process is killed, the kernel releases the lock of the base, and
//! git goes on to change the base under the next holder.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::credentials::Environment;
use super::error::GitError;
use crate::exit::Exit;
use crate::platform::run_until_end_of;

/// The hidden command's name.
pub(crate) const VERB: &str = "__git";

/// Variables that would make git work on another repository than the given one.
const OTHER_REPOSITORY_VARIABLES: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_QUARANTINE_PATH",
];

/// How git is called.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    launcher: PathBuf,
    program: PathBuf,
    interactive: bool,
    /// The message for reflogs, instead of git's own.
    reflog_action: Option<&'static str>,
}

/// What git answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    /// Its standard error on one line, without progress.
    pub(super) stderr: String,
}

impl Git {
    /// Finds git on the PATH. If `interactive`, it may prompt for credentials and shows its progress.
    pub(crate) fn find(launcher: PathBuf, path: Option<&OsString>, interactive: bool) -> Result<Self, GitError> {
        let places = path.map(std::env::split_paths).into_iter().flatten().filter(|place| place.is_absolute());
        let program = places.map(|place| place.join("git")).find(|program| is_executable(program));
        Ok(Self { launcher, program: program.ok_or(GitError::NoGit)?, interactive, reflog_action: None })
    }

    /// The same git, but it never prompts.
    pub(super) fn unattended(&self) -> Self {
        Self { interactive: false, ..self.clone() }
    }

    /// The same git, with a reflog message that distinguishes its changes of `HEAD` from the user's.
    pub(super) fn logging(&self, reflog_action: &'static str) -> Self {
        Self { reflog_action: Some(reflog_action), ..self.clone() }
    }

    /// The installation prefix: its path without `bin/git`.
    pub(super) fn prefix(&self) -> Option<&Path> {
        self.program.parent()?.parent()
    }

    /// A git command to run in a directory. Arguments from outside must come after `--`.
    pub(super) fn command<'a>(&self, directory: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.launcher);
        command.arg(VERB).arg(std::process::id().to_string()).arg(&self.program);
        command.arg("-C").arg(directory).args(arguments);
        for variable in OTHER_REPOSITORY_VARIABLES {
            command.env_remove(variable);
        }

        command.env("LC_ALL", "C").env("GIT_CEILING_DIRECTORIES", directory.parent().unwrap_or(directory));
        if std::env::var_os("GIT_ALLOW_PROTOCOL").is_none() {
            command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        }
        if !self.interactive {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        if let Some(action) = self.reflog_action {
            command.env("GIT_REFLOG_ACTION", action);
        }

        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command and returns its answer, success or failure.
    pub(super) fn ask<'a>(
        &self,
        directory: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
        environment: &Environment,
    ) -> Result<Answer, GitError> {
        let mut command = self.command(directory, arguments);
        environment.apply_to(&mut command);
        self.finish(spawn(&mut command)?, Vec::new())
    }

    /// Runs a command that must succeed, with `input` as standard input, and returns its standard output.
    pub(super) fn run<'a>(
        &self,
        directory: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
        input: Vec<u8>,
    ) -> Result<Vec<u8>, GitError> {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let mut command = self.command(directory, arguments.iter().copied());
        command.stdin(Stdio::piped());
        let answer = self.finish(spawn(&mut command)?, input)?;
        answer.into_stdout(&arguments, directory)
    }

    fn finish(&self, mut child: Child, input: Vec<u8>) -> Result<Answer, GitError> {
        let failed = |error| GitError::file("run", &self.program)(error);
        let (stdin, pipe) = (child.stdin.take(), child.stderr.take());
        let (stderr, output) = std::thread::scope(|scope| {
            let collected = scope.spawn(|| pipe.map(|pipe| self.collect_stderr(pipe)).unwrap_or_default());
            let written = scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
            let output = child.wait_with_output();
            // A write error means that git did not read its input; its standard error says why.
            let _ = written.join();
            (collected.join().unwrap_or_default(), output)
        });
        let output = output.map_err(failed)?;
        Ok(Answer { success: output.status.success(), stdout: output.stdout, stderr })
    }

    /// Collects git's standard error; if interactive, it is also passed on to the user.
    fn collect_stderr(&self, mut pipe: impl Read) -> String {
        let mut collected = Vec::new();
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut part) {
            collected.extend_from_slice(&part[..length]);
            if self.interactive {
                // A failure to show progress is not an error.
                let _ = io::stderr().write_all(&part[..length]);
            }
        }
        without_progress(&String::from_utf8_lossy(&collected))
    }
}

impl Answer {
    /// The standard output, if git succeeded.
    pub(super) fn into_stdout(self, arguments: &[&str], directory: &Path) -> Result<Vec<u8>, GitError> {
        if self.success {
            return Ok(self.stdout);
        }
        if self.stderr.contains("dubious ownership") || self.stderr.contains("unsafe repository") {
            return Err(GitError::Ownership { path: directory.to_owned() });
        }
        let is_word = |word: &&&str| !word.starts_with('-') && !word.contains('=');
        let command = arguments.iter().find(is_word).copied().unwrap_or_default().to_owned();
        Err(GitError::Git { command, message: self.stderr })
    }
}

fn spawn(command: &mut Command) -> Result<Child, GitError> {
    command.spawn().map_err(|error| GitError::file("run", Path::new(command.get_program()))(error))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The lines of git's standard error joined into one, without progress (text that a `\r` overwrites).
fn without_progress(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.rsplit('\r').find(|part| !part.trim().is_empty()));
    let lines = lines.map(str::trim).filter(|line| !line.contains('%') && !line.starts_with("hint:"));
    let printable = |line: &str| line.chars().filter(|letter| !letter.is_control()).collect::<String>();
    lines.map(printable).collect::<Vec<_>>().join("; ")
}

/// The hidden command: runs git, which dies with the process that called this one.
pub(crate) fn git_entry(mut arguments: impl Iterator<Item = OsString>) -> Result<Exit, GitError> {
    let parent = arguments.next().and_then(|id| id.to_str()?.parse::<i32>().ok());
    let (Some(parent), Some(program)) = (parent, arguments.next()) else { return Ok(Exit::Usage) };
    let ended = run_until_end_of(parent, Command::new(&program).args(arguments));
    let ended = ended.map_err(GitError::file("run", Path::new(&program)))?;
    Ok(if ended.success() { Exit::Success } else { Exit::Tool })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_git_is_an_error() {
        let nowhere = OsString::from("/nonexistent:relative");
        for path in [None, Some(&nowhere)] {
            assert!(matches!(Git::find("/x".into(), path, false), Err(GitError::NoGit)));
        }
    }

    #[test]
    fn progress_is_removed_from_standard_error() {
        let text = "Receiving objects:  10% (1/10)\rReceiving objects: 100% (10/10), done.\nfatal: it \x1b[31mfailed\nhint: x\n";
        assert_eq!(without_progress(text), "fatal: it [31mfailed");
    }
}
