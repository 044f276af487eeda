//! Whether the argo-server that the environment names can be asked for what is gone from the cluster.

use clap::{Args, FromArgMatches};

use crate::cli::access::AccessArgs;
use crate::cli::archive::ServerArgs;
use crate::cli::failure::Failure;
use crate::cluster::{ArchiveSelection, is_argo_server_named};
use crate::output::doctor::Check;

const CHECK: &str = "argo-server";

/// None where none is named: all but the verbs of `archive` do without.
pub(super) async fn check(access: &AccessArgs) -> Option<Check> {
    if !is_argo_server_named() {
        return None;
    }
    Some(match answer(access).await {
        Ok(message) => Check::ok(CHECK, message),
        Err(failure) => {
            let advice = failure.advice().unwrap_or("only the verbs of kubectl runnable archive need it");
            Check::warning(CHECK, failure.message(), advice)
        }
    })
}

async fn answer(access: &AccessArgs) -> Result<String, Failure> {
    // As a line without flags: the environment says all.
    let line = ServerArgs::augment_args(clap::Command::new(CHECK)).get_matches_from([CHECK]);
    let server = ServerArgs::from_arg_matches(&line).map_err(anyhow::Error::from)?.connect(access).await?;
    let version = server.version().await?;
    let newest = ArchiveSelection { namespace: server.namespace().to_owned(), chunk: 1, ..ArchiveSelection::default() };
    let is_empty = server.names(&newest).await?.is_empty();
    let archive = if is_empty { "its archive has no workflow" } else { "its archive has workflows" };
    Ok(format!("{version} answers at {}; {archive} of namespace {}", server.server(), server.namespace()))
}
