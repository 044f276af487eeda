//! `template` and `cluster-template`: the templates of a cluster, and what they take.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::Value;

use super::access::AccessArgs;
use super::failure::Failure;
use super::runtime::block_on;
use crate::argo::identity::ObjectName;
use crate::argo::label_selector::LabelSelector;
use crate::cluster::{Cluster, Selection, TemplateKind};
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::stream::{result, stdout_width, talk};
use crate::output::templates::{details, schedules, templates};

/// Number of objects to request from the server per page.
const CHUNK: u32 = 200;

/// List WorkflowTemplates of a cluster, and show what they take
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # The templates of the namespace, then what one of them takes
  kubectl runnable template list
  kubectl runnable template get etl

  # Run one
  kubectl runnable submit --from workflowtemplate/etl -p date=2026-11-21")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
    Get(GetArgs),
}

/// List ClusterWorkflowTemplates, and show what they take
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # The templates of the whole cluster, then what one of them takes
  kubectl runnable cluster-template list
  kubectl runnable cluster-template get etl")]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    List(ClusterListArgs),
    /// Show parameters, entrypoint and templates of ClusterWorkflowTemplates
    #[command(after_help = "Examples:
  # What it takes
  kubectl runnable cluster-template get etl")]
    Get(GetArgs),
}

/// List templates by name
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Of all namespaces, with a label
  kubectl runnable template list -A -l team=data

  # Their names, for scripts
  kubectl runnable template list -o name")]
pub(super) struct ListArgs {
    /// Objects of all namespaces
    #[arg(short = 'A', long)]
    pub(super) all_namespaces: bool,

    #[command(flatten)]
    pub(super) list: ClusterListArgs,
}

/// List templates of the cluster by name
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Their names, for scripts
  kubectl runnable cluster-template list -o name")]
pub(super) struct ClusterListArgs {
    /// Only objects that match this label selector
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<LabelSelector>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    access: AccessArgs,
}

/// Show parameters, entrypoint and templates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # What it takes
  kubectl runnable template get etl

  # The object
  kubectl runnable template get etl -o yaml")]
pub(super) struct GetArgs {
    /// Names of objects
    #[arg(value_name = "NAME", required = true)]
    names: Vec<ObjectName>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(args) => list(TemplateKind::WorkflowTemplate, args.all_namespaces, &args.list),
        Command::Get(args) => get(TemplateKind::WorkflowTemplate, args),
    }
}

pub(super) fn run_cluster(args: &ClusterArgs) -> Result<Exit, Failure> {
    match &args.command {
        ClusterCommand::List(args) => list(TemplateKind::ClusterWorkflowTemplate, false, args),
        ClusterCommand::Get(args) => get(TemplateKind::ClusterWorkflowTemplate, args),
    }
}

/// Lists the objects of a kind, by namespace and name.
pub(super) fn list(kind: TemplateKind, all_namespaces: bool, args: &ClusterListArgs) -> Result<Exit, Failure> {
    let mut objects: Vec<Value> = Vec::new();
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let labels = args.selector.as_ref().map(|selector| selector.as_str().to_owned());
        let selection = Selection { all_namespaces, labels, chunk: CHUNK, ..Selection::default() };
        Ok(cluster.templates(kind, &selection, |object| objects.push(object)).await?)
    })?;
    let now = Timestamp::now();
    match args.output {
        None | Some(Format::Wide) if objects.is_empty() => talk(format_args!("no {kind}s")),
        None | Some(Format::Wide) if kind == TemplateKind::CronWorkflow => {
            result(schedules(&objects, all_namespaces, now, stdout_width()))?;
        }
        None | Some(Format::Wide) => result(templates(&objects, all_namespaces, now, stdout_width()))?,
        Some(Format::Json) => {
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
            result(format_args!("{list:#}\n"))?;
        }
        Some(format) => result(rendered(format, &objects))?,
    }
    Ok(Exit::Success)
}

/// Shows the objects of these names; one that is not there does not hide the others.
pub(super) fn get(kind: TemplateKind, args: &GetArgs) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let (mut objects, mut exit) = (Vec::new(), Exit::Success);
        for name in &args.names {
            match cluster.template(kind, name.as_str()).await {
                Ok(object) => objects.push(object),
                Err(error) => exit = exit.max(Failure::from(error).report()),
            }
        }
        let now = Timestamp::now();
        match args.output {
            _ if objects.is_empty() => {}
            None | Some(Format::Wide) => {
                let all: Vec<String> = objects.iter().map(|object| details(object, now)).collect();
                result(all.join("\n"))?;
            }
            Some(format) => result(rendered(format, &objects))?,
        }
        Ok(exit)
    })
}
