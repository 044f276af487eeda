//! A run that is not there any more, as its handle and the manifests of its calls tell of it.

use serde_json::{Value, json};

use super::failure::Failure;
use super::manifests::Manifests;
use super::target::handle_in;
use crate::exit::Exit;
use crate::handle::{Handle, StoreKind};
use crate::output::progress;
use crate::report::progress::Progress;
use crate::report::run_state::RunState;

/// A run that cannot be read, and what is known of it all the same.
pub(super) struct Gone {
    handle: Handle,
    /// Why it cannot be read.
    why: String,
    pub(super) manifests: Manifests,
}

/// What its manifests say.
pub(super) struct Told {
    handle: Handle,
    progress: Progress,
    state: Option<RunState>,
}

impl Gone {
    /// The run of an argument that was not found; none where no handle tells of it.
    pub(super) fn of(argument: &str, failure: &Failure) -> Result<Option<Self>, Failure> {
        if failure.exit() != Exit::NotFound {
            return Ok(None);
        }
        let Some(handle) = handle_in(argument)?.filter(|handle| handle.nodes.is_some()) else { return Ok(None) };
        let Some(store) = &handle.cache_store else { return Ok(None) };
        let why = failure.message().to_owned();
        match Manifests::of_handle(&handle, None) {
            Ok(manifests) => Ok(Some(Self { handle, why, manifests })),
            // A directory of another machine tells as little as the run that is gone.
            Err(_) if store.kind == StoreKind::Directory => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Says who tells of the run.
    pub(super) fn note(&self) -> String {
        format!("note: {}; the manifests in {} tell of it", self.why, self.manifests.store())
    }

    /// Looks at the manifests.
    pub(super) fn told(mut self) -> Result<Told, Failure> {
        let progress = self.manifests.look()?;
        let state = self.manifests.state(&progress, self.handle.backend)?;
        Ok(Told { handle: self.handle, progress, state })
    }
}

impl Told {
    /// The state and each call.
    pub(super) fn text(&self) -> String {
        let state = self.state.map_or("unknown: there may have been more calls", RunState::word);
        format!("State: {state}\n{}", progress::text(&self.progress, None))
    }

    /// What stands for its Workflow object: what identifies it, and a summary of what is known.
    pub(super) fn object(&self) -> Value {
        let Handle { name, namespace, uid, run_id, attempt, .. } = &self.handle;
        let mut summary = serde_json::to_value(&self.progress).unwrap_or_default();
        if let Some(summary) = summary.as_object_mut() {
            summary.insert("runId".to_owned(), json!(run_id));
            summary.insert("attempt".to_owned(), json!(attempt));
            summary.insert("state".to_owned(), json!(self.state));
            summary.insert("gone".to_owned(), json!(true));
        }
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "summary": summary,
        })
    }
}
