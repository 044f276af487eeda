//! Isolation of whole documents: what is written, what is refused, and that keys and a second preparation agree.

use serde_json::{Value, json};

use super::*;
use crate::prepare::{Options, Prepared, Templates, prepare, prepare_template};

fn checkout(tree: TreeScope) -> Checkout {
    Checkout {
        url: "https://git.example.org/a/b.git".to_owned(),
        revision: "refs/heads/main".to_owned(),
        tree,
        image: "runnable:1".to_owned(),
        program: "kubectl-runnable".to_owned(),
        secret: None,
    }
}

fn isolation(volume: Volume) -> Isolation {
    Isolation { volume, templates: Vec::new(), work_dir: "/work".to_owned(), checkout: Some(checkout(TreeScope::Call)) }
}

fn per_workflow() -> Volume {
    Volume::PerWorkflow { storage_class: Some("fast".to_owned()), size: "10Gi".to_owned() }
}

fn options(isolation: Option<Isolation>, name: &str) -> Options {
    Options {
        isolation,
        name: name.parse().ok(),
        ..Options::new("r-1".parse().unwrap(), "runnable-aaaaaa".parse().unwrap())
    }
}

fn prepared(workflow: &Value, isolation: Isolation) -> Result<Prepared, PrepareError> {
    prepare(workflow.clone(), &Templates::default(), &options(Some(isolation), "w-1"))
}

fn workflow(templates: &Value) -> Value {
    json!({"kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": {"entrypoint": "a", "templates": templates}})
}

fn build() -> Value {
    json!({"name": "a", "container": {"image": "x", "command": ["make"]}})
}

fn at(prepared: &Prepared, pointer: &str) -> Value {
    prepared.workflow.pointer(pointer).cloned().unwrap_or_default()
}

#[test]
fn a_pod_gets_a_volume_and_a_worktree_of_its_call() {
    let made = prepared(&workflow(&json!([build()])), isolation(Volume::EmptyDir)).unwrap();
    assert_eq!(at(&made, "/spec/volumes"), json!([{"name": "work", "emptyDir": {}}]));
    let init = at(&made, "/spec/templates/0/initContainers/0");
    assert_eq!(init["command"], json!(["kubectl-runnable", "worktree", "init"]));
    let mount = json!([{"name": "work", "mountPath": "/work"}]);
    assert_eq!((&init["volumeMounts"], at(&made, "/spec/templates/0/container/volumeMounts")), (&mount, mount.clone()));

    let task = init["env"][2]["value"].as_str().unwrap();
    let path = format!("/work/trees/{task}");
    assert!(task.starts_with("run-{{workflow.parameters.run_id}}-{{=sprig.trunc(12, "), "{task}");
    assert_eq!(at(&made, "/spec/templates/0/container/workingDir"), json!(path));
    let env = at(&made, "/spec/templates/0/container/env");
    let expected = [
        ("WORKSPACE", path.as_str()),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "safe.directory"),
        ("GIT_CONFIG_VALUE_0", &path),
    ];
    for (name, value) in expected {
        assert!(list(Some(&env)).iter().any(|entry| entry["name"] == name && entry["value"] == value), "{name}");
    }
    assert!(made.notices.is_empty(), "{:?}", made.notices);
    assert!(at(&made, "/spec/templates/0/memoize/key").is_string(), "an emptyDir is memoized as usual");
}

#[test]
fn every_kind_of_container_is_isolated_and_nothing_else() {
    let templates = json!([
        {"name": "a", "script": {"image": "x", "source": "ls"}},
        {"name": "b", "containerSet": {"containers": [{"name": "main", "image": "x"}, {"name": "y", "image": "x"}]}},
        {"name": "c", "steps": [[{"name": "s", "inline": {"container": {"image": "x"}}}]]},
        {"name": "d", "suspend": {}},
    ]);
    let made = prepared(&workflow(&templates), isolation(Volume::EmptyDir)).unwrap();
    for pointer in
        ["/0/script", "/1/containerSet/containers/0", "/1/containerSet/containers/1", "/2/steps/0/0/inline/container"]
    {
        assert!(at(&made, &format!("/spec/templates{pointer}/workingDir")).is_string(), "{pointer}");
    }
    assert!(at(&made, "/spec/templates/1/containerSet/volumeMounts").is_array());
    assert_eq!(at(&made, "/spec/templates/3/initContainers"), Value::Null);

    let only = Isolation { templates: vec!["a".to_owned()], ..isolation(Volume::EmptyDir) };
    let made = prepared(&workflow(&templates), only).unwrap();
    assert!(at(&made, "/spec/templates/0/initContainers").is_array());
    assert_eq!(at(&made, "/spec/templates/1/initContainers"), Value::Null);

    let shared = prepared(&workflow(&templates), isolation(per_workflow())).unwrap();
    assert!(
        shared.notices.iter().any(|notice| matches!(notice, Notice::NotIsolated { template, .. } if template == "c"))
    );
    assert_eq!(at(&shared, "/spec/templates/2/steps/0/0/inline/initContainers"), Value::Null);
}

#[test]
fn a_claim_of_the_workflow_has_its_name_and_goes_with_it() {
    let made = prepared(&workflow(&json!([build()])), isolation(per_workflow())).unwrap();
    let claim = at(&made, "/spec/volumeClaimTemplates/0");
    assert_eq!(
        claim["metadata"],
        json!({"name": "work", "labels": {"workflow": "w-1"}, "annotations": {"kubectl-runnable/isolate": "pvc"}})
    );
    assert_eq!(claim["spec"]["storageClassName"], "fast");
    assert_eq!(
        at(&made, "/spec/templates/0/securityContext"),
        json!({"fsGroup": 65532}),
        "else only root could write it"
    );
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOnce"]));
    assert_eq!(at(&made, "/spec/volumeClaimGC"), json!({"strategy": "OnWorkflowCompletion"}));
    assert_eq!(at(&made, "/spec/templates/0/memoize"), Value::Null);
    let lines = crate::prepare::told(&made.notices, crate::prepare::Detail::Brief);
    assert_eq!(lines, ["note: not memoized: a (the files on volume \"work\" go with each workflow)"]);

    let mut others = workflow(&json!([build()]));
    others["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "work", "labels": {"workflow": "mine"}}}]);
    let kept = prepare(others, &Templates::default(), &options(None, "w-1")).unwrap();
    assert_eq!(at(&kept, "/spec/volumeClaimTemplates/0/metadata/labels/workflow"), "mine", "no claim of ours");

    let next = prepare(made.workflow, &Templates::default(), &options(None, "w-2")).unwrap();
    assert_eq!(at(&next, "/spec/volumeClaimTemplates/0/metadata/labels/workflow"), "w-2", "the next attempt's own");
}

#[test]
fn a_claim_that_exists_loses_the_trees_after_a_success_only() {
    let claim = || isolation(Volume::Claim("shared".to_owned()));
    let made = prepared(&workflow(&json!([build()])), claim()).unwrap();
    assert_eq!(at(&made, "/spec/volumes/0/persistentVolumeClaim/claimName"), "shared");
    assert_eq!(at(&made, "/spec/onExit"), "runnable-after-success");
    assert_eq!(at(&made, "/spec/templates/1/steps/0/0/when"), "{{workflow.status}} == Succeeded");
    assert!(at(&made, "/spec/templates/0/memoize/key").is_string());

    let mut handled = workflow(&json!([build(), {"name": "bye", "container": {"image": "x"}}]));
    handled["spec"]["onExit"] = json!("bye");
    let made = prepared(&handled, claim()).unwrap();
    assert_eq!(at(&made, "/spec/onExit"), "bye");
    assert!(made.notices.contains(&Notice::TreesStay));
}

#[test]
fn one_tree_for_the_run_serialises_its_pods_and_is_not_memoized() {
    let shared = |volume| Isolation { checkout: Some(checkout(TreeScope::Run)), ..isolation(volume) };
    let mut template = build();
    template["synchronization"] = json!({"mutexes": [{"name": "own"}]});
    let made = prepared(&workflow(&json!([template])), shared(Volume::Claim("shared".to_owned()))).unwrap();
    assert_eq!(at(&made, "/spec/templates/0/container/workingDir"), "/work/trees/run-{{workflow.parameters.run_id}}");
    let mutexes = json!([{"name": "own"}, {"name": "tree-{{workflow.parameters.run_id}}"}]);
    assert_eq!(at(&made, "/spec/templates/0/synchronization/mutexes"), mutexes);
    assert_eq!(at(&made, "/spec/templates/0/memoize"), Value::Null);
    assert_eq!(prepared(&workflow(&json!([build()])), shared(Volume::EmptyDir)), Err(PrepareError::TreeOfOnePod));
}

#[test]
fn the_worktree_is_made_by_the_user_who_works_in_it() {
    let init = |template: Value| {
        at(
            &prepared(&workflow(&json!([template])), isolation(Volume::EmptyDir)).unwrap(),
            "/spec/templates/0/initContainers/0",
        )
    };
    let umask = |init: &Value| list(init.get("args")).iter().any(|arg| arg == "--umask");
    let mut template = build();
    assert!(umask(&init(template.clone())));
    template["container"]["securityContext"] = json!({"runAsUser": 1000, "allowPrivilegeEscalation": false});
    let copied = init(template.clone());
    assert!(!umask(&copied) && copied["securityContext"] == template["container"]["securityContext"]);
    template["container"]["securityContext"] = json!({"allowPrivilegeEscalation": false});
    assert!(umask(&init(template.clone())), "nobody says who");
    template["securityContext"] = json!({"runAsUser": 1000});
    assert!(!umask(&init(template)));
}

#[test]
fn what_the_user_set_is_kept_and_what_clashes_is_refused() {
    let mut template = build();
    template["container"]["workingDir"] = json!("/src");
    template["container"]["env"] = json!([{"name": "GIT_CONFIG_COUNT", "value": "3"}]);
    let made = prepared(&workflow(&json!([template])), isolation(Volume::EmptyDir)).unwrap();
    assert_eq!(at(&made, "/spec/templates/0/container/workingDir"), "/src");
    assert!(!at(&made, "/spec/templates/0/container/env").to_string().contains("GIT_CONFIG_KEY_0"));

    let mut mounted = build();
    mounted["container"]["volumeMounts"] = json!([{"name": "own", "mountPath": "/work/"}]);
    let refused = prepared(&workflow(&json!([mounted])), isolation(Volume::EmptyDir));
    assert_eq!(refused, Err(PrepareError::MountTaken { template: "a".to_owned(), path: "/work".to_owned() }));
    let mut taken = workflow(&json!([build()]));
    taken["spec"]["volumes"] = json!([{"name": "work", "hostPath": {"path": "/"}}]);
    assert_eq!(prepared(&taken, isolation(Volume::EmptyDir)), Err(PrepareError::VolumeTaken { volume: "work" }));
    let unknown = Isolation { templates: vec!["b".to_owned()], ..isolation(Volume::EmptyDir) };
    assert_eq!(
        prepared(&workflow(&json!([build()])), unknown),
        Err(PrepareError::NoSuchTemplate { name: "b".to_owned() })
    );
    let mut referring = workflow(&json!([]));
    referring["spec"] = json!({"workflowTemplateRef": {"name": "t"}});
    assert_eq!(
        prepared(&referring, isolation(Volume::EmptyDir)),
        Err(PrepareError::IsolationByReference { name: "t".to_owned() })
    );
}

#[test]
fn preparing_twice_changes_nothing_more() {
    let document = workflow(&json!([build(), {"name": "b", "script": {"image": "x", "source": "ls"}}]));
    for volume in [Volume::EmptyDir, per_workflow(), Volume::Claim("shared".to_owned())] {
        let first = prepared(&document, isolation(volume.clone())).unwrap();
        assert_eq!(prepared(&first.workflow, isolation(volume)).unwrap().workflow, first.workflow);
        let without = prepare(first.workflow.clone(), &Templates::default(), &options(None, "w-1")).unwrap();
        assert_eq!(without.workflow, first.workflow);
    }
}

#[test]
fn a_key_depends_on_what_is_checked_out_and_not_on_who_does_it() {
    let key = |checkout: Checkout| {
        let isolation = Isolation { checkout: Some(checkout), ..isolation(Volume::EmptyDir) };
        at(&prepared(&workflow(&json!([build()])), isolation).unwrap(), "/spec/templates/0/memoize/key")
    };
    let ours = checkout(TreeScope::Call);
    let other = Checkout { image: "runnable:2".to_owned(), program: "/opt/runnable".to_owned(), ..ours.clone() };
    assert_eq!(key(ours.clone()), key(other));
    assert_ne!(key(ours.clone()), key(Checkout { revision: "v2".to_owned(), ..ours.clone() }));
    assert_ne!(key(ours.clone()), key(Checkout { url: "https://git.example.org/a/c.git".to_owned(), ..ours }));
}

#[test]
fn a_template_is_isolated_for_the_workflows_made_from_it() {
    let document = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": {"entrypoint": "a", "templates": [build()]}});
    let made =
        prepare_template(document, &Templates::default(), &options(Some(isolation(per_workflow())), "t")).unwrap();
    assert!(at(&made, "/spec/templates/0/initContainers").is_array());
    assert_eq!(at(&made, "/spec/volumeClaimTemplates/0/metadata/labels/workflow"), "", "no workflow has a name yet");
}

#[test]
fn a_token_comes_from_a_secret_and_stands_nowhere() {
    let secret = Some(SecretKey { name: "git".to_owned(), key: "token".to_owned() });
    let isolation =
        Isolation { checkout: Some(Checkout { secret, ..checkout(TreeScope::Call) }), ..isolation(Volume::EmptyDir) };
    let made = prepared(&workflow(&json!([build()])), isolation).unwrap();
    let env = at(&made, "/spec/templates/0/initContainers/0/env");
    assert_eq!(env[3], json!({"name": "GITHUB_TOKEN", "valueFrom": {"secretKeyRef": {"name": "git", "key": "token"}}}));
    assert!(!at(&made, "/spec/templates/0/container/env").to_string().contains("TOKEN"));
}
