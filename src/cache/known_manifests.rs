//! Manifests of a directory that were read and will be asked for once more, as a run does after its plan.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::directory::ManifestFile;
use super::manifest::Manifest;

/// The manifests by their paths, each until it is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownManifests(Arc<Mutex<Known>>);

type Known = HashMap<OsString, (ManifestFile, Box<Manifest>)>;

impl KnownManifests {
    pub(super) fn add(&self, path: &Path, file: ManifestFile, manifest: Manifest) {
        self.lock().insert(path.into(), (file, Box::new(manifest)));
    }

    /// What was read at a path, from this file.
    pub(super) fn take(&self, path: &Path) -> Option<(ManifestFile, Box<Manifest>)> {
        self.lock().remove(path.as_os_str())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
