//! A client of http that asks as Go's does, and what its errors say.

use std::io;

use reqwest::{Client, ClientBuilder, Proxy};

/// What stands for a query.
const MASK: &str = "***";

/// A client that follows redirections as Go's does.
pub(crate) fn client(insecure: bool) -> ClientBuilder {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().user_agent("kubectl-runnable").referer(false);
    if insecure {
        // Go's client has no proxy here.
        return builder.no_proxy().tls_danger_accept_invalid_certs(true);
    }
    // Go asks no proxy for this machine, whatever the environment says.
    let matcher = hyper_util::client::proxy::matcher::Matcher::from_env();
    let proxy = Proxy::custom(move |url| {
        if url.host_str().is_none_or(is_this_machine) {
            return None;
        }
        let found = matcher.intercept(&url.as_str().parse().ok()?)?;
        Some(found.uri().to_string())
    });
    builder.proxy(proxy)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The URL as an error may show it: a password as Go hides it, and no query, which may hold a token.
pub(crate) fn without_credentials(url: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(url) else { return url.to_owned() };
    if url.password().is_some() {
        // Fails only for a URL that can have none.
        let _ = url.set_password(Some("xxxxx"));
    }
    if url.query().is_some() {
        url.set_query(Some(MASK));
    }
    url.to_string()
}

/// The innermost cause of an error, which names no URL.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "context deadline exceeded".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    match inner.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connect: connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "read: connection reset by peer".to_owned(),
        Some(io::ErrorKind::UnexpectedEof) => "EOF".to_owned(),
        _ => inner.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_url_holds_neither_password_nor_query() {
        for (url, shown) in [
            ("http://me:pw@host/a?token=abc#part", "http://me:xxxxx@host/a?***#part"),
            ("https://host/a", "https://host/a"),
            ("no url", "no url"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
