//! `--from`: workflows made from what stands on the cluster.

use serde_json::{Value, json};

use super::{Program, document, parameter, template};
use crate::kubernetes::namespace::Namespace;

const NAMED: [&str; 4] = ["--name", "build", "--run-id", "r-1"];

fn cluster_template(namespace: &Namespace) -> Value {
    let mut document = template(&format!("shared-{}", namespace.name));
    document["kind"] = json!("ClusterWorkflowTemplate");
    document
}

fn cron(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "CronWorkflow",
        "metadata": { "name": name },
        "spec": { "schedules": ["0 3 * * *"], "workflowSpec": document("x")["spec"] },
    })
}

#[tokio::test]
async fn a_workflow_refers_to_the_template_it_is_made_from() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    namespace.create("workflowtemplates", &template("etl")).await;
    for kind in ["wftmpl", "workflowtemplate"] {
        let _ = program.run(&["--from", &format!("{kind}/etl"), "-p", "date=d", "--name", kind]).exits(0);
    }
    let live = namespace.get("workflows", "wftmpl").await.unwrap();
    assert_eq!(live["spec"]["workflowTemplateRef"]["name"], "etl");
    assert_eq!(live["metadata"]["labels"]["workflows.argoproj.io/workflow-template"], "etl");
    assert_eq!(parameter(&live, "date"), Some("d"));
    assert!(parameter(&live, "run_id").is_some());
}

#[tokio::test]
async fn a_workflow_is_made_from_a_template_of_the_whole_cluster() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let template = cluster_template(&namespace);
    namespace.create("clusterworkflowtemplates", &template).await;
    let name = template["metadata"]["name"].as_str().unwrap();
    let from = format!("cwft/{name}");
    let _ = program.run(&[["--from", &from, "-p", "date=d"].as_slice(), &NAMED].concat()).exits(0);
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(live["spec"]["workflowTemplateRef"], json!({ "name": name, "clusterScope": true }));
}

#[tokio::test]
async fn a_workflow_is_made_from_a_cron_workflow_and_memoized() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let cron = namespace.create("cronworkflows", &cron("nightly")).await;
    let _ = program.run(&[["--from", "cronwf/nightly"].as_slice(), &NAMED].concat()).exits(0);
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(live["metadata"]["ownerReferences"][0]["uid"], cron["metadata"]["uid"]);
    assert_eq!(live["metadata"]["labels"]["workflows.argoproj.io/cron-workflow"], "nightly");
    assert!(live["spec"]["templates"][1]["memoize"]["key"].is_string());
}

#[tokio::test]
async fn an_inlined_template_is_merged_and_memoized() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    namespace.create("workflowtemplates", &template("etl")).await;
    let arguments = [["--from", "wftmpl/etl", "--inline", "-p", "date=d"].as_slice(), &NAMED].concat();
    let _ = program.run(&arguments).exits(0);
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(live["spec"].get("workflowTemplateRef"), None);
    assert_eq!((parameter(&live, "date"), parameter(&live, "color")), (Some("d"), Some("red")));
    assert!(live["spec"]["templates"][1]["memoize"]["key"].is_string());
}

#[tokio::test]
async fn a_required_parameter_is_asked_for_before_anything_is_created() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    namespace.create("workflowtemplates", &template("etl")).await;
    for inline in [[].as_slice(), &["--inline"]] {
        let ran = program.run(&[["--from", "wftmpl/etl"].as_slice(), &NAMED, inline].concat()).prints(2, "");
        let _ = ran.says("parameter `date` has neither `value` nor `valueFrom`").says("help: add -p date=VALUE\n");
    }
    assert_eq!(namespace.get("workflows", "build").await, None);
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_what_is_like_it() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    namespace.create("workflowtemplates", &template("nightly")).await;
    let ran = program.run(&["--from", "wftmpl/nigthly"]).prints(6, "");
    let expected = format!("error: WorkflowTemplate \"nigthly\" does not exist in namespace {:?}\n", namespace.name);
    let _ = ran.says(&expected).says("similar names: nightly");
    let ran = program.run(&["--from", "cronwf/nightly"]).exits(6);
    let _ = ran.says("there is a WorkflowTemplate of this name");
    let ran = program.run(&["--from", "cwft/nightly"]).exits(6);
    let _ = ran.says("error: ClusterWorkflowTemplate \"nightly\" does not exist\n");
}

#[tokio::test]
async fn a_template_of_another_namespace_is_found_there() {
    let (here, there) = (Namespace::new().await, Namespace::new().await);
    let program = Program::new(&here);
    let name = format!("only-in-{}", there.name);
    there.create("workflowtemplates", &template(&name)).await;
    let from = format!("wftmpl/{name}");
    let ran = program.run(&["--from", &from, "-p", "date=d"]).exits(6);
    let _ = ran.says(&format!("it exists in namespace {}", there.name));
    let _ = program.run(&["--from", &from, "-p", "date=d", "-n", &there.name, "--name", "build"]).exits(0);
    assert!(there.get("workflows", "build").await.is_some());
}

#[tokio::test]
async fn a_kind_that_nothing_is_made_from_is_a_usage_error() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    for from in ["pod/x", "etl", "wftmpl/"] {
        let _ = program.run(&["--from", from]).prints(2, "");
    }
}
