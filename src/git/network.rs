//! Requests to the remote, by the user's git: first with the user's own setup, then with the credentials from the URL
//! or a token from the environment. A public repository never receives a token.

use std::path::Path;

use super::credentials::{self, Environment};
use super::error::GitError;
use super::program::{Answer, Git};
use super::remote::RemoteUrl;

/// A remote, and the git to reach it with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network<'a> {
    /// The user's git.
    pub(crate) git: &'a Git,
    /// The remote.
    pub(crate) url: &'a RemoteUrl,
}

impl Network<'_> {
    /// Runs a git command against the remote. The answer may be a failure, except one for missing credentials, which is
    /// an error.
    pub(super) fn ask(&self, directory: &Path, arguments: &[&str]) -> Result<Answer, GitError> {
        let login = credentials::login(self.url, |name| std::env::var(name).ok());
        let first = match &login {
            // Do not prompt the user while the environment may hold the answer.
            Some(_) => self.git.unattended().ask(directory, arguments.iter().copied(), &Environment::default())?,
            None => self.git.ask(directory, arguments.iter().copied(), &Environment::default())?,
        };
        if first.success || !wants_credentials(&first.stderr) {
            return Ok(first);
        }

        let answer = match login {
            Some(login) => self.git.ask(directory, arguments.iter().copied(), &login)?,
            None => first,
        };
        if !answer.success && wants_credentials(&answer.stderr) {
            return Err(GitError::Credentials { url: self.url.to_string(), message: answer.stderr });
        }
        Ok(answer)
    }
}

/// Forges answer "not found" for a private repository.
pub(super) fn wants_credentials(stderr: &str) -> bool {
    [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "Permission denied (",
        "Host key verification failed",
        "HTTP Basic: Access denied",
        "requested URL returned error: 401",
        "requested URL returned error: 403",
        "Repository not found",
        "repository not found",
        "could not be found or you don't have permission",
        " not found",
    ]
    .iter()
    .any(|words| stderr.contains(words))
        && !stderr.contains("Could not resolve host")
        && !stderr.contains("couldn't find remote ref")
}
