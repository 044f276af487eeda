//! Why a store of entries cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::objects::Fault;
use crate::exit::{CommandError, Exit};

/// A store, or a file for it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The file system refused.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bucket refused.
    #[error("cannot use {object}")]
    Store {
        /// The object, or the address of the bucket.
        object: String,
        /// Why.
        #[source]
        source: Fault,
    },
}

impl CommandError for CacheError {
    fn exit(&self) -> Exit {
        Exit::Tool
    }

    fn hint(&self) -> Option<String> {
        let Self::Store { source, .. } = self else { return None };
        if source.unconditional {
            return Some("--no-lease uses a store without conditional writes: two may then make one entry".to_owned());
        }
        source.denied.then(|| {
            "check the credentials and their policy: besides reading and writing objects they need to list the bucket (S3: \
             s3:ListBucket, Google Cloud: storage.objects.list), because without it the service answers 403 for an object \
             that does not exist"
                .to_owned()
        })
    }
}

impl CacheError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
