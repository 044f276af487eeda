//! `bundle show`.

use super::ComponentArgs;
use crate::argo::identity::ObjectName;
use crate::cli::failure::Failure;
use crate::cli::values::{Namespace, formats};
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::stream::result;

/// Print the objects of components; needs no cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # For GitOps: review it, commit it, let the cluster follow
  kubectl runnable bundle show semaphores rbac -n ci > bundle.yaml

  # A template with another command
  kubectl runnable bundle show coderun -n ci --image registry.example.org/runnable:v1 --set command='make test'")]
pub(super) struct Args {
    #[command(flatten)]
    components: ComponentArgs,

    /// The namespace that the objects name
    #[arg(short, long, value_name = "NAMESPACE", env = "ARGO_NAMESPACE", hide_env_values = true)]
    namespace: Option<Namespace>,

    /// What to print to standard output [default: yaml]
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The objects' names",
        "The objects",
        "The objects as YAML, as without -o",
    ))]
    output: Option<Format>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let namespace = args.namespace.as_ref().and_then(|Namespace(name)| name.as_ref()).map(ObjectName::as_str);
    if namespace.is_none()
        && let Some(component) = args.components.components.iter().find(|component| component.names_namespace())
    {
        return Err(
            Failure::usage(format!("{component} has objects that name their namespace")).hint("add --namespace")
        );
    }
    let objects = args.components.objects(namespace)?;
    let format = args.output.filter(|format| *format != Format::Wide).unwrap_or(Format::Yaml);
    result(rendered(format, &objects))?;
    Ok(Exit::Success)
}
