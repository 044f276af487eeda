//! The manifest by which krew installs the plugin: what krew checks, and that it speaks of this version.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

const REPOSITORY: &str = "https://github.com/kubectl-runnable/kubectl-runnable";

fn manifest() -> Value {
    serde_yaml::from_str(include_str!("../krew-manifest.yaml")).expect("the manifest is YAML")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

#[test]
fn the_manifest_is_a_plugin_of_this_version() {
    let manifest = manifest();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "runnable");
    assert_eq!(manifest["spec"]["version"], concat!("v", env!("CARGO_PKG_VERSION")));
    assert_eq!(manifest["spec"]["homepage"], REPOSITORY);
    let short = text(&manifest["spec"], "shortDescription");
    // krew's index refuses a longer one, and one that ends with a full stop.
    assert!((1..=50).contains(&short.len()) && !short.ends_with('.'), "{short:?}");
    assert!(!text(&manifest["spec"], "description").is_empty());
}

#[test]
fn each_platform_names_its_own_archive_of_this_release() {
    let manifest = manifest();
    let version = text(&manifest["spec"], "version");
    let checksum = Regex::new("^[0-9a-f]{64}$").expect("the pattern is legal");
    let mut platforms = BTreeSet::new();
    for platform in manifest["spec"]["platforms"].as_array().expect("platforms is a list") {
        let labels = &platform["selector"]["matchLabels"];
        let (os, arch) = (text(labels, "os"), text(labels, "arch"));
        assert_eq!(
            text(platform, "uri"),
            format!("{REPOSITORY}/releases/download/{version}/kubectl-runnable_{version}_{os}_{arch}.tar.gz")
        );
        assert!(checksum.is_match(text(platform, "sha256")), "{platform}");
        assert_eq!(platform["bin"], "kubectl-runnable");
        let files: Vec<&str> =
            platform["files"].as_array().into_iter().flatten().map(|file| text(file, "from")).collect();
        assert_eq!(files, ["kubectl-runnable", "LICENSE"]);
        assert!(platforms.insert((os.to_owned(), arch.to_owned())), "{os}/{arch} stands twice");
    }
    let expected = ["darwin", "linux"].map(|os| ["amd64", "arm64"].map(|arch| (os.to_owned(), arch.to_owned())));
    assert_eq!(platforms, expected.into_iter().flatten().collect());
}

/// The bot's template is the manifest, but for the version and for what the bot finds out itself.
#[test]
fn the_bot_proposes_the_same_manifest() {
    let template = include_str!("../.krew.yaml");
    let address = Regex::new(r#"\{\{addURIAndSha "([^"]+)" \.TagName \| indent 6 \}\}"#).expect("the pattern is legal");
    let zeros = "0".repeat(64);
    let filled = address.replace_all(template, format!("uri: $1\n      sha256: \"{zeros}\"").as_str());
    let filled = filled.replace("{{ .TagName }}", concat!("v", env!("CARGO_PKG_VERSION")));
    let proposed: Value = serde_yaml::from_str(&filled).expect("the template is YAML");
    let mut manifest = manifest();
    for platform in manifest["spec"]["platforms"].as_array_mut().expect("platforms is a list") {
        platform["sha256"] = zeros.as_str().into();
    }
    assert_eq!(proposed, manifest);
}
