//! `graph`: draws documents that have not run.

use std::path::PathBuf;

use serde_json::Value;

use super::failure::Failure;
use super::files;
use crate::argo::Workflow;
use crate::argo::document::{Document, Kind};
use crate::exit::Exit;
use crate::output::graph::{dot, mermaid};
use crate::output::stream::result;
use crate::report::graph::Graph;

const EXAMPLES: &str = "Examples:
  # A flowchart that GitHub, GitLab and many editors draw
  kubectl runnable graph etl.yaml

  # With the WorkflowTemplates that it calls, as an image by Graphviz
  kubectl runnable graph etl.yaml templates.yaml -o dot | dot -Tsvg > etl.svg

  # What runs and what comes from the cache is drawn by a report about a run
  kubectl runnable report etl-x2k9f -o mermaid";

/// Draw a workflow document as a graph, in Mermaid or DOT
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files with workflows, and with the templates that they call; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// What to print
    #[arg(short, long, value_name = "FORMAT", default_value = "mermaid")]
    output: GraphFormat,
}

/// The languages of graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GraphFormat {
    /// A flowchart of Mermaid.
    Mermaid,
    /// A digraph of Graphviz.
    Dot,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let documents = files::documents(&args.files, false)?;
    let is_template =
        |document: &&Document| matches!(document.kind, Kind::WorkflowTemplate | Kind::ClusterWorkflowTemplate);
    let is_run = |document: &&Document| matches!(document.kind, Kind::Workflow | Kind::CronWorkflow);
    let templates: Vec<&Value> = documents.iter().filter(is_template).map(|document| &document.value).collect();
    let mut drawn: Vec<&Value> = documents.iter().filter(is_run).map(|document| &document.value).collect();
    if drawn.is_empty() {
        drawn.clone_from(&templates);
    }
    if drawn.is_empty() {
        return Err(Failure::usage("the files hold no workflow and no template to draw"));
    }
    let graph = Graph::of_documents(&drawn, &templates);
    let first = Workflow::view(drawn[0]);
    let title = if first.name().is_empty() { first.generate_name().unwrap_or("workflow") } else { first.name() };
    result(match args.output {
        GraphFormat::Mermaid => mermaid(&graph),
        GraphFormat::Dot => dot(&graph, title),
    })?;
    Ok(Exit::Success)
}
