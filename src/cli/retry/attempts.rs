//! The attempts of a run, as far as they are known: the runs beside it, the handle that is to be written over, the caches.

use std::path::Path;

use super::caches::Caches;
use crate::argo::Workflow;
use crate::argo::label_selector::LabelSelector;
use crate::argo::workflow::RUN_ID_LABEL;
use crate::backend::{Backend, BackendError, Detail, ListSelection};
use crate::cli::failure::Failure;
use crate::cluster::{ArchiveSelection, ArgoServer, ClusterError};
use crate::handle::Handle;
use crate::output::stream::talk;
use crate::retry::Attempts;

/// A run of which there is to be another attempt.
pub(in crate::cli) struct Beside<'a> {
    pub(in crate::cli) backend: &'a Backend,
    /// The attempt that the next one goes on from.
    pub(in crate::cli) live: &'a Workflow,
    pub(in crate::cli) caches: &'a Caches,
    /// The file that will find the next attempt.
    pub(in crate::cli) handle: Option<&'a Path>,
    /// What the next attempt's name begins with; none where the user gives the name.
    pub(in crate::cli) prefix: Option<&'a str>,
    /// The server whose archive has the run, and perhaps others of its attempts.
    pub(in crate::cli) archive: Option<&'a ArgoServer>,
}

impl Beside<'_> {
    /// The attempts of the run. A workflow that has the name of the next one is among them, whichever run it is of.
    pub(in crate::cli) async fn attempts(&self) -> Result<Attempts, Failure> {
        let mut attempts = Attempts::of(self.live.value());
        match self.add_listed(&mut attempts).await {
            Ok(()) => {}
            Err(BackendError::Cluster(error @ ClusterError::Forbidden { .. })) => {
                talk(format_args!("note: other attempts of the run are not known ({error})"));
            }
            Err(error) => return Err(error.into()),
        }

        self.add_archived(&mut attempts).await?;
        if let Some(run_id) = self.live.run_id() {
            let numbers = self.caches.numbers(run_id).chain(of_handle(self.handle, run_id));
            numbers.for_each(|number| attempts.note(number));
        }
        if let Some(prefix) = self.prefix {
            while let Some(other) = self.backend.workflow(&attempts.clone().next().name(prefix)?).await? {
                attempts.add(other.value());
            }
        }
        Ok(attempts)
    }

    /// Adds what stands beside the run: where its first attempt has the label of its run, all that follow from it have it,
    /// whoever made them, and no others are read.
    async fn add_listed(&self, attempts: &mut Attempts) -> Result<(), BackendError> {
        if self.live.run_id().is_none() {
            return Ok(());
        }
        if matches!(self.backend, Backend::Local { .. }) {
            attempts.add(self.live.value());
        }
        let label = self.live.run_id().filter(|id| self.live.labelled_run_id() == Some(*id));
        let selector = label.and_then(|id| format!("{RUN_ID_LABEL}={id}").parse::<LabelSelector>().ok());
        if selector.is_some() {
            self.list(ListSelection::with(selector), attempts).await?;
            if attempts.has_first() {
                return Ok(());
            }
        }
        self.list(ListSelection::with(None), attempts).await
    }

    /// Adds the attempts that the archive has, which have the label of their run.
    async fn add_archived(&self, attempts: &mut Attempts) -> Result<(), Failure> {
        let label = self.live.run_id().filter(|id| self.live.labelled_run_id() == Some(*id));
        let (Some(server), Some(id)) = (self.archive, label) else { return Ok(()) };
        let selection = ArchiveSelection {
            namespace: self.live.namespace().to_owned(),
            labels: Some(format!("{RUN_ID_LABEL}={id}")),
            ..ArchiveSelection::default()
        };
        Ok(server.list(&selection, |workflow| attempts.add(&workflow)).await?)
    }

    async fn list(&self, selection: ListSelection, attempts: &mut Attempts) -> Result<(), BackendError> {
        let known = Some(self.live.name().to_owned());
        let selection = ListSelection { detail: Detail::WithoutNodes, known, ..selection };
        let listed = self.backend.list(&selection, |_, snapshot| {
            // A run that cannot be read tells nothing.
            if let Ok(snapshot) = snapshot {
                attempts.add(snapshot.settled().value());
            }
        });
        listed.await
    }
}

/// The number in the file that the handle of the next attempt will replace.
fn of_handle(path: Option<&Path>, run_id: &str) -> Option<u32> {
    let text = std::fs::read_to_string(path?).ok()?;
    Handle::read(&text).ok().filter(|handle| handle.run_id == run_id).map(|handle| handle.attempt)
}
