//! All objects of all components: they parse, name what they should, and carry the settings.

use serde_json::{Value, json};

use super::*;
use crate::argo::Metadata;

fn filled(component: Component, given: &[(&str, &str)]) -> Result<Vec<Value>, BundleError> {
    let given: Vec<(String, String)> =
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut values = Values::of(component, &given)?;
    values.image = "runnable:1".to_owned();
    values.namespace = Some("ci".to_owned());
    objects(component, &values)
}

const OBJECT: [(&str, &str); 4] = [
    ("codeRun", "example.org/v1/CodeRun"),
    ("codeRunPlural", "coderuns"),
    ("successCondition", "status.phase == Succeeded"),
    ("failureCondition", "status.phase == Failed"),
];

#[test]
fn every_object_is_ours_and_has_a_namespace_and_an_image() {
    let of = |component, given: &[(&str, &str)]| filled(component, given).unwrap_or_else(|error| panic!("{error}"));
    let all = [
        of(Component::Semaphores, &[]),
        of(Component::Rbac, &[]),
        of(Component::Rbac, &[("verbs", "submit, wait")]),
        of(Component::Coderun, &[]),
        of(Component::Coderun, &OBJECT),
        of(Component::Cleanup, &[("claim", "trees")]),
        of(Component::Sensor, &[("owner", "exampleorg"), ("repositories", "sample,other")]),
    ];
    for object in all.concat() {
        let metadata = Metadata::of(&object);
        assert_eq!((metadata.label(OWNED.0), metadata.namespace()), (Some(OWNED.1), "ci"), "{object}");
        let text = object.to_string();
        assert!(!text.contains(r#""image":"""#) && !text.contains(r#""namespace":"""#), "{text}");
        assert!(!text.contains(r#""claimName":"""#) && !text.contains(r#""manifest":"""#), "{text}");
    }
}

#[test]
fn settings_stand_where_they_belong() {
    let given = [
        ("command", "make 'a b'"),
        ("storageClass", "fast"),
        ("storageSize", "1Gi"),
        ("parallelism", "20"),
        ("limit", "5"),
    ];
    let template = filled(Component::Coderun, &given).unwrap().remove(0);
    let at = |pointer: &str| template.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/spec/parallelism"), 20, "an integer");
    assert_eq!(at("/spec/templates/2/container/args/0"), "make 'a b'");
    assert_eq!(at("/spec/templates/2/container/image"), "runnable:1");
    assert_eq!(at("/spec/templates/1/container/args/1"), "5");
    let claim = at("/spec/templates/3/volumes/0/ephemeral/volumeClaimTemplate");
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(claim["metadata"]["labels"]["workflow"], "{{workflow.name}}");
    assert_eq!(at("/spec/templates/2/volumes/0/emptyDir"), json!({}));
}

#[test]
fn the_object_of_a_code_run_names_claim_and_path() {
    let all = filled(Component::Coderun, &OBJECT).unwrap();
    assert_eq!(all[0]["rules"][0]["apiGroups"], json!(["example.org"]));
    let manifest = all[2].pointer("/spec/templates/4/resource/manifest").and_then(Value::as_str).unwrap();
    let manifest: Value = serde_json::from_str(manifest).unwrap();
    assert_eq!((&manifest["apiVersion"], &manifest["kind"]), (&json!("example.org/v1"), &json!("CodeRun")));
    assert_eq!(manifest["spec"]["workspace"]["path"], "/work/trees/{{inputs.parameters.taskId}}");
    assert_eq!(manifest["spec"]["workspace"]["claimName"], "{{workflow.name}}-work");

    let missing = filled(Component::Coderun, &OBJECT[..3]).unwrap_err();
    assert!(matches!(missing, BundleError::Required { name: "failureCondition", .. }), "{missing}");
    let odd = [&[("codeRun", "v1/CodeRun")], &OBJECT[1..]].concat();
    assert!(matches!(filled(Component::Coderun, &odd), Err(BundleError::Value { name: "codeRun", .. })));
}

#[test]
fn settings_are_checked() {
    let refused = |component, name: &str, value: &str| filled(component, &[(name, value), ("claim", "c")]).is_err();
    for (name, value) in [
        ("parallelism", "0"),
        ("parallelism", "many"),
        ("storageSize", "big"),
        ("command", ""),
        ("command", "echo {{workflow.parameters.repo}}"),
        ("server", "ftp://x"),
        ("server", "https://a/{{b}}"),
        ("secret", "A B"),
        ("keepPods", "soon"),
    ] {
        assert!(refused(Component::Coderun, name, value), "{name}={value}");
    }
    assert!(matches!(filled(Component::Cleanup, &[]), Err(BundleError::Required { name: "claim", .. })));
    assert!(refused(Component::Cleanup, "force", "yes"));
    let unknown = [("claim".to_owned(), "c".to_owned())];
    assert!(Values::known(&[Component::Cleanup], &unknown).is_ok());
    assert!(matches!(Values::known(&[Component::Coderun], &unknown), Err(BundleError::Setting { .. })));
}

/// The template is used by `argo submit --from` and by sensors, which do not ask this program for the key.
#[test]
fn the_expression_of_the_template_gives_the_key_of_the_branch() {
    use crate::argo::expression::{Scope, Unresolved, render};
    use crate::locks::Branch;
    let template = filled(Component::Coderun, &[]).unwrap().remove(0);
    let written =
        template.pointer("/spec/templates/0/steps/1/0/arguments/parameters/0/value").and_then(Value::as_str).unwrap();
    for (owner, repo, reference) in [
        ("ExampleOrg", "sample", "refs/heads/main"),
        ("group/sub", "Sam.ple_x", "refs/tags/v1.2"),
        ("o", "r", "refs/heads/feature/ä b~#"),
        ("o", "r", "refs/pull/7/head"),
        ("o", "r", "refs/heads/refs/heads/x"),
        ("o", "r", "main"),
    ] {
        let mut scope = Scope::new();
        for (name, value) in [("owner", owner), ("repo", repo), ("ref", reference)] {
            scope.set(format!("workflow.parameters.{name}"), value);
        }
        let ours = Branch::new(owner, repo, Some(reference)).and_then(|branch| branch.key()).unwrap();
        assert_eq!(render(written, &scope, Unresolved::Refuse).unwrap(), ours.as_str(), "{owner}/{repo}@{reference}");
    }
}

#[test]
fn users_of_some_verbs_have_a_role_of_their_own() {
    let objects = filled(Component::Rbac, &[("verbs", "wait,list")]).unwrap();
    let [.., account, role, bound] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!((Metadata::of(account).name(), Metadata::of(role).name()), ("runnable-user", "runnable-user"));
    assert_eq!(
        role["rules"],
        json!([{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get", "watch", "list"]}])
    );
    assert_eq!(
        (&bound["roleRef"]["name"], &bound["subjects"][0]["name"]),
        (&json!("runnable-user"), &json!("runnable-user"))
    );
    assert_eq!(filled(Component::Rbac, &[("verbs", "fly")]), Err(BundleError::Verb("fly".to_owned())));
}
