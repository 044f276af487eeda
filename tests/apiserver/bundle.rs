//! `bundle install`, `diff` and `uninstall` on a real API server. With Argo's full definitions the server checks every field.

use serde_json::json;

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::output::Output;

const IMAGE: [&str; 2] = ["--image", "registry.example.org/runnable:v1"];

fn bundle(namespace: &Namespace, arguments: &[&str]) -> Output {
    namespace.run(User::Admin, &[&["bundle"], arguments].concat())
}

fn install(namespace: &Namespace, arguments: &[&str]) -> Output {
    bundle(namespace, &[&["install"], arguments, &IMAGE].concat())
}

#[tokio::test]
async fn all_components_are_created_updated_and_left_alone() {
    let namespace = Namespace::new().await;
    let all = ["semaphores", "rbac", "coderun", "cleanup", "sensor"];
    let settings = ["--set", "claim=trees", "--set", "owner=exampleorg", "--set", "repositories=sample,other"];
    let everything = [&all[..], &settings].concat();
    let checked = install(&namespace, &[&everything[..], &["--dry-run=server"]].concat()).exits(0);
    assert!(checked.stdout.lines().all(|line| line.ends_with(" created (server dry run)")), "{checked:?}");
    assert_eq!(namespace.get("workflowtemplates", "coderun-template").await, None);

    let first = install(&namespace, &everything).exits(0);
    assert_eq!(first.stdout.lines().count(), 12, "{first:?}");
    assert!(first.stdout.lines().all(|line| line.ends_with(" created")), "{first:?}");
    let binding = namespace.get("rolebindings", "runnable-workflow").await.unwrap();
    assert_eq!(binding["subjects"][0]["namespace"], json!(namespace.name));

    let second = install(&namespace, &everything).exits(0);
    assert!(second.stdout.lines().all(|line| line.ends_with(" unchanged")), "{second:?}");
    let _ = bundle(&namespace, &[&["diff"], &everything[..], &IMAGE].concat())
        .exits(0)
        .says("an install would change nothing");

    let other = [&everything[..], &["--set", "parallelism=9"]].concat();
    let third = install(&namespace, &other).exits(0);
    assert!(third.stdout.contains("workflowtemplate.argoproj.io/coderun-template configured\n"), "{third:?}");
    let template = namespace.get("workflowtemplates", "coderun-template").await.unwrap();
    assert_eq!(template["spec"]["parallelism"], 9);
}

#[tokio::test]
async fn the_template_of_a_code_run_is_legal_too() {
    let namespace = Namespace::new().await;
    let of = [
        "codeRun=example.org/v1/CodeRun",
        "codeRunPlural=coderuns",
        "successCondition=status.phase == Succeeded",
        "failureCondition=status.phase == Failed",
    ];
    let settings: Vec<&str> = of.iter().flat_map(|setting| ["--set", setting]).collect();
    let _ = install(&namespace, &[&["coderun"], settings.as_slice()].concat()).exits(0);
    let role = namespace.get("roles", "runnable-coderun").await.unwrap();
    let removed = bundle(&namespace, &["uninstall", "coderun"]).exits(0);
    assert_eq!(removed.stdout.lines().count(), 3, "role, binding and template: {removed:?}");
    assert_eq!(
        (&role["rules"][0]["apiGroups"], &role["rules"][0]["resources"]),
        (&json!(["example.org"]), &json!(["coderuns"]))
    );
}

#[tokio::test]
async fn a_diff_shows_the_lines_that_change_and_changes_nothing() {
    let namespace = Namespace::new().await;
    let _ = install(&namespace, &["coderun"]).exits(0);
    let before = namespace.get("workflowtemplates", "coderun-template").await;
    let other = ["diff", "coderun", "--image", "registry.example.org/runnable:v2"];
    let shown = bundle(&namespace, &other).exits(0).stdout;
    assert!(shown.starts_with("workflowtemplate.argoproj.io/coderun-template\n"), "{shown}");
    let changed: Vec<&str> = shown.lines().skip(1).collect();
    assert!(changed.iter().all(|line| line.contains("registry.example.org/runnable:v")), "{shown}");
    assert!(changed.iter().any(|line| line.starts_with("- ")) && changed.iter().any(|line| line.starts_with("+ ")));
    assert_eq!(namespace.get("workflowtemplates", "coderun-template").await, before);
    let new = bundle(&namespace, &["diff", "semaphores"]).exits(0).stdout;
    assert!(new.starts_with("configmap/workflow-semaphores (new)\n"), "{new}");
}

#[tokio::test]
async fn what_others_have_set_is_a_conflict_until_it_is_taken_over() {
    let namespace = Namespace::new().await;
    let _ = install(&namespace, &["coderun"]).exits(0);
    namespace.patch("workflowtemplates", "coderun-template", &json!({"spec": {"parallelism": 3, "priority": 7}})).await;
    let refused = install(&namespace, &["coderun"]);
    refused.fails(7, &["coderun-template", "spec.parallelism", "--force-conflicts"]);
    let _ = install(&namespace, &["coderun", "--force-conflicts"]).exits(0);
    let template = namespace.get("workflowtemplates", "coderun-template").await.unwrap();
    assert_eq!(
        (&template["spec"]["parallelism"], &template["spec"]["priority"]),
        (&json!(5), &json!(7)),
        "a field of theirs stays"
    );
}

#[tokio::test]
async fn only_what_is_ours_is_removed_and_limits_stay() {
    let namespace = Namespace::new().await;
    let _ = install(&namespace, &["semaphores", "rbac"]).exits(0);
    let _ = namespace.run(User::Admin, &["semaphore", "set", "exampleorg/sample@main", "3"]).exits(0);
    let again = install(&namespace, &["semaphores"]).exits(0);
    assert_eq!(again.stdout, "configmap/workflow-semaphores unchanged\n");
    let data = |map: serde_json::Value| map["data"].clone();
    let limits = json!({"exampleorg-sample-main": "3"});
    assert_eq!(
        data(namespace.get("configmaps", "workflow-semaphores").await.unwrap()),
        limits,
        "an install leaves limits"
    );

    namespace
        .patch(
            "serviceaccounts",
            "runnable-workflow",
            &json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
        )
        .await;
    let removed = bundle(&namespace, &["uninstall", "semaphores", "rbac"]).exits(7);
    assert!(removed.stderr.contains("serviceaccount/runnable-workflow kept: it has no label"), "{removed:?}");
    assert!(removed.stderr.contains("configmap/workflow-semaphores kept: it holds 1 limits"), "{removed:?}");
    assert!(namespace.get("roles", "runnable-workflow").await.is_none());
    assert!(namespace.get("serviceaccounts", "runnable-workflow").await.is_some());

    let _ = bundle(&namespace, &["uninstall", "semaphores", "--force"]).exits(0);
    assert!(namespace.get("configmaps", "workflow-semaphores").await.is_none());
    let _ = bundle(&namespace, &["uninstall", "cleanup"])
        .exits(0)
        .says("cronworkflow.argoproj.io/worktree-cleanup is not there");
}

#[tokio::test]
async fn an_event_bus_of_somebody_else_is_used_as_it_is() {
    let namespace = Namespace::new().await;
    let bus = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus", "metadata": {"name": "default"}, "spec": {"nats": {"native": {}}}});
    namespace.create("eventbus", &bus).await;
    let sensor = ["sensor", "--set", "owner=exampleorg", "--set", "repositories=sample"];
    let done = install(&namespace, &sensor).exits(0);
    assert!(done.stdout.contains("eventbus.argoproj.io/default kept: it is somebody else's\n"), "{done:?}");
    assert_eq!(namespace.get("eventbus", "default").await.unwrap()["spec"], bus["spec"]);
}

#[tokio::test]
async fn a_claim_is_looked_for_before_anything_is_created() {
    let namespace = Namespace::new().await;
    let directory = assert_fs::TempDir::new().unwrap();
    let file = directory.path().join("w.json");
    std::fs::write(&file, crate::workflow("isolated", "").to_string()).unwrap();
    let submit = |more: &[&str]| namespace.run(User::Admin, &[&["submit", file.to_str().unwrap()], more].concat());
    submit(&["--isolate", "claim:trees"]).fails(6, &["claim \"trees\" does not exist"]);
    assert!(namespace.get("workflows", "isolated").await.is_none());

    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "trees"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    namespace.create("persistentvolumeclaims", &claim).await;
    let repo = ["--repo", "https://git.example.org/a/b.git#main", "--git-secret", "git"];
    let _ = submit(&[&["--isolate", "claim:trees"], &repo[..], &IMAGE].concat()).exits(0);
    let spec = namespace.get("workflows", "isolated").await.unwrap()["spec"].clone();
    assert_eq!(spec["volumes"][0]["persistentVolumeClaim"]["claimName"], "trees");
    assert_eq!(spec["onExit"], "runnable-after-success");
    let _ = submit(&[&["--isolate", "pvc", "--tree", "run", "--name", "shared"], &repo[..], &IMAGE].concat()).exits(0);
    let _ = submit(&[&["--isolate", "emptydir", "--name", "own"], &repo[..], &IMAGE].concat()).exits(0);
}
