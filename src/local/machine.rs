//! What this machine offers to every run that it carries out.

use std::path::{Path, PathBuf};

use super::new_run::NewRunError;
use super::store::StoreError;
use super::view::MachineView;
use crate::file::private;

/// What this machine offers to every run.
pub(crate) struct Machine {
    /// The directory of all runs and caches.
    pub(crate) root: PathBuf,
    /// This program, which is started again for each task.
    pub(crate) executable: PathBuf,
    /// How tasks see the file system.
    pub(crate) view: MachineView,
}

impl Machine {
    /// Makes the directories that are not there yet, closed to other users.
    pub(crate) fn open(root: &Path) -> Result<Self, NewRunError> {
        let executable = std::env::current_exe().map_err(NewRunError::Program)?;
        let write = |source| StoreError::Write { path: root.to_owned(), source };
        private::create_directory(root).map_err(write)?;
        for inner in ["runs", "cache", "locks"] {
            private::close_directory(&root.join(inner)).map_err(write)?;
        }
        let view = MachineView::of(&executable, root);
        Ok(Self { root: root.to_owned(), executable, view })
    }
}
