//! Finds the kinds that the API server serves by their names and short names.

use futures::StreamExt;
use serde_json::Value;

use super::failure::Failure;
use super::{Cluster, request};

/// The number of parallel requests for groups.
const PARALLEL_REQUESTS: usize = 8;

/// A kind of object that the API server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServedKind {
    /// Group and version, such as `apps/v1`; `v1` for the core group.
    pub(super) api_version: String,
    /// The value of `kind:`.
    pub(super) kind: String,
    /// The name in the request's path.
    pub(super) plural: String,
    /// Whether the objects are namespaced.
    pub(super) namespaced: bool,
}

impl ServedKind {
    /// Its group; empty for the core group.
    pub(super) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The kind with its group, as kubectl writes it: `Deployment.apps`.
    pub(super) fn name(&self) -> String {
        let group = self.group();
        if group.is_empty() { self.kind.clone() } else { format!("{}.{group}", self.kind) }
    }

    fn read(api_version: &str, resource: &Value) -> Option<Self> {
        let plural = resource["name"].as_str().filter(|name| !name.is_empty() && !name.contains('/'))?;
        Some(Self {
            api_version: api_version.to_owned(),
            kind: resource["kind"].as_str()?.to_owned(),
            plural: plural.to_owned(),
            namespaced: resource["namespaced"] == true,
        })
    }
}

impl Cluster {
    /// The kind with this `apiVersion` and `kind`; `None` if the server does not list it.
    pub(super) async fn served_kind(&self, api_version: &str, kind: &str) -> Option<ServedKind> {
        let resources = self.resources(api_version).await.ok()?;
        resources
            .iter()
            .filter(|resource| resource["kind"] == kind)
            .find_map(|resource| ServedKind::read(api_version, resource))
    }

    /// The kinds with this name: kind, plural, singular or short name, in any case. If a group is given, only in that
    /// group; else, if the core group has one, only that one.
    pub(super) async fn kinds_named(&self, word: &str, group: Option<&str>) -> Result<Vec<ServedKind>, Failure> {
        if group.is_none() {
            let core = kinds_with_name(word, "v1", &self.resources("v1").await?);
            if !core.is_empty() {
                return Ok(core);
            }
        }

        let groups = self.send(request::groups()).await.result?;
        let versions = versions(&groups, group);
        let asked =
            futures::stream::iter(versions.iter().map(async |version| (version, self.resources(version).await)));

        let mut found: Vec<ServedKind> = Vec::new();
        let mut asked = std::pin::pin!(asked.buffered(PARALLEL_REQUESTS));
        while let Some((version, resources)) = asked.next().await {
            // A group whose aggregated API server is down is skipped.
            for served in kinds_with_name(word, version, &resources.unwrap_or_default()) {
                if !found.iter().any(|known| (known.group(), &known.kind) == (served.group(), &served.kind)) {
                    found.push(served);
                }
            }
        }
        Ok(found)
    }

    async fn resources(&self, api_version: &str) -> Result<Vec<Value>, Failure> {
        let mut list = self.send(request::served(api_version)).await.result?;
        Ok(list.get_mut("resources").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default())
    }
}

/// The versions to search: of a given group all, the preferred one first; else the preferred version of each group.
fn versions(groups: &Value, wanted: Option<&str>) -> Vec<String> {
    let groups = groups["groups"].as_array().into_iter().flatten();
    let of_group = |group: &Value| {
        let preferred = group["preferredVersion"]["groupVersion"].as_str().map(str::to_owned);
        let all = group["versions"].as_array().into_iter().flatten();
        let others = all.filter_map(|version| version["groupVersion"].as_str().map(str::to_owned));
        let others = others.filter(|version| wanted.is_some() && Some(version) != preferred.as_ref());
        preferred.clone().into_iter().chain(others).collect::<Vec<_>>()
    };
    groups.filter(|group| wanted.is_none_or(|wanted| group["name"] == wanted)).flat_map(of_group).collect()
}

fn kinds_with_name(word: &str, api_version: &str, resources: &[Value]) -> Vec<ServedKind> {
    let is = |name: &Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(word));
    let goes_by = |resource: &&Value| {
        ["kind", "name", "singularName"].iter().any(|field| is(&resource[*field]))
            || resource["shortNames"].as_array().into_iter().flatten().any(is)
    };
    resources.iter().filter(goes_by).filter_map(|resource| ServedKind::read(api_version, resource)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_found_by_all_its_names_in_any_case() {
        let resources = [
            json!({"name": "deployments", "singularName": "deployment", "kind": "Deployment", "shortNames": ["deploy"], "namespaced": true}),
            json!({"name": "deployments/status", "singularName": "", "kind": "Deployment", "namespaced": true}),
            json!({"name": "nodes", "singularName": "node", "kind": "Node", "namespaced": false}),
        ];
        for word in ["Deployment", "deployments", "DEPLOY", "deployment"] {
            let found = kinds_with_name(word, "apps/v1", &resources);
            assert_eq!(found.iter().map(ServedKind::name).collect::<Vec<_>>(), ["Deployment.apps"], "{word}");
        }
        assert_eq!(kinds_with_name("deployments/status", "apps/v1", &resources), []);
        assert!(
            kinds_with_name("node", "v1", &resources)
                .iter()
                .all(|served| !served.namespaced && served.name() == "Node")
        );
    }

    #[test]
    fn all_versions_of_a_given_group_are_searched() {
        let group = |name: &str, versions: &[&str], preferred: usize| {
            let versions: Vec<Value> =
                versions.iter().map(|version| json!({"groupVersion": format!("{name}/{version}")})).collect();
            json!({"name": name, "preferredVersion": versions[preferred], "versions": versions})
        };
        let groups = json!({"groups": [group("apps", &["v1"], 0), group("batch", &["v1beta1", "v1"], 1)]});
        assert_eq!(versions(&groups, None), ["apps/v1", "batch/v1"]);
        assert_eq!(versions(&groups, Some("batch")), ["batch/v1", "batch/v1beta1"]);
        assert_eq!(versions(&groups, Some("none")), Vec::<String>::new());
    }
}
