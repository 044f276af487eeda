//! Artifacts at URLs, asked for as Argo does: workflow/artifacts/http in v4.1.2.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use reqwest::header::{CONTENT_LENGTH, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Identity, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::place::{TokenRequest, Web};
use super::{Secret, TransferError, cause, client, without_credentials};
use crate::cache::Stop;

/// So many redirections are followed, as by Go's client.
const REDIRECTIONS: usize = 10;

/// What a server of tokens answers.
#[derive(Deserialize)]
struct Token {
    access_token: String,
}

/// Brings what the URL gives.
pub(super) fn bring(web: &Web, target: &Path, stop: &Stop) -> Result<(), TransferError> {
    Handle::current().block_on(async {
        let client = web.client(None)?;
        let url = web.url.0.parse::<Url>().map_err(|error| web.refused("GET", &error.to_string()))?;
        let request = web.request(&client, Method::GET, url).await?;
        let mut response = request.send().await.map_err(|error| web.refused("GET", &cause(&error)))?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Err(TransferError::Missing(web.told("GET", StatusCode::NOT_FOUND))),
            status => return Err(TransferError::Refused(web.told("GET", status))),
        }
        let mut file = File::create(target).map_err(TransferError::at(target))?;
        while let Some(part) = response.chunk().await.map_err(|error| web.refused("GET", &cause(&error)))? {
            stop.check().and_then(|()| file.write_all(&part)).map_err(TransferError::at(target))?;
        }
        Ok(())
    })
}

/// Takes a file to the URL. A redirection that keeps the method gets the content once more.
pub(super) fn take(web: &Web, source: &Path) -> Result<(), TransferError> {
    let metadata = source.metadata().map_err(TransferError::at(source))?;
    if metadata.is_dir() {
        return Err(TransferError::Refused("a directory cannot go to a URL without an archive".to_owned()));
    }
    Handle::current().block_on(async {
        let client = web.client(Some(Policy::none()))?;
        let mut url = web.url.0.parse::<Url>().map_err(|error| web.refused("PUT", &error.to_string()))?;
        for _ in 0..=REDIRECTIONS {
            let file = tokio::fs::File::open(source).await.map_err(TransferError::at(source))?;
            let is_own = url.origin() == web.url.0.parse::<Url>().map(|own| own.origin()).unwrap_or(url.origin());
            let request = if is_own {
                web.request(&client, Method::PUT, url.clone()).await?
            } else {
                // Credentials are for the server that they were given for.
                client.put(url.clone())
            };
            let request = request.header(CONTENT_LENGTH, metadata.len()).body(file);
            let response = request.send().await.map_err(|error| web.refused("PUT", &cause(&error)))?;
            match target(&response, &url) {
                Some(next) => url = next,
                None if response.status().is_success() => return Ok(()),
                None => return Err(TransferError::Refused(web.told("PUT", response.status()))),
            }
        }
        Err(web.refused("PUT", "stopped after 10 redirects"))
    })
}

/// Where a response sends the same request.
fn target(response: &Response, url: &Url) -> Option<Url> {
    let again = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&response.status());
    let to = response.headers().get(LOCATION).filter(|_| again)?.to_str().ok()?;
    url.join(to).ok()
}

impl Web {
    fn client(&self, redirections: Option<Policy>) -> Result<Client, TransferError> {
        let mut builder = client(false);
        if let Some(policy) = redirections {
            builder = builder.redirect(policy);
        }
        if let Some(Secret(certificate)) = &self.certificate {
            // The error could repeat the key.
            let identity = Identity::from_pem(certificate.as_bytes())
                .map_err(|_| TransferError::Refused("the client's certificate or its key is no PEM".to_owned()))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| TransferError::Refused(cause(&error)))
    }

    async fn request(&self, client: &Client, method: Method, url: Url) -> Result<RequestBuilder, TransferError> {
        let mut request = client.request(method, url);
        for (name, Secret(value)) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((Secret(user), Secret(password))) = &self.login {
            request = request.basic_auth(user, Some(password));
        }
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token.ask(client).await?),
            None => request,
        })
    }

    fn told(&self, method: &str, status: StatusCode) -> String {
        format!("{method} {}: the server answered {status}", without_credentials(&self.url.0))
    }

    fn refused(&self, method: &str, why: &str) -> TransferError {
        TransferError::Refused(format!("{method} {}: {why}", without_credentials(&self.url.0)))
    }
}

impl TokenRequest {
    /// Asks for a token: with the client's credentials in the header, and else among the fields, as servers differ.
    async fn ask(&self, client: &Client) -> Result<String, TransferError> {
        let refused =
            |why: String| TransferError::Refused(format!("no token from {}: {why}", without_credentials(&self.url.0)));
        let mut fields = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        if !self.scopes.is_empty() {
            fields.push(("scope".to_owned(), self.scopes.join(" ")));
        }
        fields.extend(self.fields.iter().cloned());
        let asked = client.post(&self.url.0).basic_auth(&self.id.0, Some(&self.secret.0)).form(&fields);
        let mut response = asked.send().await.map_err(|error| refused(cause(&error)))?;
        if response.status().is_client_error() {
            fields.push(("client_id".to_owned(), self.id.0.clone()));
            fields.push(("client_secret".to_owned(), self.secret.0.clone()));
            let asked = client.post(&self.url.0).form(&fields);
            response = asked.send().await.map_err(|error| refused(cause(&error)))?;
        }
        if !response.status().is_success() {
            return Err(refused(format!("the server answered {}", response.status())));
        }
        let text = response.text().await.map_err(|error| refused(cause(&error)))?;
        let token: Token = serde_json::from_str(&text).map_err(|_| refused("the answer holds no token".to_owned()))?;
        Ok(token.access_token)
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{basic_auth, body_string, body_string_contains, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn web(server: &MockServer, path: &str) -> Web {
        Web { url: Secret(format!("{}{path}", server.uri())), ..Web::default() }
    }

    async fn brought(web: Web) -> Result<String, TransferError> {
        tokio::task::spawn_blocking(move || {
            let directory = tempfile::tempdir().map_err(TransferError::at(Path::new("tmp")))?;
            let target = directory.path().join("file");
            bring(&web, &target, &Stop::default())?;
            std::fs::read_to_string(&target).map_err(TransferError::at(&target))
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"))
    }

    #[tokio::test]
    async fn a_url_is_asked_with_headers_and_a_login() {
        let server = MockServer::start().await;
        let asked = Mock::given(method("GET")).and(path("/a")).and(header("x-one", "1")).and(basic_auth("me", "pw"));
        asked.respond_with(ResponseTemplate::new(200).set_body_string("content")).mount(&server).await;
        let headers = vec![("X-One".to_owned(), Secret("1".to_owned()))];
        let login = Some((Secret("me".to_owned()), Secret("pw".to_owned())));
        let got = brought(Web { headers, login, ..web(&server, "/a") }).await;
        assert_eq!(got.unwrap_or_else(|error| panic!("{error}")), "content");
        assert!(matches!(brought(web(&server, "/none")).await, Err(TransferError::Missing(_))));
    }

    #[tokio::test]
    async fn a_token_is_asked_for_where_the_header_is_refused_too() {
        let server = MockServer::start().await;
        let in_fields = Mock::given(method("POST")).and(path("/token")).and(body_string_contains("client_secret=s"));
        let answer = serde_json::json!({"access_token": "t", "token_type": "bearer"});
        in_fields.respond_with(ResponseTemplate::new(200).set_body_json(answer)).with_priority(1).mount(&server).await;
        let in_header = Mock::given(method("POST")).and(path("/token"));
        in_header.respond_with(ResponseTemplate::new(401)).mount(&server).await;
        let asked = Mock::given(method("GET")).and(path("/a")).and(header("authorization", "Bearer t"));
        asked.respond_with(ResponseTemplate::new(200).set_body_string("content")).mount(&server).await;
        let token = TokenRequest {
            url: Secret(format!("{}/token", server.uri())),
            id: Secret("i".to_owned()),
            secret: Secret("s".to_owned()),
            scopes: vec!["read".to_owned()],
            fields: Vec::new(),
        };
        let got = brought(Web { token: Some(token), ..web(&server, "/a") }).await;
        assert_eq!(got.unwrap_or_else(|error| panic!("{error}")), "content");
    }

    #[tokio::test]
    async fn content_follows_a_redirection_and_credentials_do_not_leave_their_server() {
        let (server, other) = (MockServer::start().await, MockServer::start().await);
        let to = ResponseTemplate::new(307).insert_header("location", format!("{}/b", other.uri()));
        Mock::given(method("PUT")).and(path("/a")).and(basic_auth("me", "pw")).respond_with(to).mount(&server).await;
        let put = Mock::given(method("PUT")).and(path("/b")).and(body_string("content"));
        put.respond_with(ResponseTemplate::new(201)).mount(&other).await;
        let login = Some((Secret("me".to_owned()), Secret("pw".to_owned())));
        let web = Web { login, ..web(&server, "/a") };
        let taken = tokio::task::spawn_blocking(move || {
            let file = tempfile::NamedTempFile::new().and_then(|mut file| {
                file.write_all(b"content")?;
                Ok(file)
            });
            file.map(|file| take(&web, file.path()))
        });
        assert!(matches!(taken.await, Ok(Ok(Ok(())))));
        let asked = other.received_requests().await.unwrap_or_default();
        assert!(asked.iter().all(|request| !request.headers.contains_key("authorization")));
    }
}
