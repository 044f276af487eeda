//! Artifacts: where they are, and their paths.

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{get, list, text};

/// Locations, in the order in which Argo asks. (workflow_types.go, ArtifactLocation.Get)
const LOCATIONS: [&str; 10] = ["artifactory", "azure", "git", "gcs", "hdfs", "http", "oss", "raw", "s3", "plugin"];

/// Whether an artifact says where it is, at least within a repository. (workflow_types.go, HasLocationOrKey)
pub(super) fn has_location_or_key(artifact: &Value) -> bool {
    let Some((kind, location)) = LOCATIONS.iter().find_map(|kind| Some((*kind, get(artifact, kind)?))) else {
        return false;
    };
    let has = |field: &str| !text(location, field).is_empty();
    match kind {
        "artifactory" => has("url") && get(location, "usernameSecret").is_some() || has_path(text(location, "url")),
        "azure" => has("blob"),
        "git" => has("repo"),
        "hdfs" => !list(location, "addresses").is_empty() || has("path"),
        "http" => has("url"),
        "raw" => true,
        _ => has("key"),
    }
}

fn has_path(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.contains('/')
}

impl Checker<'_> {
    /// (validateArtifactLocation; workflow/artifacts/hdfs/hdfs.go, ValidateArtifact)
    pub(super) fn location(&mut self, artifact: &Value, at: &At) {
        let given: Vec<&str> = LOCATIONS.into_iter().filter(|kind| get(artifact, kind).is_some()).collect();
        if let [first, second, ..] = given.as_slice() {
            // (workflow_types.go, the validation rule of ArtifactLocation)
            self.error(
                Rule::Artifact,
                &at.field(second),
                format!("an artifact has one location, not {first} and {second}"),
            );
        }
        if let Some(git) = get(artifact, "git")
            && text(git, "repo").is_empty()
        {
            self.error(Rule::Artifact, &at.field("git"), "git needs a `repo`");
        }
        let Some(hdfs) = get(artifact, "hdfs") else { return };
        let at = at.field("hdfs");
        let has = |field: &str| get(hdfs, field).is_some_and(|value| value.as_str() != Some(""));
        if list(hdfs, "addresses").is_empty() {
            self.error(Rule::Artifact, &at, "hdfs needs `addresses`");
        }
        if !text(hdfs, "path").starts_with('/') {
            self.error(Rule::Artifact, &at, "hdfs needs a `path` that begins with `/`");
        }
        let (cache, keytab) = (has("krbCCacheSecret"), has("krbKeytabSecret"));
        if !has("hdfsUser") && !cache && !keytab {
            self.error(Rule::Artifact, &at, "hdfs needs one of `hdfsUser`, `krbCCacheSecret` and `krbKeytabSecret`");
        }
        let needed: &[&str] = match (cache, keytab) {
            (_, true) => &["krbServicePrincipalName", "krbConfigConfigMap", "krbUsername", "krbRealm"],
            (true, false) => &["krbServicePrincipalName", "krbConfigConfigMap"],
            (false, false) => &[],
        };
        for field in needed.iter().filter(|field| !has(field)) {
            self.error(Rule::Artifact, &at, format!("hdfs with Kerberos needs `{field}`"));
        }
    }

    /// A path stays within what stands before its first `..`. (workflow_types.go, CleanPath)
    pub(super) fn clean_path(&mut self, artifact: &Value, at: &At) {
        let path = text(artifact, "path");
        if path.is_empty() {
            let message = format!("artifact `{}` needs a `path`", text(artifact, "name"));
            return self.error(Rule::Artifact, at, message);
        }
        let safe = path.split_once("/../").map(|(safe, _)| safe).or_else(|| {
            let cut = path.len().checked_sub(3)?;
            // Argo's pattern takes any two characters behind the last slash.
            (path.is_char_boundary(cut) && path[cut..].starts_with('/') && !path[cut + 1..].contains('\n'))
                .then(|| &path[..cut])
        });
        let Some(safe) = safe.filter(|safe| !safe.is_empty()) else { return };
        let cleaned = cleaned(path);
        let within = format!("{safe}/");
        if !cleaned.starts_with(&within) || cleaned.len() <= within.len() {
            let message = format!("the path of artifact `{}` leaves its directory by `..`", text(artifact, "name"));
            self.error(Rule::Artifact, &at.field("path"), message);
        }
    }
}

/// The path without `.`, `..` and empty parts. (Go's filepath.Clean)
fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("/a/./b//c/../d", "/a/b/d")]
    #[case("/../a", "/a")]
    #[case("a/../..", "..")]
    #[case("", ".")]
    fn a_path_is_cleaned_as_go_cleans_it(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(cleaned(path), expected);
    }

    #[test]
    fn a_key_is_enough_for_an_artifact_that_is_given() {
        assert!(
            has_location_or_key(&json!({"s3": {"key": "a"}})) && has_location_or_key(&json!({"raw": {"data": ""}}))
        );
        assert!(!has_location_or_key(&json!({"s3": {}})) && !has_location_or_key(&json!({"name": "a"})));
        assert!(has_location_or_key(&json!({"artifactory": {"url": "http://host/x"}})));
    }
}
