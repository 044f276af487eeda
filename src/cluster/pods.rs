//! The pods of a workflow: listed, followed, and read again while a log is open.

use std::future::ready;

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::failure::Failure;
use super::kind::Resource;
use super::list::Selection;
use super::list_follow::News;
use super::request::{Verb, WORKFLOW, escaped};
use super::{Cluster, ClusterError, request};
use crate::argo::Metadata;
use crate::argo::template::text;

/// The number of pods per page of a list.
const CHUNK: u32 = 500;

/// A pod of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid, if known: a pod that was created again under the same name has another uid.
    pub uid: String,
    /// The id of its node.
    pub node_id: String,
    /// The name of its node.
    pub node_name: String,
    /// Its status when it was read.
    pub status: Value,
}

impl Pod {
    pub(super) fn of(object: &Value) -> Self {
        let metadata = Metadata::of(object);
        let note =
            |name: &str| metadata.annotation(&format!("workflows.argoproj.io/{name}")).unwrap_or_default().to_owned();
        Self {
            name: metadata.name().to_owned(),
            uid: metadata.uid().to_owned(),
            node_id: note("node-id"),
            node_name: note("node-name"),
            status: object["status"].clone(),
        }
    }

    /// Whether the container has started or has ended.
    pub(crate) fn has_begun(&self, container: &str) -> bool {
        let running = self.container(container).any(|one| one["state"]["running"].is_object());
        running || self.is_over(container)
    }

    /// Whether the container has ended.
    fn is_over(&self, container: &str) -> bool {
        let over = matches!(text(&self.status, "phase"), "Succeeded" | "Failed");
        over || self.container(container).any(|one| one["state"]["terminated"].is_object())
    }

    /// The names of its containers, those of its start first.
    pub(crate) fn containers(&self) -> Vec<String> {
        let lists = ["initContainerStatuses", "containerStatuses"].map(|field| self.status[field].as_array());
        lists.into_iter().flatten().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    }

    fn container<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let lists = ["containerStatuses", "initContainerStatuses"].map(|field| self.status[field].as_array());
        lists.into_iter().flatten().flatten().filter(move |one| one["name"] == name)
    }
}

/// A change of a workflow's pods.
#[derive(Debug)]
pub(crate) enum PodNews {
    /// A pod exists, or has changed.
    There(Pod),
    /// The pod with this uid is gone.
    Gone(String),
}

/// The state of a pod while its log is read.
pub(super) enum PodState {
    /// Its container has not ended; it may not have started.
    There,
    /// Its container has ended.
    Over,
    /// The pod was deleted; another pod may have its name.
    Gone,
}

impl Cluster {
    /// The pods of a workflow, the oldest first.
    pub async fn pods(&self, workflow: &str) -> Result<Vec<Pod>, ClusterError> {
        let answer = self.send(request::owned_objects("api/v1", &self.namespace, "pods", workflow)).await;
        let list = match answer.result {
            Ok(list) => list,
            Err(failure) => return Err(self.explain_pods("list", workflow, failure).await),
        };
        let mut objects: Vec<&Value> = list["items"].as_array().into_iter().flatten().collect();
        objects.sort_by_key(|object| {
            let metadata = Metadata::of(object);
            (metadata.creation(), metadata.name())
        });
        Ok(objects.into_iter().map(Pod::of).collect())
    }

    /// Yields the pods of a workflow and each change, without end.
    pub(crate) fn follow_pods(&self, workflow: &str) -> BoxStream<'static, Result<PodNews, ClusterError>> {
        let labels = Some(format!("{WORKFLOW}={workflow}"));
        let selection = Selection { labels, chunk: CHUNK, ..Selection::default() };
        let news = self.follow_objects(Resource::POD, selection).try_filter_map(|news| {
            ready(Ok(match news {
                News::There(object) => Some(PodNews::There(Pod::of(&object))),
                News::Gone(uid, _) => Some(PodNews::Gone(uid)),
                News::Complete => None,
            }))
        });
        news.boxed()
    }

    /// Whether another pod now has the name.
    pub(super) async fn is_replaced(&self, pod: &Pod) -> Result<bool, ClusterError> {
        if pod.uid.is_empty() {
            return Ok(false);
        }
        Ok(self.pod(&pod.name).await?.is_some_and(|now| now.is_some_and(|now| now.uid != pod.uid)))
    }

    pub(super) async fn pod_state(&self, pod: &Pod, container: &str) -> Result<PodState, ClusterError> {
        Ok(match self.pod(&pod.name).await? {
            Some(Some(now)) if !pod.uid.is_empty() && now.uid != pod.uid => PodState::Gone,
            Some(Some(now)) if now.is_over(container) => PodState::Over,
            Some(None) => PodState::Gone,
            Some(Some(_)) | None => PodState::There,
        })
    }

    /// The pod of this name, if it exists; outer `None` if the server gives no answer.
    async fn pod(&self, name: &str) -> Result<Option<Option<Pod>>, ClusterError> {
        let path = format!("/api/v1/namespaces/{}/pods/{}", escaped(&self.namespace), escaped(name));
        match self.send(http::Request::get(path).body(Vec::new())).await.result {
            Ok(object) => Ok(Some(Some(Pod::of(&object)))),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(Some(None)),
            Err(failure) if failure.is_temporary() || matches!(failure, Failure::Lost(_)) => Ok(None),
            Err(failure) => Err(self.explain_pods("get", name, failure).await),
        }
    }

    /// Explains a failed call for pods.
    pub(super) async fn explain_pods(&self, verb: &'static str, name: &str, failure: Failure) -> ClusterError {
        if let Failure::Refused(status) = &failure
            && !matches!(status.code, 401 | 429 | 502..=504)
        {
            let message = status.message.trim();
            let message = if message.is_empty() { format!("status {}", status.code) } else { message.to_owned() };
            let (kind, name) = if verb == "list" { ("pods of Workflow", name) } else { ("Pod", name) };
            return ClusterError::Api { verb, kind, name: name.to_owned(), message };
        }
        self.explain(&self.call(Verb::Get, Resource::WORKFLOW, name), failure, false).await
    }
}
