//! `cp`: copies the artifacts of a run into a directory.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::named_nodes::named_nodes;
use super::runtime::block_on;
use super::target::{TargetArgs, split_node};
use crate::argo::nodes::path;
use crate::argo::status::Node;
use crate::backend::{Run, Snapshot};
use crate::exit::Exit;
use crate::local::record::Record;
use crate::local::saved_artifacts::copy;
use crate::output::stream::{result, talk};
use crate::report::outputs::artifact_place;

const EXAMPLES: &str = "Examples:
  # Copy all artifacts of a local run into a directory: results/NODE/ARTIFACT
  kubectl runnable cp --local etl-x2k9f results

  # Copy those of one node, or one artifact
  kubectl runnable cp --local etl-x2k9f/load results
  kubectl runnable cp --local @latest/load --artifact table results";

/// Copy artifacts of a run into a directory
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle; of a named run perhaps one node, by its id, name,
    /// display name or path
    #[arg(value_name = "RUN[/NODE]")]
    run: String,

    /// The directory to copy into; created if missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Only artifacts of this name
    #[arg(long, value_name = "NAME")]
    artifact: Option<String>,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (run, node) = split_node(&args.run);
    let (run, state) = block_on(async {
        let run = args.target.resolve(run).await?;
        let state = run.get().await?;
        Ok((run, state))
    })?;
    let nodes = named_nodes(&state, node)?;
    match &run {
        Run::Local(record) => copy_all(args, record, &state, &nodes),
        Run::Cluster { .. } => Err(elsewhere(args, &state, &nodes)),
    }
}

fn copy_all(args: &Args, record: &Record, state: &Snapshot, nodes: &[&Node]) -> Result<Exit, Failure> {
    let failed = |what: &Path, error: std::io::Error| {
        Failure::new(Exit::Tool, format!("cannot write {}: {error}", what.display()))
    };
    let mut taken = HashSet::new();
    let mut copied = 0;
    for node in nodes {
        let mut artifacts = record.artifacts_of(node);
        artifacts.retain(|artifact| args.artifact.as_ref().is_none_or(|name| *name == artifact.name));
        if artifacts.is_empty() {
            continue;
        }
        let mut name = file_name(&path(state.nodes.workflow(), &node.name));
        if !taken.insert(name.clone()) {
            name = format!("{name}-{}", file_name(&node.id));
            taken.insert(name.clone());
        }
        let directory = args.directory.join(name);
        fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        for artifact in artifacts {
            let target = directory.join(file_name(&artifact.name));
            copy(&artifact, &target).map_err(|error| failed(&target, error))?;
            result(format_args!("{}\n", target.display()))?;
            copied += 1;
        }
    }
    if copied == 0 {
        let what =
            args.artifact.as_ref().map_or_else(|| "no artifact".to_owned(), |name| format!("no artifact {name:?}"));
        return Err(Failure::new(Exit::NotFound, format!("run {} has kept {what} of these nodes", state.name()))
            .hint(format!("kubectl runnable status {} --outputs shows its artifacts", state.name())));
    }
    talk(format_args!("{copied} copied"));
    Ok(Exit::Success)
}

/// A name of a workflow as one name of a file: other letters than these are replaced.
fn file_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let name: String = name.chars().map(plain).take(200).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

/// What a cluster's run has kept is in its artifact repository.
fn elsewhere(args: &Args, state: &Snapshot, nodes: &[&Node]) -> Failure {
    let artifacts = nodes.iter().flat_map(|node| node.outputs.iter().flat_map(|outputs| &outputs.artifacts));
    let wanted =
        artifacts.filter(|artifact| args.artifact.as_ref().is_none_or(|name| artifact["name"] == name.as_str()));
    let places: Vec<String> = wanted.filter_map(|artifact| artifact_place(&state.workflow, artifact, None)).collect();
    let message = format!(
        "artifacts of a cluster's run cannot be copied: {} keeps them in its artifact repository",
        state.name()
    );
    match places.split_first() {
        Some((first, [])) => Failure::usage(message).hint(format!("it is at {first}")),
        Some((first, rest)) => Failure::usage(message)
            .hint(format!("they are at {first} and {} other places; status --outputs lists them", rest.len())),
        None => Failure::usage(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_workflow_is_one_name_of_a_file() {
        assert_eq!(file_name("each(0:../../etc/passwd)"), "each_0_.._.._etc_passwd_");
        assert_eq!(
            (file_name(".."), file_name(""), file_name("load")),
            ("_..".to_owned(), "_".to_owned(), "load".to_owned())
        );
    }
}
