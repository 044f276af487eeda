//! `watch`: shows the nodes of a run as they change, until the run ends.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::follow::{End, Followed, Screen, ending, exit};
use super::node_filter::NodeFilter;
use super::report::ReportArgs;
use super::runtime::{block_on, until_interrupted};
use super::target::TargetArgs;
use super::values::span;
use super::view::FOLD;
use crate::argo::status::Node;
use crate::backend::{Deadline, Run, Snapshot};
use crate::exit::Exit;
use crate::output::stream::{StreamError, result};
use crate::output::tree::{self, Look};
use crate::report::events::Events;

const EXAMPLES: &str = "Examples:
  # Follow the latest run: a live tree on a terminal, otherwise one line per change
  kubectl runnable watch @latest

  # Follow a local run from another terminal
  kubectl runnable watch --local etl-x2k9f

  # For programs: one JSON object a line, as soon as a node starts, ends or is taken from the cache
  kubectl runnable watch run.json -o json | jq -r '[.event, .node] | @tsv'

  # Follow only what is at work or has failed
  kubectl runnable watch etl-x2k9f --phase Running,Failed,Error

  # Follow for at most ten minutes
  kubectl runnable watch run.json --timeout 10m

Exit codes, as for wait: 0 Succeeded, 3 Failed, 4 Error, 5 --timeout passed, 6 not found or deleted, 130 interrupted.";

/// Follow the nodes of a run until it ends; the exit code reports the result
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// Stop watching after this time (exit code 5); the run continues
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    timeout: Option<Duration>,

    /// Print events instead of the tree: one JSON object a line, for each node that starts, ends, is skipped or is taken
    /// from the cache, and for the end of the run
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<EventFormat>,

    #[command(flatten)]
    nodes: NodeFilter,

    #[command(flatten)]
    report: ReportArgs,

    #[command(flatten)]
    target: TargetArgs,
}

/// `-o` of a command that tells of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EventFormat {
    /// One object a line.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    args.report.check()?;
    block_on(until_interrupted(watch(args), "the run continues"))
}

async fn watch(args: &Args) -> Result<Exit, Failure> {
    let end = watched(args).await;
    let followed = [Followed { run: args.run.clone(), end }];
    let written = args.report.write(&followed);
    let [Followed { end, .. }] = followed;
    Ok(exit(&end?.state).max(written))
}

async fn watched(args: &Args) -> Result<End, Failure> {
    let deadline = Deadline::after(args.timeout);
    let run = args.target.resolve(&args.run).await?;
    let known = run.get().await?;
    if args.output == Some(EventFormat::Json) {
        return events(&run, known, deadline).await;
    }
    let screen = Screen::new(false);
    screen.expect(&run, &known.workflow).await;
    let mut show = |state: &_| screen.show_some(state, |node| args.nodes.matches(node));
    let ended = run.end(Some(&known.workflow), deadline, Some(&mut show)).await;
    drop(screen);
    let ended = ended?;
    let look = Look::of_stdout(Some(FOLD), Timestamp::now());
    let mask = ended.mask();
    let wanted: Vec<Node> = ended.nodes.all.iter().filter(|node| args.nodes.matches(node)).cloned().collect();
    let tree = tree::draw(&mask.nodes(&wanted), look);
    result(format_args!("{tree}{}\n", ending(&ended)))?;
    let end = End::of(&run, ended).await;
    end.tell();
    Ok(end)
}

/// Prints what happens to the run until it has ended.
async fn events(run: &Run, known: Snapshot, deadline: Deadline) -> Result<End, Failure> {
    let mut events = Events::default();
    let mut unwritten = tell(&mut events, &known);
    let mut show = |state: &Snapshot| {
        if unwritten.is_ok() {
            unwritten = tell(&mut events, state);
        }
    };
    let ended = run.end(Some(&known.workflow), deadline, Some(&mut show)).await?;
    unwritten?;
    tell(&mut events, &ended)?;
    let end = End::of(run, ended).await;
    end.tell();
    Ok(end)
}

fn tell(events: &mut Events, state: &Snapshot) -> Result<(), StreamError> {
    for event in events.of(&state.workflow, &state.nodes, &state.mask()) {
        let line = serde_json::to_string(&event).expect("an event has no key that is no text");
        result(format_args!("{line}\n"))?;
    }
    Ok(())
}
