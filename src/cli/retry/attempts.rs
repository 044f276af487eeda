//! The attempts of a run, as far as they are known: the runs beside it, the handle that is to be written over, the caches.

use std::path::Path;

use super::caches::Caches;
use crate::argo::Workflow;
use crate::backend::{Backend, BackendError, ListSelection};
use crate::cli::failure::Failure;
use crate::cluster::ClusterError;
use crate::handle::Handle;
use crate::output::stream::talk;
use crate::retry::Attempts;

/// What is known of the attempts of the run that `live` is one of; `handle` is the file that will find the next one.
pub(in crate::cli) async fn known(
    backend: &Backend,
    live: &Workflow,
    caches: &Caches,
    handle: Option<&Path>,
) -> Result<Attempts, Failure> {
    let mut attempts = Attempts::of(live.value());
    let all = ListSelection::with(None);
    let listed = backend.list(&all, |_, snapshot| {
        // A run that cannot be read tells nothing.
        if let Ok(snapshot) = snapshot {
            attempts.add(snapshot.settled().value());
        }
    });
    match listed.await {
        Ok(()) => {}
        Err(BackendError::Cluster(error @ ClusterError::Forbidden { .. })) => {
            talk(format_args!("note: other attempts of the run are not known ({error})"));
        }
        Err(error) => return Err(error.into()),
    }

    if let Some(run_id) = live.run_id() {
        let numbers = caches.numbers(run_id).chain(of_handle(handle, run_id));
        numbers.for_each(|number| attempts.note(number));
    }
    Ok(attempts)
}

/// The number in the file that the handle of the next attempt will replace.
fn of_handle(path: Option<&Path>, run_id: &str) -> Option<u32> {
    let text = std::fs::read_to_string(path?).ok()?;
    Handle::read(&text).ok().filter(|handle| handle.run_id == run_id).map(|handle| handle.attempt)
}
