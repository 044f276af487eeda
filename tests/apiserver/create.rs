//! Creating a workflow, and everything that can stand against it.

use kubectl_runnable::testing::cluster::{Access, Cluster, ClusterError};
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};

use crate::kubernetes::crds;
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::support::wait::until;
use crate::workflow;

#[tokio::test]
async fn a_workflow_is_created_as_it_was_given() {
    let namespace = Namespace::new().await;
    let mut document = workflow("build", "r1");
    document["spec"]["unheardOf"] = json!({ "of": ["any", 1.5, null] });
    if crds::full() {
        document["spec"].as_object_mut().unwrap().remove("unheardOf");
    }
    let created = namespace.cluster(User::Admin).await.create(&document, false).await.unwrap();
    assert!(!created.already);
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(live, created.object);
    assert_eq!(live["spec"]["templates"], document["spec"]["templates"]);
    assert_eq!(live["spec"]["unheardOf"], document["spec"]["unheardOf"]);
}

#[tokio::test]
async fn a_dry_run_is_checked_by_the_server_and_creates_nothing() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    let created = cluster.create(&workflow("build", "r1"), true).await.unwrap();
    assert!(created.object["metadata"]["uid"].is_string());
    assert_eq!(namespace.get("workflows", "build").await, None);
    let error = cluster.create(&workflow("Not A Name", "r1"), true).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Usage);
}

#[tokio::test]
async fn the_same_attempt_is_created_once() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    let first = cluster.create(&workflow("build", "r1"), false).await.unwrap();
    let second = cluster.create(&workflow("build", "r1"), false).await.unwrap();
    assert!(!first.already && second.already);
    assert_eq!(second.object["metadata"]["uid"], first.object["metadata"]["uid"]);
}

#[tokio::test]
async fn a_name_that_another_run_has_is_a_conflict() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    cluster.create(&workflow("build", "r1"), false).await.unwrap();
    let error = cluster.create(&workflow("build", "r2"), false).await.unwrap_err();
    assert_eq!(error.to_string(), format!("workflow \"build\" already exists in namespace {:?}", namespace.name));
    assert_eq!(error.exit(), Exit::Conflict);
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(live["spec"]["arguments"]["parameters"][0]["value"], "r1");
}

#[tokio::test]
async fn a_workflow_goes_to_its_own_namespace_unless_another_was_asked_for() {
    let (home, other) = (Namespace::new().await, Namespace::new().await);
    let mut document = workflow("build", "r1");
    document["metadata"]["namespace"] = json!(other.name);
    home.cluster(User::Admin).await.create(&document, false).await.unwrap();
    assert!(other.get("workflows", "build").await.is_some());

    let asked = Access { namespace: Some(home.name.clone()), ..home.access(User::Admin) };
    let error = Cluster::connect(&asked).await.unwrap().create(&document, false).await.unwrap_err();
    assert!(matches!(error, ClusterError::OtherNamespace { .. }), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
}

#[tokio::test]
async fn a_document_without_name_is_not_sent() {
    let namespace = Namespace::new().await;
    let mut document = workflow("", "r1");
    document["metadata"] = json!({ "generateName": "build-" });
    let error = namespace.cluster(User::Admin).await.create(&document, false).await.unwrap_err();
    assert_eq!(error.to_string(), "the workflow has no metadata.name");
}

#[tokio::test]
async fn a_forbidden_creation_names_the_missing_role() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Restricted).await;
    let error = cluster.create(&workflow("build", "r1"), false).await.unwrap_err();
    let name = &namespace.name;
    assert_eq!(error.to_string(), format!("restricted may not create workflows.argoproj.io in namespace \"{name}\""));
    let hint = error.hint().unwrap();
    assert!(hint.contains(&format!("--verb=create --resource=workflows.argoproj.io -n {name}")), "{hint}");
    assert!(hint.contains(&format!("kubectl auth can-i create workflows.argoproj.io -n {name}")), "{hint}");
    assert_eq!(error.exit(), Exit::Tool);

    namespace.allow(&["create"], "workflows").await;
    cluster.create(&workflow("build", "r1"), false).await.unwrap();
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_named() {
    let namespace = Namespace::new().await;
    let access = Access { namespace: Some("nowhere".into()), ..namespace.access(User::Admin) };
    let cluster = Cluster::connect(&access).await.unwrap();
    for error in [
        cluster.create(&workflow("build", "r1"), false).await.unwrap_err(),
        cluster.workflow("build").await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "namespace \"nowhere\" does not exist");
        assert_eq!(error.exit(), Exit::NotFound);
    }
}

#[tokio::test]
async fn a_cluster_without_argo_is_told_from_a_missing_object() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("config");
    std::fs::write(&path, Server::bare().kubeconfig(User::Admin, "default").to_string()).unwrap();
    let cluster = Cluster::connect(&Access { kubeconfig: Some(path), ..Access::default() }).await.unwrap();
    for error in [
        cluster.create(&workflow("build", "r1"), false).await.unwrap_err(),
        cluster.workflow("build").await.unwrap_err(),
    ] {
        let expected = format!(
            "Argo Workflows is not installed in this cluster ({} does not serve workflows.argoproj.io)",
            Server::bare().url
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.exit(), Exit::Tool);
    }

    let namespace = Namespace::new().await;
    let error = namespace.cluster(User::Admin).await.workflow("build").await.unwrap_err();
    assert_eq!(error.to_string(), format!("workflow \"build\" does not exist in namespace {:?}", namespace.name));
    assert_eq!(error.exit(), Exit::NotFound);
}

#[tokio::test]
async fn an_invalid_workflow_is_told_field_by_field() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    let mut document = workflow("build", "r1");
    document["spec"] = json!("odd");
    let error = cluster.create(&document, false).await.unwrap_err();
    assert!(matches!(error, ClusterError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("spec: "), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
    assert_eq!(namespace.get("workflows", "build").await, None);
}

#[tokio::test]
async fn the_full_schema_finds_wrong_and_unknown_fields() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    let mut wrong = workflow("wrong", "r1");
    wrong["spec"]["parallelism"] = json!("five");
    let mut unknown = workflow("unknown", "r1");
    unknown["spec"]["templatez"] = json!([]);
    for (document, field) in [(wrong, "spec.parallelism"), (unknown, "spec.templatez")] {
        let result = cluster.create(&document, false).await;
        if !crds::full() {
            assert!(result.is_ok(), "the minimal schema knows no fields");
            continue;
        }
        let error = result.unwrap_err();
        assert!(matches!(error, ClusterError::Invalid { .. }) && error.to_string().contains(field), "{error}");
    }
}

#[tokio::test]
async fn a_workflow_that_etcd_cannot_hold_is_too_large() {
    let namespace = Namespace::new().await;
    let cluster = namespace.cluster(User::Admin).await;
    for size in [2_000_000, 4_000_000] {
        let mut document = workflow("build", "r1");
        let value: String = "x".repeat(size);
        document["spec"]["arguments"]["parameters"][1]["value"] = Value::String(value);
        let error = cluster.create(&document, false).await.unwrap_err();
        assert!(matches!(error, ClusterError::TooLarge { bytes, .. } if bytes > size), "{error:?}");
        assert_eq!(error.exit(), Exit::Usage);
    }
}

#[tokio::test]
async fn an_admission_policy_speaks_for_itself() {
    let namespace = Namespace::new().await;
    let policy = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    namespace
        .post(
            policy,
            &json!({
                "metadata": { "name": "no-night-builds" },
                "spec": {
                    "matchConstraints": { "resourceRules": [{
                        "apiGroups": ["argoproj.io"], "apiVersions": ["v1alpha1"],
                        "operations": ["CREATE"], "resources": ["workflows"],
                    }] },
                    "validations": [{ "expression": "object.metadata.name != 'night'", "message": "go to sleep" }],
                },
            }),
        )
        .await;
    namespace
        .post(
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
            &json!({
                "metadata": { "name": "no-night-builds" },
                "spec": { "policyName": "no-night-builds", "validationActions": ["Deny"], "matchResources": {
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace.name } },
                } },
            }),
        )
        .await;
    let cluster = namespace.cluster(User::Admin).await;
    // The server learns of a policy a moment after it is made: ask without creating until it has.
    let night = workflow("night", "r1");
    let error = until("the refusal", async || cluster.create(&night, true).await.err()).await;
    assert!(matches!(error, ClusterError::Denied { .. }), "{error:?}");
    assert!(error.to_string().ends_with("go to sleep"), "{error}");
    assert_eq!(error.exit(), Exit::Tool);
}
