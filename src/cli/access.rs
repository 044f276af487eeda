//! The flags that select the cluster and the user.

use std::path::PathBuf;

use super::failure::Failure;
use super::home;
use super::values::{Namespace, span};
use crate::argo::identity::ObjectName;
use crate::backend::Backend;
use crate::cluster::{Access, Cluster};

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
    /// The requested namespace.
    pub(super) fn namespace(&self) -> Option<&ObjectName> {
        let Namespace(name) = self.namespace.as_ref()?;
        name.as_ref()
    }

    /// Where runs are carried out: on the cluster that the flags name, or on this machine. Sends nothing yet.
    pub(super) async fn backend(&self, local: bool) -> Result<Backend, Failure> {
        if local {
            let namespace = self.namespace().cloned().map_or_else(|| "default".parse(), Ok)?;
            return Ok(Backend::Local { root: home::root()?, namespace });
        }
        Ok(Backend::Cluster(Box::new(Cluster::connect(&self.access()).await?)))
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
