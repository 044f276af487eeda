//! `--isolate` and what belongs to it: files of their own for the pods of a workflow.

use std::path::{Component, Path};
use std::str::FromStr;

use clap::ValueEnum;

use super::failure::Failure;
use crate::argo::identity::{IdentityError, ObjectName};
use crate::bundle::is_size;
use crate::git::{Owner, RemoteUrl, RepositoryName, Revision};
use crate::prepare::{Checkout, Isolation, SecretKey, TreeScope, Volume};

/// The image of this release; empty in a build that is no release.
const IMAGE: &str = match option_env!("RUNNABLE_IMAGE") {
    Some(image) => image,
    None => "",
};
/// The program in the image.
pub(super) const PROGRAM: &str = "kubectl-runnable";
/// The key of a secret that holds a token.
const TOKEN: &str = "token";
/// The ref of a repository for which none is given.
const REVISION: &str = "refs/heads/main";

/// Files of their own for the pods.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Isolation")]
pub(super) struct IsolationArgs {
    /// Give the pods a volume: an emptydir for each pod, a claim (pvc) for the workflow, or a claim that exists
    #[arg(long, value_name = "none|emptydir|pvc|claim:NAME")]
    isolate: Option<IsolateArg>,

    /// Isolate only these templates
    #[arg(long, value_name = "TEMPLATE", requires = "isolate")]
    isolate_template: Vec<String>,

    /// Check out a worktree of this repository into the volume, and start the containers in it
    // Parsed later: clap's message about an invalid value would print it with its credentials.
    #[arg(long, value_name = "OWNER/NAME@REF|URL#REF", requires = "isolate")]
    repo: Option<String>,

    /// Make a worktree for each call, which all attempts of the call use, or one for the run, whose pods then take turns
    #[arg(long, value_name = "call|run", default_value = "call", requires = "repo", hide_possible_values = true)]
    tree: TreeArg,

    /// The secret with a token for the repository, as NAME or NAME/KEY (key: token)
    #[arg(long, value_name = "SECRET", requires = "repo")]
    git_secret: Option<SecretArg>,

    /// Where the volume is mounted
    #[arg(long, value_name = "PATH", default_value = "/work", value_parser = work_dir, requires = "isolate")]
    work_dir: String,

    /// The storage class of the workflow's claim
    #[arg(long, value_name = "NAME", requires = "isolate")]
    storage_class: Option<ObjectName>,

    /// The size of the workflow's claim [default: 10Gi]
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "isolate")]
    storage_size: Option<String>,

    /// The image with this program and git that makes worktrees; a release has a default
    #[arg(long, value_name = "IMAGE", value_parser = image, requires = "isolate")]
    image: Option<String>,
}

/// `--isolate`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum IsolateArg {
    None,
    EmptyDir,
    PerWorkflow,
    Claim(ObjectName),
}

impl FromStr for IsolateArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "emptydir" => Ok(Self::EmptyDir),
            "pvc" => Ok(Self::PerWorkflow),
            _ => {
                let name = text.strip_prefix("claim:").ok_or("expected none, emptydir, pvc or claim:NAME")?;
                name.parse().map(Self::Claim).map_err(|error: IdentityError| error.to_string())
            }
        }
    }
}

/// `--tree`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TreeArg {
    /// Each call has its own.
    Call,
    /// The run has one.
    Run,
}

/// `--git-secret`.
#[derive(Debug, Clone)]
struct SecretArg(SecretKey);

impl FromStr for SecretArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, key) = text.split_once('/').unwrap_or((text, TOKEN));
        let name: ObjectName = name.parse().map_err(|error: IdentityError| error.to_string())?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key.is_empty() || !key.bytes().all(legal) {
            return Err(format!("key {key:?}: expected letters, digits, '-', '_' or '.'"));
        }
        Ok(Self(SecretKey { name: name.to_string(), key: key.to_owned() }))
    }
}

fn work_dir(text: &str) -> Result<String, &'static str> {
    let path = text.trim_end_matches('/');
    let legal = |next: char| next.is_ascii_alphanumeric() || "-_./".contains(next);
    let inside = Path::new(path).components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if path.starts_with('/') && inside && path.chars().all(legal) {
        Ok(path.to_owned())
    } else {
        Err("expected an absolute path of letters, digits, '-', '_' or '.', such as /work")
    }
}

/// A quantity, such as `10Gi`.
fn size(text: &str) -> Result<String, &'static str> {
    if is_size(text) { Ok(text.to_owned()) } else { Err("expected a size such as 10Gi") }
}

/// The name of an image.
pub(super) fn image(text: &str) -> Result<String, &'static str> {
    let legal = |next: char| next.is_ascii_alphanumeric() || "-_./:@".contains(next);
    let begins = text.starts_with(|next: char| next.is_ascii_alphanumeric());
    if begins && text.chars().all(legal) {
        Ok(text.to_owned())
    } else {
        Err("expected an image such as example.org/runnable:v1")
    }
}

/// The image with this program: the one given with the flag, else that of the release.
pub(super) fn image_or_release(given: Option<&str>, flag: &str) -> Result<String, Failure> {
    given.or(Some(IMAGE).filter(|image| !image.is_empty())).map(str::to_owned).ok_or_else(|| {
        Failure::usage("this build is no release, so it knows no image with the program and git")
            .hint(format!("build one (docs/operators.md) and name it with {flag}"))
    })
}

impl IsolationArgs {
    /// What is asked for. On this machine the worktree is made by this program itself.
    pub(super) fn isolation(&self, local: bool) -> Result<Option<Isolation>, Failure> {
        let volume = match &self.isolate {
            None | Some(IsolateArg::None) => return Ok(None),
            Some(IsolateArg::EmptyDir) => Volume::EmptyDir,
            Some(IsolateArg::PerWorkflow) => Volume::PerWorkflow {
                storage_class: self.storage_class.as_ref().map(ToString::to_string),
                size: self.storage_size.clone().unwrap_or_else(|| "10Gi".to_owned()),
            },
            Some(IsolateArg::Claim(claim)) if local => {
                return Err(Failure::usage(format!(
                    "--isolate claim:{claim} is a claim of a cluster, which --local does without"
                ))
                .hint("use --isolate emptydir or pvc: directories of the run"));
            }
            Some(IsolateArg::Claim(claim)) => Volume::Claim(claim.to_string()),
        };
        let for_claims = self.storage_class.is_some() || self.storage_size.is_some();
        if for_claims && !matches!(volume, Volume::PerWorkflow { .. }) {
            return Err(Failure::usage("--storage-class and --storage-size are for the claim of --isolate pvc"));
        }
        let checkout = self.repo.as_deref().map(|repo| self.checkout(repo, local)).transpose()?;
        Ok(Some(Isolation {
            volume,
            templates: self.isolate_template.clone(),
            work_dir: self.work_dir.clone(),
            checkout,
        }))
    }

    /// The claim that has to exist.
    pub(super) fn claim(&self) -> Option<&ObjectName> {
        match &self.isolate {
            Some(IsolateArg::Claim(claim)) => Some(claim),
            _ => None,
        }
    }

    fn checkout(&self, repo: &str, local: bool) -> Result<Checkout, Failure> {
        let (url, revision) = repository(repo)?;
        let (image, program) = if local {
            let program = std::env::current_exe().map_err(anyhow::Error::from)?;
            if program.starts_with(&self.work_dir) {
                let message = format!("{} hides this program, which makes the worktree of a local task", self.work_dir);
                return Err(Failure::usage(message).hint("use --work-dir"));
            }
            (self.image.clone().unwrap_or_else(|| PROGRAM.to_owned()), program.display().to_string())
        } else {
            (image_or_release(self.image.as_deref(), "--image")?, PROGRAM.to_owned())
        };
        let tree = match self.tree {
            TreeArg::Call => TreeScope::Call,
            TreeArg::Run => TreeScope::Run,
        };
        let secret = self.git_secret.as_ref().map(|SecretArg(secret)| secret.clone());
        Ok(Checkout { url, revision, tree, image, program, secret })
    }
}

/// The address and the ref of `OWNER/NAME@REF` or `URL#REF`.
fn repository(text: &str) -> Result<(String, String), Failure> {
    let is_url = text.contains("://") || text.contains(':') || text.starts_with(['/', '.']);
    let (place, revision) = text.split_once(if is_url { '#' } else { '@' }).unwrap_or((text, REVISION));
    let refuse = |why: String| Failure::usage(format!("--repo: {why}"));
    let url = if is_url {
        place.parse::<RemoteUrl>().map_err(|error| refuse(error.to_string()))?
    } else {
        let (owner, name) =
            place.rsplit_once('/').ok_or_else(|| refuse("expected OWNER/NAME@REF or a URL".to_owned()))?;
        let owner: Owner = owner.parse().map_err(|error: crate::git::NameError| refuse(error.to_string()))?;
        let name: RepositoryName = name.parse().map_err(|error: crate::git::NameError| refuse(error.to_string()))?;
        RemoteUrl::of_owner(&owner, &name, |name| std::env::var(name).ok())
            .map_err(|error| refuse(error.to_string()))?
    };
    if url.login().is_some() {
        return Err(refuse("credentials in the URL would stand in the workflow".to_owned())
            .hint("put the token into a secret and name it with --git-secret"));
    }
    let url = url.absolute(&std::env::current_dir().map_err(anyhow::Error::from)?).as_str().to_owned();
    let revision: Revision = revision.parse().map_err(|error: crate::git::NameError| refuse(error.to_string()))?;
    let revision = revision.to_string();
    // Argo replaces the one, the kubelet the other.
    if [&url, &revision].iter().any(|text| text.contains("{{") || text.contains("$(")) {
        return Err(refuse("'{{' and '$(' cannot stand in a repository's address or ref".to_owned()));
    }
    Ok((url, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_owner_and_a_name_or_a_url() {
        let read = |text: &str| repository(text).map_err(|failure| format!("{failure:?}"));
        let pair = |url: &str, revision: &str| Ok((url.to_owned(), revision.to_owned()));
        assert_eq!(read("https://git.example.org/a/b.git#v1"), pair("https://git.example.org/a/b.git", "v1"));
        assert_eq!(read("file:///srv/a.git"), pair("file:///srv/a.git", "refs/heads/main"));
        assert_eq!(
            read("git@git.example.org:a/b.git#refs/pull/7/head"),
            pair("git@git.example.org:a/b.git", "refs/pull/7/head")
        );
        assert!(read("a/b@v1").is_ok_and(|(url, revision)| url.ends_with("/a/b.git") && revision == "v1"));
        for illegal in
            ["", "b", "a/../b@x", "a/b@-x", "https://t0ken:x@git.example.org/a/b", "https://h/{{x}}", "a/b@$(X)"]
        {
            assert!(read(illegal).is_err_and(|why| !why.contains("t0ken")), "{illegal}");
        }
    }

    #[test]
    fn sizes_paths_and_images_keep_to_their_grammars() {
        for legal in ["10Gi", "1", "1.5Ti", "500M"] {
            assert!(size(legal).is_ok(), "{legal}");
        }
        for illegal in ["", "Gi", "-1Gi", "0Gi", "10gi", "1e3", "10 Gi", "infGi"] {
            assert!(size(illegal).is_err(), "{illegal}");
        }
        assert_eq!(work_dir("/work/"), Ok("/work".to_owned()));
        for illegal in ["", "/", "work", "/a/../b", "/a b", "/{{x}}", "/a:b"] {
            assert!(work_dir(illegal).is_err(), "{illegal}");
        }
        assert!(image("example.org:5000/a/b:v1").is_ok() && image("a@sha256:00").is_ok());
        assert!(image("-x").is_err() && image("a b").is_err() && image("{{x}}").is_err());
    }
}
