//! Fetching what a workflow is made from.

use kubectl_runnable::testing::cluster::TemplateKind;
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

fn template(kind: &str, name: &str) -> Value {
    let spec = json!({ "entrypoint": "main", "templates": [
        { "name": "main", "container": { "image": "alpine", "command": ["true"] } },
    ] });
    let spec = match kind {
        "CronWorkflow" => json!({ "schedules": ["0 3 * * *"], "workflowSpec": spec }),
        _ => spec,
    };
    json!({ "apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

#[tokio::test]
async fn each_kind_of_template_is_found() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    for (kind, plural) in [
        (TemplateKind::WorkflowTemplate, "workflowtemplates"),
        (TemplateKind::ClusterWorkflowTemplate, "clusterworkflowtemplates"),
        (TemplateKind::CronWorkflow, "cronworkflows"),
    ] {
        let made = namespace.create(plural, &template(&kind.to_string(), "found-of-each-kind")).await;
        assert_eq!(cluster.template(kind, "found-of-each-kind").await.unwrap(), made);
    }
}

#[tokio::test]
async fn a_missing_template_names_what_the_user_may_have_meant() {
    let (namespace, other) = (Namespace::new().await, Namespace::new().await);
    namespace.create("workflowtemplates", &template("WorkflowTemplate", "nightly-build")).await;
    namespace.create("workflowtemplates", &template("WorkflowTemplate", "deploy")).await;
    other.create("workflowtemplates", &template("WorkflowTemplate", "nightly-biuld")).await;
    namespace.create("cronworkflows", &template("CronWorkflow", "nightly-biuld")).await;

    let cluster = namespace.cluster(User::Admin).await;
    let error = cluster.template(TemplateKind::WorkflowTemplate, "nightly-biuld").await.unwrap_err();
    let place = &namespace.name;
    assert_eq!(
        error.to_string(),
        format!("WorkflowTemplate \"nightly-biuld\" does not exist in namespace \"{place}\"")
    );
    assert_eq!(
        error.hint().unwrap(),
        format!(
            "there is a CronWorkflow of this name; it exists in namespace {}; similar names: nightly-build",
            other.name
        )
    );
    assert_eq!(error.exit(), Exit::NotFound);
}

#[tokio::test]
async fn who_may_not_look_elsewhere_still_learns_that_it_is_missing() {
    let namespace = Namespace::new().await;
    namespace.allow(&["get"], "workflowtemplates").await;
    let cluster = namespace.cluster(User::Restricted).await;
    let error = cluster.template(TemplateKind::WorkflowTemplate, "absent").await.unwrap_err();
    assert_eq!(error.exit(), Exit::NotFound);
    assert_eq!(error.hint(), None);
}

#[tokio::test]
async fn a_forbidden_cluster_template_needs_a_cluster_role() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Restricted).await;
    let error = cluster.template(TemplateKind::ClusterWorkflowTemplate, "absent").await.unwrap_err();
    assert_eq!(error.to_string(), "restricted may not get clusterworkflowtemplates.argoproj.io in the whole cluster");
    assert!(error.hint().unwrap().contains("kubectl create clusterrole "));
}
