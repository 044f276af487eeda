//! The LOCK argument: a key, a branch, or the full name of any lock.

use std::str::FromStr;

use super::{BranchArgs, no_key};
use crate::argo::synchronization::{LockName, LockNameError};
use crate::cli::failure::Failure;
use crate::locks::{KeyArgument, KeyError};

/// The lock that a command is about.
#[derive(Debug, clap::Args)]
pub(super) struct LockArgs {
    /// KEY, OWNER/REPO@REF, Mutex/NAME, ConfigMap/NAME/KEY or Database/KEY
    #[arg(value_name = "LOCK", conflicts_with = "owner")]
    lock: Option<LockArgument>,

    #[command(flatten)]
    branch: BranchArgs,
}

impl LockArgs {
    /// The lock as it was named, in one way or the other.
    pub(super) fn named(&self) -> Result<LockArgument, Failure> {
        let by_branch = self.branch.named()?.map(LockArgument::Key);
        by_branch.or_else(|| self.lock.clone()).ok_or_else(no_key)
    }
}

/// The LOCK argument.
#[derive(Debug, Clone)]
pub(super) enum LockArgument {
    Key(KeyArgument),
    /// The full name, with or without the namespace.
    Name(String),
}

impl FromStr for LockArgument {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let kinds = ["ConfigMap/", "Mutex/", "Database/"];
        let is_name = kinds.iter().any(|kind| text.starts_with(kind) || text.contains(&format!("/{kind}")));
        if is_name { Ok(Self::Name(text.to_owned())) } else { text.parse().map(Self::Key) }
    }
}

impl LockArgument {
    /// Its full name.
    pub(super) fn lock(&self, namespace: &str, config_map: &str) -> Result<LockName, LockNameError> {
        match self {
            Self::Key(named) => Ok(LockName::semaphore(namespace, config_map, named.key.as_str())),
            Self::Name(text) => text.parse().or_else(|_| format!("{namespace}/{text}").parse()),
        }
    }
}
