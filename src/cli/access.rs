//! The flags that select the cluster and the user.

use std::ffi::OsString;
use std::path::PathBuf;

use super::failure::Failure;
use super::home;
use super::settings::settings;
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
    /// The requested namespace, else that of the settings.
    pub(super) fn namespace(&self) -> Option<&ObjectName> {
        match &self.namespace {
            Some(Namespace(name)) => name.as_ref(),
            None => settings().namespace.as_ref(),
        }
    }

    /// The flags by which another verb means the same cluster and user, for a run of a cluster.
    pub(super) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.namespace().map(|namespace| format!("--namespace={namespace}")));
        words.extend(self.context.as_ref().map(|context| format!("--context={context}")));
        words.extend(self.as_user.as_ref().map(|user| format!("--as={user}")));
        words.extend(self.as_groups.iter().map(|group| format!("--as-group={group}")));
        if settings().local == Some(true) && !self.names_cluster() {
            words.push("--local=false".to_owned());
        }
        let kubeconfig = self.kubeconfig.iter().flat_map(|file| ["--kubeconfig".into(), file.clone().into_os_string()]);
        words.into_iter().map(OsString::from).chain(kubeconfig).collect()
    }

    /// Whether a flag says which cluster, or which user of one, is meant.
    pub(super) fn names_cluster(&self) -> bool {
        self.context.is_some() || self.kubeconfig.is_some() || self.as_user.is_some()
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
