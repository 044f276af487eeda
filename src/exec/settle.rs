//! Makes the entry of a command that succeeded: its outputs and values, and the manifest last.

use jiff::Timestamp;

use super::command::Finished;
use super::ended::Interrupted;
use super::job::Job;
use super::session::Session;
use crate::argo::status::{OutputParameter, Outputs};
use crate::cache::{Failure, Kept, KeptArtifact, Manifest, Prefix, Right, Seen, Stop, TOOL, VERSION};
use crate::exit::chain;

impl Session {
    /// Makes the entry of a command that succeeded, or notes the failure. Neither changes how the command ended.
    pub(super) async fn settle(&mut self, finished: Finished, seen: Seen, right: Option<Right>) {
        if finished.interrupted {
            return;
        }
        if !finished.status.success() {
            let (prefix, failure) = (self.prefix.clone(), self.failure(&finished));
            if let Ok(Err(error)) = self.until_signal(move |_| prefix.fail(&failure)).await {
                self.warn(chain(&error));
            }
            return;
        }
        if self.job.policy.min_duration.is_some_and(|least| finished.took < least) {
            return;
        }
        if !finished.stdout.whole {
            self.warn("the command leaves no cache entry: its standard output was not read to the end".to_owned());
            return;
        }
        let (job, prefix, manifest) = (self.job.clone(), self.prefix.clone(), self.manifest(finished));
        let kept = self.until_signal(move |stop| keep(&job, &prefix, manifest, &seen, right, stop)).await;
        match kept {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => self.warn(format!("the command leaves no cache entry: {why}")),
            Err(Interrupted(_)) => self.warn("interrupted: the command leaves no cache entry".to_owned()),
        }
    }

    fn failure(&self, finished: &Finished) -> Failure {
        Failure {
            version: VERSION,
            node_id: self.maker.node_id.clone(),
            workflow_uid: self.maker.workflow_uid.clone(),
            phase: "Failed".to_owned(),
            message: format!("exit code {}", finished.code()),
        }
    }

    fn manifest(&self, finished: Finished) -> Manifest {
        let now = Timestamp::now();
        let result = finished.stdout.kept.text().map(|text| text.strip_suffix('\n').unwrap_or(text).to_owned());
        let outputs = Outputs { result, exit_code: Some("0".to_owned()), ..Outputs::default() };
        Manifest {
            version: VERSION,
            key: self.job.key.to_string(),
            cache_name: self.job.cache.to_string(),
            node_id: self.maker.node_id.clone(),
            node_name: self.maker.node_name.clone(),
            template: self.maker.template.clone(),
            workflow_uid: self.maker.workflow_uid.clone(),
            run_id: self.maker.run_id.clone(),
            outputs: Some(outputs),
            artifacts: Vec::new(),
            stdout: Some(finished.stdout.kept),
            runtime: None,
            tool: TOOL.to_owned(),
            finished_at: now,
            created_at: now,
        }
    }
}

/// Stores the outputs, and the manifest last.
fn keep(
    job: &Job,
    prefix: &Prefix,
    mut manifest: Manifest,
    seen: &Seen,
    right: Option<Right>,
    stop: &Stop,
) -> Result<Kept, String> {
    for output in &job.outputs {
        let blob = match output.path.metadata() {
            Ok(_) => Some(prefix.put(&output.path, seen, stop).map_err(|error| chain(&error))?),
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
