//! argo-server's API: the archive, which keeps workflows that are gone from the cluster (server/workflowarchive in Argo's
//! source, v4.1.2). Its credential stands in no error and in no log.

mod address;
mod archive;
mod error;
mod request;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use kube::Config;
use kube::client::{Body, Client};
use kube::config::AuthInfo;
use serde_json::Value;

pub(crate) use self::archive::{Archived, Selection as ArchiveSelection};
pub(crate) use self::error::ArgoServerError;
use self::request::Built;
use super::access::proxy_from_environment;
use super::transport_error::TransportError;
use super::{Access, ClusterError};

/// The default timeout of one request: a database may take its time.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// How often a request that changes nothing is sent while the failure is temporary.
const ATTEMPTS: u32 = 3;
/// The pause after the first attempt; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// The namespace where nobody names one.
const NAMESPACE: &str = "default";

/// The user's choices about argo-server, as in argo's flags and variables.
#[derive(Clone, Default)]
pub(crate) struct ServerAccess {
    /// `--argo-server`: `HOST:PORT`, or a URL.
    pub(crate) server: String,
    /// `--argo-base-href`: the path below which it is served.
    pub(crate) base_href: String,
    /// `--secure`: TLS, unless a URL says otherwise.
    pub(crate) secure: bool,
    /// `--insecure-skip-verify`: any certificate will do.
    pub(crate) skip_verify: bool,
    /// `ARGO_TOKEN`: the header `Authorization`; a token alone is a bearer's.
    pub(crate) token: Option<String>,
    /// `--argo-token-file`: a file that holds it.
    pub(crate) token_file: Option<PathBuf>,
    /// The kubeconfig, which gives the namespace, and the credential where no token does.
    pub(crate) access: Access,
}

/// Whether the environment names an argo-server.
pub(crate) fn is_named() -> bool {
    std::env::var_os("ARGO_SERVER").is_some_and(|server| !server.is_empty())
}

/// A connection to one argo-server.
#[derive(Clone)]
pub(crate) struct ArgoServer {
    client: Client,
    /// The URL, without what may be a secret.
    server: String,
    /// The path before that of the API, without a slash at its end.
    base: String,
    authorization: Option<HeaderValue>,
    namespace: String,
    timeout: Duration,
}

impl ArgoServer {
    /// Reads what it is reached with. Sends no request yet.
    pub(crate) async fn connect(choices: &ServerAccess) -> Result<Self, ArgoServerError> {
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if choices.access.as_user.is_some() {
            return Err(ArgoServerError::Impersonation);
        }
        let (root, base) = address::of(&choices.server, &choices.base_href, choices.secure)?;
        let (namespace, kubeconfig) = match choices.access.resolve().await {
            Ok(resolved) => (resolved.namespace, Some(resolved.config.auth_info)),
            Err(ClusterError::NoKubeconfig { .. } | ClusterError::NoContext { .. }) => {
                (choices.access.namespace.clone().unwrap_or_else(|| NAMESPACE.to_owned()), None)
            }
            Err(error) => return Err(error.into()),
        };
        let authorization = choices.authorization()?;
        let server = format!("{}{base}", root.to_string().trim_end_matches('/'));
        let unusable = |cause: String| ArgoServerError::Address { server: server.clone(), cause };

        let mut config = Config::new(root.clone());
        config.default_retry = false;
        config.accept_invalid_certs = choices.skip_verify;
        config.proxy_url = proxy_from_environment(&root).map_err(unusable)?;
        if let Some(kubeconfig) = kubeconfig.filter(|_| authorization.is_none() && address::is_private(&root)) {
            config.auth_info = credential_of(kubeconfig);
        }
        let client = Client::try_from(config).map_err(|error| unusable(TransportError::from_error(&error).cause))?;
        let timeout = choices.access.request_timeout.unwrap_or(REQUEST_TIMEOUT);
        Ok(Self { client, server, base, authorization, namespace, timeout })
    }

    /// Its URL.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The namespace that is meant where none is named.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its version, such as `v4.1.2`.
    pub(crate) async fn version(&self) -> Result<String, ArgoServerError> {
        let answer = self.ask(&request::version()).await?;
        answer["version"].as_str().map(str::to_owned).ok_or_else(|| self.is_another())
    }

    /// Sends a request; one that changes nothing again while the failure is temporary.
    async fn ask(&self, request: &Built) -> Result<Value, ArgoServerError> {
        let mut attempt = 1;
        loop {
            match self.send_once(request).await {
                Err(error) if request.is_safe() && error.is_temporary() && attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// The span contains the method and the path, but no header and no query.
    #[tracing::instrument(level = "debug", name = "request to argo-server", skip_all, fields(method = %request.method, path = request.path))]
    async fn send_once(&self, request: &Built) -> Result<Value, ArgoServerError> {
        let mut builder = http::Request::builder().method(request.method.clone()).uri(request.target(&self.base));
        if let Some(authorization) = &self.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        let sent = builder.body(Body::empty()).map_err(|error| self.unreachable(error.to_string(), false))?;
        let exchange = async {
            let answer = self.client.send(sent).await.map_err(|error| self.lost(&error))?;
            let status = answer.status();
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| self.unreachable(TransportError::from_error(&error).cause, true))?;
            request::read(status, &body.to_bytes()).map_err(|refusal| self.explain(refusal))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.unreachable(TransportError::timeout(self.timeout).cause, false)),
        }
    }

    fn lost(&self, error: &kube::Error) -> ArgoServerError {
        match super::failure::Failure::from_kube(error) {
            super::failure::Failure::NoCredential(cause) => ArgoServerError::NoCredential { cause },
            super::failure::Failure::Lost(fault) => self.unreachable(fault.cause, fault.sent && !fault.timed_out),
            _ => self.is_another(),
        }
    }

    fn unreachable(&self, cause: String, is_temporary: bool) -> ArgoServerError {
        ArgoServerError::Unreachable { server: self.server.clone(), cause, is_temporary }
    }

    fn is_another(&self) -> ArgoServerError {
        ArgoServerError::Another { server: self.server.clone() }
    }

    fn explain(&self, refusal: request::Refusal) -> ArgoServerError {
        let server = self.server.clone();
        match refusal {
            request::Refusal::Unauthorized => ArgoServerError::Unauthorized { server },
            request::Refusal::Forbidden(message) => ArgoServerError::Forbidden { server, message },
            request::Refusal::Missing => ArgoServerError::Missing { what: "what was asked for".to_owned() },
            request::Refusal::Busy(message) => {
                ArgoServerError::Unreachable { server, cause: message, is_temporary: true }
            }
            request::Refusal::Other(message) => ArgoServerError::Refused { server, message },
            request::Refusal::Another => self.is_another(),
        }
    }
}

impl ServerAccess {
    /// The header that was given.
    fn authorization(&self) -> Result<Option<HeaderValue>, ArgoServerError> {
        let from_file = match &self.token_file {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|error| ArgoServerError::TokenFile { path: path.clone(), cause: error.to_string() })?,
            ),
            None => None,
        };
        let given = from_file.as_deref().or(self.token.as_deref()).map(str::trim).filter(|token| !token.is_empty());
        let Some(token) = given else { return Ok(None) };
        let header = if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") };
        let mut header = HeaderValue::from_str(&header).map_err(|_| ArgoServerError::Token)?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

impl fmt::Debug for ServerAccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerAccess").finish_non_exhaustive()
    }
}

impl fmt::Debug for ArgoServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ArgoServer").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What argo sends of a kubeconfig: a token or a password, and no client certificate (kubeconfig.GetAuthString in
/// util/kubeconfig/kubeconfig.go, v4.1.2).
fn credential_of(kubeconfig: AuthInfo) -> AuthInfo {
    AuthInfo {
        client_certificate: None,
        client_certificate_data: None,
        client_key: None,
        client_key_data: None,
        impersonate: None,
        impersonate_groups: None,
        ..kubeconfig
    }
}
