//! The tasks and errands of a run that are at work: each with what kills it, and with its end as an event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Instrument;

use super::daemons::link;
use super::errand::{Errand, Returned};
use super::errands::Errands;
use super::executor::Executor;
use super::kill::{KillSwitch, kill_switch};
use super::scheduler::{Event, NodeIndex};
use super::task::{Outcome, Task};

/// How long a task has between SIGTERM and SIGKILL; Kubernetes' default is 30 s.
const GRACE: Duration = Duration::from_secs(10);

/// The tasks and errands at work.
pub(super) struct Tasks {
    executor: Arc<Executor>,
    errands: Errands,
    killers: HashMap<NodeIndex, KillSwitch>,
    /// Daemons that are to end, and may take their time also after the run.
    dismissed: HashMap<NodeIndex, KillSwitch>,
    sender: mpsc::UnboundedSender<(NodeIndex, Heard)>,
    ended: mpsc::UnboundedReceiver<(NodeIndex, Heard)>,
}

/// How something ended that was at work.
enum End {
    Task(Box<Outcome>),
    Errand(Box<Returned>),
}

/// What is heard of something that is at work.
enum Heard {
    Ready,
    End(End),
}

impl Tasks {
    pub(super) fn new(executor: Executor) -> Self {
        let (sender, ended) = mpsc::unbounded_channel();
        Self {
            executor: Arc::new(executor),
            errands: Errands::new(),
            killers: HashMap::new(),
            dismissed: HashMap::new(),
            sender,
            ended,
        }
    }

    /// Starts a task.
    pub(super) fn start(&mut self, node: NodeIndex, task: Task) {
        let (killer, kill) = kill_switch();
        self.killers.insert(node, killer);
        let (executor, sender) = (Arc::clone(&self.executor), self.sender.clone());
        let linked = task.daemon.clone().map(|probes| (probes, link()));
        let link = linked.map(|(probes, (link, watcher))| {
            let sender = self.sender.clone();
            let watch = async move {
                if watcher.until_ready(&probes).await {
                    // The receiver lives as long as the run.
                    let _ = sender.send((node, Heard::Ready));
                }
            };
            tokio::spawn(watch.in_current_span());
            link
        });
        let task = async move {
            let outcome = executor.run_linked(task, kill, link).await;
            // The receiver lives as long as the run.
            let _ = sender.send((node, Heard::End(End::Task(Box::new(outcome)))));
        };
        tokio::spawn(task.in_current_span());
    }

    /// Starts an errand.
    pub(super) fn run_errand(&mut self, node: NodeIndex, errand: Errand) {
        let (killer, kill) = kill_switch();
        self.killers.insert(node, killer);
        let (errands, sender) = (self.errands.clone(), self.sender.clone());
        let errand = async move {
            let returned = errands.run(errand, kill).await;
            // The receiver lives as long as the run.
            let _ = sender.send((node, Heard::End(End::Errand(Box::new(returned)))));
        };
        tokio::spawn(errand.in_current_span());
    }

    /// How many are at work, without daemons that are ending.
    pub(super) fn count(&self) -> usize {
        self.killers.len()
    }

    /// Waits for the end of a task.
    pub(super) async fn ended(&mut self) -> Option<Event> {
        let (node, heard) = self.ended.recv().await?;
        Some(self.event(node, heard))
    }

    /// The end of a task that has come already.
    pub(super) fn next_ended(&mut self) -> Option<Event> {
        let (node, heard) = self.ended.try_recv().ok()?;
        Some(self.event(node, heard))
    }

    fn event(&mut self, node: NodeIndex, heard: Heard) -> Event {
        let Heard::End(end) = heard else { return Event::Ready(node) };
        self.killers.remove(&node);
        self.dismissed.remove(&node);
        match end {
            End::Task(outcome) => Event::Ended(node, outcome),
            End::Errand(returned) => Event::Returned(node, returned),
        }
    }

    /// Ends a daemon that nothing needs any more.
    pub(super) fn dismiss(&mut self, node: NodeIndex) {
        if let Some(killer) = self.killers.remove(&node) {
            killer.kill("what it ran for has ended", GRACE);
            self.dismissed.insert(node, killer);
        }
    }

    /// Ends a task, which has time to clean up.
    pub(super) fn kill(&self, node: NodeIndex, reason: &str) {
        if let Some(killer) = self.killers.get(&node) {
            killer.kill(reason, GRACE);
        }
    }

    /// Kills all that is at work, daemons that are ending too.
    pub(super) fn kill_all(&self) {
        self.kill_rest();
        for killer in self.dismissed.values() {
            killer.kill("the run was interrupted", Duration::ZERO);
        }
    }

    /// Kills what is still at work.
    fn kill_rest(&self) {
        for killer in self.killers.values() {
            killer.kill("the run was interrupted", Duration::ZERO);
        }
    }

    /// Kills what is still at work when the run has ended, and waits for it. Gives the executor, which is to be ended.
    pub(super) async fn end(mut self) -> Arc<Executor> {
        self.kill_rest();
        self.wait().await;
        self.executor
    }

    async fn wait(&mut self) {
        while !self.killers.is_empty() || !self.dismissed.is_empty() {
            match self.ended.recv().await {
                Some((_, Heard::Ready)) => {}
                Some((node, Heard::End(_))) => {
                    self.killers.remove(&node);
                    self.dismissed.remove(&node);
                }
                None => return,
            }
        }
    }
}
