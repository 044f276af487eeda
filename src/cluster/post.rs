//! Posts to, and fetches from, a server other than the API server, with the same TLS and error texts.

use std::time::Duration;

use futures::TryStreamExt;
use http::Uri;
use http::uri::Parts;
use http_body_util::BodyExt;
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
    let request = http::Request::post(path(url))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Body::from(document.to_string().into_bytes()));
    send(url, request, timeout).await.map(drop)
}

/// Fetches a document of at most so many bytes; of a larger one the beginning. A redirection is not followed.
pub(crate) async fn fetch(url: &Uri, timeout: Duration, most: usize) -> Result<Vec<u8>, PostError> {
    let request = http::Request::get(path(url)).body(Body::empty());
    let reading = async {
        let answer = send(url, request, timeout).await?;
        let mut body = Box::pin(answer.into_body().into_data_stream());
        let mut text = Vec::new();
        while let Some(part) = body.try_next().await.map_err(|error| lost(&error))? {
            text.extend_from_slice(&part);
            if text.len() >= most {
                text.truncate(most);
                break;
            }
        }
        Ok(text)
    };
    match tokio::time::timeout(timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(PostError { cause: TransportError::timeout(timeout).cause, is_temporary: true }),
    }
}

fn path(url: &Uri) -> &str {
    url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}

fn permanent(error: &impl std::fmt::Display) -> PostError {
    PostError { cause: error.to_string(), is_temporary: false }
}

fn lost(error: &kube::Error) -> PostError {
    let cause = match error {
        kube::Error::Service(source) => TransportError::from_error(source.as_ref()).cause,
        error => TransportError::from_error(error).cause,
    };
    PostError { cause, is_temporary: true }
}

/// Sends a request to the server of the URL; any other answer than success is an error.
async fn send(
    url: &Uri,
    request: http::Result<http::Request<Body>>,
    timeout: Duration,
) -> Result<http::Response<Body>, PostError> {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut parts = Parts::default();
    (parts.scheme, parts.authority) = (url.scheme().cloned(), url.authority().cloned());
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    let server = Uri::from_parts(parts).map_err(|error| permanent(&error))?;

    let mut config = Config::new(server);
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|error| permanent(&TransportError::from_error(&error).cause))?;
    let request = request.map_err(|error| permanent(&error))?;
    let answer = match tokio::time::timeout(timeout, client.send(request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(lost(&error)),
        Err(_) => return Err(PostError { cause: TransportError::timeout(timeout).cause, is_temporary: true }),
    };

    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let is_temporary = status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS;
    Err(PostError { cause: format!("the server answered {status}"), is_temporary })
}
