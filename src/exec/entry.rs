//! What an entry holds, brought to its places and kept: outputs, values, and the manifest last.

use super::job::Job;
use super::outputs::{Output, Staged};
use crate::argo::status::OutputParameter;
use crate::cache::{CacheError, Kept, KeptArtifact, Manifest, Prefix, RestoreError, Right, Seen, Stop};
use crate::exit::chain;

/// Why outputs are not restored.
pub(super) enum StageError {
    /// The store has them otherwise than the manifest says.
    Broken(String),
    /// The store refuses.
    Store(CacheError),
    /// One cannot be written here.
    Local { output: String, source: std::io::Error },
}

/// Restores all outputs beside their places.
pub(super) fn stage(
    prefix: &Prefix,
    outputs: &[Output],
    kept: &[KeptArtifact],
    stop: &Stop,
) -> Result<Vec<(String, Staged)>, StageError> {
    let mut staged = Vec::new();
    for output in outputs {
        let Some(artifact) = kept.iter().find(|kept| kept.name == output.name && !kept.is_absent()) else { continue };
        let local = |source| StageError::Local { output: output.name.clone(), source };
        let mut refused = None;
        let made = Staged::make(&output.path, |place| match prefix.restore(artifact, place, stop) {
            Ok(()) => Ok(()),
            Err(RestoreError::Local(error)) => Err(error),
            Err(RestoreError::Broken(why)) => {
                refused = Some(StageError::Broken(format!("artifact {:?}: {why}", artifact.name)));
                Err(std::io::ErrorKind::InvalidData.into())
            }
            Err(RestoreError::Store(error)) => {
                refused = Some(StageError::Store(error));
                Err(std::io::ErrorKind::Other.into())
            }
        });
        match (made, refused) {
            (_, Some(refused)) => return Err(refused),
            (Err(source), None) => return Err(local(source)),
            (Ok(made), None) => staged.push((output.name.clone(), made)),
        }
    }
    Ok(staged)
}

/// Stores the outputs, and the manifest last.
pub(super) fn keep(
    job: &Job,
    prefix: &Prefix,
    mut manifest: Manifest,
    seen: &Seen,
    right: Option<Right>,
    stop: &Stop,
) -> Result<Kept, String> {
    for output in &job.outputs {
        let blob = match output.path.metadata() {
            Ok(_) => Some(prefix.put(&output.path, stop).map_err(|error| chain(&error))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && output.optional => None,
            Err(error) => return Err(format!("output {}: {}: {error}", output.name, output.path.display())),
        };
        manifest.artifacts.push(KeptArtifact { name: output.name.clone(), path: String::new(), blob });
    }
    let mut parameters = Vec::new();
    for parameter in &job.parameters {
        let value = parameter
            .value()
            .map_err(|error| format!("output parameter {}: {}: {error}", parameter.name, parameter.path.display()))?;
        parameters.push(OutputParameter {
            name: parameter.name.clone(),
            value: Some(value),
            ..OutputParameter::default()
        });
    }
    let written = manifest.artifacts.iter().filter(|artifact| !artifact.is_absent());
    let named = written.map(|artifact| serde_json::json!({ "name": artifact.name })).collect();
    if let Some(outputs) = &mut manifest.outputs {
        outputs.artifacts = named;
        outputs.parameters = parameters;
    }
    stop.check().map_err(|error| error.to_string())?;
    let kept = prefix.keep(manifest, seen, right.as_ref()).map_err(|error| chain(&error));
    drop(right);
    kept
}
