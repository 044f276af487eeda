//! `worktree init`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::interrupt::until_signal;
use super::{RootArgs, git, task};
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::span;
use crate::exit::Exit;
use crate::git::{
    Depth, Directory, GitError, InitRequest, Network, Owner, RemoteUrl, RepositoryName, Revision, Step, TaskId,
    Worktree,
};
use crate::output::stream::{result, talk};
use crate::platform;

const EXAMPLES: &str = "Examples:
  # Check out main for this task; print the path and write it to /work/workspace_path
  kubectl runnable worktree init --owner exampleorg --repo sample --task-id task-1

  # Check out a pull request, from any host, in another root
  kubectl runnable worktree init --url git@git.example.org:team/sample.git --ref refs/pull/7/head --root ~/work

  # Check out some directories of a large repository, reusing the task's worktree
  kubectl runnable worktree init --owner exampleorg --repo sample --task-id task-1 --sparse docs src/app --reuse

  # In an init container: make the worktree, or go on in the one that an earlier attempt has left
  kubectl runnable worktree init --owner exampleorg --repo sample --task-id task-1 --keep --umask 000

  # Fetch the full history and print JSON, for a script
  kubectl runnable worktree init --owner exampleorg --repo sample --depth 0 -o json";

/// Create the worktree of a task: a checkout over the base (the shared clone); only missing objects are fetched
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The repository's owner, on github.com or the CI's server (GITHUB_SERVER_URL)
    #[arg(long, value_name = "OWNER", required_unless_present = "url", requires = "repo")]
    owner: Option<Owner>,

    /// The repository's name
    #[arg(long, value_name = "NAME", required_unless_present = "url", requires = "owner")]
    repo: Option<RepositoryName>,

    /// The repository's address, on any host: https, ssh, git or file; credentials in it are not stored
    // Parsed later: clap's message about an invalid value would print it with its credentials.
    #[arg(long, value_name = "URL", conflicts_with_all = ["owner", "repo"], value_hint = clap::ValueHint::Url)]
    url: Option<String>,

    /// A branch, a tag, refs/pull/N/head, or a full object id
    #[arg(long = "ref", value_name = "REF", default_value = "refs/heads/main")]
    revision: Revision,

    /// The task; default: the number of the CI's pull request, else a new name
    #[arg(long, value_name = "ID")]
    task_id: Option<TaskId>,

    #[command(flatten)]
    root: RootArgs,

    /// Number of commits of history to fetch; 0 fetches all
    #[arg(long, value_name = "N", default_value_t = 1)]
    depth: u32,

    /// Check out only these directories, and the files beside and above them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sparse: Vec<Directory>,

    /// Use the task's existing worktree; if it holds no work, it is moved to the ref's commit
    #[arg(long)]
    reuse: bool,

    /// Use the task's existing worktree as it is, with its files and at its commit, without contacting the remote
    #[arg(long, conflicts_with_all = ["reuse", "sparse"])]
    keep: bool,

    /// Mode bits that new files and directories lack, in octal; 000 lets every user of the volume write them
    #[arg(long, value_name = "MODE", value_parser = umask)]
    umask: Option<u32>,

    /// Add the base and the worktree to safe.directory in your global git config, for volumes of another user
    #[arg(long)]
    safe_directory: bool,

    /// Maximum time to wait for another process that is changing the base
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = span, allow_hyphen_values = true)]
    lock_timeout: Duration,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "path")]
    output: Format,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The worktree's path.
    Path,
    /// An object with path, commit, ref, taskId, base, url, reused and fetched.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(mode) = args.umask {
        rustix::process::umask(platform::mode(mode));
    }
    let url = url(args)?;
    let request = request(args)?;
    let git = git()?;
    let root = args.root.path()?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let quiet = args.quiet;
    let work = {
        let (url, root, request, cancelled) = (url.clone(), root.clone(), request.clone(), cancelled.clone());
        move || {
            let network = Network { git: &git, url: &url };
            crate::git::init(&network, &root, &request, &cancelled, &mut |step| {
                if !quiet {
                    print_progress(step, &request, &url);
                }
            })
        }
    };

    let made = block_on(until_signal(work, cancelled, "the next init removes the half-made worktree"))?;
    if !quiet {
        print_summary(&made);
    }

    match args.output {
        Format::Path => result(format_args!("{}\n", made.path.display()))?,
        Format::Json => result(format_args!("{:#}\n", object(&made, &request, &url)))?,
    }
    Ok(Exit::Success)
}

/// `--umask`.
fn umask(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or("expected an octal number from 000 to 777")
}

fn url(args: &Args) -> Result<RemoteUrl, Failure> {
    match (&args.url, &args.owner, &args.repo) {
        (Some(url), ..) => {
            let url = url.parse::<RemoteUrl>().map_err(GitError::from)?;
            if url.has_broken_login() {
                return Err(Failure::usage("the user or the password in --url holds an encoded line break (%0a, %0d)"));
            }
            Ok(url.absolute(&std::env::current_dir().map_err(anyhow::Error::from)?))
        }
        (None, Some(owner), Some(repository)) => {
            RemoteUrl::of_owner(owner, repository, |name| std::env::var(name).ok())
                .map_err(|error| Failure::usage(format!("GITHUB_SERVER_URL: {error}")))
        }
        _ => Err(Failure::usage("no repository given: use --owner and --repo, or --url")),
    }
}

fn request(args: &Args) -> Result<InitRequest, Failure> {
    let task = match &args.task_id {
        Some(task) => task.clone(),
        None => task::default(|name| std::env::var(name).ok(), Timestamp::now())?,
    };
    Ok(InitRequest {
        task,
        revision: args.revision.clone(),
        depth: Depth(args.depth),
        sparse: args.sparse.clone(),
        reuse: args.reuse || args.keep,
        keep: args.keep,
        trust: args.safe_directory,
        lock_timeout: args.lock_timeout,
    })
}

fn print_progress(step: Step, request: &InitRequest, url: &RemoteUrl) {
    match step {
        Step::Fetch => talk(format_args!("fetching {} from {url}", request.revision)),
        Step::Checkout => talk(format_args!("writing the files of task {}", request.task)),
    }
}

fn print_summary(made: &Worktree) {
    let fetched = if made.fetched { "" } else { " (nothing to fetch)" };
    let how = if made.reused { "reused" } else { "created" };
    talk(format_args!("worktree {how} at commit {}{fetched}", made.commit));
}

fn object(made: &Worktree, request: &InitRequest, url: &RemoteUrl) -> serde_json::Value {
    json!({
        "path": made.path,
        "commit": made.commit.as_str(),
        "ref": made.name,
        "taskId": request.task.as_str(),
        "base": made.base,
        "url": url.as_str(),
        "reused": made.reused,
        "fetched": made.fetched,
    })
}
