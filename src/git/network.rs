//! Questions to the remote, by the user's git: first as the user has set it up, then with what stood in the URL or a
//! token of the environment. A public repository never sees a token.

use std::path::Path;

use super::credentials::{self, Environment};
use super::error::GitError;
use super::program::{Answer, Git};
use super::remote::RemoteUrl;

/// The remote, and the git that talks to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network<'a> {
    /// The user's git.
    pub git: &'a Git,
    /// The remote.
    pub url: &'a RemoteUrl,
}

impl Network<'_> {
    /// Asks, and gives the answer, which may be a refusal for another reason than credentials.
    pub(super) fn ask(&self, directory: &Path, arguments: &[&str]) -> Result<Answer, GitError> {
        let login = credentials::login(self.url, |name| std::env::var(name).ok());
        let first = match &login {
            // Nobody is asked for what the environment may know.
            Some(_) => self.git.unattended().ask(directory, arguments.iter().copied(), &Environment::default())?,
            None => self.git.ask(directory, arguments.iter().copied(), &Environment::default())?,
        };
        if first.success || !wants_credentials(&first.said) {
            return Ok(first);
        }
        let answer = match login {
            Some(login) => self.git.ask(directory, arguments.iter().copied(), &login)?,
            None => first,
        };
        if !answer.success && wants_credentials(&answer.said) {
            return Err(GitError::Credentials { url: self.url.to_string(), said: answer.said });
        }
        Ok(answer)
    }
}

/// A forge says of a private repository that it is not there.
fn wants_credentials(said: &str) -> bool {
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
    .any(|words| said.contains(words))
        && !said.contains("Could not resolve host")
        && !said.contains("couldn't find remote ref")
}
