//! Entries that pods look up themselves: `exec` goes round the command of each template that would be memoized, with the key
//! that memoize would have. All of it is taken away before a document is prepared again, so that the key is that of the
//! template as the user wrote it.
//!
//! ```text
//! memoize ─► wrap ─► a volume, an init container that brings the program, `exec … --` before the command,
//!    ▲                 │     the credentials, and the program's report as an output parameter
//!    └──── unwrap ◄────┘
//! ```

mod unwrap;
mod wrap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::unwrap::unwrapped;
pub(super) use self::unwrap::{unwrap, unwrapped_spec};
pub(super) use self::wrap::wrap;
use super::{PrepareError, metadata};
use crate::argo::Metadata;

/// The annotation by which the attempts of a run keep to it.
pub(super) const ANNOTATION: &str = "kubectl-runnable/exec-cache";
/// The volume with the program, and the container that brings it.
const VOLUME: &str = "runnable-exec";
/// Where the volume is mounted.
const DIRECTORY: &str = "/kubectl-runnable";
/// The program, the certificates and the report in it.
const PROGRAM: &str = "/kubectl-runnable/kubectl-runnable";
const CERTIFICATES: &str = "/kubectl-runnable/ca.pem";
const REPORT: &str = "/kubectl-runnable/report.json";
/// How the variables begin that the program takes out of the command's environment.
const VARIABLES: &str = "RUNNABLE_STORE_";
/// The variable that names the certificates.
const CERTIFICATES_VARIABLE: &str = "RUNNABLE_STORE_CA";
/// The hidden verb that copies the program and the certificates to a directory.
pub(crate) const BRING: &str = "__bring";
/// The variable with more certificates for it.
pub(crate) const MORE_CERTIFICATES: &str = "RUNNABLE_CERTIFICATES";

/// The store that pods use, and what brings the program into them. Holds no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExecCache {
    /// The store's address, as pods reach it.
    pub(crate) store: String,
    /// The image with the program.
    pub(crate) image: String,
    /// The program in it.
    pub(crate) program: String,
    /// The secret whose keys become the variables with the store's credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) secret: Option<String>,
    /// Certificates, in PEM, that the store's may be signed by beside those of the image.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) certificates: Option<String>,
}

/// Whether pods look up their entries themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ExecCaching {
    /// As the document says, if it was prepared before.
    #[default]
    AsSaid,
    /// They do not: there are no pods.
    Never,
    /// They do.
    With(Box<ExecCache>),
}

impl ExecCaching {
    /// What is asked for, or what the document has said.
    pub(super) fn or_said(&self, document: &Value) -> Result<Option<ExecCache>, PrepareError> {
        match self {
            Self::AsSaid => said(document),
            Self::Never => Ok(None),
            Self::With(cache) => Ok(Some((**cache).clone())),
        }
    }
}

/// What a document says of the store that its pods use.
pub(crate) fn said(document: &Value) -> Result<Option<ExecCache>, PrepareError> {
    let read = |text: &str| {
        serde_json::from_str(text).map_err(|_| PrepareError::Form {
            field: format!("annotation {ANNOTATION}"),
            expected: "what submit --exec-cache writes",
        })
    };
    Metadata::of(document).annotation(ANNOTATION).map(read).transpose()
}

/// Leaves in the document what its next attempt goes by, or takes it away.
pub(super) fn note(document: &mut Value, cache: Option<&ExecCache>) -> Result<(), PrepareError> {
    if let Some(cache) = cache {
        let text = serde_json::to_string(cache).expect("a cache's fields are texts");
        return metadata::annotate(document, (ANNOTATION, &text));
    }
    let annotations = document.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.shift_remove(ANNOTATION);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
