//! The RUN argument of a verb, and where the run is: a name (plain or as `-o name` prints it), `@latest`, or a handle
//! file.

use std::path::{Path, PathBuf};

use clap::ArgAction;

use super::access::AccessArgs;
use super::failure::Failure;
use super::home;
use crate::argo::Metadata;
use crate::argo::identity::ObjectName;
use crate::backend::{Backend, Run};
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::handle::{self, Handle};
use crate::local::record::Record;
use crate::mask;

/// Stands for the most recently created run.
pub(super) const LATEST: &str = "@latest";

/// Where a verb looks for runs.
#[derive(Debug, clap::Args)]
pub(super) struct TargetArgs {
    /// Use local runs instead of runs on a cluster
    #[arg(long, value_name = "true|false", help_heading = None::<&'static str>, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true, conflicts_with_all = ["context", "kubeconfig", "as_user", "as_groups"])]
    pub(super) local: bool,

    #[command(flatten)]
    pub(super) access: AccessArgs,
}

impl TargetArgs {
    /// The backend for runs without a handle. Sends no request yet.
    pub(super) async fn backend(&self) -> Result<Backend, Failure> {
        self.access.backend(self.local).await
    }

    /// Finds the run of the argument. A handle determines where its run is.
    pub(super) async fn resolve(&self, argument: &str) -> Result<Run, Failure> {
        find_run(self.local, &self.access, argument).await
    }
}

/// Finds the run of an argument; one without a handle on this machine or on the cluster that the flags name.
pub(super) async fn find_run(local: bool, access: &AccessArgs, argument: &str) -> Result<Run, Failure> {
    let argument = plain_name(argument);
    if let Some(handle) = handle_in(argument)? {
        return of_handle(access, handle).await;
    }
    let backend = access.backend(local).await?;
    Ok(if argument == LATEST { backend.latest().await? } else { backend.find(&argument.parse()?)? })
}

async fn of_handle(access: &AccessArgs, handle: Handle) -> Result<Run, Failure> {
    let name: ObjectName = handle.name.parse()?;
    let namespace: ObjectName = handle.namespace.parse()?;
    match handle.backend {
        handle::Place::Local => {
            let root = handle.store.map_or_else(home::root, |store| Ok(PathBuf::from(store)))?;
            let record = Record::find(&root, &namespace, &name)?;
            let workflow = record.workflow()?;
            if Metadata::of(&workflow).uid() == handle.uid {
                Ok(Run::Local(record))
            } else {
                Err(Failure::new(
                    Exit::NotFound,
                    format!("the local run {name} of this handle no longer exists; another run has its name"),
                ))
            }
        }
        handle::Place::Cluster => {
            let mut access = access.access();
            let asked = access.context.take();
            access.namespace = Some(namespace.to_string());
            access.context = asked.clone().or(handle.context);
            let cluster = match Cluster::connect(&access).await {
                // On another machine the cluster's context may have another name; the server is compared below.
                Err(ClusterError::UnknownContext { .. }) if asked.is_none() && handle.server.is_some() => {
                    access.context = None;
                    Cluster::connect(&access).await?
                }
                connected => connected?,
            };
            if let Some(server) =
                handle.server.map(|server| mask::url(&server)).filter(|server| server != cluster.server())
            {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("the handle's run is on {server}, but this kubeconfig selects {}", cluster.server()),
                )
                .hint("select that cluster's context with --context"));
            }
            Ok(Run::Cluster { cluster: Box::new(cluster), name: name.to_string(), uid: Some(handle.uid) })
        }
    }
}

/// The name in `workflow.argoproj.io/NAME`, or in kubectl's other forms of it.
fn plain_name(argument: &str) -> &str {
    let kinds = ["workflow.argoproj.io", "workflows.argoproj.io", "workflow", "workflows", "wf"];
    let name = argument.split_once('/').filter(|(kind, _)| kinds.contains(kind)).map(|(_, name)| name);
    name.filter(|name| !name.contains('/') && !is_file_name(name)).unwrap_or(argument)
}

/// The run and the node of an argument `RUN/NODE`. A path of a handle has no node.
pub(super) fn split_node(argument: &str) -> (&str, Option<&str>) {
    let name = plain_name(argument);
    if is_file_name(argument) || argument.starts_with(['.', '/']) {
        return (argument, None);
    }
    name.split_once('/').map_or((name, None), |(run, node)| (run, Some(node)))
}

/// Whether an argument is the path of a handle and not a name.
pub(super) fn is_path(argument: &str) -> bool {
    is_file_name(argument) || plain_name(argument).contains('/')
}

fn is_file_name(argument: &str) -> bool {
    let extension = Path::new(argument).extension();
    extension.is_some_and(|extension| ["json", "yaml", "yml"].iter().any(|known| extension == *known))
}

/// Reads the handle file, if the argument is a path.
pub(super) fn handle_in(argument: &str) -> Result<Option<Handle>, Failure> {
    let path = Path::new(argument);
    if !is_path(argument) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Usage };
        Failure::new(exit, format!("{argument}: {error}"))
    })?;
    Handle::read(&text).map(Some).map_err(|error| Failure::usage(format!("{argument}: {error}")))
}
