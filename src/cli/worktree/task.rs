//! The default task id: the number of the CI's pull request, else a new name.

use jiff::Timestamp;

use crate::cli::failure::Failure;
use crate::cli::generate;
use crate::git::TaskId;

/// Variables that hold the number of the pull or merge request in CI systems.
const NUMBERS: &[&str] = &[
    "CI_MERGE_REQUEST_IID",
    "PULL_NUMBER",
    "PR_NUMBER",
    "CHANGE_ID",
    "BITBUCKET_PR_ID",
    "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER",
    "BUILDKITE_PULL_REQUEST",
    "DRONE_PULL_REQUEST",
    "TRAVIS_PULL_REQUEST",
    "CI_COMMIT_PULL_REQUEST",
];

/// The number of the pull request, else the time and six random characters.
pub(super) fn default(variable: impl Fn(&str) -> Option<String>, now: Timestamp) -> Result<TaskId, Failure> {
    match pull_request(variable) {
        Some(number) => Ok(number.to_string().parse()?),
        None => Ok(generate::run_id(now)?.as_str().parse()?),
    }
}

fn pull_request(variable: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let github = || variable("GITHUB_REF")?.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok();
    let circle = || variable("CIRCLE_PULL_REQUEST")?.rsplit('/').next()?.parse().ok();
    let number = || NUMBERS.iter().find_map(|name| variable(name)?.parse().ok());
    github().or_else(number).or_else(circle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, value: &str) -> Option<u64> {
        pull_request(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_ci_names_the_pull_request() {
        assert_eq!(number("GITHUB_REF", "refs/pull/42/merge"), Some(42));
        assert_eq!(number("CI_MERGE_REQUEST_IID", "7"), Some(7));
        assert_eq!(number("CIRCLE_PULL_REQUEST", "https://github.com/a/b/pull/9"), Some(9));
        for (name, value) in
            [("GITHUB_REF", "refs/heads/main"), ("BUILDKITE_PULL_REQUEST", "false"), ("PR_NUMBER", "../../x")]
        {
            assert_eq!(number(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn without_a_pull_request_each_name_is_new() {
        let name = || default(|_| None, Timestamp::UNIX_EPOCH).unwrap_or_else(|failure| panic!("{failure:?}"));
        assert!(name().as_str().starts_with("19700101-000000-"));
        assert_ne!(name(), name());
    }
}
