//! `bundle diff`.

use serde_json::Value;

use super::ComponentArgs;
use crate::argo::document::to_yaml_documents;
use crate::argo::without_server_fields;
use crate::cache::differing_lines;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cluster::{ApplyOptions, Cluster};
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::stream::{result, talk};

/// Show what an install would change
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Before an upgrade
  kubectl runnable bundle diff semaphores rbac coderun -n ci --image registry.example.org/runnable:v2

Lines that would go begin with -, lines that would come with +. Fields that others have set and that an install would conflict with \
are shown as if they were taken over.")]
pub(super) struct Args {
    #[command(flatten)]
    components: ComponentArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let mut differs = false;
        for object in args.components.objects(Some(cluster.namespace()))? {
            let before = cluster.installed(&object).await?;
            let after = cluster.apply(&object, ApplyOptions { dry_run: true, force: true }).await?;
            let lines = differing_lines(&before.as_ref().map(lines).unwrap_or_default(), &lines(&after));
            if lines.is_empty() {
                continue;
            }
            differs = true;
            let new = if before.is_none() { " (new)" } else { "" };
            result(format_args!("{}{new}\n", name(&object)))?;
            result(lines.join("\n") + "\n")?;
        }
        if !differs {
            talk("an install would change nothing");
        }
        Ok(Exit::Success)
    })
}

/// The lines of an object without the fields that the server keeps.
fn lines(object: &Value) -> Vec<String> {
    let yaml = to_yaml_documents(&[without_server_fields(object)]);
    yaml.lines().filter(|line| *line != "---").map(str::to_owned).collect()
}
