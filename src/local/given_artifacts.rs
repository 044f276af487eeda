//! Files of this machine that are artifacts of a run's arguments: kept in the run's directory, under the digest of their
//! content, and carried on to its next attempts.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::resolved::Resolved;
use super::scheduler::ARTIFACTS;
use super::store::{self, StoreError};
use crate::argo::Workflow;
use crate::argo::identity::ObjectName;
use crate::argo::model::Artifact;
use crate::argo::workflow_spec::argument_artifacts;
use crate::cache::{Stop, measure};
use crate::exit::{CommandError, Exit};
use crate::file::{private, tree};

/// Where they lie among the artifacts of a run.
const GIVEN: &str = "arguments";

/// A file or directory that is an artifact of the arguments.
#[derive(Debug, Clone)]
pub(crate) struct GivenArtifact {
    /// The artifact's name.
    pub(crate) name: String,
    /// The file.
    pub(crate) path: PathBuf,
    /// The digest of its content.
    digest: String,
    /// Whether it is a directory.
    pub(crate) is_directory: bool,
}

/// Why an artifact of the arguments cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// The file cannot be read.
    #[error("artifact {name:?}: {}: {source}", path.display())]
    Unreadable {
        /// The artifact.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was kept by an earlier attempt, which is gone.
    #[error("artifact {name:?} of the arguments was kept by an earlier attempt, whose directory is gone")]
    Gone {
        /// The artifact.
        name: String,
    },
}

impl CommandError for GivenError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        let Self::Gone { name } = self else { return None };
        Some(format!("submit --resume --artifact {name}=PATH continues with the file at PATH"))
    }
}

impl GivenArtifact {
    /// Reads a file or directory for its digest.
    pub(crate) fn read(name: &str, path: &Path) -> Result<Self, GivenError> {
        let unreadable = |source| GivenError::Unreadable { name: name.to_owned(), path: path.to_owned(), source };
        let path = path.canonicalize().map_err(unreadable)?;
        let blob = measure(&path, &Stop::default()).map_err(unreadable)?;
        let digest = blob.digest.to_string();
        let digest = digest.rsplit(':').next().unwrap_or_default().chars().take(32).collect();
        Ok(Self { name: name.to_owned(), is_directory: path.is_dir(), path, digest })
    }

    /// Its key: of the same content the same.
    pub(crate) fn key(&self) -> String {
        format!("{GIVEN}/{}/{}", self.name, self.digest)
    }

    /// Where it is in a run of this machine, as it stands in a document.
    pub(crate) fn of_run(&self) -> Value {
        json!({"name": self.name, "s3": {"key": self.key()}})
    }
}

/// The artifacts of a run's arguments that it was given, as they stand there: in the run, or in the bucket that a file was
/// uploaded to.
pub(crate) fn of_attempt(spec: &Value) -> Vec<Value> {
    let is_ours = |document: &&Value| {
        let name = document["name"].as_str().unwrap_or_default();
        let key = ["/s3/key", "/gcs/key", "/azure/blob"].iter().find_map(|path| document.pointer(path)?.as_str());
        let own = key.and_then(|key| key.get(key.rfind(&format!("{GIVEN}/{name}/"))?..));
        own.is_some_and(|own| is_given(own, name))
    };
    argument_artifacts(spec).iter().filter(is_ours).cloned().collect()
}

/// Where the given artifacts of a run's arguments are now, and their keys.
pub(super) fn find(
    root: &Path,
    plan: &Resolved,
    given: &[GivenArtifact],
) -> Result<Vec<(PathBuf, String)>, GivenError> {
    let mut found = Vec::new();
    let workflow = Workflow::view(&plan.workflow);
    for document in argument_artifacts(&plan.spec) {
        let Ok(artifact) = Artifact::deserialize(document) else { continue };
        let Some(key) = artifact.key_of_run().filter(|key| is_given(key, &artifact.name)) else { continue };
        let here = given.iter().find(|given| given.key() == key).map(|given| given.path.clone());
        let before = || {
            let name: ObjectName = workflow.retry_of()?.parse().ok()?;
            let namespace: ObjectName = workflow.metadata().own_namespace().unwrap_or("default").parse().ok()?;
            let path = store::directory(root, &namespace, &name).join(ARTIFACTS).join(key);
            path.symlink_metadata().is_ok().then_some(path)
        };
        let path = here.or_else(before).ok_or(GivenError::Gone { name: artifact.name.clone() })?;
        found.push((path, key.to_owned()));
    }
    Ok(found)
}

/// Whether a key is one of ours: nothing in it leads out of the run's artifacts.
fn is_given(key: &str, name: &str) -> bool {
    let digest = key.strip_prefix(GIVEN).and_then(|rest| rest.strip_prefix('/')?.strip_prefix(name)?.strip_prefix('/'));
    let is_name = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    is_name && digest.is_some_and(|digest| digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Copies one into the run.
pub(super) fn keep(source: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = StoreError::write(target);
    let copied = target.parent().map_or(Ok(()), private::create_directory).and_then(|()| tree::copy(source, target));
    copied.map_err(failed)
}
