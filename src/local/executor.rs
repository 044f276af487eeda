//! Runs tasks as processes of this host.
//!
//! Below the run directory a node's directory is `nodes/<node id>/`. In it lies one log for each process, `<name>.log`:
//! standard output and error as they were written, complete as the process writes them; and beside it `<name>.times`, when
//! that was. Nothing else stays there when the task has ended.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::sys::prctl;
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::kill::Kill;
use super::open_files;
use super::orphans::Orphans;
use super::sandbox::{self, KillLine, Reach, Spec};
use super::task::{Outcome, Task, VOLUME_FILES, VolumeFile};
use super::times::Recorder;
use super::view::View;
use crate::file::private;
use crate::file::remove::remove_tree;

/// What a task gets of the caller's environment: nothing that could hold a credential of a cluster or a cloud.
const ENVIRONMENT: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];
/// How long after its deadline a task is believed to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the tasks of one run.
#[derive(Debug, Clone)]
pub struct Executor {
    run_directory: PathBuf,
    view: View,
    executable: PathBuf,
    hidden: Vec<PathBuf>,
    keep: bool,
    times: Recorder,
    /// Looked for when the first task begins.
    reach: Arc<OnceLock<Reach>>,
    /// The limit of open files that tasks get back.
    open_files: Option<u64>,
}

impl Executor {
    /// An executor for the run whose files lie in `run_directory`, an absolute path that tasks do not see.
    /// `executable` is this program (`/proc/self/exe`): its hidden command supervises each task.
    pub fn new(run_directory: &Path, view: View, executable: &Path) -> Self {
        Self {
            run_directory: run_directory.to_owned(),
            view,
            executable: executable.to_owned(),
            hidden: vec![run_directory.to_owned()],
            keep: false,
            times: Recorder::new(),
            reach: Arc::default(),
            open_files: open_files::raise(),
        }
    }

    /// Keeps another directory out of every task's sight, such as the one that holds all runs.
    #[must_use]
    pub fn hide(mut self, directory: &Path) -> Self {
        self.hidden.push(directory.to_owned());
        self
    }

    /// Leaves what tasks wrote in `nodes/<node id>/view/`, for debugging.
    #[must_use]
    pub fn keep_views(mut self) -> Self {
        self.keep = true;
        self
    }

    /// Where the logs of a node lie.
    pub fn node_directory(&self, node: &str) -> PathBuf {
        self.run_directory.join("nodes").join(node)
    }

    /// Runs one task to its end. Dropping the future kills the task's processes; its files are then removed by the next try
    /// of the same node.
    #[tracing::instrument(level = "debug", name = "node", skip_all, fields(id = task.node))]
    pub async fn run(&self, task: Task, kill: Kill) -> Outcome {
        let directory = self.node_directory(&task.node);
        let (outcome, killed) = match self.supervise(task, &directory, kill).await {
            Ok(done) => done,
            Err(error) => {
                (Outcome { error: Some(format!("cannot run the task: {error}")), ..Outcome::default() }, None)
            }
        };
        let mut outcome = Outcome { killed, ..outcome };
        if self.keep {
            return outcome;
        }
        for left in ["view", VOLUME_FILES] {
            if let Err(error) = remove_view(directory.join(left)).await {
                outcome.error.get_or_insert_with(|| format!("cannot remove the task's files: {error}"));
            }
        }
        outcome
    }

    async fn supervise(&self, task: Task, directory: &Path, kill: Kill) -> io::Result<(Outcome, Option<String>)> {
        private::create_directory(directory)?;
        // Left by an engine that was killed.
        remove_view(directory.join("view")).await?;
        lay_volumes(&directory.join(VOLUME_FILES), &task.volume_files)?;
        let _recording = self.times.begin(directory);
        let runtime = Handle::current();
        let mut child = sandbox::start(&self.view, || {
            let _entered = runtime.enter();
            self.command(&task.node).spawn()
        })?;
        let orphans = self.orphans(&child, &task.node);
        let (directory, hidden) = (directory.to_owned(), self.hidden.clone());
        let (view, reach) = (self.view.clone(), self.reach());
        let spec = Spec { task, directory, hidden, view, reach, open_files: self.open_files };
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut stdin = child.stdin.take().ok_or_else(broken)?;
        let stdout = child.stdout.take().ok_or_else(broken)?;
        // One that fails at once does not read its task, but says why.
        let _ = stdin.write_all(&spec.line()?).await;
        let followed = follow(child, stdin, stdout, kill).await;
        if let (Err(_), Some(orphans)) = (&followed, orphans) {
            tokio::task::spawn_blocking(move || orphans.end()).await?;
        }
        followed
    }

    fn reach(&self) -> Reach {
        match self.view {
            View::Bind => self.reach.get_or_init(|| Reach::find(&self.hidden)).clone(),
            _ => Reach::default(),
        }
    }

    /// What a killed supervisor leaves behind; in a namespace of its own that is nothing.
    fn orphans(&self, supervisor: &Child, node: &str) -> Option<Orphans> {
        let View::Plain(_) = self.view else { return None };
        // Without it the orphans belong to the first process of the machine, and are found all the same.
        let _ = prctl::set_child_subreaper(true);
        let session = Pid::from_raw(supervisor.id()?.cast_signed());
        Some(Orphans { session, node: node.to_owned() })
    }

    fn command(&self, node: &str) -> Command {
        let mut command = Command::new(&self.executable);
        command.args([sandbox::VERB, self.view.word()]).env_clear().env("HOSTNAME", node);
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
        command
    }
}

/// Waits for the outcome and passes the orders to kill on.
async fn follow(
    mut child: Child,
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
    mut kill: Kill,
) -> io::Result<(Outcome, Option<String>)> {
    let mut killed = None;
    let mut last_resort = None;
    let mut bytes = Vec::new();
    let reading = stdout.read_to_end(&mut bytes);
    tokio::pin!(reading);
    loop {
        tokio::select! {
                   read = &mut reading => {
        read?; break;}
                   order = kill.next() => {
                       let line = serde_json::to_string(&KillLine { grace_milliseconds: milliseconds(order.grace) })? + "\n";
                       last_resort = Some(Instant::now() + order.grace + PATIENCE);
                       killed = Some(order.reason);
                       // A task that has just ended no longer reads.
                       let _ = stdin.write_all(line.as_bytes()).await;
                   }
                   () = until(last_resort) => {
                       last_resort = None;
                       child.start_kill()?;
                   }
               };
    }
    let status = child.wait().await?;
    let outcome = serde_json::from_slice(&bytes)
        .map_err(|_| io::Error::other(format!("its supervisor ended without an outcome ({status})")))?;
    Ok((outcome, killed))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Writes the files of volumes, in the place of what an engine that was killed has left.
fn lay_volumes(directory: &Path, files: &[VolumeFile]) -> io::Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    for file in files {
        let volume = directory.join(&file.volume);
        if file.path.as_os_str().is_empty() {
            std::fs::create_dir_all(&volume)?;
            continue;
        }
        let path = volume.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(&volume))?;
        std::fs::write(&path, &file.content)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode))?;
    }
    Ok(())
}

async fn remove_view(view: PathBuf) -> io::Result<()> {
    if !view.exists() {
        return Ok(());
    }
    tokio::task::spawn_blocking(move || remove_tree(&view)).await.map_err(io::Error::other)?
}
