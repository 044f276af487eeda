//! The logs of a workflow's pods, all at the same time. Each pod is known by its uid: one that is made again under the same
//! name (a node that is retried) has a log of its own.

use std::collections::{HashMap, HashSet, VecDeque};
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

/// More lines than Argo's executor adds to a container's log: a few, and one for each output that it saves (saveParameter and
/// saveArtifact in cmd/argoexec/commands/emissary.go, v4.1.2).
const OF_EXECUTOR: usize = 200;

/// A container of a pod.
#[derive(Debug, Clone)]
struct Container {
    pod: Pod,
    name: String,
}

/// The end of a stream: whose log.
type Ended = (Container, Result<LogEnd, ClusterError>);

/// Lines of all pods on their way to the reader.
type Lines = (mpsc::Sender<(Container, Line)>, mpsc::Receiver<(Container, Line)>);

/// Reads the logs of pods.
pub(super) struct Reader<'a, F> {
    cluster: &'a Cluster,
    wanted: &'a Wanted,
    options: LogOptions,
    tell: F,
    snapshot: Snapshot,
    /// Containers of which a stream was opened, by their pods' uids.
    begun: HashSet<(String, String)>,
    /// Pods with containers that have not begun, by uid, as they were seen last.
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
            if !self.is_wanted(&pod) {
                continue;
            }
            for name in self.containers(&pod) {
                if self.begun.contains(&(pod.uid.clone(), name.clone())) {
                    continue;
                }
                // A container that has not begun by now may never do so.
                self.options.follow &= pod.has_begun(&name);
                self.start(Container { pod: pod.clone(), name });
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
                Some((container, line)) = self.lines.1.recv() => self.tell(&container, &line)?,
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
            PodNews::There(pod) => {
                let names = self.containers(&pod);
                let left = names.into_iter().filter(|name| !self.begun.contains(&(pod.uid.clone(), name.clone())));
                let (ready, waiting): (Vec<_>, Vec<_>) = left.partition(|name| pod.has_begun(name));
                let is_wanted = ready.is_empty() || self.is_wanted(&pod);
                if waiting.is_empty() && is_wanted {
                    self.waiting.remove(&pod.uid);
                } else {
                    self.waiting.insert(pod.uid.clone(), pod.clone());
                }
                for name in ready.into_iter().filter(|_| is_wanted) {
                    self.start(Container { pod: pod.clone(), name });
                }
            }
            PodNews::Gone(uid) => drop(self.waiting.remove(&uid)),
        }
    }

    /// The containers of a pod that are read.
    fn containers(&self, pod: &Pod) -> Vec<String> {
        if self.wanted.all { pod.containers() } else { vec![self.options.container.clone()] }
    }

    fn is_wanted(&self, pod: &Pod) -> bool {
        let pods = &self.wanted.pods;
        let nodes = &self.snapshot.nodes;
        if nodes.get(&pod.node_id).is_none() {
            // The status does not tell of the node, or not yet.
            let Some(wanted) = &pods.node else { return !pods.failed && !pods.previous };
            return [pod.node_id.as_str(), &pod.node_name, display_name(&pod.node_name), &pod.name]
                .contains(&wanted.as_str());
        }
        let meant = nodes.pods(pods);
        meant.is_some_and(|meant| meant.iter().any(|node| node.id == pod.node_id))
    }

    fn start(&mut self, container: Container) {
        self.begun.insert((container.pod.uid.clone(), container.name.clone()));
        // The server counts the executor's lines too, which are not told.
        let last = self.options.tail.filter(|_| !self.options.follow && !self.wanted.all);
        let tail = last.map(|lines| lines.saturating_add(OF_EXECUTOR)).or(self.options.tail);
        let options = LogOptions { container: container.name.clone(), tail, ..self.options.clone() };
        let (cluster, sender) = (self.cluster.clone(), self.lines.0.clone());
        self.streams.push(tokio::spawn(async move {
            let (lines, mut written) = mpsc::unbounded_channel();
            let reading = cluster.log(&container.pod, &options, move |line| {
                let _ = lines.send(line);
            });
            // The receiver lives as long as the reader.
            let passing = async {
                let mut kept = VecDeque::new();
                while let Some(line) = written.recv().await {
                    match last {
                        None => drop(sender.send((container.clone(), line)).await),
                        Some(_) if is_of_executor(&line.text) => {}
                        Some(lines) => {
                            kept.push_back(line);
                            kept.drain(..kept.len().saturating_sub(lines));
                        }
                    }
                }
                for line in kept {
                    let _ = sender.send((container.clone(), line)).await;
                }
            };
            let (end, ()) = tokio::join!(reading, passing);
            (container, end)
        }));
    }

    /// Tells what the open streams give, to their ends.
    async fn drain(&mut self) -> io::Result<()> {
        while !self.streams.is_empty() {
            tokio::select! {
                biased;
                Some((container, line)) = self.lines.1.recv() => self.tell(&container, &line)?,
                Some(ended) = self.streams.next() => self.ended(ended),
            }
        }
        while let Ok((container, line)) = self.lines.1.try_recv() {
            self.tell(&container, &line)?;
        }
        Ok(())
    }

    fn tell(&mut self, container: &Container, line: &Line) -> io::Result<()> {
        if !self.wanted.all && is_of_executor(&line.text) {
            return Ok(());
        }
        let node = source(&self.snapshot, &container.pod);
        let with_container = format!("{node}[{}]", container.name);
        let source = if self.wanted.all { &with_container } else { node };
        (self.tell)(LogEvent::Line { source, time: line.time.as_deref(), text: &line.text })
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let (Container { pod, .. }, end) = match ended {
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
        let meant = nodes.pods(&self.wanted.pods);
        let found = self.wanted.pods.node.is_none() || meant.is_some() || !self.read.is_empty();
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

/// Whether Argo's executor wrote the line: it logs into the containers that it wraps, always with the field `argo=true`
/// (NewRootCommand in cmd/argoexec/commands/root.go, v4.1.2; the formats are those of util/logging).
fn is_of_executor(line: &[u8]) -> bool {
    let has = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
    (line.starts_with(b"time=") && has(b" argo=true")) || (line.starts_with(b"{\"time\":") && has(b"\"argo\":true"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_executor_are_its_own() {
        for line in [
            r#"time=2026-11-21T10:00:00.000Z level=INFO msg="sub-process exited" argo=true error=<nil>"#,
            r#"time="2026-11-21T10:00:00Z" level=info msg="capturing logs" argo=true"#,
            r#"{"time":"2026-11-21T10:00:00Z","level":"INFO","msg":"x","argo":true}"#,
        ] {
            assert!(is_of_executor(line.as_bytes()), "{line}");
        }
        for line in ["argo=true", "done at time=3 argo=true", "{\"argo\":true}", "", "time=5"] {
            assert!(!is_of_executor(line.as_bytes()), "{line}");
        }
    }
}
