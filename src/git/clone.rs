//! A repository of its own for somebody who keeps it, made from a base: only what the base has not comes over the network.
//! The base is that of all clones of one remote, whatever their depth. Nothing in the clone refers to the base.

use std::path::Path;
use std::time::Duration;

use git2::{Oid, Reference, Repository};

use super::base::{self, REMOTE};
use super::credentials::{Environment, GivenAccess};
use super::error::GitError;
use super::fetch::{Depth, depth_argument};
use super::identity::{NameError, Revision};
use super::lock::{self, Lock};
use super::network::{Network, wants_credentials};
use super::program::{Answer, Git};
use super::recovery;
use super::remote::RemoteUrl;
use super::root::Root;

/// How long others may hold the base.
const PATIENCE: Duration = Duration::from_mins(30);

/// A clone that is asked for.
pub(crate) struct CloneRequest<'a> {
    /// The remote.
    pub(crate) url: &'a RemoteUrl,
    /// A branch, a tag or a commit to check out; none for the default branch.
    pub(crate) revision: Option<&'a str>,
    /// Commits of each branch; 0 for all.
    pub(crate) depth: u32,
    /// The only branch that is fetched.
    pub(crate) branch: Option<&'a str>,
    /// More refspecs to fetch from the remote.
    pub(crate) fetch: &'a [String],
    /// Whether submodules are checked out too.
    pub(crate) submodules: bool,
    /// Who asks, where that is not the user.
    pub(crate) access: GivenAccess,
}

/// Makes the clone at a path where nothing is. `bases` is the directory of the bases.
pub(crate) fn clone(git: &Git, bases: &Path, request: &CloneRequest<'_>, target: &Path) -> Result<(), GitError> {
    if let Some(branch) = request.branch.filter(|branch| !Reference::is_valid_name(&format!("refs/heads/{branch}"))) {
        return Err(NameError::Revision(branch.to_owned()).into());
    }
    let name = blake3::hash(request.url.key().as_bytes()).to_hex();
    let root = Root::make(&bases.join(&name[..32]))?;
    let work = Work { git, request, root: &root };
    let head = match request.branch {
        Some(branch) => Some(branch.to_owned()),
        None => work.default_branch()?,
    };

    let holder = lock::describe("clone", &jiff::Timestamp::now());
    let lock = Lock::take(&root.lock(), PATIENCE, &holder)?;
    let base = base::make(&root, request.url)?;
    recovery::repair(&root, &base, &lock);
    work.fill_base(&base, Depth(request.depth))?;
    let commit = request.revision.map(|revision| work.resolve(&base, revision)).transpose()?;
    work.fill(target, commit)?;
    drop(lock);

    work.check_out(target, head.as_deref(), commit)
}

struct Work<'a> {
    git: &'a Git,
    request: &'a CloneRequest<'a>,
    root: &'a Root,
}

impl Work<'_> {
    /// Asks the remote, with what was given or else what the user's git has.
    fn ask(&self, directory: &Path, arguments: &[&str]) -> Result<Answer, GitError> {
        let environment = self.request.access.environment(self.request.url);
        if environment.is_empty() {
            return Network { git: self.git, url: self.request.url }.ask(directory, arguments);
        }
        let answer = self.git.ask(directory, arguments.iter().copied(), &environment)?;
        if !answer.success && wants_credentials(&answer.stderr) {
            return Err(GitError::Credentials { url: self.request.url.to_string(), message: answer.stderr });
        }
        Ok(answer)
    }

    fn tell(&self, directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        self.ask(directory, arguments)?.into_stdout(arguments, directory)
    }

    /// Without a request to the remote.
    fn here(&self, directory: &Path, arguments: &[&str]) -> Result<(), GitError> {
        let environment = Environment::default().with("GIT_ALLOW_PROTOCOL", "file");
        let answer = self.git.ask(directory, arguments.iter().copied(), &environment)?;
        answer.into_stdout(arguments, directory).map(drop)
    }

    /// The branch that the remote's HEAD names; none of an empty repository.
    fn default_branch(&self) -> Result<Option<String>, GitError> {
        let arguments = ["ls-remote", "--symref", "--", self.request.url.as_str(), "HEAD"];
        let printed = self.tell(self.root.path(), &arguments)?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let line = printed.lines().find_map(|line| line.strip_prefix("ref: refs/heads/"));
        Ok(line.and_then(|line| Some(line.split_once('\t')?.0.to_owned())))
    }

    fn fill_base(&self, base: &Repository, depth: Depth) -> Result<(), GitError> {
        let (refs, more) = if let Some(branch) = self.request.branch {
            (vec![format!("+refs/heads/{branch}:refs/remotes/{REMOTE}/{branch}")], ["--no-prune"].as_slice())
        } else {
            let all = [format!("+refs/heads/*:refs/remotes/{REMOTE}/*"), "+refs/tags/*:refs/tags/*".to_owned()];
            (all.into(), ["--no-tags", "--prune"].as_slice())
        };
        let depth = depth_argument(base, depth);

        // In one pack, which is renamed into place when it is complete (see fetch::arguments).
        let mut arguments = vec!["-c", "fetch.unpackLimit=1", "-c", "fetch.writeCommitGraph=false", "fetch", "--quiet"];
        arguments.extend(["--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules"]);
        arguments.extend(more.iter().copied().chain(depth.as_deref()));
        arguments.extend(["--", REMOTE]);
        arguments.extend(refs.iter().map(String::as_str));
        self.tell(&self.root.base(), &arguments).map(drop)
    }

    /// The commit that a revision names: as in Argo a tag before a branch. One that lies deeper than the base is looked for
    /// once more with all commits.
    fn resolve(&self, base: &Repository, revision: &str) -> Result<Oid, GitError> {
        if let Some(commit) = commit_of(base, revision) {
            return Ok(commit);
        }
        let is_id = revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            // A commit of no branch, which not every server gives.
            let arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", REMOTE, revision];
            self.ask(&self.root.base(), &arguments)?;
        } else if base.is_shallow() {
            self.fill_base(base, Depth(0))?;
        }
        let base = base::open(self.root)?;
        commit_of(&base, revision).ok_or_else(|| {
            let url = self.request.url.to_string();
            match revision.parse() {
                Ok(Revision::Object(id)) => GitError::NoCommit { url, id },
                Ok(Revision::Ref(name)) => GitError::NoRef { url, name, default: None },
                Err(error) => error.into(),
            }
        })
    }

    /// Makes the repository and fills it from the base.
    fn fill(&self, target: &Path, commit: Option<Oid>) -> Result<(), GitError> {
        let path = text(target)?;
        self.here(self.root.path(), &["init", "--quiet", "--template=", "--", path])?;
        self.here(target, &["remote", "add", "--", REMOTE, self.request.url.as_str()])?;
        let base = base::open(self.root)?;
        let mut config = base.config().map_err(GitError::library("read the base's configuration"))?;
        let allow = config.set_bool("uploadpack.allowAnySHA1InWant", true);
        allow.map_err(GitError::library("write the base's configuration"))?;

        let from = format!("file://{}", text(&self.root.base())?);
        let depth = (self.request.depth > 0).then(|| format!("--depth={}", self.request.depth));
        let branch = self.request.branch.unwrap_or("*");
        let mut refs = vec![format!("+refs/remotes/{REMOTE}/{branch}:refs/remotes/{REMOTE}/{branch}")];
        if self.request.branch.is_none() {
            refs.push("+refs/tags/*:refs/tags/*".to_owned());
        }
        if let Some(commit) = commit {
            refs.push(format!("+refs/remotes/{REMOTE}/{branch}:refs/heads/{branch}"));
            refs.push(commit.to_string());
        }
        let mut arguments = vec!["fetch", "--quiet", "--update-shallow", "--update-head-ok", "--no-write-fetch-head"];
        arguments.extend(["--no-auto-gc", "--no-recurse-submodules"]);
        arguments.extend(depth.as_deref());
        arguments.extend(["--", &from]);
        arguments.extend(refs.iter().map(String::as_str));
        self.here(target, &arguments)
    }

    fn check_out(&self, target: &Path, head: Option<&str>, commit: Option<Oid>) -> Result<(), GitError> {
        let depth = (self.request.depth > 0).then(|| format!("--depth={}", self.request.depth));
        if !self.request.fetch.is_empty() {
            let mut arguments = vec!["fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules"];
            arguments.extend(depth.as_deref());
            arguments.extend(["--", REMOTE]);
            arguments.extend(self.request.fetch.iter().map(String::as_str));
            self.tell(target, &arguments)?;
        }
        // A hook of the user's is none of the artifact's.
        let quiet = ["-c", "core.hooksPath=/dev/null", "checkout", "--quiet"];
        let name = commit.map(|commit| commit.to_string());
        let start = head.map(|head| format!("refs/remotes/{REMOTE}/{head}"));
        let what: Vec<&str> = match (&name, head, &start) {
            (Some(commit), ..) => vec!["--detach", commit],
            (None, Some(head), Some(start)) => vec!["--track", "-B", head, start],
            // An empty repository.
            _ => return Ok(()),
        };
        self.here(target, &[&quiet[..], &what].concat())?;
        if self.request.submodules && target.join(".gitmodules").is_file() {
            let arguments =
                ["-c", "core.hooksPath=/dev/null", "submodule", "--quiet", "update", "--init", "--recursive"];
            self.submodules(target, &arguments)?;
        }
        Ok(())
    }

    /// A repository of the network names none of this machine.
    fn submodules(&self, target: &Path, arguments: &[&str]) -> Result<(), GitError> {
        let url = self.request.url.as_str();
        let is_local = url.starts_with("file://") || url.starts_with('/');
        let environment = self.request.access.environment(self.request.url);
        if is_local || environment.is_empty() && std::env::var_os("GIT_ALLOW_PROTOCOL").is_some() {
            return self.tell(target, arguments).map(drop);
        }
        let environment = environment.with("GIT_ALLOW_PROTOCOL", "git:http:https:ssh");
        let answer = self.git.ask(target, arguments.iter().copied(), &environment)?;
        answer.into_stdout(arguments, target).map(drop)
    }
}

fn text(path: &Path) -> Result<&str, GitError> {
    path.to_str().ok_or_else(|| GitError::Place { path: path.to_owned(), problem: "has a name that is no text" })
}

fn commit_of(base: &Repository, revision: &str) -> Option<Oid> {
    let name = revision.strip_prefix("refs/heads/").unwrap_or(revision);
    let tag = revision.strip_prefix("refs/tags/").unwrap_or(revision);
    let is_id = revision.len() >= 4 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let candidates = [
        is_id.then(|| revision.to_owned()).filter(|id| id.len() == 40),
        Some(format!("refs/tags/{tag}")),
        Some(format!("refs/remotes/{REMOTE}/{name}")),
        is_id.then(|| revision.to_owned()),
    ];
    let commit = |text: String| base.revparse_single(&text).ok()?.peel_to_commit().ok();
    candidates.into_iter().flatten().find_map(commit).map(|commit| commit.id())
}
