//! `status`: shows the status of runs.

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::follow::{address, failures};
use super::gone::{Gone, Told};
use super::node_filter::NodeFilter;
use super::runtime::{block_on, each};
use super::target::TargetArgs;
use super::values::ObjectFormats;
use crate::backend::Snapshot;
use crate::exit::Exit;
use crate::output::failures::screen;
use crate::output::format::ObjectFormat;
use crate::output::status::{self, View};
use crate::output::stream::{StreamError, result, talk};
use crate::output::tree::Look;
use crate::report::failures::Failures;
use crate::report::waits::Wait;

/// Siblings shown in the tree before the rest is folded into one line.
pub(super) const FOLD: usize = 20;

const EXAMPLES: &str = "Examples:
  # Show the latest run as a tree of its nodes
  kubectl runnable status @latest

  # Show a local run
  kubectl runnable status --local etl-x2k9f

  # Show all nodes of a wide fan-out, or only the failed ones
  kubectl runnable status etl-x2k9f --all
  kubectl runnable status etl-x2k9f --phase Failed,Error

  # Show outputs, and where artifacts are kept
  kubectl runnable status etl-x2k9f --outputs

  # One value, by kubectl's templates
  kubectl runnable status etl-x2k9f -o jsonpath='{.status.outputs.parameters[0].value}'

  # From another machine, and when the run is gone: the manifests in the handle's store then tell of it
  kubectl runnable status run.json

  # Print the Workflow object with the added field .summary, for scripts
  kubectl runnable status run.json -o json | jq .summary.currentNode";

/// Show the status of runs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    /// Show every node, even of a wide fan-out
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    nodes: NodeFilter,

    /// Show the outputs of the run and of its nodes, with the places of artifacts (text and wide)
    #[arg(long)]
    outputs: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = ObjectFormats)]
    output: Option<ObjectFormat>,

    #[command(flatten)]
    target: TargetArgs,
}

/// What is told of a run.
enum Read {
    There(Box<Shown>),
    Gone(Box<Told>),
}

/// A run, and what is told of it besides its object.
struct Shown {
    state: Snapshot,
    failures: Failures,
    latest: Option<(u32, String)>,
    store: Option<String>,
    waits: Vec<Wait>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (runs, exit) = block_on(async { Ok(each(args.runs.iter().map(async |run| read(args, run).await)).await) })?;
    match &args.output {
        Some(format) if !format.is_wide() => {
            if !runs.is_empty() {
                let objects: Vec<Value> = runs.into_iter().map(Read::object).collect();
                result(format.rendered(&objects))?;
            }
        }
        _ => show(args, &runs)?,
    }
    Ok(exit)
}

async fn read(args: &Args, run: &str) -> Result<Read, Failure> {
    match shown(args, run).await {
        Ok(shown) => Ok(Read::There(Box::new(shown))),
        Err(failure) => {
            let Some(gone) = Gone::of(run, &failure)? else { return Err(failure) };
            talk(gone.note());
            Ok(Read::Gone(Box::new(gone.told()?)))
        }
    }
}

async fn shown(args: &Args, run: &str) -> Result<Shown, Failure> {
    let run = args.target.resolve(run).await?;
    let state = run.get().await?;
    if args.output.as_ref().is_some_and(|format| !format.is_wide()) {
        return Ok(Shown { state, failures: Failures::default(), latest: None, store: None, waits: Vec::new() });
    }
    let failures = if state.is_over() {
        failures(&run, &state).await
    } else {
        Failures { address: address(&run), ..Failures::default() }
    };
    let latest = run.latest_attempt(&state).await;
    let waits = run.waits(&state).await;
    Ok(Shown { state, failures, latest, store: run.artifacts(), waits })
}

impl Read {
    fn object(self) -> Value {
        match self {
            Self::There(shown) => shown.state.object(),
            Self::Gone(told) => told.object(),
        }
    }
}

fn show(args: &Args, runs: &[Read]) -> Result<(), StreamError> {
    for (at, run) in runs.iter().enumerate() {
        let text = match run {
            Read::There(shown) => text(args, shown),
            Read::Gone(told) => told.text(),
        };
        result(format_args!("{}{text}", if at == 0 { "" } else { "\n" }))?;
    }
    Ok(())
}

fn text(args: &Args, Shown { state, failures, latest, store, waits }: &Shown) -> String {
    let look = Look { lost: state.killed, ..Look::of_stdout((!args.all).then_some(FOLD), Timestamp::now()) };
    let selected = state.nodes.all.iter().filter(|node| args.nodes.matches(node));
    let view = View {
        workflow: &state.workflow,
        summary: &state.summary(),
        nodes: selected.cloned().collect(),
        waits: waits.clone(),
        latest: latest.clone(),
        address: &failures.address,
        outputs: args.outputs,
        store: store.clone(),
    };
    let text = if args.output.is_some() { status::wide(&view, look) } else { status::text(&view, look) };
    let failed = screen(failures, look.color);
    let between = if failed.is_empty() { "" } else { "\n" };
    format!("{text}{between}{failed}")
}
