//! The program, connected to an API server.

use std::path::Path;
use std::process::{Command, Stdio};

use super::namespace::Namespace;
use super::server::User;
use crate::support::PROGRAM;
use crate::support::environment::isolated;
use crate::support::output::Output;

/// The program with these arguments and this kubeconfig; its home is the kubeconfig's directory.
pub(crate) fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = isolated(PROGRAM, kubeconfig.parent().unwrap());
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Namespace {
    /// The program as a user of the namespace.
    pub(crate) fn command(&self, user: User, arguments: &[&str]) -> Command {
        command(&self.kubeconfig(user), arguments)
    }

    /// Runs it and waits for its end.
    pub(crate) fn run(&self, user: User, arguments: &[&str]) -> Output {
        Output::of(&mut self.command(user, arguments))
    }
}
