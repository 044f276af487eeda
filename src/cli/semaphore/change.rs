//! Changing one key of the ConfigMap of limits, and beginning again when it changed in between.

use crate::cli::failure::Failure;
use crate::cluster::{Attempt, Changed, Cluster, revise};
use crate::locks::{Change, Planned, Request};
use crate::output::stream::talk;

/// Carries the edit out on the state that it was decided on. With `dry_run` the server checks it and stores nothing.
pub(in crate::cli) async fn carry_out(
    cluster: &Cluster,
    request: &Request<'_>,
    dry_run: bool,
) -> Result<Planned, Failure> {
    let name = request.config_map;
    // What an earlier sending of the change has done, if its answer was lost and nothing is left to do.
    let mut sent = None;
    revise(&format!("ConfigMap {name:?}"), async |perhaps_done| {
        let live = cluster.config_map(name).await?;
        let planned = request.plan(live.as_ref())?;
        let changed = match &planned.change {
            Change::Nothing => return Ok(Attempt::Settled(sent.take().filter(|_| perhaps_done).unwrap_or(planned))),
            Change::Create(object) => cluster.create_config_map(object, dry_run).await?,
            Change::Patch(patch) => cluster.patch_config_map(name, patch, dry_run).await?,
        };
        Ok(match changed {
            Changed::Done(_) => Attempt::Settled(planned),
            Changed::Stale { perhaps_ours } => {
                sent = sent.take().or(perhaps_ours.then_some(planned));
                Attempt::Stale { perhaps_ours }
            }
        })
    })
    .await
}

/// Says whose runs count against the same limit.
pub(in crate::cli) fn warn_of_shared(request: &Request<'_>, planned: &Planned) {
    if let Some(branch) = request.branch.filter(|_| !planned.shared_with.is_empty()) {
        talk(format_args!(
            "warning: semaphore {} of {branch} is also that of {}: they share one limit",
            request.key,
            planned.shared_with.join(" and ")
        ));
    }
}
