//! Passes tokens from the environment to git when none of the user's credential helpers has an answer. They travel in
//! environment variables only: never on a command line, never on disk, and only to the host they belong to.

use std::process::Command;

use super::remote::RemoteUrl;

/// Environment variables for git: configuration in `GIT_CONFIG_*`, and the login that it refers to.
#[derive(Default)]
pub(super) struct Environment {
    configuration: Vec<(String, String)>,
    login: Option<(String, String)>,
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
    let login =
        given.or_else(token).filter(|(user, password)| !format!("{user}{password}").contains(['\n', '\r', '\0']))?;

    let helper = format!(
        "!f() {{ test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"${USER}\" \"${PASSWORD}\"; }}; f"
    );
    // The first, empty value switches the user's helpers off: they had no answer, and a storing helper would store our
    // token.
    let configuration =
        vec![("credential.helper".to_owned(), String::new()), (format!("credential.{origin}.helper"), helper)];
    Some(Environment { configuration, login: Some(login) })
}

impl Environment {
    /// Adds the variables to a command, after the user's own `GIT_CONFIG_*`.
    pub(super) fn apply_to(&self, command: &mut Command) {
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
