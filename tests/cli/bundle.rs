//! `bundle list`, `show` and `bake`, which need no cluster.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::workflows::TEMPLATE;

const IMAGE: &str = "--image registry.example.org/runnable:v1";

#[test]
fn the_components_and_their_settings() {
    assert_snapshot!(Environment::new().run(["bundle", "list"]));
}

#[test]
fn the_objects_of_components_in_the_order_of_their_creation() {
    let environment = Environment::new();
    let show = format!("bundle show coderun rbac semaphores -n ci -o name {IMAGE}");
    assert_snapshot!(environment.run(show.split_whitespace()));
    let show = format!("bundle show cleanup --set claim=trees --set older=24h --set force=true {IMAGE}");
    assert_snapshot!("a_schedule", environment.run(show.split_whitespace()));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let environment = Environment::new();
    for (case, words) in [
        ("no_namespace", "bundle show rbac"),
        ("no_image", "bundle show coderun -n ci"),
        ("no_claim", "bundle show cleanup --image a"),
        ("no_component", "bundle show databases"),
        ("no_setting", "bundle show semaphores --set claim=a"),
        ("no_number", "bundle show coderun -n ci --image a --set parallelism=many"),
    ] {
        let output = environment.run(words.split_whitespace());
        assert_snapshot!(format!("what_is_missing_or_wrong_is_said_{case}"), output);
    }
}

/// What is installed passes our own check.
#[test]
fn the_objects_pass_lint() {
    let environment = Environment::new();
    for set in [
        "coderun",
        "cleanup --set claim=trees",
        "coderun --set codeRun=example.org/v1/CodeRun --set codeRunPlural=coderuns --set successCondition=a==b --set failureCondition=a==c",
    ] {
        let show = format!("bundle show {set} -n ci -o json {IMAGE}");
        let shown = environment.run(show.split_whitespace());
        let shown: Value = serde_json::from_str(shown.result(0)).unwrap();
        let objects = shown["items"].as_array().cloned().unwrap_or_else(|| vec![shown.clone()]);
        for object in objects.iter().filter(|object| object["apiVersion"] == "argoproj.io/v1alpha1") {
            std::fs::write(environment.path("object.json"), object.to_string()).unwrap();
            let linted = environment.run(["lint", "object.json"]);
            assert_eq!(linted.code, Some(0), "{set}: {linted:?}");
            assert!(!linted.stderr.contains("warning"), "{set}: {linted:?}");
        }
    }
}

#[test]
fn a_template_is_baked() {
    let environment = Environment::with("template.yaml", TEMPLATE);
    let bake =
        format!("bundle bake template.yaml --isolate emptydir --repo https://git.example.org/a/b.git {IMAGE} -o json");
    let baked: Value = serde_json::from_str(environment.run(bake.split_whitespace()).result(0)).unwrap();
    assert_eq!(baked["kind"], "WorkflowTemplate");
    let isolated =
        baked["spec"]["templates"].as_array().unwrap().iter().filter(|template| template["initContainers"].is_array());
    assert!(isolated.count() > 0, "{baked:#}");
    let nothing = environment.run(["bundle", "bake", "template.yaml"]);
    assert_snapshot!(nothing);
}
