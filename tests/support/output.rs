//! What a command did, and what a test expects of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::Value;

#[must_use]
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Where it ran; its name differs from run to run.
    directory: Option<PathBuf>,
}

impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code(), stdout, stderr, directory: None }
    }
}

impl Output {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    pub(crate) fn in_directory(self, directory: &Path) -> Self {
        Self { directory: Some(directory.to_owned()), ..self }
    }

    /// Itself, when the exit code is this.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output, when the exit code is this.
    #[track_caller]
    pub(crate) fn result(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        &self.stdout
    }

    /// Standard output of a command that succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        self.exits(0).stdout
    }

    /// The object that a command printed which succeeded.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        self.exits(0).object()
    }

    /// The object that was printed, whatever the exit code.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Itself, when standard error holds this.
    #[track_caller]
    pub(crate) fn says(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{expected:?} is not in {self:#?}");
        self
    }

    /// Itself, when the exit code and standard output are these.
    #[track_caller]
    pub(crate) fn prints(self, code: i32, stdout: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{self:#?}");
        self
    }

    /// Asserts this exit code, an empty standard output, and parts of what is said.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, said: &[&str]) {
        let mut output = self.prints(code, "");
        for said in said {
            output = output.says(said);
        }
    }
}

/// What differs from run to run is replaced.
impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("by a signal".to_owned(), |code| code.to_string());
        let text = format!("exit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        let directory = self.directory.as_deref().and_then(Path::to_str);
        let text = directory.map_or_else(|| text.clone(), |directory| text.replace(directory, "[DIRECTORY]"));
        formatter.write_str(&without_chance(text))
    }
}

fn without_chance(mut text: String) -> String {
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
