//! The program itself, run on a namespace of the API server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::namespace::Namespace;
use crate::server::User;

/// What a run of the program left.
#[must_use]
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with these arguments and this kubeconfig.
pub(crate) fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig);
    command.env_remove("ARGO_NAMESPACE").env_remove("GITHUB_STEP_SUMMARY");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it as a user of the namespace.
pub(crate) fn of(namespace: &Namespace, user: User, arguments: &[&str]) -> Ran {
    command(&namespace.kubeconfig(user), arguments).output().unwrap().into()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// Fails the test with everything that was said, unless the exit code is this.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{expected:?} is not in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, code: i32, stdout: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn fails(self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        for said in said {
            assert!(self.stderr.contains(said), "{said:?}: {self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        self.exits(0).object()
    }

    /// The object that was printed, whatever the exit code.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
