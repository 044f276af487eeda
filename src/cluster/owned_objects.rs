//! The pods and task results of a workflow, from which offloaded nodes can be rebuilt.

use serde_json::Value;

use super::{Cluster, request};

impl Cluster {
    /// The workflow's pods; empty if the user may not list them, because they are only supplementary.
    pub(crate) async fn pod_objects(&self, workflow: &str) -> Vec<Value> {
        self.owned("api/v1", "pods", workflow).await
    }

    /// The WorkflowTaskResults of the workflow; empty if the user may not list them.
    pub(crate) async fn task_results(&self, workflow: &str) -> Vec<Value> {
        self.owned("apis/argoproj.io/v1alpha1", "workflowtaskresults", workflow).await
    }

    async fn owned(&self, group: &str, plural: &str, workflow: &str) -> Vec<Value> {
        let answer = self.send(request::owned_objects(group, &self.namespace, plural, workflow)).await;
        let mut list = answer.result.unwrap_or_default();
        list.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
    }
}
