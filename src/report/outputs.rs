//! The outputs of a run and of its nodes: parameters, results, and artifacts with their places.

use serde_json::Value;

use super::profile::Output;
use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::argo::template::{at, field, text};
use crate::mask::Mask;

/// The outputs of a node; `store` is the directory of the artifacts of a run of this machine.
pub(crate) fn of_node(workflow: &Workflow, node: &Node, mask: &Mask, store: Option<&str>) -> Vec<Output> {
    let Some(outputs) = &node.outputs else { return Vec::new() };
    let parameters = outputs
        .parameters
        .iter()
        .filter_map(|parameter| Some(Output::new(parameter.name.clone(), parameter.value.as_deref()?, mask)));
    let result = outputs.result.as_deref().map(|result| Output::new("result".to_owned(), result, mask));
    let artifacts = outputs.artifacts.iter().map(|artifact| {
        let place = artifact_place(workflow, artifact, store).unwrap_or_else(|| "no place is recorded".to_owned());
        Output::new(format!("artifact {}", text(artifact, "name")), &place, mask)
    });
    parameters.chain(result).chain(artifacts).collect()
}

/// The output parameters and artifacts of the run itself.
pub(crate) fn of_run(workflow: &Workflow, mask: &Mask, store: Option<&str>) -> Vec<Output> {
    let parameters = workflow.output_parameters().iter().filter_map(|parameter| {
        let value = field(parameter, "value")?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(Output::new(text(parameter, "name").to_owned(), &value, mask))
    });
    let artifacts = workflow.output_artifacts().iter().map(|artifact| {
        let place = artifact_place(workflow, artifact, store).unwrap_or_else(|| "no place is recorded".to_owned());
        Output::new(format!("artifact {}", text(artifact, "name")), &place, mask)
    });
    parameters.chain(artifacts).collect()
}

/// Where an artifact is kept: `s3://bucket/key`. What the artifact does not say is taken from the repository that the
/// controller recorded (`status.artifactRepositoryRef`). A run of this machine keeps its artifacts in the directory `store`.
pub(crate) fn artifact_place(workflow: &Workflow, artifact: &Value, store: Option<&str>) -> Option<String> {
    if let Some((store, key)) = store.zip(at(artifact, &["s3", "key"]).and_then(Value::as_str)) {
        return Some(format!("{store}/{key}"));
    }
    let repository = at(workflow.status(), &["artifactRepositoryRef", "artifactRepository"]);
    for (store, container) in [("s3", "bucket"), ("gcs", "bucket"), ("oss", "bucket"), ("azure", "container")] {
        let Some(place) = field(artifact, store) else { continue };
        let key = ["key", "blob"].iter().map(|name| text(place, name)).find(|key| !key.is_empty())?;
        let own = text(place, container);
        let of_repository =
            || repository.and_then(|repository| field(repository, store)).map(|place| text(place, container));
        let bucket = if own.is_empty() { of_repository().unwrap_or_default() } else { own };
        return Some(if bucket.is_empty() { format!("{store} {key}") } else { format!("{store}://{bucket}/{key}") });
    }
    let plain = [("http", "url"), ("artifactory", "url"), ("hdfs", "path"), ("git", "repo")];
    let found = plain.iter().find_map(|(store, name)| Some(text(field(artifact, store)?, name)));
    if let Some(place) = found.filter(|place| !place.is_empty()) {
        return Some(crate::mask::url(place));
    }
    field(artifact, "raw").map(|_| "written in the workflow".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_artifact_has_the_bucket_of_its_repository() {
        let workflow = Workflow::from(
            json!({"status": {"artifactRepositoryRef": {"artifactRepository": {"s3": {"bucket": "b"}}}}}),
        );
        let place = |artifact: Value| artifact_place(&workflow, &artifact, None);
        assert_eq!(place(json!({"name": "a", "s3": {"key": "w/a.tgz"}})).as_deref(), Some("s3://b/w/a.tgz"));
        assert_eq!(place(json!({"name": "a", "s3": {"key": "k", "bucket": "own"}})).as_deref(), Some("s3://own/k"));
        assert_eq!(place(json!({"name": "a", "gcs": {"key": "k"}})).as_deref(), Some("gcs k"));
        assert_eq!(
            place(json!({"name": "a", "http": {"url": "https://me:pw@h/a?t=1"}})).as_deref(),
            Some("https://h/a?***")
        );
        assert_eq!(place(json!({"name": "a", "path": "/tmp/a"})), None);
        let here = artifact_place(&workflow, &json!({"name": "a", "s3": {"key": "w/a"}}), Some("/runs/w/artifacts"));
        assert_eq!(here.as_deref(), Some("/runs/w/artifacts/w/a"));
    }
}
