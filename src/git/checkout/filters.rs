//! Finds the files that change during checkout: by line ends, `ident`, encodings, or filters such as LFS. This module
//! checks whether any attribute or setting could apply; if so, git lists the files.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

use super::super::credentials::Environment;
use super::super::error::GitError;
use super::super::program::Git;
use super::Checkout;
use super::plan::{CheckoutPlan, Entry, LINK, SUBMODULE};

/// Settings of the user that change files during checkout.
#[derive(Debug, Default)]
pub(super) struct Settings {
    line_ends: bool,
    no_links: bool,
    attributes: Option<PathBuf>,
}

/// Words in an attributes file that can change files during checkout. `text` alone does not, without the settings
/// above.
const ATTRIBUTE_WORDS: &[&str] = &["filter", "ident", "working-tree-encoding", "crlf"];
const ATTRIBUTES: [&str; 5] = ["filter", "ident", "working-tree-encoding", "eol", "crlf"];

impl Settings {
    /// Whether the settings apply to every file, not only to those with an attribute.
    pub(super) fn affect_every_file(&self) -> bool {
        self.line_ends || self.no_links
    }
}

/// Reads the settings through git, which knows all places of its configuration.
pub(super) fn settings(git: &Git, tree: &Path) -> Result<Settings, GitError> {
    let pattern = r"^core\.(autocrlf|eol|symlinks|attributesfile)$";
    // The command fails if none is set.
    let answer = git.ask(tree, ["config", "-z", "--get-regexp", pattern], &Environment::default())?;

    let mut settings = Settings::default();
    for setting in String::from_utf8_lossy(&answer.stdout).split('\0') {
        let (name, value) = setting.split_once('\n').unwrap_or((setting, "true"));
        match (name, value.to_ascii_lowercase().as_str()) {
            ("core.autocrlf", value) => {
                settings.line_ends = !matches!(value, "false" | "no" | "off" | "0" | "input" | "");
            }
            ("core.eol", "crlf") => settings.line_ends = true,
            ("core.symlinks", value) => settings.no_links = matches!(value, "false" | "no" | "off" | "0" | ""),
            ("core.attributesfile", _) => settings.attributes = Some(expand_home(value)),
            _ => {}
        }
    }
    Ok(settings)
}

fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.into(),
    }
}

/// The entries that git must write.
pub(super) fn changed(
    base: &Repository,
    checkout: &Checkout<'_>,
    plan: &CheckoutPlan,
    settings: &Settings,
) -> Result<Vec<usize>, GitError> {
    if !may_apply(base, checkout, plan, settings)? {
        return Ok(Vec::new());
    }
    let is_file = |entry: &Entry| entry.wanted && entry.mode != LINK && entry.mode != SUBMODULE;
    let files: Vec<usize> = (0..plan.entries.len()).filter(|&entry| is_file(&plan.entries[entry])).collect();
    // `git check-attr --cached` reads .gitattributes from the index, so write one first, without file states.
    super::index::write(&checkout.metadata.join("index"), plan, &super::files::Written::default())?;
    let asked = ["check-attr", "--cached", "-z", "--stdin"].into_iter().chain(ATTRIBUTES);
    let answer = checkout.git.run(checkout.tree, asked, plan.paths(&files))?;
    let changed = with_attributes(&answer);
    Ok(files.into_iter().filter(|&entry| changed.contains(plan.entries[entry].path.as_slice())).collect())
}

/// The paths with an attribute that changes the file.
fn with_attributes(answer: &[u8]) -> HashSet<&[u8]> {
    let fields: Vec<&[u8]> = answer.split(|&byte| byte == 0).collect();
    let lines = fields.chunks_exact(3);
    let changes = |attribute: &[u8], value: &[u8]| match (attribute, value) {
        (_, b"unspecified" | b"unset") => false,
        (b"eol", value) => value == b"crlf",
        _ => true,
    };
    lines.filter(|line| changes(line[1], line[2])).map(|line| line[0]).collect()
}

fn may_apply(
    base: &Repository,
    checkout: &Checkout<'_>,
    plan: &CheckoutPlan,
    settings: &Settings,
) -> Result<bool, GitError> {
    let attribute_files = attribute_files(base, checkout.git, settings);
    if attribute_files.iter().any(|path| fs::read(path).is_ok_and(|text| mentions(&text))) {
        return Ok(true);
    }

    for entry in plan.entries.iter().filter(|entry| entry.name().eq_ignore_ascii_case(b".gitattributes")) {
        if entry.mode == SUBMODULE {
            continue;
        }
        let damaged = |source| GitError::Damaged { commit: checkout.commit.clone(), source };
        if mentions(base.find_blob(entry.id).map_err(damaged)?.content()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Attributes files outside the commit.
fn attribute_files(base: &Repository, git: &Git, settings: &Settings) -> Vec<PathBuf> {
    let configured = settings.attributes.clone().or_else(|| {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let place = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        place.map(|place| place.join("git/attributes"))
    });
    let system = git.prefix().map(|prefix| prefix.join("etc/gitattributes"));
    [Some("/etc/gitattributes".into()), system, configured, Some(base.commondir().join("info/attributes"))]
        .into_iter()
        .flatten()
        .collect()
}

fn mentions(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    ATTRIBUTE_WORDS.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_without_effect_on_checkout_are_ignored() {
        assert!(!mentions(b"* text=auto\n*.png binary\n*.sh text eol=lf\n*.md diff=markdown\n"));
        for text in ["*.bat eol=crlf", "*.bin filter=lfs diff=lfs", "*.c ident", "* working-tree-encoding=UTF-16"] {
            assert!(mentions(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn paths_with_an_effective_attribute_are_found() {
        let answer =
            b"a\0filter\0lfs\0b\0eol\0lf\0c\0eol\0crlf\0d\0ident\0unset\0e\0filter\0unspecified\0f\0ident\0set\0";
        let mut paths: Vec<_> = with_attributes(answer).into_iter().collect();
        paths.sort_unstable();
        assert_eq!(paths, [b"a", b"c", b"f"]);
    }
}
