//! `archive resubmit`: a new run of what a workflow of the archive was made from, by the way of `submit`.

use serde_json::Value;

use super::server::ServerArgs;
use crate::argo::Workflow;
use crate::argo::document::Source;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::submit;
use crate::cluster::Archived;
use crate::exit::Exit;
use crate::prepare::RUN_PARAMETERS;

const EXAMPLES: &str = "Examples:
  # All of it again, with another parameter, as a new run
  kubectl runnable archive resubmit etl-x2k9f -p date=2026-11-21 --wait

  # On this machine
  kubectl runnable archive resubmit etl-x2k9f --local

  # Only what did not succeed
  kubectl runnable archive retry etl-x2k9f";

/// Submit workflows of the archive again, as new runs; takes the flags of submit
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    after_help = EXAMPLES,
    mut_arg("files", |arg| arg.value_name("ARCHIVED").help("Names or uids of workflows of the archive")),
    mut_arg("from", |arg| arg.hide(true)),
    mut_arg("resume", |arg| arg.hide(true))
)]
pub(super) struct Args {
    #[command(flatten)]
    submit: submit::Args,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(mut args: Args) -> Result<Exit, Failure> {
    let names: Vec<String> = args.submit.files.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.is_empty() {
        return Err(Failure::usage("no workflow of the archive is named").hint("leave --from out"));
    }
    args.submit.given = block_on(async {
        let server = args.server.connect(&args.submit.access).await?;
        let mut given = Vec::new();
        for name in &names {
            given.push(source(&server.workflow(&Archived::of(name)).await?));
        }
        Ok(given)
    })?;
    submit::run(&args.submit)
}

/// What the workflow was made from, without what tells its run from another.
fn source(archived: &Value) -> Source {
    let archived = Workflow::view(archived);
    let mut document = archived.successor();
    let names: Vec<&str> = archived.parameters().into_iter().map(|parameter| parameter.name).collect();
    for own in RUN_PARAMETERS.iter().filter(|own| names.contains(own)) {
        document.set_parameter(own, "");
    }
    let text = document.value().to_string().into_bytes();
    Source { name: format!("workflow {} of the archive", archived.name()), text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_resubmitted_workflow_is_a_run_of_its_own() {
        let archived = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "etl-1", "uid": "u", "generateName": "etl-", "resourceVersion": "7",
                "labels": {"workflows.argoproj.io/workflow-archiving-status": "Persisted", "team": "data"}},
            "spec": {"entrypoint": "main", "arguments": {"parameters": [
                {"name": "run_id", "value": "r1"}, {"name": "retry_indicator", "value": "2"}, {"name": "date", "value": "x"},
            ]}},
            "status": {"phase": "Failed"},
        });
        let document: Value = serde_json::from_slice(&source(&archived).text).expect("it is JSON");
        assert_eq!(document["metadata"]["generateName"], "etl-");
        assert_eq!(document["metadata"]["labels"]["team"], "data");
        assert!(document["metadata"]["labels"].get("workflows.argoproj.io/workflow-archiving-status").is_none());
        assert!(document["metadata"].get("uid").is_none() && document.get("status").is_none());
        let values: Vec<&str> = Workflow::view(&document).parameters().iter().map(|one| one.name).collect();
        assert_eq!(values, ["run_id", "retry_indicator", "date"]);
        assert_eq!(Workflow::view(&document).run_id(), None);
    }
}
