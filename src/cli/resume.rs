//! `resume`: resumes suspended runs, or single suspended nodes.

use clap::ValueEnum;
use jiff::Timestamp;

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::node_selector::NodeSelector;
use crate::control::Order;
use crate::control::resume::Resume;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Resume a suspended run and all of its suspended nodes
  kubectl runnable resume etl-x2k9f

  # Resume only the node that waits for an approval, and set its output parameter
  kubectl runnable resume etl-x2k9f --node-field-selector displayName=approve --output approved=yes

  # Print the object after the change, for scripts
  kubectl runnable resume etl-x2k9f -o json

A run that is not suspended is not changed (exit code 0). A run that has ended is an error (exit code 7).";

/// Resume suspended runs, or single suspended nodes
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Resume only the suspended nodes that match, such as displayName=approve,templateName=gate
    #[arg(long, value_name = "FIELD=VALUE,…")]
    node_field_selector: Option<NodeSelector>,

    /// A message for the nodes
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,

    /// Set an output parameter of the node (NAME=VALUE), or choose what to print to standard output: name, json, yaml
    /// or wide
    #[arg(short, long, value_name = "NAME=VALUE|FORMAT", value_parser = output)]
    output: Vec<Output>,

    #[command(flatten)]
    steer: SteerArgs,
}

/// A value of `--output`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Output {
    Format(Format),
    Parameter(String, String),
}

fn output(text: &str) -> Result<Output, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Output::Parameter(name.to_owned(), value.to_owned())),
        Some(_) => Err("expected NAME=VALUE".to_owned()),
        None => Format::from_str(text, false).map(Output::Format).map_err(|_| {
            "expected NAME=VALUE for an output parameter, or a format: name, json, yaml or wide".to_owned()
        }),
    }
}

pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    let mut format = None;
    let mut outputs = Vec::new();
    for output in args.output {
        match output {
            Output::Format(asked) => format = Some(asked),
            Output::Parameter(name, value) => outputs.push((name, value)),
        }
    }
    let selector = args.node_field_selector;
    let order = Order::Resume(Resume { selector, outputs, message: args.message, now: Timestamp::now() });
    steer::run(&args.steer, format, &order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_a_parameter_or_a_format() {
        assert_eq!(output("json"), Ok(Output::Format(Format::Json)));
        assert_eq!(output("a=b=c"), Ok(Output::Parameter("a".to_owned(), "b=c".to_owned())));
        assert!(output("=x").is_err() && output("jsno").is_err());
    }
}
