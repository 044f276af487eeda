//! Changes one key of the ConfigMap with the limits, and starts again if the ConfigMap changed in between.

use crate::cli::failure::Failure;
use crate::cluster::{Attempt, Changed, Cluster, revise};
use crate::locks::{Change, EditRequest, PlannedEdit};
use crate::output::stream::talk;

/// Applies the edit to the state for which it was planned. With `dry_run` the server checks it and stores nothing.
pub(in crate::cli) async fn carry_out(
    cluster: &Cluster,
    request: &EditRequest<'_>,
    dry_run: bool,
) -> Result<PlannedEdit, Failure> {
    let name = request.config_map;
    // Sequence: we send the change, the server stores it, the answer is lost, we read the state again and plan no
    // change. Then the plan that was sent is the result.
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

/// Warns if the key is also that of other branches.
pub(in crate::cli) fn warn_of_shared(request: &EditRequest<'_>, planned: &PlannedEdit) {
    if let Some(branch) = request.branch.filter(|_| !planned.shared_with.is_empty()) {
        talk(format_args!(
            "warning: {branch} shares semaphore {} and its limit with {}",
            request.key,
            planned.shared_with.join(" and ")
        ));
    }
}
