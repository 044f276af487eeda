//! What runs of this machine, worktrees and the shell's completion need.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use indicatif::BinaryBytes;
use rustix::process::{Resource, getrlimit};

use super::store;
use crate::cli::completion;
use crate::cli::home;
use crate::local::new_run::{NO_TASKS_HINT, NewRunError};
use crate::local::sandbox::RUNS_TASKS;
use crate::local::view::View;
use crate::output::doctor::Check;

/// Less free space than this is worth a word.
const LITTLE_SPACE: u64 = 1 << 30;
/// Fewer free files than this are, too.
const FEW_FILES: u64 = 10_000;
/// Fewer open files than these limit the tasks at once.
const FEW_OPEN: u64 = 1024;
/// A task is a few processes.
const FEW_PROCESSES: u64 = 512;

pub(super) fn checks() -> Vec<Check> {
    let root = home::root();
    let mut found = vec![check_program()];
    match &root {
        Ok(root) => {
            found.push(check_store(root));
            found.push(check_view(root));
            found.push(check_space(root));
        }
        Err(failure) => found.push(Check::error("store", failure.message(), "set RUNNABLE_HOME to a directory")),
    }
    found.extend(store::check());
    found.extend(check_limits());
    found.extend(check_runtimes());
    found.push(check_git());
    found.push(check_worktrees());
    found.push(check_completion());
    found
}

fn check_program() -> Check {
    match (found_on_path("kubectl"), found_on_path("kubectl-runnable")) {
        (Some(_), Some(plugin)) => Check::ok("plugin", format!("kubectl finds {}", plugin.display())),
        (None, _) => {
            Check::warning("plugin", "kubectl is not on the PATH", "the program works without it, as kubectl-runnable")
        }
        (_, None) => Check::warning(
            "plugin",
            "kubectl-runnable is not on the PATH, so kubectl runnable is unknown",
            format!("put {} into a directory of the PATH", this_program().display()),
        ),
    }
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("kubectl-runnable"))
}

/// The nearest directory that is there, or what stands in its place: the store itself is made by the first run.
pub(super) fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(Path::new("/"))
}

fn check_store(root: &Path) -> Check {
    let existing = existing(root);
    match tempfile::tempdir_in(existing) {
        Ok(_) if existing == root => Check::ok("store", format!("runs and caches are in {}", root.display())),
        Ok(_) => Check::ok("store", format!("the first run makes {}", root.display())),
        Err(error) => Check::error(
            "store",
            format!("cannot write in {}: {error}", existing.display()),
            "set RUNNABLE_HOME to a directory that you may write in",
        ),
    }
}

/// Lays a view out where runs would, and removes it.
fn check_view(root: &Path) -> Check {
    if !RUNS_TASKS {
        return Check::warning("view", NewRunError::NoTasks.to_string(), NO_TASKS_HINT);
    }
    let Ok(scratch) = tempfile::tempdir_in(existing(root)) else {
        return Check::skipped("view", "needs the store");
    };
    match View::detect(&this_program(), scratch.path()) {
        View::Overlay => Check::ok("view", "overlay: each task sees the whole machine through a layer of its own"),
        View::Bind => Check::ok(
            "view",
            "bind: each task sees this machine's directories in a user namespace, with its own changes",
        ),
        View::Plain(why) => Check::warning(
            "view",
            format!("plain: tasks share this machine's files, as none can have a view of its own: {why}"),
            "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or user.max_user_namespaces above 0; on \
             Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run as root",
        ),
    }
}

fn check_space(root: &Path) -> Check {
    let directory = existing(root);
    let Ok(space) = rustix::fs::statvfs(directory) else {
        return Check::skipped("disk", format!("the free space of {} is unknown", directory.display()));
    };
    let (bytes, files) = (space.f_bavail.saturating_mul(space.f_frsize), space.f_favail);
    let message = format!("{} and {files} files free below {}", BinaryBytes(bytes), directory.display());
    // A file system that makes its tables as it needs them counts no files.
    let few_files = space.f_files > 0 && files < FEW_FILES;
    if bytes < LITTLE_SPACE || few_files {
        let advice =
            "kubectl runnable delete --local --older 7d --with-cache makes room, RUNNABLE_HOME names another place";
        return Check::warning("disk", message, advice);
    }
    Check::ok("disk", message)
}

fn check_limits() -> Vec<Check> {
    let told = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let files = getrlimit(Resource::Nofile).maximum;
    let processes = getrlimit(Resource::Nproc).current;
    let of_files = format!("{} open files", told(files));
    let of_processes = format!("{} processes of this user", told(processes));
    let is_few = |limit: Option<u64>, few: u64| limit.is_some_and(|limit| limit < few);
    vec![
        if is_few(files, FEW_OPEN) {
            Check::warning("limits", of_files, "raise it (ulimit -Hn): fewer tasks run at once")
        } else {
            Check::ok("limits", of_files)
        },
        if is_few(processes, FEW_PROCESSES) {
            Check::warning("limits", of_processes, "raise it (ulimit -u), or use --max-tasks")
        } else {
            Check::ok("limits", of_processes)
        },
    ]
}

/// What `--runtime` can use.
fn check_runtimes() -> Vec<Check> {
    let found: Vec<Check> = ["podman", "docker"]
        .into_iter()
        .filter(|name| found_on_path(name).is_some())
        .map(|name| match answer(name, &["version", "--format", "{{.Server.Version}}"]) {
            Some(version) => {
                let message =
                    format!("{name} {version}: submit --local --runtime {name} runs templates in their images");
                Check::ok("container runtime", message)
            }
            None => Check::warning(
                "container runtime",
                format!("{name} is installed, but does not answer"),
                format!("{name} version tells why; only --runtime {name} needs it"),
            ),
        })
        .collect();
    if found.is_empty() && !RUNS_TASKS {
        return vec![Check::warning("container runtime", "none found, and local runs need one here", NO_TASKS_HINT)];
    }
    if found.is_empty() {
        let message = "none found; local runs need none, they use this machine's programs";
        return vec![Check::skipped("container runtime", message)];
    }
    found
}

fn check_git() -> Check {
    match answer("git", &["--version"]) {
        Some(version) => Check::ok("git", version),
        None => Check::warning("git", "not found on the PATH", "install git: worktree needs it"),
    }
}

fn check_worktrees() -> Check {
    match home::worktrees() {
        Ok(root) => {
            let directory = existing(&root);
            match tempfile::tempdir_in(directory) {
                Ok(_) => Check::ok("worktrees", format!("below {}", root.display())),
                Err(error) => Check::warning(
                    "worktrees",
                    format!("cannot write in {}: {error}", directory.display()),
                    "name another root with --root, RUNNABLE_WORKTREES or the setting worktrees",
                ),
            }
        }
        Err(failure) => Check::warning("worktrees", failure.message(), "name a root with --root or RUNNABLE_WORKTREES"),
    }
}

fn check_completion() -> Check {
    let shell = std::env::var_os("SHELL").map(PathBuf::from);
    let shell = shell.as_deref().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let by_kubectl = found_on_path(completion::KUBECTL_COMPLETE).is_some();
    let of_shell = completion::installed(&shell);
    match (of_shell, by_kubectl) {
        (Some(path), true) => Check::ok("completion", format!("of {shell} in {}, and of kubectl", path.display())),
        (None, true) => Check::ok("completion", "kubectl asks kubectl_complete-runnable"),
        (Some(path), false) => Check::warning(
            "completion",
            format!("of {shell} in {}, but kubectl runnable <TAB> gives nothing", path.display()),
            "kubectl runnable completion --install puts kubectl_complete-runnable beside the program",
        ),
        (None, false) => {
            Check::warning("completion", "not installed", "kubectl runnable completion --install installs it")
        }
    }
}

/// The first line that a program prints.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    output.status.success().then_some(text)
}

/// The program that a shell would start.
fn found_on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).filter(|place| place.is_absolute());
    places.map(|place| place.join(name)).find(|file| file.is_file())
}
