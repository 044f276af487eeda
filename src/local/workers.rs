//! The processes that run tasks, one after another, and wait for the next one in between.

use std::collections::VecDeque;
use std::env::var_os;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::daemons::Link;
use super::kill::Kill;
use super::orders::{self, Order, Setup, Told, views};
use super::task::Outcome;
use crate::blocking::blocking;
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

/// The workers of one run.
#[derive(Debug)]
pub(super) struct Workers {
    executable: PathBuf,
    setup: Setup,
    /// Those without a task. The one that has waited longest is the first to have taken its last task down.
    idle: Mutex<VecDeque<Worker>>,
    alive: Arc<AtomicUsize>,
    returned: Notify,
    /// Held while one is made before a task asks for it.
    making: tokio::sync::Mutex<()>,
}

/// A process that runs one task at a time. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    orders: ChildStdin,
    outcomes: BufReader<ChildStdout>,
    has_waited: bool,
    _alive: Alive,
}

/// Counts a worker as long as it lives.
#[derive(Debug)]
struct Alive(Arc<AtomicUsize>);

/// What a task gets of the environment of this process.
pub(super) fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    ENVIRONMENT.iter().filter_map(|name| Some((*name, var_os(name)?)))
}

impl Workers {
    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(super) fn new(executable: PathBuf, setup: Setup) -> Self {
        Self {
            executable,
            setup,
            idle: Mutex::default(),
            alive: Arc::default(),
            returned: Notify::new(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// Makes a worker before a task asks for one.
    pub(super) async fn make_ready(&self) -> io::Result<()> {
        let _making = self.making.lock().await;
        self.give_back(self.start().await?);
        Ok(())
    }

    /// A worker without a task: one that waits, or a new one. Where the machine has no room for one more, the next that is
    /// returned.
    pub(super) async fn take(&self) -> io::Result<Worker> {
        loop {
            let returned = self.returned.notified();
            if let Some(worker) = self.idle().pop_front() {
                return Ok(worker);
            }
            if self.making.try_lock().is_err() {
                drop(self.making.lock().await);
                continue;
            }
            match self.start().await {
                Err(error) if is_scarcity(&error) && self.alive.load(Ordering::Acquire) > 0 => {
                    tracing::debug!(%error, "no further worker can be started: the task waits for one");
                    returned.await;
                }
                started => return started,
            }
        }
    }

    /// Keeps a worker for the next task.
    pub(super) fn give_back(&self, mut worker: Worker) {
        worker.has_waited = true;
        self.idle().push_back(worker);
        self.returned.notify_waiters();
    }

    /// Tells that a worker was not given back: there may be room for another one.
    pub(super) fn lost(&self) {
        self.returned.notify_waiters();
    }

    async fn start(&self) -> io::Result<Worker> {
        let mut command = Command::new(&self.executable);
        command.arg(orders::VERB).env_clear().envs(environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir("/");
        let mut child = command.spawn()?;
        self.alive.fetch_add(1, Ordering::AcqRel);
        let alive = Alive(Arc::clone(&self.alive));

        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        let mut orders = child.stdin.take().ok_or_else(broken)?;
        let outcomes = BufReader::new(child.stdout.take().ok_or_else(broken)?);
        // One that fails at once does not read this, but says why.
        let _ = orders.write_all(&orders::line(&self.setup)?).await;
        Ok(Worker { child, orders, outcomes, has_waited: false, _alive: alive })
    }

    /// Ends the workers and removes what they have left.
    pub(super) async fn end(&self) {
        let _made = self.making.lock().await;
        let idle = std::mem::take(&mut *self.idle());
        let mut ending = Vec::new();
        for worker in idle {
            let Worker { child, orders, .. } = worker;
            drop(orders);
            ending.push(child);
        }
        for mut child in ending {
            let _ = child.wait().await;
        }
        let views = views(&self.setup.directory);
        // What is left costs space and nothing else.
        let _ = blocking(move || remove_tree(&views)).await;
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// The number of its process.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has waited for a task.
    pub(super) fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// Hands a task over. A worker that was killed meanwhile is an error, and has not begun with it.
    pub(super) async fn begin(&mut self, assignment: &Order) -> io::Result<()> {
        self.orders.write_all(&orders::line(assignment)?).await
    }

    /// Waits for the outcome and passes orders on: to kill, and the commands of a daemon's probes.
    pub(super) async fn follow(
        &mut self,
        mut kill: Kill,
        mut link: Option<Link>,
    ) -> io::Result<(Outcome, Option<String>)> {
        let mut reason = None;
        let mut last_resort = None;
        let mut answer = Vec::new();
        loop {
            tokio::select! {
                read = self.outcomes.read_until(b'\n', &mut answer) => {
                    read?;
                    let Some(link) = &mut link else { break };
                    let Ok(told) = serde_json::from_slice(&answer) else { break };
                    link.hear(&told);
                    answer.clear();
                }
                Some(command) = command(link.as_mut()) => {
                    // A task that has just ended no longer reads.
                    let _ = self.orders.write_all(&orders::line(&Order::Check { command })?).await;
                }
                order = kill.next() => {
                    let grace_milliseconds = u64::try_from(order.grace.as_millis()).unwrap_or(u64::MAX);
                    last_resort = Some(Instant::now() + order.grace + PATIENCE);
                    reason = Some(order.reason);
                    // A task that has just ended no longer reads.
                    let _ = self.orders.write_all(&orders::line(&Order::Kill { grace_milliseconds })?).await;
                }
                () = until(last_resort) => {
                    last_resort = None;
                    self.child.start_kill()?;
                }
            }
        }
        if let Ok(outcome) = serde_json::from_slice(&answer) {
            return Ok((outcome, reason));
        }
        if !answer.is_empty() {
            // A privileged task can write to its worker's output. What else comes from there is not read.
            self.child.start_kill()?;
            self.child.wait().await?;
            return Err(io::Error::other("its worker sent something else than an outcome"));
        }
        let status = self.child.wait().await?;
        Err(io::Error::other(format!("its supervisor ended without an outcome ({status})")))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether the machine, or this user, has no more of something that is given back.
fn is_scarcity(error: &io::Error) -> bool {
    let scarce = [Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| scarce.iter().any(|errno| errno.raw_os_error() == code))
}

/// The next command of a daemon's probes.
async fn command(link: Option<&mut Link>) -> Option<Vec<String>> {
    match link {
        Some(link) => link.commands.recv().await,
        None => std::future::pending().await,
    }
}

impl Link {
    fn hear(&mut self, told: &Told) {
        match told {
            // Nobody asks any more where these fail.
            Told::Started => {
                let _ = self.started.take().map(|started| started.send(()));
            }
            Told::Checked(code) => {
                let _ = self.codes.try_send(*code);
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
