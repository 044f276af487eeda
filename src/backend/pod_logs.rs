//! The logs of a workflow's pods, all at the same time. Each pod is known by its uid: one that is made again under the same
//! name (a node that is retried) has a log of its own.

use std::collections::{HashMap, HashSet};
use std::io;

use futures::StreamExt;
use futures::stream::{BoxStream, FuturesUnordered};
use serde_json::Value;
use tokio::sync::mpsc;

use super::logs::{LogEvent, LogsError, LogsRead, Missing, MissingLog, archived};
use super::{BackendError, Snapshot};
use crate::argo::status::{Node, Phase, display_name};
use crate::cluster::{Cluster, ClusterError, Line, LogEnd, LogOptions, Pod, PodNews};
use crate::local::logs::Wanted;

/// What is read if no container is named: Argo's own.
const MAIN: &str = "main";
/// Lines that wait to be told.
const QUEUE: usize = 1024;

/// The end of a stream: whose log, by the pod's uid.
type Ended = (Pod, Result<LogEnd, ClusterError>);

/// Lines of all pods on their way to the reader.
type Lines = (mpsc::Sender<(Pod, Line)>, mpsc::Receiver<(Pod, Line)>);

/// Reads the logs of pods.
pub(super) struct Reader<'a, F> {
    cluster: &'a Cluster,
    wanted: &'a Wanted,
    options: LogOptions,
    tell: F,
    snapshot: Snapshot,
    /// Pods of which a stream was opened, by uid.
    begun: HashSet<String>,
    /// Pods that have not begun, by uid, as they were seen last.
    waiting: HashMap<String, Pod>,
    /// Nodes of which a log was read, with what is missing of it.
    read: HashMap<String, Option<Missing>>,
    lines: Lines,
    streams: FuturesUnordered<tokio::task::JoinHandle<Ended>>,
}

impl<'a, F: FnMut(LogEvent<'_>) -> io::Result<()>> Reader<'a, F> {
    pub(super) fn new(cluster: &'a Cluster, wanted: &'a Wanted, tell: F) -> Self {
        let options = LogOptions {
            container: wanted.container.clone().unwrap_or_else(|| MAIN.to_owned()),
            follow: wanted.follow,
            since: wanted.since,
            tail: wanted.tail,
        };
        Self {
            cluster,
            wanted,
            options,
            tell,
            snapshot: Snapshot::from(Value::Null),
            begun: HashSet::new(),
            waiting: HashMap::new(),
            read: HashMap::new(),
            lines: mpsc::channel(QUEUE),
            streams: FuturesUnordered::new(),
        }
    }

    /// Reads all that there is; if it is followed, until the run has ended and each log has been read to its end.
    pub(super) async fn read(mut self, snapshot: Snapshot) -> Result<LogsRead, LogsError> {
        self.snapshot = snapshot;
        let mut deleted = false;
        if self.wanted.follow {
            deleted = self.follow().await?;
        }
        // Those that nothing has told of: without -f all, else what came with the very end of the run.
        for pod in self.cluster.pods(self.snapshot.name()).await.map_err(BackendError::from)? {
            if self.is_wanted(&pod) && !self.begun.contains(&pod.uid) {
                // A container that has not begun by now may never do so.
                self.options.follow &= pod.has_begun(&self.options.container);
                self.start(pod);
                self.options.follow = self.wanted.follow;
                if !self.wanted.follow {
                    self.drain().await?;
                }
            }
        }
        self.drain().await?;
        Ok(self.outcome(deleted))
    }

    /// Opens a stream for each pod as soon as its container has begun, until the run has ended; whether it was deleted.
    async fn follow(&mut self) -> Result<bool, LogsError> {
        let mut states = self.cluster.follow(self.snapshot.workflow.value().clone());
        let mut pods: BoxStream<'_, _> = self.cluster.follow_pods(self.snapshot.name());
        let mut may_watch = true;
        loop {
            tokio::select! {
                biased;
                Some((pod, line)) = self.lines.1.recv() => self.tell(&pod, &line)?,
                Some(ended) = self.streams.next(), if !self.streams.is_empty() => self.ended(ended),
                news = pods.next(), if may_watch => match news {
                    Some(Ok(news)) => self.hear(news),
                    // Who may list pods and not watch them hears of them when the workflow changes.
                    Some(Err(ClusterError::Forbidden { .. })) | None => may_watch = false,
                    Some(Err(error)) => return Err(BackendError::from(error).into()),
                },
                state = states.next() => {
                    let workflow = match state {
                        Some(Ok(workflow)) => workflow,
                        Some(Err(ClusterError::Deleted { .. })) => return Ok(true),
                        Some(Err(error)) => return Err(BackendError::from(error).into()),
                        None => return Ok(false),
                    };
                    self.snapshot = Snapshot::from(workflow);
                    (self.tell)(LogEvent::State(&self.snapshot))?;
                    if !may_watch {
                        for pod in self.cluster.pods(self.snapshot.name()).await.map_err(BackendError::from)? {
                            self.hear(PodNews::There(pod));
                        }
                    }
                    // A pod may have been told of before its node.
                    let waiting: Vec<Pod> = self.waiting.drain().map(|(_, pod)| pod).collect();
                    for pod in waiting {
                        self.hear(PodNews::There(pod));
                    }
                }
            }
        }
    }

    fn hear(&mut self, news: PodNews) {
        match news {
            PodNews::There(pod) if self.begun.contains(&pod.uid) => {}
            PodNews::There(pod) if pod.has_begun(&self.options.container) && self.is_wanted(&pod) => {
                self.waiting.remove(&pod.uid);
                self.start(pod);
            }
            PodNews::There(pod) => drop(self.waiting.insert(pod.uid.clone(), pod)),
            PodNews::Gone(uid) => drop(self.waiting.remove(&uid)),
        }
    }

    fn is_wanted(&self, pod: &Pod) -> bool {
        let Some(wanted) = &self.wanted.node else { return true };
        let nodes = &self.snapshot.nodes;
        if nodes.get(&pod.node_id).is_none() {
            // The status does not tell of the node, or not yet.
            return [pod.node_id.as_str(), &pod.node_name, display_name(&pod.node_name), &pod.name]
                .contains(&wanted.as_str());
        }
        let meant = nodes.pods(Some(wanted));
        meant.is_some_and(|meant| meant.iter().any(|node| node.id == pod.node_id))
    }

    fn start(&mut self, pod: Pod) {
        self.begun.insert(pod.uid.clone());
        let (cluster, options, sender) = (self.cluster.clone(), self.options.clone(), self.lines.0.clone());
        self.streams.push(tokio::spawn(async move {
            let (lines, mut written) = mpsc::unbounded_channel();
            let reading = cluster.log(&pod, &options, move |line| {
                let _ = lines.send(line);
            });
            // The receiver lives as long as the reader.
            let passing = async {
                while let Some(line) = written.recv().await {
                    let _ = sender.send((pod.clone(), line)).await;
                }
            };
            let (end, ()) = tokio::join!(reading, passing);
            (pod, end)
        }));
    }

    /// Tells what the open streams give, to their ends.
    async fn drain(&mut self) -> io::Result<()> {
        while !self.streams.is_empty() {
            tokio::select! {
                biased;
                Some((pod, line)) = self.lines.1.recv() => self.tell(&pod, &line)?,
                Some(ended) = self.streams.next() => self.ended(ended),
            }
        }
        while let Ok((pod, line)) = self.lines.1.try_recv() {
            self.tell(&pod, &line)?;
        }
        Ok(())
    }

    fn tell(&mut self, pod: &Pod, line: &Line) -> io::Result<()> {
        let source = source(&self.snapshot, pod);
        (self.tell)(LogEvent::Line { source, time: line.time.as_deref(), text: &line.text })
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let (pod, end) = match ended {
            Ok(ended) => ended,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let missing = match end {
            Ok(LogEnd::Whole) => None,
            Ok(LogEnd::Gone) => Some(Missing::Gone),
            Ok(LogEnd::Cut) => Some(Missing::Cut),
            Ok(LogEnd::NotBegun) => Some(Missing::NotBegun),
            Err(error) => Some(Missing::Failed(error.into())),
        };
        // A node that is run again has several pods: what one of them lacks is told though another was read.
        let known = self.read.entry(pod.node_id).or_default();
        *known = known.take().or(missing);
    }

    /// What was read, and of which nodes lines are missing: also of those that ran in pods that nobody saw.
    fn outcome(mut self, deleted: bool) -> LogsRead {
        let nodes = std::mem::take(&mut self.snapshot.nodes);
        let meant = nodes.pods(self.wanted.node.as_deref());
        let found = self.wanted.node.is_none() || meant.is_some() || !self.read.is_empty();
        let mut missing = Vec::new();
        for node in meant.into_iter().flatten() {
            let why = match self.read.remove(&node.id) {
                Some(why) => why,
                None => ran(node).then_some(Missing::Gone),
            };
            let archived = archived(node, &self.options.container);
            missing.extend(why.map(|why| MissingLog { source: node.display_name.clone(), why, archived }));
        }
        // Nodes that the status does not tell of.
        let others =
            self.read.into_iter().filter_map(|(id, why)| Some(MissingLog { source: id, why: why?, archived: None }));
        missing.extend(others);
        LogsRead { found, missing, deleted, ..LogsRead::default() }
    }
}

/// What the lines of a pod are called.
fn source<'a>(snapshot: &'a Snapshot, pod: &'a Pod) -> &'a str {
    snapshot.nodes.get(&pod.node_id).map_or_else(|| display_name(&pod.node_name), |node| &node.display_name)
}

/// Whether the node had a pod of its own that did something.
fn ran(node: &Node) -> bool {
    let is_hit = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
    !is_hit && !matches!(node.phase, Phase::Pending | Phase::Omitted | Phase::Skipped)
}
