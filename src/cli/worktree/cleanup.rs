//! `worktree cleanup`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indicatif::BinaryBytes;

use super::interrupt::until_signal;
use super::{RootArgs, git};
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::{formats, span};
use crate::exit::{Exit, chain};
use crate::git::{CleanupEvent, CleanupReport, CleanupRequest, GitError, Reason, Root, RunTasks, Selection, TaskId};
use crate::output::format::{Format, rendered};
use crate::output::stream::{result, talk};
use crate::output::tree::printable;
use crate::output::worktrees::cleaned;

const EXAMPLES: &str = "Examples:
  # Remove the worktree of a finished task; repeating the command is not an error
  kubectl runnable worktree cleanup --task-id task-1

  # Remove what killed processes left behind, then list everything older than a day that holds no work
  kubectl runnable worktree cleanup --stale
  kubectl runnable worktree cleanup --all --older 24h --dry-run

  # Free disk space: worktrees, refs that the remote no longer has, then unreachable objects
  kubectl runnable worktree cleanup --all --remote-prune --gc

A worktree that holds work is kept unless --force is given. Work is: changed or added files that are in no commit, commits on no \
branch of the remote (including the reflog and submodules), and stashes. A worktree is also kept if it is locked with git worktree \
lock, a process runs in its directory, or git has no record of it. Exit code 7: a worktree named by --task-id was kept, or garbage \
cannot be collected because another process is writing.";

/// Remove worktrees and their remains; worktrees that hold work are kept
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["task_id", "run_id", "stale", "all", "gc", "remote_prune"])))]
#[command(group(clap::ArgGroup::new("which").args(["task_id", "run_id", "stale", "all"])))]
pub(super) struct Args {
    /// Remove the worktrees of these tasks
    #[arg(long, value_name = "ID", num_args = 1..)]
    task_id: Vec<TaskId>,

    /// Remove the worktrees that submit --isolate made for this run
    #[arg(long, value_name = "ID")]
    run_id: Option<RunTasks>,

    /// Remove unusable worktrees: half-made by a killed init, without a directory, or (with --force) unknown to git
    #[arg(long)]
    stale: bool,

    /// Remove all worktrees
    #[arg(long)]
    all: bool,

    /// Remove only worktrees older than this, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true, requires = "which")]
    older: Option<Duration>,

    /// Run git gc in the base; refused while an init or a git process is active in the root
    #[arg(long)]
    gc: bool,

    /// Delete remote-tracking refs that the remote no longer has
    #[arg(long)]
    remote_prune: bool,

    /// Also remove worktrees that hold work, are locked or in use, and print what is lost
    #[arg(long, requires = "which")]
    force: bool,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    root: RootArgs,

    /// Maximum time to wait for another process that is changing the base
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = span, allow_hyphen_values = true)]
    lock_timeout: Duration,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The tasks whose worktrees were removed, one per line",
        "An object that lists removed and kept worktrees, absent tasks, deleted refs and freed objects",
        "Lines, as without -o",
    ))]
    output: Option<Format>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let request = request(args);
    let path = args.root.path()?;
    let cleaned = match Root::open(&path) {
        Ok(root) => clean(args, root, request)?,
        Err(GitError::NoBase { .. }) => {
            CleanupReport { absent_tasks: args.task_id.clone(), ..CleanupReport::default() }
        }
        Err(error) => return Err(error.into()),
    };

    print_summary(args, &path, &cleaned)?;
    if !cleaned.errors.is_empty() {
        let more = cleaned.errors.len() - 1;
        for error in &cleaned.errors[..more] {
            talk(format_args!("error: {}", chain(error)));
        }
        return Err(Failure::new(Exit::Tool, chain(&cleaned.errors[more])).hint("run the same command again"));
    }

    let is_kept = !args.task_id.is_empty() && !cleaned.kept.is_empty();
    Ok(if is_kept { Exit::Conflict } else { Exit::Success })
}

fn request(args: &Args) -> CleanupRequest {
    let selection = match (args.task_id.as_slice(), &args.run_id, args.stale, args.all) {
        ([], Some(run), ..) => Selection::Run(run.clone()),
        ([], _, true, _) => Selection::Stale,
        ([], _, _, true) => Selection::All,
        ([], ..) => Selection::None,
        (tasks, ..) => Selection::Tasks(tasks.to_vec()),
    };
    CleanupRequest {
        selection,
        older_than: args.older,
        force: args.force,
        gc: args.gc,
        remote_prune: args.remote_prune,
        dry_run: args.dry_run,
        lock_timeout: args.lock_timeout,
    }
}

fn clean(args: &Args, root: Root, request: CleanupRequest) -> Result<CleanupReport, Failure> {
    let git = git()?;
    let cancelled = Arc::new(AtomicBool::new(false));
    let lines = args.output.is_none_or(|format| format == Format::Wide);
    let work = {
        let cancelled = cancelled.clone();
        move || {
            crate::git::cleanup(&git, &root, &request, &cancelled, &mut |event| print_progress(&event, &request, lines))
        }
    };
    block_on(until_signal(work, cancelled, "the next cleanup completes it"))
}

fn print_progress(event: &CleanupEvent<'_>, request: &CleanupRequest, lines: bool) {
    match event {
        CleanupEvent::Removed(tree, lost) => {
            let end = if request.dry_run { " (dry run)" } else { "" };
            if lines {
                // Go on if standard output is closed: the removal must not stop half-way.
                let _ = result(format_args!("worktree {} removed{end}\n", printable(&tree.task)));
            }
            if !lost.is_empty() {
                talk(format_args!("lost with worktree {}{end}: {}", printable(&tree.task), sentence(lost)));
            }
        }
        CleanupEvent::Kept(tree, reasons) => {
            talk(format_args!("worktree {} kept: {}", printable(&tree.task), sentence(reasons)));
        }
        CleanupEvent::Asking => talk("listing the remote's refs"),
        CleanupEvent::Collecting => talk("collecting unreachable objects"),
    }
}

fn sentence(reasons: &[Reason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
    printable(&reasons.join("; "))
}

fn print_summary(args: &Args, root: &Path, done: &CleanupReport) -> Result<(), Failure> {
    for task in &done.absent_tasks {
        talk(format_args!("task {task} has no worktree in {}", root.display()));
    }
    match done.safe_directories.len() {
        0 => {}
        1 => talk("removed 1 safe.directory entry from your global git config"),
        many => talk(format_args!("removed {many} safe.directory entries from your global git config")),
    }
    for name in &done.forgotten_refs {
        talk(format_args!("deleted {}: the remote no longer has it", printable(name)));
    }
    if let Some(objects) = done.collected {
        let (before, after) = (BinaryBytes(objects.before), BinaryBytes(objects.after));
        talk(format_args!("objects take {after}, before gc {before}"));
    }
    if !done.kept.is_empty() {
        talk("save the work in the kept worktrees, or remove them with --force");
    }

    match args.output {
        Some(Format::Name) => {
            result(done.removed.iter().map(|(tree, _)| tree.task.clone() + "\n").collect::<String>())?;
        }
        Some(format @ (Format::Json | Format::Yaml)) => result(rendered(format, &[cleaned(done, args.dry_run)]))?,
        None | Some(Format::Wide) => {}
    }
    Ok(())
}
