//! The program itself, run on a namespace of the API server.

use std::path::Path;
use std::process::{Command, Output};

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
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig).env_remove("ARGO_NAMESPACE");
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
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}
