//! Waiting for a workflow: the test plays its controller.

use std::time::Duration;

use kubectl_runnable::testing::argo::Workflow;
use kubectl_runnable::testing::backend::{BackendError, Deadline, Run, Snapshot};
use kubectl_runnable::testing::cluster::{Cluster, ClusterError};
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::workflow;

/// Waits for the end of a workflow that the cluster has told of; `show` sees each state.
pub(crate) async fn wait(
    cluster: &Cluster,
    workflow: &Value,
    timeout: Option<Duration>,
    mut show: impl FnMut(&Value) + Send,
) -> Result<Value, BackendError> {
    let mut show = |state: &Snapshot| show(state.workflow.value());
    let workflow = Workflow::view(workflow);
    let end = Run::of_workflow(cluster, workflow).end(Some(workflow), Deadline::after(timeout), Some(&mut show)).await;
    end.map(|end| end.workflow.into_value())
}

/// A wait that runs beside the test and tells each phase that it is shown.
struct Waiting {
    phases: mpsc::UnboundedReceiver<String>,
    end: JoinHandle<Result<Value, BackendError>>,
}

impl Waiting {
    fn start(cluster: Cluster, workflow: &Value, timeout: Option<Duration>) -> Self {
        let workflow = workflow.clone();
        let (send, phases) = mpsc::unbounded_channel();
        let show = move |workflow: &Value| {
            let _ = send.send(workflow["status"]["phase"].as_str().unwrap_or_default().to_owned());
        };
        let end = tokio::spawn(async move { wait(&cluster, &workflow, timeout, show).await });
        Self { phases, end }
    }

    async fn sees(&mut self, phase: &str) {
        assert_eq!(self.phases.recv().await.as_deref(), Some(phase));
    }

    async fn ends(self) -> Result<Value, BackendError> {
        tokio::time::timeout(Duration::from_mins(1), self.end).await.unwrap().unwrap()
    }
}

async fn set_phase(namespace: &Namespace, phase: &str) {
    namespace.patch("workflows", "build", &json!({ "status": { "phase": phase } })).await;
}

#[tokio::test]
async fn each_state_is_seen_once_and_the_last_one_returned() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    let mut waiting = Waiting::start(namespace.cluster(User::Admin).await, &made, None);
    waiting.sees("").await;
    for phase in ["Pending", "Running", "Succeeded"] {
        set_phase(&namespace, phase).await;
        waiting.sees(phase).await;
    }
    assert!(waiting.phases.recv().await.is_none());
    assert_eq!(waiting.ends().await.unwrap()["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn a_workflow_that_has_ended_is_returned_at_once() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    set_phase(&namespace, "Failed").await;
    let live = namespace.get("workflows", "build").await.unwrap();
    let mut waiting = Waiting::start(namespace.cluster(User::Admin).await, &live, None);
    waiting.sees("Failed").await;
    assert_eq!(waiting.ends().await.unwrap()["status"]["phase"], "Failed");
}

#[tokio::test]
async fn a_deletion_ends_the_wait_with_its_own_error() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    let mut waiting = Waiting::start(namespace.cluster(User::Admin).await, &made, None);
    waiting.sees("").await;
    namespace.delete("workflows", "build").await;
    let error = waiting.ends().await.unwrap_err();
    assert_eq!(error.to_string(), "workflow \"build\" was deleted before it ended");
    assert_eq!(error.exit(), Exit::NotFound);
}

#[tokio::test]
async fn a_deletion_before_the_wait_is_no_absence() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    namespace.delete("workflows", "build").await;
    let waiting = Waiting::start(namespace.cluster(User::Admin).await, &made, None);
    assert!(matches!(waiting.ends().await, Err(BackendError::Cluster(ClusterError::Deleted { .. }))));
}

#[tokio::test]
async fn another_workflow_of_the_same_name_is_not_waited_for() {
    let namespace = Namespace::new().await;
    let first = namespace.create("workflows", &workflow("build", "r1")).await;
    namespace.delete("workflows", "build").await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    let waiting = Waiting::start(namespace.cluster(User::Admin).await, &first, None);
    assert!(matches!(waiting.ends().await, Err(BackendError::Cluster(ClusterError::Deleted { .. }))));
}

#[tokio::test]
async fn time_runs_out_with_the_phase_that_was_seen_last() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    set_phase(&namespace, "Running").await;
    let cluster = namespace.cluster(User::Admin).await;
    let mut waiting = Waiting::start(cluster, &made, Some(Duration::from_secs(2)));
    waiting.sees("Running").await;
    let error = waiting.ends().await.unwrap_err();
    assert_eq!(error.to_string(), "workflow \"build\" has not ended after 2s (phase Running)");
    assert_eq!(error.exit(), Exit::TimedOut);
}

#[tokio::test]
async fn who_may_get_but_not_watch_is_told_so() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    namespace.allow(&["get"], "workflows").await;
    let waiting = Waiting::start(namespace.cluster(User::Restricted).await, &made, None);
    let error = waiting.ends().await.unwrap_err();
    let name = &namespace.name;
    assert_eq!(error.to_string(), format!("restricted may not watch workflows.argoproj.io in namespace \"{name}\""));
}
