//! Brings what an entry holds to its places: all of it is whole before the first output moves.

use std::io::Write;
use std::path::Path;

use super::ended::{Early, ExecError};
use super::outputs::{Output, ParameterFile, outermost};
use super::session::Session;
use super::staged::Staged;
use crate::cache::{CacheError, KeptArtifact, Manifest, Prefix, RestoreError, Stop};

impl Session {
    /// Restores outputs and standard output. Gives the reason where the store has them otherwise than the manifest says.
    pub(super) async fn restore(&mut self, manifest: &Manifest) -> Result<Option<String>, Early> {
        let (prefix, outputs, kept) = (self.prefix.clone(), self.job.outputs.clone(), manifest.artifacts.clone());
        let values = self.values(manifest);
        let staged = self.until_signal(move |stop| stage_all(&prefix, &outputs, &kept, values, stop)).await?;
        let staged = match staged {
            Ok(staged) => staged,
            Err(StageError::Broken(why)) => return Ok(Some(why)),
            Err(StageError::Store(error)) => return Err(ExecError::Store(error).into()),
            Err(StageError::Local { output, source }) => return Err(self.unwritable(&output, source).into()),
        };
        for (name, staged) in staged {
            staged.place().map_err(|source| self.unwritable(&name, source))?;
        }
        let stdout = match &manifest.stdout {
            Some(stdout) => stdout.bytes().unwrap_or_default(),
            None => manifest.outputs.as_ref().and_then(|outputs| outputs.result.clone()).unwrap_or_default().into(),
        };
        let mut out = std::io::stdout().lock();
        match out.write_all(&stdout).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(ExecError::Stdout(error).into()),
            _ => Ok(None),
        }
    }

    /// The files of parameters, each with the entry's value.
    fn values(&self, manifest: &Manifest) -> Vec<(ParameterFile, String)> {
        let value = |name: &str| {
            let mut kept = manifest.outputs.iter().flat_map(|outputs| &outputs.parameters);
            kept.find(|kept| kept.name == name)?.value.clone()
        };
        let parameters = self.job.parameters.iter();
        parameters.filter_map(|parameter| Some((parameter.clone(), value(&parameter.name)?))).collect()
    }

    fn unwritable(&self, name: &str, source: std::io::Error) -> ExecError {
        let outputs = self.job.outputs.iter().map(|output| (&output.name, &output.path));
        let parameters = self.job.parameters.iter().map(|parameter| (&parameter.name, &parameter.path));
        let path = outputs.chain(parameters).find(|(own, _)| *own == name);
        let path = path.map(|(_, path)| path.display().to_string()).unwrap_or_default();
        ExecError::Restore { name: name.to_owned(), path, source }
    }
}

/// Why outputs are not restored.
enum StageError {
    /// The store has them otherwise than the manifest says.
    Broken(String),
    /// The store refuses.
    Store(CacheError),
    /// One cannot be written here.
    Local { output: String, source: std::io::Error },
}

/// Restores all outputs and values beside their places, in the order in which they move there.
fn stage_all(
    prefix: &Prefix,
    outputs: &[Output],
    kept: &[KeptArtifact],
    values: Vec<(ParameterFile, String)>,
    stop: &Stop,
) -> Result<Vec<(String, Staged)>, StageError> {
    let mut staged = Vec::new();
    for output in outputs {
        if let Some(artifact) = kept.iter().find(|kept| kept.name == output.name && !kept.is_absent()) {
            let beside = outermost(&output.path, outputs);
            staged.push((output.name.clone(), stage(prefix, output, beside, artifact, stop)?));
        }
    }
    for (parameter, value) in values {
        let beside = outermost(&parameter.path, outputs);
        let made = Staged::make(&parameter.path, beside, |place| std::fs::write(place, value));
        let made = made.map_err(|source| StageError::Local { output: parameter.name.clone(), source })?;
        staged.push((parameter.name, made));
    }
    staged.sort_by_key(|(_, staged)| staged.depth());
    Ok(staged)
}

fn stage(
    prefix: &Prefix,
    output: &Output,
    beside: &Path,
    artifact: &KeptArtifact,
    stop: &Stop,
) -> Result<Staged, StageError> {
    let mut refused = None;
    let made = Staged::make(&output.path, beside, |place| match prefix.restore(artifact, place, stop) {
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
        (_, Some(refused)) => Err(refused),
        (Err(source), None) => Err(StageError::Local { output: output.name.clone(), source }),
        (Ok(made), None) => Ok(made),
    }
}
