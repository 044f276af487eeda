//! `bundle bake`: isolation written into WorkflowTemplates.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::argo::document::Kind;
use crate::cli::failure::Failure;
use crate::cli::isolation::IsolationArgs;
use crate::cli::{files, generate};
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::stream::{result, talk};
use crate::prepare::{Detail, Options, Templates, prepare_template, told};

const EXAMPLES: &str = "Examples:
  # A template whose pods have a worktree each, for a controller that accepts only references
  kubectl runnable bundle bake etl-template.yaml --isolate emptydir --repo exampleorg/sample@main \\
    --image registry.example.org/runnable:v1 > baked.yaml

Where the controller runs with templateReferencing Strict or Secure, a workflow cannot bring volumes or templates of its own: what \
submit --isolate adds has to be in the WorkflowTemplate that it refers to. A baked template is also memoized, and its workflows need \
the parameter run_id, which submit --from gives.";

/// Write isolation into WorkflowTemplates and print them; needs no cluster
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files of WorkflowTemplates and ClusterWorkflowTemplates; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// What to print to standard output [default: yaml]
    #[arg(short, long, value_name = "FORMAT", hide_default_value = true)]
    output: Option<Format>,

    #[command(flatten)]
    isolation: IsolationArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let Some(isolation) = args.isolation.isolation(false)? else {
        return Err(Failure::usage("nothing to bake").hint("add --isolate"));
    };
    let (documents, _) = files::with_sources(&args.files, false)?;
    let templates: Templates = documents.iter().map(|document| document.value.clone()).collect();
    let mut baked = Vec::new();
    for document in &documents {
        if !matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate) {
            let problem = document.problem("", "only WorkflowTemplates and ClusterWorkflowTemplates are baked");
            return Err(Failure::usage(problem.to_string()).hint("submit --isolate isolates a workflow"));
        }
        let options = Options {
            isolation: Some(isolation.clone()),
            ..Options::new(generate::run_id(Timestamp::now())?, generate::cache_name())
        };
        let prepared = prepare_template(document.value.clone(), &templates, &options)
            .map_err(|error| Failure::usage(document.problem("", error.to_string()).to_string()))?;
        told(&prepared.notices, Detail::Brief).iter().for_each(talk);
        baked.push(prepared.workflow);
    }
    let format = args.output.filter(|format| *format != Format::Wide).unwrap_or(Format::Yaml);
    result(rendered(format, &baked))?;
    Ok(Exit::Success)
}
