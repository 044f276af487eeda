//! `node`: what a suspended node is given while it waits.

use clap::Subcommand;
use jiff::Timestamp;

use super::failure::Failure;
use super::runtime::block_on;
use super::steer;
use super::target::TargetArgs;
use super::values::ParameterPair;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::Phase;
use crate::control::Order;
use crate::control::set::Set;
use crate::exit::Exit;
use crate::output::format::Format;

/// Set the phase, message or outputs of suspended nodes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Supply an output of the node that waits for it; it waits on until it is resumed
  kubectl runnable node set etl-x2k9f --node-field-selector displayName=approve -p approved=yes")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Set(Box<SetArgs>),
}

/// Set the phase, message or outputs of suspended nodes of a cluster's runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Supply an output of the node that waits for it; it waits on until it is resumed
  kubectl runnable node set etl-x2k9f --node-field-selector displayName=approve -p approved=yes

  # Refuse an approval: the node fails, with a message
  kubectl runnable node set etl-x2k9f --node-field-selector displayName=approve --phase Failed -m 'not today'

Only suspended nodes are changed. resume sets outputs and lets the node go on in one step, also of local runs.")]
struct SetArgs {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    /// Only the suspended nodes that match, such as displayName=approve,templateName=gate
    #[arg(long, value_name = "FIELD=VALUE,…")]
    node_field_selector: Option<NodeSelector>,

    /// Their new phase
    #[arg(long, value_name = "PHASE", ignore_case = true, value_parser = ["Succeeded", "Failed", "Error", "Skipped"])]
    phase: Option<String>,

    /// Their new message
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// A value for an output parameter that waits for one
    #[arg(short = 'p', long = "output-parameter", value_name = "NAME=VALUE")]
    outputs: Vec<ParameterPair>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Only show what would be done; the cluster validates the request
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Command::Set(args) = &args.command;
    if args.phase.is_none() && args.message.is_none() && args.outputs.is_empty() {
        return Err(Failure::usage("nothing to set").hint("give --phase, --message or --output-parameter"));
    }
    let order = Order::Set(Set {
        selector: args.node_field_selector.clone(),
        phase: args.phase.as_deref().and_then(phase),
        message: args.message.clone(),
        outputs: args.outputs.iter().map(|ParameterPair(name, value)| (name.clone(), value.clone())).collect(),
        now: Timestamp::now(),
    });
    block_on(async {
        let mut runs = Vec::new();
        for run in &args.runs {
            runs.push(args.target.resolve(run).await);
        }
        steer::give(runs, args.dry_run, args.output, &order).await
    })
}

fn phase(text: &str) -> Option<Phase> {
    let phases = [Phase::Succeeded, Phase::Failed, Phase::Error, Phase::Skipped];
    phases.into_iter().find(|phase| phase.as_str().eq_ignore_ascii_case(text))
}
