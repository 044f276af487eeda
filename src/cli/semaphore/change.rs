//! Changing one key of the ConfigMap of limits, and beginning again when it changed in between.

use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cluster::{Changed, Cluster};
use crate::exit::Exit;
use crate::locks::{Change, Planned, Request};
use crate::output::stream::talk;

/// A change is tried this often on a ConfigMap that others change too.
const ATTEMPTS: u32 = 10;
/// The pause after the first attempt; it doubles with each, up to a second.
const PAUSE: Duration = Duration::from_millis(20);

/// Carries the edit out on the state that it was decided on. With `dry_run` the server checks it and stores nothing.
pub(in crate::cli) async fn carry_out(
    cluster: &Cluster,
    request: &Request<'_>,
    dry_run: bool,
) -> Result<Planned, Failure> {
    let name = request.config_map;
    // Told when an earlier sending of the change turns out to have done it.
    let mut lost = None;
    for attempt in 0..ATTEMPTS {
        let live = cluster.config_map(name).await?;
        let planned = request.plan(live.as_ref())?;
        let changed = match &planned.change {
            Change::Nothing => return Ok(lost.unwrap_or(planned)),
            Change::Create(object) => cluster.create_config_map(object, dry_run).await?,
            Change::Patch(patch) => cluster.patch_config_map(name, patch, dry_run).await?,
        };
        match changed {
            Changed::Done(_) => return Ok(planned),
            Changed::Stale { perhaps_ours } => lost = lost.or(perhaps_ours.then_some(planned)),
        }
        tokio::time::sleep((PAUSE * 2_u32.pow(attempt)).min(Duration::from_secs(1))).await;
    }
    let message = format!("cannot change ConfigMap {name:?}: it changed during each of {ATTEMPTS} attempts");
    Err(Failure::new(Exit::Conflict, message).hint("try again later"))
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
