//! Posts to a server other than the API server, with the same TLS and error texts.

use std::time::Duration;

use http::Uri;
use http::uri::Parts;
use kube::client::Body;
use kube::{Client, Config};
use serde_json::Value;

use super::transport_error::TransportError;

/// Why a post failed.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct PostError {
    /// The cause, without the URL, which may hold a secret.
    pub cause: String,
    /// Whether the failure is temporary.
    pub is_temporary: bool,
}

/// Posts a JSON document.
pub(crate) async fn post(url: &Uri, document: &Value, timeout: Duration) -> Result<(), PostError> {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let permanent = |cause: String| PostError { cause, is_temporary: false };
    let mut parts = Parts::default();
    (parts.scheme, parts.authority) = (url.scheme().cloned(), url.authority().cloned());
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    let server = Uri::from_parts(parts).map_err(|error| permanent(error.to_string()))?;

    let mut config = Config::new(server);
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| permanent(TransportError::from_error(&error).cause))?;

    let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Body::from(document.to_string().into_bytes()))
        .map_err(|error| permanent(error.to_string()))?;

    let answer = match tokio::time::timeout(timeout, client.send(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(kube::Error::Service(source))) => {
            return Err(PostError { cause: TransportError::from_error(source.as_ref()).cause, is_temporary: true });
        }
        Ok(Err(error)) => {
            return Err(PostError { cause: TransportError::from_error(&error).cause, is_temporary: true });
        }
        Err(_) => return Err(PostError { cause: TransportError::timeout(timeout).cause, is_temporary: true }),
    };

    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let is_temporary = status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS;
    Err(PostError { cause: format!("the server answered {status}"), is_temporary })
}
