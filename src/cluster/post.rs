//! Posts to a server other than the API server.

use std::time::Duration;

use http::Uri;
use http::header::CONTENT_TYPE;
use kube::client::Body;
use serde_json::Value;

use super::web::{WebError, send};

/// Posts a JSON document.
pub(crate) async fn post(url: &Uri, document: &Value, timeout: Duration) -> Result<(), WebError> {
    let request = http::Request::builder().method(http::Method::POST).header(CONTENT_TYPE, "application/json");
    let answer = send(url, request, Body::from(document.to_string().into_bytes()), timeout).await?;
    WebError::of_status(answer.status()).map_or(Ok(()), Err)
}
