//! Artifacts of the arguments that are given at submit.

use serde_json::{Map, Value};

use super::{Options, PrepareError};
use crate::argo::template::text;
use crate::argo::workflow_spec::{entrypoint_without_artifact, is_artifact_open, set_artifact};

/// Sets the given artifacts. One that the template to begin with does not take is an error, where that template is known.
pub(super) fn apply(spec: &mut Map<String, Value>, options: &Options) -> Result<(), PrepareError> {
    for artifact in open_artifacts(spec, &options.kept_artifacts).into_iter().chain(&options.artifacts) {
        let name = text(artifact, "name");
        if let Some(entrypoint) = entrypoint_without_artifact(spec, name) {
            return Err(PrepareError::ArtifactNotTaken { name: name.to_owned(), entrypoint: entrypoint.to_owned() });
        }
        set_artifact(spec, artifact)
            .map_err(|(field, expected)| PrepareError::Form { field: field.to_owned(), expected })?;
    }
    Ok(())
}

/// Those of the artifacts that a spec takes without saying where they are.
pub(crate) fn open_artifacts<'a>(spec: &Map<String, Value>, artifacts: &'a [Value]) -> Vec<&'a Value> {
    artifacts.iter().filter(|artifact| is_artifact_open(spec, text(artifact, "name"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prepare::tests::options;

    #[test]
    fn a_given_artifact_takes_the_place_of_the_documents() {
        let given = json!({"name": "table", "s3": {"key": "new"}});
        let options = Options { artifacts: vec![given.clone()], ..options() };
        let mut spec = json!({"entrypoint": "main", "arguments": {"artifacts": [{"name": "table", "raw": {"data": "x"}}]},
            "templates": [{"name": "main", "inputs": {"artifacts": [{"name": "table"}]}}]});
        let applied = spec.as_object_mut().map(|spec| apply(spec, &options).is_ok());
        assert_eq!((applied, &spec["arguments"]["artifacts"]), (Some(true), &json!([given])));
    }

    #[test]
    fn an_artifact_that_nobody_takes_is_an_error() {
        let options = Options { artifacts: vec![json!({"name": "tabel"})], ..options() };
        let mut spec = json!({"entrypoint": "main",
            "templates": [{"name": "main", "inputs": {"artifacts": [{"name": "table"}]}}]});
        let refused = spec.as_object_mut().and_then(|spec| apply(spec, &options).err());
        assert!(refused.is_some_and(|error| error.to_string().contains("\"tabel\"")));
    }

    #[test]
    fn what_the_attempt_before_was_given_stays_where_nothing_else_is_said() {
        let kept = |name: &str| json!({"name": name, "s3": {"key": "before"}});
        let options = Options {
            artifacts: vec![json!({"name": "b", "s3": {"key": "now"}})],
            kept_artifacts: ["a", "b", "c", "gone"].map(kept).into(),
            ..options()
        };
        let mut spec = json!({"entrypoint": "main", "arguments": {"artifacts": [{"name": "c", "raw": {"data": "x"}}]},
            "templates": [{"name": "main", "inputs": {"artifacts": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}}]});
        assert!(spec.as_object_mut().is_some_and(|spec| apply(spec, &options).is_ok()));
        let set = |name: &str| {
            let all = spec["arguments"]["artifacts"].as_array().into_iter().flatten();
            all.into_iter().find(|artifact| artifact["name"] == name).cloned()
        };
        assert_eq!((set("a"), set("gone")), (Some(kept("a")), None));
        assert_eq!(set("b").map(|artifact| artifact["s3"]["key"].clone()), Some("now".into()));
        assert!(set("c").is_some_and(|artifact| artifact["s3"].is_null()));
    }
}
