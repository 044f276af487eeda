//! Why argo-server did not do what was asked, and what the user can do about it. No variant contains a credential.

use std::path::PathBuf;

use crate::cluster::ClusterError;
use crate::exit::{CommandError, Exit};

/// Why a request to argo-server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgoServerError {
    /// Nobody says where it is.
    #[error("no argo-server is named")]
    NotNamed,
    /// Its address is none.
    #[error("cannot use argo-server {server:?}: {cause}")]
    Address {
        /// What was given, without what may be a secret.
        server: String,
        /// The problem.
        cause: String,
    },
    /// It knows its own users alone.
    #[error("--as is for the Kubernetes API; argo-server does not impersonate")]
    Impersonation,
    /// The token cannot stand in a header.
    #[error("the token for argo-server is no text of one line")]
    Token,
    /// The file of the token cannot be read.
    #[error("cannot read the token for argo-server from {}: {cause}", .path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// The problem.
        cause: String,
    },
    /// The kubeconfig cannot be used.
    #[error(transparent)]
    Kubeconfig(#[from] ClusterError),
    /// The kubeconfig gives no credential.
    #[error("the kubeconfig gives no credential for argo-server: {cause}")]
    NoCredential {
        /// The problem.
        cause: String,
    },
    /// It cannot be reached, or the connection broke.
    #[error("cannot reach argo-server at {server}: {cause}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// The cause.
        cause: String,
        /// Whether another request may be answered.
        is_temporary: bool,
    },
    /// Something else answers.
    #[error("{server} does not answer as argo-server does")]
    Another {
        /// The URL.
        server: String,
    },
    /// The credential is missing, wrong or expired.
    #[error("argo-server at {server} does not accept the credentials")]
    Unauthorized {
        /// Its URL.
        server: String,
    },
    /// The user may not do it.
    #[error("argo-server at {server} does not allow it: {message}")]
    Forbidden {
        /// Its URL.
        server: String,
        /// Its message.
        message: String,
    },
    /// The archive does not have it.
    #[error("the archive does not have {what}")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The archive has several workflows of the name.
    #[error("the archive has {} workflows {name:?}: {}", .uids.len(), .uids.join(", "))]
    Several {
        /// The name.
        name: String,
        /// Their uids, each with its time.
        uids: Vec<String>,
    },
    /// Any other error of the server.
    #[error("argo-server at {server} refuses: {message}")]
    Refused {
        /// Its URL.
        server: String,
        /// Its message.
        message: String,
    },
}

impl ArgoServerError {
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { is_temporary: true, .. })
    }

    /// The same, with the uid of what is missing.
    pub(super) fn naming(self, uid: &str) -> Self {
        match self {
            Self::Missing { .. } => Self::Missing { what: format!("a workflow with the uid {uid:?}") },
            other => other,
        }
    }
}

impl CommandError for ArgoServerError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotNamed | Self::Address { .. } | Self::Impersonation | Self::Several { .. } => Exit::Usage,
            Self::Missing { .. } => Exit::NotFound,
            Self::Kubeconfig(error) => error.exit(),
            _ => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotNamed => {
                "name it with --argo-server HOST:PORT or ARGO_SERVER; kubectl -n argo port-forward service/argo-server 2746 makes it localhost:2746"
            }
            Self::Impersonation => "leave --as out: ARGO_TOKEN says who asks",
            Self::TokenFile { .. } | Self::Token => "the file, or ARGO_TOKEN, holds what argo auth token prints",
            Self::Unreachable { cause, .. } if cause.contains("certificate") => {
                "SSL_CERT_FILE names the file of its authority; --insecure-skip-verify does without a check"
            }
            Self::Unreachable { .. } => {
                "a server without TLS needs --secure=false; ARGO_SERVER or --argo-server says where it is"
            }
            Self::Another { .. } => {
                "--argo-base-href is the path below which argo-server is served; a server with a login before it needs ARGO_TOKEN"
            }
            Self::Unauthorized { .. } | Self::NoCredential { .. } => {
                "set ARGO_TOKEN to what argo auth token prints, or to a token that kubectl create token makes"
            }
            Self::Forbidden { .. } => {
                "the user of the token needs the verbs get, list and delete for workflows.argoproj.io in the namespace"
            }
            Self::Missing { .. } => "kubectl runnable archive list shows what the archive has; -n chooses a namespace",
            Self::Several { .. } => "name the uid of one of them",
            Self::Kubeconfig(error) => return error.hint(),
            Self::Address { .. } | Self::Refused { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
