//! The names of workflows, the latest first; `@latest` is the first of them.

use serde_json::Value;

use super::kind::Resource;
use super::request::Verb;
use super::{Cluster, ClusterError};
use crate::argo::Metadata;

/// The number of objects per page.
const PAGE: usize = 500;

impl Cluster {
    /// The name of the latest workflow in the namespace.
    pub(crate) async fn latest(&self) -> Result<String, ClusterError> {
        let latest = self.workflow_names(1).await?.pop();
        latest.ok_or_else(|| ClusterError::NoWorkflow { namespace: self.namespace.clone() })
    }

    /// The names of up to `most` workflows of the namespace, the latest first. Reads only metadata, page by page.
    pub(crate) async fn workflow_names(&self, most: usize) -> Result<Vec<String>, ClusterError> {
        let call = self.call(Verb::List, Resource::WORKFLOW, "");
        let mut latest: Vec<(String, String)> = Vec::new();
        let mut query = format!("limit={PAGE}");
        loop {
            let answer = self.send(call.list_metadata(&query)).await;
            let list = match answer.result {
                Ok(list) => list,
                Err(failure) => return Err(self.explain(&call, failure, false).await),
            };

            latest.extend(created(&list));
            latest.sort_unstable_by(|one, other| other.cmp(one));
            latest.truncate(most);
            match Metadata::next_page(&list) {
                Some(token) => query = format!("limit={PAGE}&continue={}", super::request::escaped(token)),
                None => break,
            }
        }
        Ok(latest.into_iter().map(|(_, name)| name).collect())
    }
}

/// The creation time and name of each object; Kubernetes times sort as text.
fn created(list: &Value) -> impl Iterator<Item = (String, String)> {
    let items = list["items"].as_array().into_iter().flatten().map(Metadata::of);
    items.map(|item| (item.creation().to_owned(), item.name().to_owned()))
}
