//! Reads a text from a server other than the API server.

use std::time::Duration;

use http::Uri;
use http::header::LOCATION;
use http_body_util::{BodyExt, Limited};
use kube::client::Body;

use super::transport_error::TransportError;
use super::web::{WebError, send};

/// The maximum number of redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// Reads what a URL names, at most `limit` bytes. Each request may take `timeout`.
pub(crate) async fn fetch(url: &Uri, limit: usize, timeout: Duration) -> Result<Vec<u8>, WebError> {
    let mut url = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        let answer = send(&url, http::Request::builder(), Body::empty(), timeout).await?;
        if answer.status().is_redirection()
            && let Some(target) = answer.headers().get(LOCATION)
        {
            url = redirected(&url, target.to_str().unwrap_or_default())?;
            continue;
        }
        if let Some(refusal) = WebError::of_status(answer.status()) {
            return Err(refusal);
        }
        let body = Limited::new(answer.into_body(), limit).collect();
        return match tokio::time::timeout(timeout, body).await {
            Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Err(WebError::permanent(format!("larger than the maximum of {} MiB", limit >> 20)))
            }
            Ok(Err(error)) => Err(WebError::temporary(error.as_ref())),
            Err(_) => Err(WebError { cause: TransportError::timeout(timeout).cause, is_temporary: true }),
        };
    }
    Err(WebError::permanent(format!("more than {MAX_REDIRECTS} redirects")))
}

/// Where a redirect leads: another URL, or a path of the same server. One from https to http is not followed.
fn redirected(from: &Uri, target: &str) -> Result<Uri, WebError> {
    let wrong = || WebError::permanent("the server redirects to something that is no http or https URL");
    let authority = from.authority().map_or("", http::uri::Authority::as_str);
    let scheme = from.scheme_str().unwrap_or_default();
    let target = match target {
        path if path.starts_with("//") => format!("{scheme}:{path}"),
        path if path.starts_with('/') => format!("{scheme}://{authority}{path}"),
        other => other.to_owned(),
    };
    let url: Uri = target.parse().map_err(|_| wrong())?;
    match (scheme, url.scheme_str()) {
        (_, Some("https")) | ("http", Some("http")) => Ok(url),
        ("https", Some("http")) => Err(WebError::permanent("the server redirects from https to http")),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_text_is_read_and_redirects_are_followed() -> Result<(), Box<dyn std::error::Error>> {
        let server = MockServer::start().await;
        let at = |place: &'static str| Mock::given(method("GET")).and(path(place));
        at("/old").respond_with(ResponseTemplate::new(302).insert_header("Location", "/new")).mount(&server).await;
        at("/new").respond_with(ResponseTemplate::new(200).set_body_string("a: 1\n")).mount(&server).await;
        at("/round").respond_with(ResponseTemplate::new(302).insert_header("Location", "/round")).mount(&server).await;
        let read = async |place: &str, limit| {
            let url: Uri = format!("{}{place}", server.uri()).parse().expect("it is a URL");
            fetch(&url, limit, TIMEOUT).await.map_err(|error| error.cause)
        };
        assert_eq!(read("/old", 100).await, Ok(b"a: 1\n".to_vec()));
        assert_eq!(read("/new", 2).await, Err("larger than the maximum of 0 MiB".to_owned()));
        assert_eq!(read("/gone", 100).await, Err("the server answered 404 Not Found".to_owned()));
        assert_eq!(read("/round", 100).await, Err("more than 10 redirects".to_owned()));
        Ok(())
    }

    #[test]
    fn a_redirect_stays_at_http_and_does_not_leave_https() {
        let to = |from: &str, target: &str| {
            redirected(&from.parse().expect("it is a URL"), target)
                .map(|url| url.to_string())
                .map_err(|error| error.cause)
        };
        assert_eq!(to("https://a/x", "/y?z"), Ok("https://a/y?z".to_owned()));
        assert_eq!(to("https://a/x", "//b/y"), Ok("https://b/y".to_owned()));
        assert_eq!(to("http://a/x", "https://b/y"), Ok("https://b/y".to_owned()));
        for target in ["http://b/y", "ftp://b/y", "", "y"] {
            assert!(to("https://a/x", target).is_err(), "{target}");
        }
    }
}
