//! `status`: shows the status of runs.

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use super::runtime::{block_on, each};
use super::target::TargetArgs;
use crate::argo::node_selector::NodeSelector;
use crate::backend::Snapshot;
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::status::{self, View};
use crate::output::stream::{StreamError, result, stdout_colors};
use crate::output::tree::Look;

/// Siblings shown in the tree before the rest is folded into one line.
pub(super) const FOLD: usize = 20;

const EXAMPLES: &str = "Examples:
  # Show the latest run as a tree of its nodes
  kubectl runnable status @latest

  # Show a local run
  kubectl runnable status --local etl-x2k9f

  # Show all nodes of a wide fan-out, or only the failed ones
  kubectl runnable status etl-x2k9f --all
  kubectl runnable status etl-x2k9f --node-field-selector phase=Failed

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

    /// Show only the nodes with these fields, such as displayName=load,phase!=Succeeded (text and wide)
    #[arg(long, value_name = "SELECTOR")]
    node_field_selector: Option<NodeSelector>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (runs, exit) = block_on(async {
        Ok(each(args.runs.iter().map(async |run| Ok(args.target.resolve(run).await?.get().await?))).await)
    })?;
    match args.output {
        None | Some(Format::Wide) => show(args, &runs)?,
        Some(format) if !runs.is_empty() => {
            let objects: Vec<Value> = runs.into_iter().map(Snapshot::object).collect();
            result(rendered(format, &objects))?;
        }
        Some(_) => {}
    }
    Ok(exit)
}

fn show(args: &Args, runs: &[Snapshot]) -> Result<(), StreamError> {
    let fold = (!args.all).then_some(FOLD);
    let look = Look { color: stdout_colors(), fold, lines: None, width: None, now: Timestamp::now() };
    for (at, run) in runs.iter().enumerate() {
        let nodes = run.nodes.all.iter();
        let selected =
            nodes.filter(|node| args.node_field_selector.as_ref().is_none_or(|selector| selector.matches(node)));
        let view = View { workflow: &run.workflow, summary: &run.summary(), nodes: selected.cloned().collect() };
        let text =
            if args.output == Some(Format::Wide) { status::wide(&view, look) } else { status::text(&view, look) };
        result(format_args!("{}{text}", if at == 0 { "" } else { "\n" }))?;
    }
    Ok(())
}
