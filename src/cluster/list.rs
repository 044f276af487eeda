//! Lists the objects of a kind in a namespace or in all namespaces, one page at a time in memory.

use std::collections::HashSet;

use serde_json::Value;

use super::failure::Failure;
use super::kind::Resource;
use super::request::{Call, Verb, escaped};
use super::{Cluster, ClusterError};
use crate::argo::Metadata;

/// A list is restarted at most this often, if the server has compacted its version (410) before the last page.
const MAX_RESTARTS: u32 = 3;

/// Selects the objects to list.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Include all namespaces.
    pub all_namespaces: bool,
    /// A label selector in kubectl's form.
    pub labels: Option<String>,
    /// Only objects of this name.
    pub name: Option<String>,
    /// The number of objects per page.
    pub chunk: u32,
    /// Only read their metadata.
    pub metadata_only: bool,
}

impl Cluster {
    /// Passes each workflow to `take`, once. Returns the resource version of the list.
    pub async fn list(&self, selection: &Selection, take: impl FnMut(Value)) -> Result<String, ClusterError> {
        self.each(Resource::WORKFLOW, selection, take).await
    }

    /// Whether the user may list these workflows.
    pub(crate) async fn may_list(&self, selection: &Selection) -> Result<bool, ClusterError> {
        match Pages::new(Resource::WORKFLOW, selection).next(self, selection).await {
            Ok(_) => Ok(true),
            Err(ClusterError::Forbidden { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The same for each object of a kind.
    pub(crate) async fn each(
        &self,
        resource: Resource,
        selection: &Selection,
        mut take: impl FnMut(Value),
    ) -> Result<String, ClusterError> {
        let mut pages = Pages::new(resource, selection);
        while let Some(page) = pages.next(self, selection).await? {
            page.into_iter().for_each(&mut take);
        }
        Ok(pages.version)
    }
}

/// A list that is read page by page.
#[derive(Debug)]
pub(super) struct Pages {
    resource: Resource,
    /// The query of the next page; `None` after the last one.
    query: Option<String>,
    /// The uids of the objects returned so far: a restarted list contains them again.
    seen: HashSet<String>,
    restarts: u32,
    /// The resource version of the list, after its last page.
    pub(super) version: String,
}

impl Pages {
    pub(super) fn new(resource: Resource, selection: &Selection) -> Self {
        let query = Some(query(selection, None));
        Self { resource, query, seen: HashSet::new(), restarts: 0, version: String::new() }
    }

    /// The next page, without objects that were returned before.
    pub(super) async fn next(
        &mut self,
        cluster: &Cluster,
        selection: &Selection,
    ) -> Result<Option<Vec<Value>>, ClusterError> {
        let call = selection.call(cluster, self.resource, Verb::List);
        while let Some(query) = &self.query {
            let request = if selection.metadata_only { call.list_metadata(query) } else { call.list(query) };
            let mut list = match cluster.send(request).await.result {
                Ok(list) => list,
                Err(Failure::Refused(status)) if status.code == 410 && self.restarts < MAX_RESTARTS => {
                    self.restarts += 1;
                    self.query = Some(self::query(selection, None));
                    continue;
                }
                Err(failure) => return Err(cluster.explain(&call, failure, false).await),
            };
            self.query = Metadata::next_page(&list).map(|token| self::query(selection, Some(token)));
            Metadata::of(&list).resource_version().clone_into(&mut self.version);

            let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let uid = |item: &Value| Metadata::of(item).uid().to_owned();
            let mut page: Vec<Value> = items.into_iter().filter(|item| self.seen.insert(uid(item))).collect();
            for item in &mut page {
                name_kind(item, self.resource);
            }
            return Ok(Some(page));
        }
        Ok(None)
    }
}

impl Selection {
    /// A call for the selected objects.
    pub(super) fn call<'a>(&self, cluster: &'a Cluster, resource: Resource, verb: Verb) -> Call<'a> {
        let namespace = (!self.all_namespaces).then_some(cluster.namespace.as_str());
        Call { resource, namespace, name: "", verb }
    }
}

fn query(selection: &Selection, token: Option<&str>) -> String {
    let name = selection.name.as_ref().map(|name| format!("&fieldSelector=metadata.name%3D{}", escaped(name)));
    let from = token.map(|token| format!("&continue={}", escaped(token)));
    let [name, from] = [name, from].map(Option::unwrap_or_default);
    format!("limit={}{}{name}{from}", selection.chunk.max(1), label_query(selection))
}

/// The query parameter that selects by labels.
pub(super) fn label_query(selection: &Selection) -> String {
    selection.labels.as_ref().map(|labels| format!("&labelSelector={}", escaped(labels))).unwrap_or_default()
}

/// Adds `apiVersion` and `kind`, which the items of a list may omit.
pub(super) fn name_kind(item: &mut Value, resource: Resource) {
    if let Some(item) = item.as_object_mut() {
        item.entry("apiVersion").or_insert_with(|| resource.api_version.into());
        item.entry("kind").or_insert_with(|| resource.kind.into());
    }
}
