//! Servers other than the API server, with the same TLS, proxies and error texts.

use std::time::Duration;

use http::uri::{Parts, PathAndQuery};
use http::{Response, Uri, request};
use kube::client::Body;
use kube::{Client, Config};

use super::access::proxy_from_environment;
use super::transport_error::TransportError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct WebError {
    /// The cause, without the URL, which may hold a secret.
    pub(crate) cause: String,
    /// Whether the failure is temporary.
    pub(crate) is_temporary: bool,
}

impl WebError {
    pub(super) fn permanent(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), is_temporary: false }
    }

    pub(super) fn temporary(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { cause: TransportError::from_error(error).cause, is_temporary: true }
    }

    /// The refusal of a server that answered, if it is one.
    pub(super) fn of_status(status: http::StatusCode) -> Option<Self> {
        let is_temporary = status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS;
        (!status.is_success()).then(|| Self { cause: format!("the server answered {status}"), is_temporary })
    }
}

/// Sends one request to a URL and returns the answer's head, whatever its status.
pub(super) async fn send(
    url: &Uri,
    request: request::Builder,
    body: Body,
    timeout: Duration,
) -> Result<Response<Body>, WebError> {
    let path = url.path_and_query().map_or("/", PathAndQuery::as_str);
    let request = request.uri(path).body(body).map_err(|error| WebError::permanent(error.to_string()))?;
    match tokio::time::timeout(timeout, client(url)?.send(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Service(source))) => Err(WebError::temporary(source.as_ref())),
        Ok(Err(error)) => Err(WebError::temporary(&error)),
        Err(_) => Err(WebError { cause: TransportError::timeout(timeout).cause, is_temporary: true }),
    }
}

/// A client of the URL's server.
fn client(url: &Uri) -> Result<Client, WebError> {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut parts = Parts::default();
    (parts.scheme, parts.authority) = (url.scheme().cloned(), url.authority().cloned());
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    let server = Uri::from_parts(parts).map_err(|error| WebError::permanent(error.to_string()))?;

    let mut config = Config::new(server);
    config.default_retry = false;
    config.proxy_url = proxy_from_environment(&config.cluster_url).map_err(WebError::permanent)?;
    Client::try_from(config).map_err(|error| WebError::permanent(TransportError::from_error(&error).cause))
}
