//! `logs`: prints the logs of a run's nodes.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use regex::bytes::Regex;

use super::failure::Failure;
use super::runtime::block_on;
use super::signals::Signals;
use super::target::TargetArgs;
use super::values::span;
use crate::argo::Nodes;
use crate::argo::node_pods::PodSelection;
use crate::backend::{LogEvent, LogsError, Missing, MissingLog};
use crate::exit::Exit;
use crate::local::logs::Wanted;
use crate::output::lines::Lines;
use crate::output::stream::{stdout_colors, talk};

const EXAMPLES: &str = "Examples:
  # Print the logs of all nodes of a run
  kubectl runnable logs etl-x2k9f

  # Follow one node, by its id, name, display name or path, until the run ends
  kubectl runnable logs etl-x2k9f load -f

  # Print what failed, and the attempts that were followed by another one
  kubectl runnable logs @latest --failed
  kubectl runnable logs @latest load --previous

  # Print the last lines of each node that match a pattern
  kubectl runnable logs @latest --tail 100 --grep 'error|panic'

  # Follow a local run
  kubectl runnable logs --local diamond -f";

/// Print the logs of a run's nodes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// The id, name, display name or path of a node, or of a node that contains others [default: all nodes]
    #[arg(value_name = "NODE")]
    node: Option<String>,

    /// Stream new lines until the run ends
    #[arg(short, long)]
    follow: bool,

    /// Only nodes that failed
    #[arg(long, conflicts_with = "follow")]
    failed: bool,

    /// Only attempts that a retryStrategy repeated
    #[arg(long, conflicts_with = "follow")]
    previous: bool,

    /// The container [default: main]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// All containers of each node, and the lines of Argo's own executor
    #[arg(long, conflicts_with = "container")]
    all: bool,

    /// Show only lines newer than this, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    since: Option<Duration>,

    /// Show only lines written at or after this time, such as 2026-11-21T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "since")]
    since_time: Option<Timestamp>,

    /// Number of most recent lines to show for each node
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,

    /// Show only lines that match this regular expression
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    grep: Option<Regex>,

    /// Prefix each line with the time when it was written
    #[arg(long)]
    timestamps: bool,

    #[command(flatten)]
    target: TargetArgs,
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected a time with a zone, such as 2026-11-21T09:30:00Z".to_owned())
}

impl Args {
    fn pods(&self) -> PodSelection {
        PodSelection { node: self.node.clone(), failed: self.failed, previous: self.previous }
    }

    /// The time of the first line to show.
    fn first_time(&self) -> Option<Timestamp> {
        self.since_time.or_else(|| Timestamp::now().checked_sub(self.since?).ok())
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let mut signals = Signals::new()?;
        tokio::select! {
            outcome = read(args) => outcome,
            () = signals.next() => Ok(Exit::Interrupted),
        }
    })
}

async fn read(args: &Args) -> Result<Exit, Failure> {
    let mut lines = Lines::new(io::stdout());
    lines.color = stdout_colors();
    lines.timestamps = args.timestamps;
    lines.grep.clone_from(&args.grep);
    let wanted = Wanted {
        pods: args.pods(),
        container: args.container.clone(),
        all: args.all,
        tail: args.tail,
        since: args.first_time(),
        follow: args.follow,
    };

    let run = args.target.resolve(&args.run).await?;
    let mut prefixed = false;
    let mut nearest = None;
    let mut lines_there = false;
    let read = run.logs(&wanted, |event| match event {
        LogEvent::State(snapshot) => {
            lines.mask = snapshot.mask();
            nearest = args.node.as_ref().and_then(|node| snapshot.nodes.nearest(node));
            // Decide once, so that the format of the lines does not change during the command.
            if !std::mem::replace(&mut prefixed, true) {
                lines.prefix = needs_prefix(&snapshot.nodes, args);
            }
            Ok(())
        }
        LogEvent::Line { source, time, text } => {
            lines_there = true;
            lines.print(source, time, text)?;
            if args.follow { lines.writer.flush() } else { Ok(()) }
        }
    });
    let read = match read.await {
        // The reader has closed the pipe, as `head` does: not a failure.
        Err(LogsError::Told(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Success),
        Err(LogsError::Told(error)) => return Err(anyhow::Error::from(error).into()),
        Err(LogsError::Backend(error)) => return Err(error.into()),
        Ok(read) => read,
    };

    if read.deleted {
        talk(format_args!("note: workflow {:?} was deleted", args.run));
    }
    if !read.found {
        return Err(no_node(args, nearest));
    }
    if !lines_there && (args.failed || args.previous) {
        talk(if args.previous { "note: no attempt was repeated" } else { "note: no node failed" });
    }
    if !read.timeless.is_empty() && (args.timestamps || wanted.since.is_some()) {
        let logs = Vec::from_iter(read.timeless).join(", ");
        talk(format_args!("note: the times of the lines of these nodes are not known: {logs}"));
    }
    report_missing(args, read.missing)
}

/// Prints each node whose lines are missing, and where its log is archived. It is a failure if a log exists but cannot
/// be read.
fn report_missing(args: &Args, missing: Vec<MissingLog>) -> Result<Exit, Failure> {
    let container = args.container.as_deref().unwrap_or("main");
    let (mut failure, mut gone) = (None, Vec::new());
    for MissingLog { source, why, archived } in missing {
        let archive = archived.as_ref().map(|key| format!("; archived as {key}")).unwrap_or_default();
        match why {
            Missing::Gone if archived.is_none() => gone.push(source),
            Missing::Gone => talk(format_args!("note: the pod of node {source} is gone, and its log with it{archive}")),
            Missing::Cut => talk(format_args!(
                "note: the pod of node {source} was deleted while its log was read: the last lines are missing{archive}"
            )),
            Missing::NotBegun => talk(format_args!("note: container {container} of node {source} has not started")),
            Missing::Failed(error) => {
                talk(format_args!("warning: node {source}: {error}{archive}"));
                failure = Some(error);
            }
        }
    }

    if !gone.is_empty() {
        talk(format_args!("note: pods are gone, and their logs with them: {}", gone.join(", ")));
    }
    failure.map_or(Ok(Exit::Success), |error| Err(error.into()))
}

/// Whether each line names its node: if there are several nodes, or a followed run may get more.
fn needs_prefix(nodes: &Nodes, args: &Args) -> bool {
    let pods = nodes.pods(&args.pods());
    args.all || pods.map_or(args.node.is_none(), |pods| pods.len() != 1 || (args.follow && args.node.is_none()))
}

fn no_node(args: &Args, nearest: Option<String>) -> Failure {
    let node = args.node.as_deref().unwrap_or_default();
    let failure = Failure::new(Exit::NotFound, format!("run {} has no node {node:?}", args.run));
    match nearest {
        Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
        None => failure.hint(format!("kubectl runnable status {} shows its nodes", args.run)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_checked_before_anything_is_read() {
        assert!(pattern("^a|b$").is_ok() && pattern("(").is_err());
    }
}
