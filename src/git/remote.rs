//! The address of a remote repository. Credentials are removed from a URL as soon as it is parsed, so that they are
//! never printed, stored or passed on a command line.

use std::fmt;
use std::str::FromStr;

use super::identity::{Owner, RepositoryName};

/// The address of a repository, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteUrl {
    text: String,
    login: Option<Login>,
}

/// The credentials of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The user's name.
    pub(crate) user: String,
    /// The password or token.
    pub(crate) password: String,
}

/// Why a text is not the address of a repository. The message does not repeat the text, which may hold credentials.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RemoteUrlError {
    /// Empty, or not a valid address.
    #[error("invalid URL: expected https://…, ssh://…, git@host:path, file:///… or a path")]
    Malformed,
    /// A line break in percent-encoding: git would read what follows as another host.
    #[error("invalid URL: it holds an encoded line break (%0a, %0d) or a null (%00)")]
    Control,
    /// A query: git sends it with each request, and it ends up in its configuration.
    #[error(
        "a URL with a query is not the address of a repository: pass a token in GH_TOKEN, GITHUB_TOKEN or GITLAB_TOKEN, or \
         before the host as in https://TOKEN@host/path"
    )]
    Query,
    /// A transport that runs programs, or an unknown one.
    #[error("the transport {0:?} is not supported: expected https, http, ssh, git or file")]
    Transport(String),
}

const SCHEMES: &[&str] = &["https", "http", "ssh", "git", "file"];

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login(…)")
    }
}

impl RemoteUrl {
    /// The repository of an owner on a forge such as `https://github.com`.
    pub(crate) fn on_forge(forge: &str, owner: &Owner, repository: &RepositoryName) -> Result<Self, RemoteUrlError> {
        format!("{}/{owner}/{repository}.git", forge.trim_end_matches('/')).parse()
    }

    /// The repository of an owner on the forge that the CI names, else on the usual one.
    pub(crate) fn of_owner(
        owner: &Owner,
        repository: &RepositoryName,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, RemoteUrlError> {
        let server = variable("GITHUB_SERVER_URL").filter(|server| !server.is_empty());
        Self::on_forge(server.as_deref().unwrap_or("https://github.com"), owner, repository)
    }

    /// The address in the form for git.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Makes a relative path absolute, starting from this directory: git runs in another one.
    #[must_use]
    pub(crate) fn absolute(self, directory: &std::path::Path) -> Self {
        // With a colon before the first slash, git reads `host:path`.
        let is_path =
            !self.text.contains("://") && self.text.split('/').next().is_some_and(|first| !first.contains(':'));
        if !is_path {
            return self;
        }
        Self { text: directory.join(&self.text).display().to_string(), ..self }
    }

    /// Whether its credentials have a line break, which no helper of git can be given.
    pub(crate) fn has_broken_login(&self) -> bool {
        let is_broken = |text: &str| text.chars().any(char::is_control);
        self.login.as_ref().is_some_and(|login| is_broken(&login.user) || is_broken(&login.password))
    }

    /// The credentials that the URL contained.
    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// `scheme://host[:port]` of an HTTP address.
    pub(crate) fn http_origin(&self) -> Option<&str> {
        let (scheme, rest) = self.text.split_once("://")?;
        let host = rest.split('/').next().unwrap_or(rest);
        ["https", "http"].contains(&scheme).then(|| &self.text[..scheme.len() + 3 + host.len()])
    }

    /// Whether both name the same repository, by their texts only.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// The same text for all addresses that are the same.
    pub(super) fn key(&self) -> String {
        let text = self.text.trim_end_matches('/');
        let text = text.strip_suffix(".git").unwrap_or(text).trim_end_matches('/');
        let text = text.strip_prefix("file://").unwrap_or(text);
        match text.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                format!("{scheme}://{}/{path}", host.to_ascii_lowercase())
            }
            None => text.to_owned(),
        }
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for RemoteUrl {
    type Err = RemoteUrlError;

    fn from_str(text: &str) -> Result<Self, RemoteUrlError> {
        if text.is_empty() || text.starts_with('-') || text.contains(|letter: char| letter.is_control()) {
            return Err(RemoteUrlError::Malformed);
        }
        // `ext::program` and the like: git runs the helper named before `::`.
        if let Some((helper, _)) = text.split_once("::")
            && is_scheme(helper)
        {
            return Err(RemoteUrlError::Transport(helper.to_owned()));
        }

        let Some((scheme, rest)) = text.split_once("://") else {
            // `https:/host`, with a slash missing, would be read as host `https` and a path.
            let host = text.split_once(':').map(|(host, _)| host.to_ascii_lowercase());
            if host.is_some_and(|host| SCHEMES.contains(&host.as_str())) {
                return Err(RemoteUrlError::Malformed);
            }
            return Ok(Self { text: text.to_owned(), login: None });
        };
        let scheme = scheme.to_ascii_lowercase();
        if !is_scheme(&scheme) {
            return Err(RemoteUrlError::Malformed);
        }
        if !SCHEMES.contains(&scheme.as_str()) {
            return Err(RemoteUrlError::Transport(scheme));
        }

        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        if scheme != "file" && !is_host(host) {
            return Err(RemoteUrlError::Malformed);
        }
        if decoded(host).chars().chain(decoded(path).chars()).any(char::is_control) {
            return Err(RemoteUrlError::Control);
        }
        if scheme.starts_with("http") && (host.contains(['?', '#']) || path.contains(['?', '#'])) {
            return Err(RemoteUrlError::Query);
        }

        let (user, password) = login.map_or((None, None), |login| match login.split_once(':') {
            Some((user, password)) => (Some(user), Some(password)),
            None => (Some(login), None),
        });
        let (kept, login) = match (scheme.as_str(), user, password) {
            // For ssh a user name is not a secret; over HTTP it may be a token.
            ("ssh" | "git", Some(user), _) => (format!("{user}@"), None),
            (_, Some(user), password) => (String::new(), Some(login_of(user, password))),
            _ => (String::new(), None),
        };
        Ok(Self { text: format!("{scheme}://{kept}{host}{path}"), login })
    }
}

/// Whether the text can be a scheme, so that a message may repeat it: it cannot be a password.
fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
}

/// Whether the text is a host with an optional port. The beginning of a password with an unescaped `/` would be in the
/// port's place.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (text, ""),
    };
    !name.is_empty() && !name.starts_with('-') && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// `token@` is a token without a password; forges accept it as the user name.
fn login_of(user: &str, password: Option<&str>) -> Login {
    match password {
        Some(password) => Login { user: decoded(user), password: decoded(password) },
        None => Login { user: decoded(user), password: String::new() },
    }
}

/// Decodes percent-encoding; anything else stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                at += 3;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RemoteUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn credentials_are_removed() {
        let with = url("https://me:s3cr%40t@example.org:8443/a/b.git");
        assert_eq!(with.as_str(), "https://example.org:8443/a/b.git");
        assert_eq!(with.login(), Some(&Login { user: "me".to_owned(), password: "s3cr@t".to_owned() }));
        assert!(!format!("{with:?} {with}").contains("s3cr"));
        assert_eq!(url("https://t0ken@example.org/a").login().map(|login| login.user.as_str()), Some("t0ken"));
        assert_eq!(url("ssh://git@example.org/a").as_str(), "ssh://git@example.org/a");
        assert_eq!(url("ssh://git:s3cret@example.org/a").as_str(), "ssh://git@example.org/a");
    }

    #[test]
    fn the_addresses_of_git_are_accepted() {
        for text in ["https://example.org/a/b", "https://[::1]:8443/a", "http://[::1]/a", "ssh://git@a.org:22/b"] {
            assert_eq!(url(text).as_str(), text);
        }
        for text in ["git@example.org:a/b.git", "example.org:a", "file:///srv/a", "/srv/a", "./a", "../a"] {
            assert_eq!(url(text).as_str(), text);
        }
    }

    #[test]
    fn transports_that_run_programs_are_refused() {
        for (text, transport) in
            [("ext::sh -c touch% x", "ext"), ("fd::17", "fd"), ("foo://x/y", "foo"), ("EXT::sh", "EXT")]
        {
            assert_eq!(text.parse::<RemoteUrl>(), Err(RemoteUrlError::Transport(transport.to_owned())));
        }
        for text in [
            "",
            "-x",
            "--upload-pack=x",
            "https://",
            "https:///a",
            "https:/me:s3cret@example.org/a",
            "me:s3cret@x://example.org/a",
            "https://me:s3/cret@example.org/a",
            "ssh://-oProxyCommand=x/y",
            "ssh://example.org:-oProxyCommand=x/y",
            "https://a\nb/c",
        ] {
            assert_eq!(text.parse::<RemoteUrl>(), Err(RemoteUrlError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_line_break_in_a_url_is_refused_and_a_query_is_never_repeated() {
        for text in
            ["https://example.org/a%0ab", "https://example.org%0Aevil/a", "ssh://a.org/a%0db", "https://a.org/%00"]
        {
            assert_eq!(text.parse::<RemoteUrl>(), Err(RemoteUrlError::Control), "{text}");
        }
        assert!(url("https://me:a%0ab@example.org/a").has_broken_login());
        assert!(!url("https://me:a%20b@example.org/a").has_broken_login());
        for text in ["https://example.org/a.git?token=s3cr3t", "https://example.org?s3cr3t", "http://a.org/b#s3cr3t"] {
            let error = text.parse::<RemoteUrl>().map_err(|error| error.to_string());
            assert!(error.is_err_and(|error| error.contains("GH_TOKEN") && !error.contains("s3cr3t")), "{text}");
        }
    }

    #[test]
    fn the_same_repository_may_be_written_in_several_ways() {
        assert!(url("https://Example.org/a/b.git").is_same(&url("https://me:x@example.org/a/b/")));
        assert!(url("file:///srv/a.git").is_same(&url("/srv/a")));
        assert!(!url("https://example.org/a/b").is_same(&url("https://example.org/a/c")));
        assert!(!url("https://example.org/a/b").is_same(&url("http://example.org/a/b")));
    }

    #[test]
    fn an_origin_is_scheme_and_host() {
        assert_eq!(url("https://example.org:8443/a/b").http_origin(), Some("https://example.org:8443"));
        assert_eq!(url("git@example.org:a").http_origin(), None);
        assert_eq!(url("ssh://example.org/a").http_origin(), None);
    }
}
