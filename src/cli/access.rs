//! The flags that say which cluster is asked, and as whom.

use std::path::PathBuf;

use super::values::{Namespace, span};
use crate::argo::identity::ObjectName;
use crate::cluster::Access;

/// Which cluster, as whom.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct AccessArgs {
    /// The workflow's namespace
    #[arg(short, long, value_name = "NAMESPACE", env = "ARGO_NAMESPACE", hide_env_values = true)]
    pub(super) namespace: Option<Namespace>,

    /// The kubeconfig context to use
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,

    /// Path to the kubeconfig file
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,

    /// The user to impersonate
    #[arg(long = "as", value_name = "USER")]
    pub(super) as_user: Option<String>,

    /// A group to impersonate
    #[arg(long = "as-group", value_name = "GROUP", requires = "as_user")]
    pub(super) as_groups: Vec<String>,

    /// Timeout of a single request to the API server
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    pub(super) request_timeout: Option<std::time::Duration>,
}

impl AccessArgs {
    /// The namespace that was asked for.
    pub(super) fn namespace(&self) -> Option<&ObjectName> {
        let Namespace(name) = self.namespace.as_ref()?;
        name.as_ref()
    }

    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.namespace().map(ToString::to_string),
            as_user: self.as_user.clone(),
            as_groups: self.as_groups.clone(),
            request_timeout: self.request_timeout,
            patience: None,
        }
    }
}
