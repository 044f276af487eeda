//! Where argo-server is: its flags give a host and a port, and say the rest.

use http::Uri;

use super::ArgoServerError;
use crate::mask;

/// The root URL of the server, and the path below which its API is.
pub(super) fn of(server: &str, base_href: &str, secure: bool) -> Result<(Uri, String), ArgoServerError> {
    let server = server.trim();
    if server.is_empty() {
        return Err(ArgoServerError::NotNamed);
    }
    let wrong = || ArgoServerError::Address {
        server: mask::url(server),
        cause: "expected HOST:PORT, or a URL with http or https".to_owned(),
    };
    let scheme = if secure { "https" } else { "http" };
    let url = if server.contains("://") { server.to_owned() } else { format!("{scheme}://{server}") };
    let url: Uri = url.parse().map_err(|_| wrong())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(wrong());
    };
    if url.query().is_some() || authority.as_str().contains('@') {
        return Err(wrong());
    }
    let root = format!("{scheme}://{authority}/").parse().map_err(|_| wrong())?;
    let parts = [url.path(), base_href].into_iter().flat_map(|path| path.split('/'));
    let base: String = parts.filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect();
    let is_path = base.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\"<>\\".contains(&byte));
    if is_path { Ok((root, base)) } else { Err(wrong()) }
}

/// Whether nobody on the way reads what is sent: the credentials of a kubeconfig go nowhere else.
pub(super) fn is_private(root: &Uri) -> bool {
    let host = root.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    root.scheme_str() == Some("https") || is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(server: &str, base: &str, secure: bool) -> Option<(String, String)> {
        of(server, base, secure).ok().map(|(root, base)| (root.to_string(), base))
    }

    #[test]
    fn a_host_and_a_port_or_a_url_name_a_server() {
        let pair = |root: &str, base: &str| Some((root.to_owned(), base.to_owned()));
        assert_eq!(at("argo:2746", "", true), pair("https://argo:2746/", ""));
        assert_eq!(at("localhost:2746", "", false), pair("http://localhost:2746/", ""));
        assert_eq!(at("argo.example.org:443", "/argo/", true), pair("https://argo.example.org:443/", "/argo"));
        assert_eq!(at("http://a/x/", "y", true), pair("http://a/", "/x/y"));
        for odd in ["", " ", "ftp://a", "a b", "https://a?token=x", "https://me:secret@a"] {
            assert_eq!(at(odd, "", true), None, "{odd}");
        }
        assert_eq!(at("a", "x?y", true), None);
    }

    #[test]
    fn a_refusal_shows_no_password() {
        let said = of("https://me:secret@a", "", true).map_err(|error| error.to_string()).unwrap_err();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn credentials_of_a_kubeconfig_stay_private() {
        for (root, private) in
            [("https://a/", true), ("http://a/", false), ("http://127.0.0.1:1/", true), ("http://[::1]:1/", true)]
        {
            assert_eq!(is_private(&root.parse().expect("it is a URL")), private, "{root}");
        }
    }
}
