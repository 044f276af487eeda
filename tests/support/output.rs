//! The output of a command, with assertions about it.

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
    /// The working directory; its name differs in each run of the tests.
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
    /// Runs a command and waits for its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    pub(crate) fn in_directory(self, directory: &Path) -> Self {
        Self { directory: Some(directory.to_owned()), ..self }
    }

    /// Asserts the exit code and returns itself.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts the exit code and returns standard output.
    #[track_caller]
    pub(crate) fn result(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        &self.stdout
    }

    /// Asserts success and returns standard output.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        self.exits(0).stdout
    }

    /// Asserts success and returns the printed object.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        self.exits(0).object()
    }

    /// Returns the printed object, whatever the exit code.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Asserts that standard error contains this text and returns itself.
    #[track_caller]
    pub(crate) fn says(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{expected:?} is not in {self:#?}");
        self
    }

    /// Asserts the exit code and standard output and returns itself.
    #[track_caller]
    pub(crate) fn prints(self, code: i32, stdout: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{self:#?}");
        self
    }

    /// Asserts the exit code, an empty standard output, and parts of standard error.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, said: &[&str]) {
        let mut output = self.prints(code, "");
        for said in said {
            output = output.says(said);
        }
    }
}

/// Text that differs in each run of the tests is replaced.
impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("by a signal".to_owned(), |code| code.to_string());
        let text = format!("exit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        let directory = self.directory.as_deref().and_then(Path::to_str);
        let text = directory.map_or_else(|| text.clone(), |directory| text.replace(directory, "[DIRECTORY]"));
        formatter.write_str(&normalized(text))
    }
}

fn normalized(mut text: String) -> String {
    for (pattern, replacement) in [
        // The isolation of tasks depends on the host.
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
