//! Reads templates, and searches for a missing one elsewhere.

use serde_json::Value;

use super::kind::{Resource, TemplateKind};
use super::list::Selection;
use super::request::{Call, Verb};
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;

/// The minimum similarity of a suggested name.
const MIN_SIMILARITY: f64 = 0.7;
/// The maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

impl Cluster {
    /// Reads a template.
    pub async fn template(&self, kind: TemplateKind, name: &str) -> Result<Value, ClusterError> {
        self.get(kind.into(), name).await
    }

    /// Passes each template of the kind to `take`, once.
    pub(crate) async fn templates(
        &self,
        kind: TemplateKind,
        selection: &Selection,
        take: impl FnMut(Value),
    ) -> Result<(), ClusterError> {
        self.each(kind.into(), selection, take).await.map(drop)
    }

    /// Merges a patch into a template, if it is still in the state that the patch's metadata names.
    pub(crate) async fn patch_template(
        &self,
        kind: TemplateKind,
        name: &str,
        patch: &Value,
        dry_run: bool,
    ) -> Result<Changed, ClusterError> {
        let call = self.call(Verb::Patch, kind.into(), name);
        self.change(&call, call.merge(patch, dry_run)).await
    }

    /// Names in the namespace that are much like a missing object's; none if they may not be listed.
    pub(super) async fn similar_names(&self, missing: &Call<'_>) -> Vec<String> {
        let here = Call { verb: Verb::List, ..*missing };
        let all = self.names(&here, "limit=500").await;
        similar(missing.name, all.into_iter().map(|(name, _)| name))
    }

    /// The names and namespaces of the objects that a query selects; empty if that is not allowed.
    pub(super) async fn names(&self, call: &Call<'_>, query: &str) -> Vec<(String, Option<String>)> {
        let Ok(list) = self.send(call.list_metadata(query)).await.result else { return Vec::new() };
        let items = list["items"].as_array().into_iter().flatten();
        items
            .filter_map(|item| {
                let metadata = Metadata::of(item);
                let name = Some(metadata.name()).filter(|name| !name.is_empty())?;
                Some((name.to_owned(), metadata.own_namespace().map(str::to_owned)))
            })
            .collect()
    }
}

/// Where a missing template may be instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Similar names in the same namespace.
    pub(crate) similar: Vec<String>,
    /// Other namespaces that have a template of this name.
    pub(crate) namespaces: Vec<String>,
    /// Other kinds that have an object of this name.
    pub(crate) kinds: Vec<&'static str>,
}

impl Elsewhere {
    pub(crate) async fn search(cluster: &Cluster, missing: &Call<'_>) -> Self {
        let here = Call { verb: Verb::List, ..*missing };
        let mut found = Self { similar: cluster.similar_names(missing).await, ..Self::default() };

        let selector = format!("limit=20&fieldSelector={}", missing.selector());
        if missing.resource.namespaced {
            let anywhere = Call { namespace: None, ..here };
            let places = cluster.names(&anywhere, &selector).await;
            found.namespaces =
                places.into_iter().filter_map(|(_, namespace)| namespace).take(MAX_SUGGESTIONS).collect();
        }

        for kind in [TemplateKind::WorkflowTemplate, TemplateKind::ClusterWorkflowTemplate, TemplateKind::CronWorkflow]
        {
            let resource = Resource::from(kind);
            if resource == missing.resource {
                continue;
            }
            let call = cluster.call(Verb::List, resource, missing.name);
            if !cluster.names(&call, &selector).await.is_empty() {
                found.kinds.push(resource.kind);
            }
        }
        found
    }

    pub(crate) fn hint(&self) -> Option<String> {
        let mut hints = Vec::new();
        if !self.kinds.is_empty() {
            hints.push(format!("there is a {} of this name", self.kinds.join(" and a ")));
        }
        if !self.namespaces.is_empty() {
            hints.push(format!("it exists in namespace {}", self.namespaces.join(", ")));
        }
        if !self.similar.is_empty() {
            hints.push(format!("similar names: {}", self.similar.join(", ")));
        }
        (!hints.is_empty()).then(|| hints.join("; "))
    }
}

fn similar(name: &str, all: impl Iterator<Item = String>) -> Vec<String> {
    let mut near: Vec<(f64, String)> = all.map(|other| (strsim::jaro_winkler(name, &other), other)).collect();
    near.retain(|(likeness, _)| *likeness >= MIN_SIMILARITY);
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested_most_similar_first() {
        let all = ["nightly-build", "nightly-builds", "deploy", "nightly-bulid"].map(str::to_owned);
        assert_eq!(similar("nightly-biuld", all.into_iter()), ["nightly-build", "nightly-bulid", "nightly-builds"]);
    }

    #[test]
    fn without_suggestions_there_is_no_hint() {
        assert_eq!(Elsewhere::default().hint(), None);
    }
}
