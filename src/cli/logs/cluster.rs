//! `logs` of a run of a cluster: from its pods, all at the same time.

use std::collections::BTreeSet;
use std::io::{self, Stdout, Write};

use futures::StreamExt;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Args, no_node, several};
use crate::argo::Workflow;
use crate::argo::status::display_name;
use crate::argo::status::{Node, Phase};
use crate::backend::Run;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError, Line, LogEnd, LogOptions, Pod};
use crate::exit::Exit;
use crate::mask::Mask;
use crate::output::lines::Lines;
use crate::output::stream::talk;

/// What the streams of pods tell.
enum News {
    Line(String, Line),
    Ended(String, Result<LogEnd, ClusterError>),
}

pub(super) async fn read(args: &Args, run: &Run, mut lines: Lines<Stdout>) -> Result<Exit, Failure> {
    let Run::Cluster { cluster, name, .. } = run else { return Ok(Exit::Success) };
    let workflow = run.get().await?.workflow;
    lines.prefix = several(&Workflow::view(&workflow).nodes(), args);
    let mut reader = Reader::new(args, cluster, lines);
    let mut pods = reader.wanted(name, &workflow).await?;
    if !args.follow {
        reader.tell_gone(&workflow);
        for pod in pods {
            reader.start(pod);
            while let Some(news) = reader.next().await {
                if !reader.heed(news)? {
                    return Ok(Exit::Success);
                }
            }
        }
        return reader.end();
    }
    let mut states = cluster.follow(workflow.clone());
    let mut ended = false;
    let mut last = workflow;
    loop {
        pods.drain(..).for_each(|pod| reader.start(pod));
        tokio::select! {
            Some(news) = reader.next() => if !reader.heed(news)? {
                return Ok(Exit::Success);
            },
            state = states.next(), if !ended => match state {
                Some(Ok(workflow)) => {
                    pods = reader.wanted(name, &workflow).await?;
                    last = workflow;
                }
                Some(Err(ClusterError::Deleted { .. })) => {
                    ended = true;
                    talk(format_args!("note: workflow {name:?} was deleted"));
                }
                Some(Err(error)) => return Err(error.into()),
                None => {
                    ended = true;
                    reader.tell_gone(&last);
                }
            },
            else => return reader.end(),
        }
    }
}

/// The logs of a workflow's pods, read at the same time and printed line by line.
struct Reader<'a> {
    args: &'a Args,
    cluster: &'a Cluster,
    lines: Lines<Stdout>,
    options: LogOptions,
    begun: BTreeSet<String>,
    /// The ids of nodes whose pods have been seen.
    seen: BTreeSet<String>,
    named: bool,
    streams: JoinSet<()>,
    open: usize,
    sender: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
    failure: Option<ClusterError>,
}

impl<'a> Reader<'a> {
    fn new(args: &'a Args, cluster: &'a Cluster, lines: Lines<Stdout>) -> Self {
        let (sender, news) = mpsc::channel(1024);
        let options = LogOptions {
            container: args.container.clone().unwrap_or_else(|| "main".to_owned()),
            follow: args.follow,
            since: args.begin(),
            tail: args.tail,
        };
        Self {
            args,
            cluster,
            lines,
            options,
            begun: BTreeSet::new(),
            seen: BTreeSet::new(),
            named: args.node.is_none(),
            streams: JoinSet::new(),
            open: 0,
            sender,
            news,
            failure: None,
        }
    }

    /// The pods that are asked for and not read yet, each with what its lines are called.
    async fn wanted(&mut self, name: &str, workflow: &Value) -> Result<Vec<(Pod, String)>, Failure> {
        let nodes = Workflow::view(workflow).nodes();
        self.lines.mask = Mask::of(workflow, &nodes.all);
        let meant = nodes.pods(self.args.node.as_deref());
        self.named |= meant.is_some();
        let pods = self.cluster.pods(name).await?;
        self.seen.extend(pods.iter().map(|pod| pod.node_id.clone()));
        let pods = pods.into_iter().filter_map(|pod| {
            let node = nodes.get(&pod.node_id);
            let wanted = match (&self.args.node, node) {
                (None, _) => true,
                (Some(_), Some(node)) => meant.as_ref().is_some_and(|meant| meant.iter().any(|one| one.id == node.id)),
                // The status does not tell of the node, or not yet.
                (Some(wanted), None) => [pod.node_id.as_str(), &pod.node_name, display_name(&pod.node_name), &pod.name]
                    .contains(&wanted.as_str()),
            };
            let source = node.map_or_else(|| display_name(&pod.node_name), |node| &node.display_name).to_owned();
            (wanted && !self.begun.contains(&pod.name)).then_some((pod, source))
        });
        let pods: Vec<_> = pods.collect();
        self.named |= !pods.is_empty();
        Ok(pods)
    }

    fn start(&mut self, (pod, source): (Pod, String)) {
        self.begun.insert(pod.name.clone());
        self.open += 1;
        let (cluster, options, sender) = (self.cluster.clone(), self.options.clone(), self.sender.clone());
        self.streams.spawn(async move {
            let (lines, mut written) = mpsc::unbounded_channel();
            let reading = cluster.log(&pod.name, &options, |line| {
                let _ = lines.send(line);
            });
            tokio::pin!(reading);
            let end = loop {
                tokio::select! {
                    biased;
                    Some(line) = written.recv() => {
                        // The receiver lives as long as the command.
                        let _ = sender.send(News::Line(source.clone(), line)).await;
                    }
                    end = &mut reading => break end,
                }
            };
            while let Ok(line) = written.try_recv() {
                let _ = sender.send(News::Line(source.clone(), line)).await;
            }
            let _ = sender.send(News::Ended(source, end)).await;
        });
    }

    /// What the streams tell next; nothing, when none is open.
    async fn next(&mut self) -> Option<News> {
        if self.open == 0 { None } else { self.news.recv().await }
    }

    /// Whether somebody still reads what is printed.
    fn heed(&mut self, news: News) -> Result<bool, Failure> {
        match news {
            News::Line(source, line) => {
                match self
                    .lines
                    .print(&source, line.time.as_deref(), &line.text)
                    .and_then(|()| self.lines.writer.flush())
                {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
                    printed => printed.map_err(anyhow::Error::from)?,
                }
            }
            News::Ended(source, end) => {
                self.open -= 1;
                match end {
                    Ok(LogEnd::Whole) => {}
                    Ok(LogEnd::Gone) => {
                        talk(format_args!("note: the pod of node {source} is gone, and its log with it"));
                    }
                    Ok(LogEnd::NotBegun) => {
                        talk(format_args!("note: container {} of node {source} has not begun", self.options.container));
                    }
                    Err(error) => {
                        talk(format_args!("warning: node {source}: {error}"));
                        self.failure = Some(error);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Names nodes that ran in pods that are no longer there.
    fn tell_gone(&self, workflow: &Value) {
        const NAMED: usize = 5;
        let nodes = Workflow::view(workflow).nodes();
        let meant = nodes.pods(self.args.node.as_deref()).unwrap_or_default();
        let ran = |node: &Node| !matches!(node.phase, Phase::Pending | Phase::Omitted | Phase::Skipped);
        let hit = |node: &Node| node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
        let gone: Vec<&str> = meant
            .into_iter()
            .filter(|node| ran(node) && !hit(node) && !self.seen.contains(&node.id))
            .map(|node| node.display_name.as_str())
            .collect();
        if !gone.is_empty() {
            let rest = if gone.len() > NAMED { format!(" and {} more", gone.len() - NAMED) } else { String::new() };
            let named = gone[..gone.len().min(NAMED)].join(", ");
            talk(format_args!("note: pods are gone, and their logs with them: {named}{rest}"));
        }
    }

    fn end(mut self) -> Result<Exit, Failure> {
        self.streams.abort_all();
        if !self.named {
            return Err(no_node(self.args));
        }
        self.failure.take().map_or(Ok(Exit::Success), |error| Err(error.into()))
    }
}
