//! The Kubernetes API: kubeconfig, requests, errors. Only this room uses kube. Must never change a document.
//!
//! Objects are plain JSON values, so that any Argo version, unusual date or unknown field passes through unchanged.

mod access;
mod apply;
mod argo_server;
mod cache;
mod change;
mod claim;
mod config_map;
mod create;
mod definition;
mod discovery;
mod error;
mod examine;
mod explain;
mod failure;
mod fetch;
mod follow;
mod kind;
mod latest;
mod lease;
mod list;
mod list_follow;
mod locks;
mod log_cursor;
mod logs;
mod owned_objects;
mod owner;
mod pods;
mod post;
mod remedy;
mod replace;
mod request;
mod revise;
mod send;
mod template;
mod transport_error;
mod user;
mod watch;
mod web;

use std::fmt;
use std::time::Duration;

use kube::Client;
use kube::config::ExecConfig;
use serde_json::Value;

pub use access::Access;
pub(crate) use apply::ApplyOptions;
pub(crate) use argo_server::{ArchiveSelection, Archived, ArgoServer, ServerAccess, is_named as is_argo_server_named};
pub use change::Changed;
pub(crate) use create::Created;
pub(crate) use definition::Definition;
pub use error::ClusterError;
pub(crate) use examine::Permission;
pub(crate) use fetch::fetch;
pub use kind::TemplateKind;
pub(crate) use kind::TemplateKindError;
pub use list::Selection;
pub use list_follow::News;
pub use logs::{Line, LogEnd, LogOptions};
pub(crate) use owner::OwnerName;
pub use pods::Pod;
pub(crate) use pods::PodNews;
pub(crate) use post::post;
pub(crate) use revise::{Attempt, revise};

use kind::Resource;
use request::{Call, Verb};

use crate::mask;
use crate::shell::word;

/// The default timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server that has answered before may be unavailable, for example during an upgrade.
const MAX_OUTAGE: Duration = Duration::from_mins(5);

/// A connection to one cluster as one user, with a default namespace.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    server: String,
    context: Option<String>,
    /// The proxy, as `host:port`.
    proxy: Option<String>,
    /// The kubeconfig's credential plugin.
    plugin: Option<ExecConfig>,
    namespace: String,
    /// The flags that select the cluster and the user, as words of a shell.
    flags: Vec<String>,
    /// Whether the namespace comes from the user and not from the kubeconfig.
    asked_namespace: bool,
    request_timeout: Duration,
    patience: Duration,
}

impl Cluster {
    /// Reads the kubeconfig and runs its credential plugin. Sends no request yet.
    pub async fn connect(access: &Access) -> Result<Self, ClusterError> {
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolved = access.resolve().await?;
        let plugin = resolved.config.auth_info.exec.clone();
        let proxy = resolved.config.proxy_url.as_ref().map(address);
        // It stands in errors and handles.
        let server = mask::url(&resolved.config.cluster_url.to_string()).trim_end_matches('/').to_owned();

        let client = Client::try_from(resolved.config)
            .map_err(|error| explain::no_client(&error, resolved.context.as_deref(), plugin.as_ref()))?;

        Ok(Self {
            client,
            server,
            flags: access.flags(resolved.context.as_deref()),
            context: resolved.context,
            proxy,
            plugin,
            namespace: resolved.namespace,
            asked_namespace: access.namespace.is_some(),
            request_timeout: access.request_timeout.unwrap_or(REQUEST_TIMEOUT),
            patience: access.patience.unwrap_or(MAX_OUTAGE),
        })
    }

    /// The URL of the API server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The kubeconfig's context; `None` in a pod.
    pub(crate) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The default namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The flags that select this cluster, user and namespace, as words of a shell.
    pub(crate) fn flags(&self) -> Vec<String> {
        let namespace = format!("-n {}", word(&self.namespace));
        std::iter::once(namespace).chain(self.flags.iter().cloned()).collect()
    }

    /// The same connection with another namespace.
    #[must_use]
    pub(crate) fn within(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Reads the live workflow.
    pub async fn workflow(&self, name: &str) -> Result<Value, ClusterError> {
        self.get(Resource::WORKFLOW, name).await
    }

    async fn get(&self, resource: Resource, name: &str) -> Result<Value, ClusterError> {
        let call = self.call(Verb::Get, resource, name);
        let answer = self.send(call.get()).await;
        match answer.result {
            Ok(object) => Ok(object),
            Err(failure) => Err(self.explain(&call, failure, answer.unsure).await),
        }
    }

    fn call<'a>(&'a self, verb: Verb, resource: Resource, name: &'a str) -> Call<'a> {
        Call { resource, namespace: resource.namespaced.then_some(&self.namespace), name, verb }
    }
}

/// The host and port of a proxy's URL, without the password that it may contain.
fn address(proxy: &http::Uri) -> String {
    let port = proxy.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", proxy.host().unwrap_or_default())
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("server", &self.server)
            .field("context", &self.context)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
