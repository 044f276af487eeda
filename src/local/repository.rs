//! The artifact repository of a run: the store that the user names, else the one that documents describe, as Argo finds it.
//! (workflow/artifactrepositories/artifactrepositories.go, v4.1.2)

use serde_json::Value;

use super::new_run::{NewRunError, Source};
use crate::argo::document::{Document, Kind};
use crate::argo::template::{at, text};
use crate::argo::{Metadata, Workflow};
use crate::artifact::Repository;
use crate::cache::StoreAddress;

/// The annotation of a local run that names its artifact store, where a user has named one.
pub(crate) const ANNOTATION: &str = "kubectl-runnable/artifact-store";
/// The ConfigMap of a namespace's repositories.
const REPOSITORIES: &str = "artifact-repositories";
/// Its annotation with the key of the default one.
const DEFAULT: &str = "workflows.argoproj.io/default-artifact-repository";
/// The ConfigMap of the controller.
const CONTROLLER: &str = "workflow-controller-configmap";

/// The repository of a workflow; none where nothing says it.
pub(super) fn find(source: &Source<'_>, workflow: &Workflow) -> Result<Option<Repository>, NewRunError> {
    if let Some(address) = source.artifact_store {
        return Ok(Some(Repository::Store(address.clone())));
    }
    if let Some(said) = workflow.annotation(ANNOTATION) {
        let invalid =
            || NewRunError::Repository(format!("annotation {ANNOTATION}: {said:?} is no address of a bucket"));
        return match said.parse() {
            Ok(StoreAddress::Bucket(address)) => Ok(Some(Repository::Store(address))),
            Ok(StoreAddress::Directory(_)) | Err(_) => Err(invalid()),
        };
    }
    let reference = at(workflow.spec(), &["artifactRepositoryRef"]);
    let named = |field: &str| reference.map(|reference| text(reference, field)).filter(|name| !name.is_empty());
    let found = config_map(source, named("configMap").unwrap_or(REPOSITORIES));
    let described = found.and_then(|map| described(map, named("key")));
    let of_controller = || config_map(source, CONTROLLER).filter(|_| reference.is_none()).and_then(default);
    let Some((place, value)) = described.or_else(of_controller) else { return Ok(None) };
    let read = value.and_then(|value| Repository::read(&value));
    read.map_err(|why| NewRunError::Repository(format!("{place}: {why}")))
}

/// The place of a description, for messages, and what it says.
type Description = (String, Result<Value, String>);

fn config_map<'a>(source: &Source<'a>, name: &str) -> Option<&'a Document> {
    source.beside.iter().find(|document| document.kind == Kind::ConfigMap && document.name() == Some(name))
}

fn described(map: &Document, key: Option<&str>) -> Option<Description> {
    let usual = || Metadata::of(&map.value).annotation(DEFAULT);
    let key = key.or_else(usual)?;
    let value = map.value["data"].get(key)?.as_str()?;
    Some((format!("configmap {:?}, key {key:?}", map.name().unwrap_or_default()), parsed(value)))
}

/// The controller's own: `artifactRepository`, by itself or within `config`.
fn default(map: &Document) -> Option<Description> {
    let data = &map.value["data"];
    let place = format!("configmap {CONTROLLER:?}, artifactRepository");
    if let Some(value) = data.get("artifactRepository").and_then(Value::as_str) {
        return Some((place, parsed(value)));
    }
    let config = parsed(data.get("config")?.as_str()?).ok()?;
    Some((place, Ok(config.get("artifactRepository")?.clone())))
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}
