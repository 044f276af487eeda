//! `lint --online`, and the check of `submit` by the cluster's version.

use serde_json::{Value, json};

use crate::kubernetes::crds;
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::support::environment::Environment;

fn config_map(name: &str, data: &Value, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": data})
}

fn template(name: &str) -> Value {
    let leaf = json!({"name": "say", "inputs": {"parameters": [{"name": "what"}]},
        "container": {"image": "busybox", "command": ["echo", "{{inputs.parameters.what}}"]}});
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": name},
        "spec": {"entrypoint": "say", "templates": [leaf]}})
}

fn caller(references: &[(&str, &str)]) -> String {
    let steps: Vec<Value> = references
        .iter()
        .enumerate()
        .map(|(index, (object, template))| {
            json!([{"name": format!("s{index}"), "templateRef": {"name": object, "template": template}}])
        })
        .collect();
    let workflow = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "a-"},
        "spec": {
            "entrypoint": "main",
            "synchronization": {"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "build"}}]},
            "arguments": {"parameters": [{"name": "a", "valueFrom": {"configMapKeyRef": {"name": "values", "key": "a"}}}]},
            "templates": [{"name": "main", "steps": steps}]}});
    workflow.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_no_file_is_looked_up_on_the_cluster() {
    let namespace = Namespace::new().await;
    namespace.create("workflowtemplates", &template("shared")).await;
    namespace.create("configmaps", &config_map("limits", &json!({"build": "0"}), &json!({}))).await;
    namespace.create("configmaps", &config_map("values", &json!({"a": "1"}), &json!({}))).await;
    let files = Environment::new().file("wf.yaml", caller(&[("shared", "say"), ("absent", "say"), ("shared", "sya")]));
    let path = files.path("wf.yaml");
    let lint = |more: &[&str]| {
        let arguments = [&["lint", "-o", "simple", path.to_str().unwrap()], more].concat();
        tokio::task::block_in_place(|| namespace.run(User::Admin, &arguments))
    };
    let online = lint(&["--online"]);
    assert_eq!(online.code, Some(2), "{online}");
    for said in [
        "error[template-ref]: field `spec.templates[0].steps[1][0].templateRef.name`: WorkflowTemplate `absent` is not known (it is neither in the files nor on the cluster)",
        "error[argument]: field `spec.templates[0].steps[0][0].arguments`: template `say` needs a value for its input parameter `what`",
        "error[unknown-template]: field `spec.templates[0].steps[2][0].templateRef.template`: template `sya` does not exist in WorkflowTemplate `shared` (did you mean `say`?)",
        "warning[config-map]: field `spec.synchronization.semaphores[0].configMapKeyRef`: `0` is no limit of the semaphore `build` in ConfigMap `limits`",
        "warning[config-map]: field `spec.arguments.parameters[0].valueFrom.configMapKeyRef`: ConfigMap `values` holds no parameters",
    ] {
        assert!(online.stdout.contains(said), "{said}\n{online}");
    }

    namespace.create("configmaps", &config_map("more", &json!({}), &json!({}))).await;
    namespace.patch("configmaps", "limits", &json!({"data": {"build": "2"}})).await;
    let labels = json!({"metadata": {"labels": {"workflows.argoproj.io/configmap-type": "Parameter"}}});
    namespace.patch("configmaps", "values", &labels).await;
    let _ = files.write(
        "wf.yaml",
        caller(&[]).replace(
            "[{\"name\":\"main\",\"steps\":[]}]",
            "[{\"name\":\"main\",\"container\":{\"image\":\"busybox\"}}]",
        ),
    );
    let online = lint(&["--online"]);
    assert_eq!((online.code, online.stdout.as_str()), (Some(0), ""), "{online}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_told_and_stays_a_warning() {
    let namespace = Namespace::new().await;
    namespace.create("workflowtemplates", &template("shared")).await;
    let files = Environment::new().file("wf.yaml", caller(&[("shared", "say")]));
    let path = files.path("wf.yaml");
    let arguments = ["lint", "-o", "simple", "--online", path.to_str().unwrap()];
    let online = tokio::task::block_in_place(|| namespace.run(User::Restricted, &arguments));
    let online = online.exits(0).says("restricted may not get workflowtemplates.argoproj.io");
    let online = online.says("restricted may not get configmaps");
    assert!(online.stdout.contains("warning[template-ref]") && !online.stdout.contains("config-map"), "{online}");
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_goes_by_the_version_of_the_cluster() {
    let spec = |lock: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: a-}}\nspec:\n  entrypoint: main\n  {lock}\n  templates: [{{name: main, container: {{image: busybox}}}}]\n"
        )
    };
    let files = Environment::new();
    let submit = async |namespace: &Namespace, lock: &str| {
        let path = files.write("wf.yaml", spec(lock));
        let arguments = ["submit", "--dry-run=server", "-o", "name", "--memoize=off", &path];
        tokio::task::block_in_place(|| namespace.run(User::Admin, &arguments))
    };
    let old = Namespace::on(Server::old()).await;
    let refused = submit(&old, "synchronization: {mutexes: [{name: a}]}").await;
    refused.fails(2, &["Argo has this field since 3.6, not in 3.5"]);
    let _ = submit(&old, "synchronization: {mutex: {name: a}}").await.exits(0);

    // What only the full definitions refuse is taken by a cluster with minimal ones.
    let new = Namespace::new().await;
    let limited = submit(&new, "parallelism: 0").await;
    let expected = "field `spec.parallelism`: expected at least 1, found 0";
    if crds::full() {
        limited.fails(2, &["error[limit]", expected]);
    } else {
        let _ = limited.exits(0).says("warning[limit]").says(expected);
    }
}
