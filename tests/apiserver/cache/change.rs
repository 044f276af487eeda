//! Entries and caches that go, beside others who write.

use assert_fs::TempDir;
use kubectl_runnable::testing::cache::{Cache, Change};
use kubectl_runnable::testing::cluster::Changed;
use serde_json::{Map, Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{LABEL, cache, config_map, entry, keys, object, problems};
use crate::faults::{kubeconfig_of, refusal};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::support::output::Output;
use crate::workflow;

#[tokio::test]
async fn what_others_write_during_a_prune_stays() {
    let namespace = Namespace::new().await;
    let old = entry("wf-1", "2026-11-21T08:00:00Z");
    let data: Map<_, _> = (0..40).map(|number| (format!("old-{number}"), old.clone().into())).collect();
    config_map(&namespace, "busy", true, &Value::Object(data)).await;
    let mut prune = namespace.command(User::Admin, &["cache", "prune", "busy", "--unused", "1h", "-y"]);
    let pruning = tokio::task::spawn_blocking(move || Output::from(prune.output().unwrap()));
    let mut written = 0;
    while !pruning.is_finished() {
        let fresh = entry("wf-2", &jiff::Timestamp::now().to_string());
        namespace.patch("configmaps", "busy", &json!({"data": {format!("new-{written}"): fresh}})).await;
        written += 1;
    }
    let ran = pruning.await.unwrap();
    assert_eq!(keys(&namespace, "busy").await.iter().filter(|key| key.starts_with("new-")).count(), written, "{ran:?}");
    // Beside a writer that never rests it may give up, and says so.
    let left = keys(&namespace, "busy").await.iter().filter(|key| key.starts_with("old-")).count();
    assert_eq!((ran.code, left), if ran.code == Some(0) { (Some(0), 0) } else { (Some(7), 40) }, "{ran:?}");
}

#[tokio::test]
async fn an_entry_that_is_used_between_reading_and_writing_stays() {
    let server = MockServer::start().await;
    let old = entry("wf-1", "2026-11-21T08:00:00Z");
    let used = entry("wf-1", &jiff::Timestamp::now().to_string());
    let found = |version: &str, used: &str| {
        let mut found = object("c", true, &json!({"idle": old, "used": used}));
        found["metadata"]["resourceVersion"] = json!(version);
        found["metadata"]["uid"] = json!("u");
        found["metadata"]["namespace"] = json!("ci");
        found
    };
    let answer = |body: &Value| ResponseTemplate::new(200).set_body_json(body);
    let at = "/api/v1/namespaces/ci/configmaps/c";
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer(&found("1", &old)))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET")).and(path(at)).respond_with(answer(&found("2", &used))).mount(&server).await;
    let condition = |version: &str| json!({"metadata": {"uid": "u", "resourceVersion": version}});
    Mock::given(method("PATCH"))
        .and(path(at))
        .and(body_partial_json(condition("1")))
        .respond_with(refusal(409, "Conflict", "the object has been modified"))
        .mount(&server)
        .await;
    Mock::given(method("PATCH"))
        .and(path(at))
        .and(body_partial_json(condition("2")))
        .respond_with(answer(&found("3", &used)))
        .mount(&server)
        .await;
    let directory = TempDir::new().unwrap();
    let kubeconfig = directory.path().join("config");
    std::fs::write(&kubeconfig, kubeconfig_of(&server).to_string()).unwrap();
    let arguments = ["cache", "prune", "c", "--cache-namespace", "ci", "--unused", "1h"];
    let mut prune = command(&kubeconfig, &arguments);
    let ran = tokio::task::spawn_blocking(move || Output::from(prune.output().unwrap())).await.unwrap();
    let ran = ran.prints(0, "idle pruned\n");
    assert!(ran.stderr.contains("kept 1 entry that changed in the meantime"), "{ran:?}");
    let requests = server.received_requests().await.unwrap();
    let sent: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| request.body_json::<Value>().unwrap()["data"].clone())
        .collect();
    assert_eq!(sent, [json!({"idle": null, "used": null}), json!({"idle": null})]);
}

#[tokio::test]
async fn a_cache_in_use_is_deleted_by_force_only() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    config_map(&namespace, "in-use", true, &json!({"a": whole, "b": whole})).await;
    let mut run = workflow("at-work", "r1");
    run["spec"]["templates"][0]["memoize"] =
        json!({"key": "a", "maxAge": "", "cache": {"configMap": {"name": "in-use"}}});
    run["status"] = json!({"phase": "Running"});
    namespace.create("workflows", &run).await;
    cache(&namespace, &["delete", "in-use"]).fails(7, &["in-use is in use by the active run at-work", "--force"]);
    cache(&namespace, &["delete", "in-use", "--key", "z"]).fails(6, &["has no entry \"z\""]);
    let _ = cache(&namespace, &["delete", "in-use", "--key", "a"]).prints(0, "a deleted\n");
    assert_eq!(keys(&namespace, "in-use").await, ["b"]);
    let pruned = cache(&namespace, &["prune", "in-use", "--older", "90d"]);
    assert!(pruned.stderr.contains("note: cache in-use is in use by the active run at-work"), "{}", pruned.stderr);
    let exported = cache(&namespace, &["export", "in-use"]);
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("cache.json").display().to_string();
    std::fs::write(&file, exported.stdout).unwrap();
    let _ = cache(&namespace, &["delete", "in-use", "--force", "--dry-run"]).prints(0, "in-use deleted (dry run)\n");
    let _ = cache(&namespace, &["delete", "in-use", "--force"]).prints(0, "in-use deleted\n");
    assert_eq!(namespace.get("configmaps", "in-use").await, None);

    let import =
        |more: &[&str]| cache(&namespace, &[&["import", &file, "--cache-namespace", &namespace.name], more].concat());
    import(&[]).fails(7, &["in-use is in use by the active run at-work", "--force"]);
    let _ = import(&["--force"]).prints(0, "b imported\n");
    let again = import(&[]);
    assert_eq!(again.code, Some(0), "what is there is only changed: {}", again.stderr);
    assert!(again.stderr.contains("note: cache in-use is in use by the active run at-work"), "{}", again.stderr);
}

#[tokio::test]
async fn what_no_template_can_produce_goes() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let data = json!({"cron-01-r1": whole, "load-01-r1": whole, "load-02-r1": whole, "run-01-r1": whole});
    config_map(&namespace, "orphans", true, &data).await;
    cache(&namespace, &["prune", "orphans", "--orphaned"]).fails(6, &["no known template uses cache orphans", "-f"]);
    let template = |key: &str| {
        json!({"name": "t", "container": {"image": "alpine"},
            "memoize": {"key": key, "maxAge": "", "cache": {"configMap": {"name": "orphans"}}}})
    };
    let spec = |key: &str| json!({"entrypoint": "t", "templates": [template(key)]});
    let object = |kind: &str, spec: &Value| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {"name": "orphans"}, "spec": spec});
    let scheduled = json!({"schedules": ["0 2 * * *"], "workflowSpec": spec("cron-01-{{workflow.parameters.run_id}}")});
    namespace.create("cronworkflows", &object("CronWorkflow", &scheduled)).await;
    let load = object("WorkflowTemplate", &spec("load-02-{{=workflow.parameters.run_id}}"));
    namespace.create("workflowtemplates", &load).await;
    let mut run = workflow("orphans", "r1");
    run["spec"] = spec("run-01-{{workflow.parameters.run_id}}");
    run["status"] = json!({"phase": "Succeeded"});
    namespace.create("workflows", &run).await;
    let dry = ["prune", "orphans", "--orphaned", "--dry-run", "-o", "name"];
    let _ = cache(&namespace, &dry).prints(0, "load-01-r1\n");
    let report = cache(&namespace, &["inspect", "orphans", "-o", "json"]).json();
    assert_eq!(problems(&report), ["orphaned"]);

    // Who does not see all templates might take for orphaned what others use.
    for (verb, plural) in [("get", "configmaps"), ("list", "workflows"), ("list", "workflowtemplates")] {
        namespace.allow(&[verb], plural).await;
    }
    let restricted = namespace.run(User::Restricted, &[&["cache"], &dry[..]].concat());
    restricted.fails(6, &["not all workflows and templates can be read", "-f"]);
    let report = namespace.run(User::Restricted, &["cache", "inspect", "orphans", "-o", "json"]).json();
    assert_eq!(problems(&report), [""; 0]);

    // A document takes the place of all of them.
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("wf.json");
    std::fs::write(&file, object("Workflow", &spec("load-01-{{=workflow.parameters.run_id}}")).to_string()).unwrap();
    let given = cache(&namespace, &[&dry[..], &["-f", file.to_str().unwrap()]].concat());
    let _ = given.prints(0, "cron-01-r1\nload-02-r1\nrun-01-r1\n");
    let _ = cache(&namespace, &["prune", "orphans", "--orphaned"]).prints(0, "load-01-r1 pruned\n");
    assert_eq!(keys(&namespace, "orphans").await, ["cron-01-r1", "load-02-r1", "run-01-r1"]);
}

#[tokio::test]
async fn entries_of_a_template_go_by_their_key_and_by_their_node() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let prepared = "load-it-0123456789abcdef-r1-fedcba9876543210";
    let data = json!({prepared: whole, "plain": whole, "other": entry("wf-2", "2026-11-21T08:00:00Z")});
    config_map(&namespace, "by-template", true, &data).await;
    let node = |id: &str, template: &str, key: &str| {
        json!({"id": id, "name": id, "displayName": id, "type": "Pod", "phase": "Succeeded", "templateName": template,
            "memoizationStatus": {"hit": false, "key": key, "cacheName": "by-template"}})
    };
    let mut run = workflow("wf", "r1");
    let nodes = json!({"wf-1": node("wf-1", "load_it", "plain"), "wf-2": node("wf-2", "save", "other")});
    run["status"] = json!({"phase": "Succeeded", "nodes": nodes});
    namespace.create("workflows", &run).await;
    let prune = |more: &[&str]| cache(&namespace, &[&["prune", "by-template", "-o", "name"], more].concat());
    let _ = prune(&["--template", "load_it", "--dry-run"]).prints(0, &format!("{prepared}\nplain\n"));
    let _ = prune(&["--template", "load_it", "--run-id", "r1"]).prints(0, &format!("{prepared}\n"));
    let _ = prune(&["--template", "load_it"]).prints(0, "plain\n");
    let _ = prune(&["--template", "absent"]).prints(0, "");
    assert_eq!(keys(&namespace, "by-template").await, ["other"]);
}

/// A cache that was deleted and created again is another one, though it has the name.
#[tokio::test]
async fn a_change_that_was_decided_on_another_object_is_not_made() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let data = json!({"k": whole});
    let seen = Cache::of_config_map(&config_map(&namespace, "reborn", true, &data).await);
    namespace.delete("configmaps", "reborn").await;
    let now = config_map(&namespace, "reborn", true, &data).await;
    let cluster = namespace.cluster(User::Admin).await;
    let change = Change { remove: ["k".to_owned()].into(), ..Change::default() };
    let patched = cluster.patch_config_map("reborn", &change.patch(&seen), false).await.unwrap();
    assert_eq!(patched, Changed::Stale { perhaps_ours: false });
    assert_eq!(namespace.get("configmaps", "reborn").await.unwrap(), now);
}

/// Two who fix and prune the same cache at once, beside one who writes: each entry goes once, and nothing else does.
#[tokio::test]
async fn writers_beside_each_other_do_what_they_agreed_to() {
    let namespace = Namespace::new().await;
    let fresh = || entry("wf-2", &jiff::Timestamp::now().to_string());
    let old = entry("wf-1", "2026-11-21T08:00:00Z");
    let entries = (0..60).map(|number| match number % 3 {
        0 => (format!("old-{number}"), json!(old)),
        1 => (format!("broken-{number}"), json!("null")),
        _ => (format!("new-{number}"), json!(fresh())),
    });
    config_map(&namespace, "contested", false, &Value::Object(entries.collect())).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let start = |arguments: &[&str]| {
        let mut command = command(&kubeconfig, &[&["cache"], arguments].concat());
        tokio::task::spawn_blocking(move || Output::from(command.output().unwrap()))
    };
    let fix = ["inspect", "contested", "--fix", "--no-runs", "-o", "name"];
    let prune = ["prune", "contested", "--older", "1h", "-o", "name"];
    let (one, other, third) = (start(&fix), start(&prune), start(&prune));
    for number in 0..5 {
        namespace.patch("configmaps", "contested", &json!({"data": {format!("hit-{number}"): fresh()}})).await;
    }
    for ran in [one.await.unwrap(), other.await.unwrap(), third.await.unwrap()] {
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let left = keys(&namespace, "contested").await;
    assert!(left.iter().all(|key| key.starts_with("new-") || key.starts_with("hit-")), "{left:?}");
    assert_eq!(left.len(), 25, "{left:?}");
    assert_eq!(namespace.get("configmaps", "contested").await.unwrap()["metadata"]["labels"][LABEL], "Cache");
}
