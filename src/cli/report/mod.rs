//! `report`: tells a whole run, for a browser, a document or a program.

mod files;

use std::path::PathBuf;

use jiff::Timestamp;

pub(super) use self::files::ReportArgs;
use super::failure::Failure;
use super::follow::failures;
use super::runtime::block_on;
use super::target::TargetArgs;
use crate::backend::{Run, Snapshot};
use crate::exit::Exit;
use crate::file::replace::{Readers, replace};
use crate::output::graph::mermaid;
use crate::output::stream::{is_stdout_terminal, result};
use crate::output::{html, junit, step_summary};
use crate::report::cases::Suite;
use crate::report::failures::Failures;
use crate::report::graph::Graph;
use crate::report::profile::{Known, Profile};

/// Boxes of a graph that are drawn.
const MAX_BOXES: usize = 400;

const EXAMPLES: &str = "Examples:
  # One HTML file that opens without a network: graph, timeline, critical path, logs, costs
  kubectl runnable report @latest > run.html
  kubectl runnable report etl-x2k9f --file run.html

  # The graph for a README or an issue, or a table of results
  kubectl runnable report etl-x2k9f -o mermaid
  kubectl runnable report etl-x2k9f -o markdown

  # For CI, and for programs
  kubectl runnable report run.json -o junit --file junit.xml
  kubectl runnable report run.json -o json | jq '.templates[] | {template, busyMs}'

  # A run of this machine
  kubectl runnable report --local diamond --file diamond.html";

/// Write a report about a run: HTML, Mermaid, Markdown, JUnit or JSON
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// What to write
    #[arg(short, long, value_name = "FORMAT", default_value = "html")]
    output: ReportFormat,

    /// The file to write instead of standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReportFormat {
    /// One file for a browser.
    Html,
    /// A flowchart of Mermaid.
    Mermaid,
    /// A table, the failures first.
    Markdown,
    /// JUnit XML.
    Junit,
    /// An object with all of it.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.output == ReportFormat::Html && args.file.is_none() && is_stdout_terminal() {
        return Err(Failure::usage("a page of HTML is not for a terminal")
            .hint("add --file run.html, or choose another form with -o"));
    }
    block_on(report(args))
}

async fn report(args: &Args) -> Result<Exit, Failure> {
    let run = args.target.resolve(&args.run).await?;
    let state = run.get().await?;
    let failures = failures(&run, &state).await;
    let text = match args.output {
        ReportFormat::Mermaid => mermaid(&graph(&state)),
        ReportFormat::Markdown => step_summary::markdown(&[suite(&state, &failures)]),
        ReportFormat::Junit => junit::document(&[suite(&state, &failures)]),
        ReportFormat::Html => {
            let now = Timestamp::now();
            html::page(&profile(&run, &state, &failures, now).await, &graph(&state), now)
        }
        ReportFormat::Json => {
            let profile = profile(&run, &state, &failures, Timestamp::now()).await;
            serde_json::to_string_pretty(&profile).map_err(anyhow::Error::from)? + "\n"
        }
    };
    match &args.file {
        Some(path) => replace(path, Readers::Umask, text.as_bytes())
            .map_err(|error| Failure::new(Exit::Tool, format!("cannot write {}: {error}", path.display())))?,
        None => result(text)?,
    }
    Ok(Exit::Success)
}

fn suite(state: &Snapshot, failures: &Failures) -> Suite {
    Suite::of(&state.summary(), &state.nodes.all, &state.mask()).with(failures)
}

fn graph(state: &Snapshot) -> Graph {
    Graph::of_run(&state.nodes, &state.mask(), state.killed, MAX_BOXES)
}

/// The profile, compared with the attempt before if that is still there.
async fn profile(run: &Run, state: &Snapshot, failures: &Failures, now: Timestamp) -> Profile {
    let store = run.artifacts();
    let of = |state: &Snapshot, failures: &Failures, logs| {
        let mask = state.mask();
        let known = Known {
            workflow: &state.workflow,
            nodes: &state.nodes,
            mask: &mask,
            killed: state.killed,
            store: store.as_deref(),
        };
        Profile::of(known, failures, logs, now)
    };
    let tails = run.tails(state);
    let profile = of(state, failures, &tails);
    match run.before(&state.workflow).await {
        Some(before) => {
            let (no_failures, no_tails) = Default::default();
            profile.compared_with(&of(&before, &no_failures, &no_tails))
        }
        None => profile,
    }
}
