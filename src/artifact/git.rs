//! Artifacts from git: a clone of its own, made from a base that all runs of this machine share, so that only what is new
//! comes over the network. What it is is Argo's: workflow/artifacts/git/git.go, v4.1.2.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::{Secret, TransferError};
use crate::exit::CommandError;
use crate::git::{CloneRequest, Git, GivenAccess, RemoteUrl, clone};

/// A clone that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clone {
    pub(super) url: RemoteUrl,
    /// A branch, a tag or a commit; empty for the default branch.
    pub(super) revision: String,
    /// Commits of each branch; 0 for all.
    pub(super) depth: u32,
    /// The only branch that is fetched.
    pub(super) branch: Option<String>,
    /// More refspecs.
    pub(super) fetch: Vec<String>,
    pub(super) submodules: bool,
    pub(super) login: Option<(Secret, Secret)>,
    pub(super) ssh_key: Option<Secret>,
    pub(super) any_host_key: bool,
    pub(super) any_certificate: bool,
}

impl Clone {
    pub(super) fn bring(&self, bases: &Path, program: &Path, target: &Path) -> Result<(), TransferError> {
        let path = std::env::var_os("PATH");
        let refused = |error: crate::git::GitError| TransferError::Refused(error.message());
        let git = Git::find(program.to_owned(), path.as_ref(), false).map_err(refused)?;
        let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let key = self.ssh_key.as_ref().map(key_file).transpose()?;
        let login = self.login.as_ref().map(|(user, password)| (user.0.clone(), password.0.clone()));
        let request = CloneRequest {
            url: &self.url.clone().absolute(&directory),
            revision: Some(self.revision.as_str()).filter(|revision| !revision.is_empty()),
            depth: self.depth,
            branch: self.branch.as_deref(),
            fetch: &self.fetch,
            submodules: self.submodules,
            access: GivenAccess {
                login,
                ssh_key: key.as_ref().map(|key| key.path().to_owned()),
                any_host_key: self.any_host_key,
                any_certificate: self.any_certificate,
            },
        };
        clone(&git, bases, &request, target).map_err(refused)
    }
}

/// The key in a file that only this user reads, for as long as the value lives.
fn key_file(key: &Secret) -> Result<NamedTempFile, TransferError> {
    let written = NamedTempFile::with_prefix("runnable-key-").and_then(|mut file| {
        // A key without a line break at its end is none to ssh.
        writeln!(file, "{}", key.0.trim_end())?;
        Ok(file)
    });
    written.map_err(TransferError::at(&std::env::temp_dir()))
}
