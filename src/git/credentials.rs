//! Passes tokens from the environment to git when none of the user's credential helpers has an answer. They travel in
//! environment variables only: never on a command line, never on disk, and only to the host they belong to.

use std::path::PathBuf;
use std::process::Command;

use super::remote::RemoteUrl;

/// Environment variables for git: configuration in `GIT_CONFIG_*`, and the login that it refers to.
#[derive(Default)]
pub(super) struct Environment {
    configuration: Vec<(String, String)>,
    login: Option<(String, String)>,
    variables: Vec<(&'static str, String)>,
}

/// The variables that the credential helper reads, so that its own text holds no secret.
const USER: &str = "KUBECTL_RUNNABLE_GIT_USER";
const PASSWORD: &str = "KUBECTL_RUNNABLE_GIT_PASSWORD";

/// Selection host a token is for, and the user name to send with it.
struct Forge {
    tokens: &'static [&'static str],
    server: &'static str,
    default: &'static str,
    user: &'static str,
}

const FORGES: &[Forge] = &[
    Forge {
        tokens: &["GH_TOKEN", "GITHUB_TOKEN"],
        server: "GITHUB_SERVER_URL",
        default: "https://github.com",
        user: "x-access-token",
    },
    Forge { tokens: &["GITLAB_TOKEN"], server: "CI_SERVER_URL", default: "https://gitlab.com", user: "oauth2" },
];

/// The login to try when the user's own helpers have no answer: the one in the URL, then a token from the environment.
pub(super) fn login(url: &RemoteUrl, variable: impl Fn(&str) -> Option<String>) -> Option<Environment> {
    let origin = url.http_origin()?;
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let given = url.login().map(|login| (login.user.clone(), login.password.clone()));
    let token = || {
        FORGES.iter().find_map(|forge| {
            let server = set(forge.server).unwrap_or_else(|| forge.default.to_owned());
            if !server.trim_end_matches('/').eq_ignore_ascii_case(origin) {
                return None;
            }
            let token = forge.tokens.iter().find_map(|name| set(name))?;
            Some((forge.user.to_owned(), token.trim().to_owned()))
        })
    };

    // A line break in a value would add a line of its own to the helper's answer, such as another host.
    given.or_else(token).and_then(|login| of_login(origin, login))
}

/// The login to a host, unless no helper of git can be given it.
fn of_login(origin: &str, login: (String, String)) -> Option<Environment> {
    if format!("{}{}", login.0, login.1).contains(['\n', '\r', '\0']) {
        return None;
    }
    let helper = format!(
        "!f() {{ test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"${USER}\" \"${PASSWORD}\"; }}; f"
    );
    // The first, empty value switches the user's helpers off: they had no answer, and a storing helper would store our
    // token.
    let configuration =
        vec![("credential.helper".to_owned(), String::new()), (format!("credential.{origin}.helper"), helper)];
    Some(Environment { configuration, login: Some(login), ..Environment::default() })
}

/// What somebody has given for one repository, before all that the user's git knows itself.
#[derive(Default)]
pub(crate) struct GivenAccess {
    /// A name and a password for its host.
    pub(crate) login: Option<(String, String)>,
    /// A key for ssh, in a file that others cannot read.
    pub(crate) ssh_key: Option<PathBuf>,
    /// Whether any host is believed to be the right one.
    pub(crate) any_host_key: bool,
    /// Whether any certificate is.
    pub(crate) any_certificate: bool,
}

impl GivenAccess {
    /// The environment for git; empty where nothing was given.
    pub(super) fn environment(&self, url: &RemoteUrl) -> Environment {
        let login = url.http_origin().zip(self.login.clone());
        let mut environment = login.and_then(|(origin, login)| of_login(origin, login)).unwrap_or_default();
        if let Some(command) = self.ssh_command() {
            environment.variables.push(("GIT_SSH_COMMAND", command));
        }
        if self.any_certificate {
            environment.variables.push(("GIT_SSL_NO_VERIFY", "1".to_owned()));
        }
        environment
    }

    fn ssh_command(&self) -> Option<String> {
        let key = self.ssh_key.as_ref().map(|path| {
            let path = path.display().to_string().replace('\'', "'\\''");
            format!(" -i '{path}' -o IdentitiesOnly=yes")
        });
        let host = self.any_host_key.then_some(" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null");
        if key.is_none() && host.is_none() {
            return None;
        }
        Some(format!("ssh -o BatchMode=yes{}{}", key.unwrap_or_default(), host.unwrap_or_default()))
    }
}

impl Environment {
    /// Whether it has nothing to add.
    pub(super) fn is_empty(&self) -> bool {
        self.configuration.is_empty() && self.variables.is_empty()
    }

    /// One more variable.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Adds the variables to a command, after the user's own `GIT_CONFIG_*`.
    pub(super) fn apply_to(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.configuration.is_empty() {
            return;
        }
        let count = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0_usize);
        for (number, (key, value)) in self.configuration.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{}", count + number), key);
            command.env(format!("GIT_CONFIG_VALUE_{}", count + number), value);
        }
        command.env("GIT_CONFIG_COUNT", (count + self.configuration.len()).to_string());
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "");
        if let Some((user, password)) = &self.login {
            command.env(USER, user).env(PASSWORD, password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_and_password(url: &str, variables: &[(&str, &str)]) -> Option<(String, String)> {
        let url = url.parse().unwrap_or_else(|error| panic!("{error}"));
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        login(&url, find)?.login
    }

    fn pair(user: &str, password: &str) -> (String, String) {
        (user.to_owned(), password.to_owned())
    }

    #[test]
    fn a_token_is_sent_only_to_its_own_host() {
        let github = [("GITHUB_TOKEN", "t")];
        assert_eq!(user_and_password("https://github.com/a/b", &github), Some(pair("x-access-token", "t")));
        for other in
            ["http://github.com/a/b", "https://github.com.evil.org/a", "https://gitlab.com/a/b", "git@github.com:a"]
        {
            assert_eq!(user_and_password(other, &github), None, "{other}");
        }
        let enterprise = [("GITHUB_TOKEN", "t"), ("GITHUB_SERVER_URL", "https://git.example.org/")];
        assert_eq!(user_and_password("https://git.example.org/a/b", &enterprise), Some(pair("x-access-token", "t")));
        assert_eq!(user_and_password("https://github.com/a/b", &enterprise), None);
        assert_eq!(user_and_password("https://gitlab.com/a/b", &[("GITLAB_TOKEN", "g")]), Some(pair("oauth2", "g")));
    }

    #[test]
    fn tokens_have_the_order_of_the_forges_own_tools() {
        let both = [("GITHUB_TOKEN", "second"), ("GH_TOKEN", "first")];
        assert_eq!(user_and_password("https://github.com/a/b", &both), Some(pair("x-access-token", "first")));
        let empty = [("GITHUB_TOKEN", "second"), ("GH_TOKEN", " ")];
        assert_eq!(user_and_password("https://github.com/a/b", &empty), Some(pair("x-access-token", "second")));
        assert_eq!(user_and_password("https://me:own@github.com/a/b", &both), Some(pair("me", "own")));
    }

    #[test]
    fn the_configuration_holds_no_secret() {
        let url = "https://me:s3cret@example.org/a".parse().unwrap_or_else(|error| panic!("{error}"));
        let environment = login(&url, |_| None).unwrap_or_else(|| panic!("there is a login"));
        assert!(!format!("{:?}", environment.configuration).contains("s3cret"));
        assert_eq!(user_and_password("https://a:b%0ahost=evil@example.org/a", &[]), None);
    }
}
