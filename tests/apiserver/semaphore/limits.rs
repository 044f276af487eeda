//! `semaphore set` and `delete`.

use serde_json::json;

use super::{KEY, MAP, command, config_map, data, record, semaphore};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

#[tokio::test]
async fn a_limit_is_created_raised_and_kept() {
    let namespace = Namespace::new().await;
    let branch = ["--owner", "ExampleOrg", "--repo", "sample", "--ref", "refs/heads/main"];
    let _ = semaphore(&namespace, &[&["set"], &branch[..], &["1"]].concat())
        .prints(0, "semaphore exampleorg-sample-main: none → 1\n");
    assert_eq!(data(&namespace).await, json!({KEY: "1"}));
    let _ = semaphore(&namespace, &["set", KEY, "3"]).prints(0, "semaphore exampleorg-sample-main: 1 → 3\n");
    let _ = semaphore(&namespace, &["set", "exampleorg/sample@main", "3"])
        .prints(0, "semaphore exampleorg-sample-main: 3 (unchanged)\n");
    let _ = semaphore(&namespace, &["set", KEY, "1", "--if-absent"])
        .prints(0, "semaphore exampleorg-sample-main: 3 (unchanged)\n");
    let told = semaphore(&namespace, &["set", "other", "2", "--if-absent", "-o", "json"]).json();
    assert_eq!((&told["key"], &told["old"], &told["new"]), (&json!("other"), &json!(null), &json!(2)));
    assert_eq!(data(&namespace).await, json!({KEY: "3", "other": "2"}));
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let namespace = Namespace::new().await;
    let line = "semaphore k: none → 1 (server dry run)\n";
    let _ = semaphore(&namespace, &["set", "k", "1", "--dry-run"]).prints(0, line);
    assert_eq!(namespace.get("configmaps", MAP).await, None);
    config_map(&namespace, &json!({"data": {"k": "4"}})).await;
    let _ = semaphore(&namespace, &["set", "k", "1", "--dry-run"]).prints(0, "semaphore k: 4 → 1 (server dry run)\n");
    let _ = semaphore(&namespace, &["delete", "k", "--dry-run"]).prints(0, "semaphore k deleted (server dry run)\n");
    assert_eq!(data(&namespace).await, json!({"k": "4"}));
}

#[tokio::test]
async fn branches_that_share_a_key_are_warned_of() {
    let namespace = Namespace::new().await;
    let first = semaphore(&namespace, &["set", "a-b/c", "1"]).prints(0, "semaphore a-b-c-main: none → 1\n");
    assert_eq!(first.stderr, "");
    let other = semaphore(&namespace, &["set", "a/b-c@main", "2"]).prints(0, "semaphore a-b-c-main: 1 → 2\n");
    assert!(other.stderr.contains("a/b-c@main shares semaphore a-b-c-main and its limit with a-b/c@main"), "{other:?}");
    let again = semaphore(&namespace, &["set", "A/b-c@refs/heads/main", "2"]);
    assert_eq!(again.stderr.matches("warning").count(), 1, "{again:?}");
}

#[tokio::test]
async fn writers_at_once_lose_no_key() {
    let namespace = Namespace::new().await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let keys: Vec<String> = (0..12).map(|number| format!("k{number}")).collect();
    let writers: Vec<_> =
        keys.iter().map(|key| command(&kubeconfig, &["semaphore", "set", key, "2", "-q"]).spawn().unwrap()).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let data = data(&namespace).await;
    assert!(keys.iter().all(|key| data[key] == "2"), "{data}");
}

#[tokio::test]
async fn one_key_is_changed_by_many_and_the_last_word_counts() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {"k": "1", "foreign": "x"}})).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let writers: Vec<_> = (2..8)
        .map(|limit: u32| command(&kubeconfig, &["semaphore", "set", "k", &limit.to_string()]).spawn().unwrap())
        .collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let data = data(&namespace).await;
    assert_eq!(data["foreign"], "x");
    let limit: u32 = data["k"].as_str().unwrap().parse().unwrap();
    assert!((2..8).contains(&limit), "{data}");
}

#[tokio::test]
async fn foreign_config_maps_are_refused_and_left_alone() {
    let cache = json!({"labels": {"workflows.argoproj.io/configmap-type": "Cache"}, "data": {"k": "{}"}});
    for (object, key, said) in [
        (cache, "new", "ConfigMap \"workflow-semaphores\" is a memoization cache"),
        (json!({"immutable": true, "data": {"k": "1"}}), "k", "is immutable"),
        (json!({"data": {"k": "five"}}), "k", "has the value \"five\", which is not a limit"),
        (json!({"binaryData": {"k": "AA=="}}), "k", "which is not a limit"),
    ] {
        let namespace = Namespace::new().await;
        let before = config_map(&namespace, &object).await;
        semaphore(&namespace, &["set", key, "2"]).fails(7, &[said, "hint: "]);
        assert_eq!(namespace.get("configmaps", MAP).await, Some(before));
        let elsewhere = semaphore(&namespace, &["set", key, "2", "--configmap", "others"]);
        let _ = elsewhere.prints(0, &format!("semaphore {key}: none → 2\n"));
    }
}

#[tokio::test]
async fn a_full_config_map_says_so() {
    let namespace = Namespace::new().await;
    let before = config_map(&namespace, &json!({"data": {"filler": "x".repeat(1024 * 1024)}})).await;
    let said = ["ConfigMap \"workflow-semaphores\" is too large", "hint: a ConfigMap holds at most 1 MiB"];
    semaphore(&namespace, &["set", KEY, "1"]).fails(2, &said);
    assert_eq!(namespace.get("configmaps", MAP).await, Some(before));
}

#[tokio::test]
async fn a_missing_right_is_named_with_its_remedy() {
    let namespace = Namespace::new().await;
    let set = ["semaphore", "set", "k", "1"];
    for (verb, allowed) in [("get", &[][..]), ("create", &["get"]), ("patch", &["create"])] {
        if !allowed.is_empty() {
            namespace.allow(allowed, "configmaps").await;
        }
        if verb == "patch" {
            config_map(&namespace, &json!({"data": {"other": "1"}})).await;
        }
        let said = format!("restricted may not {verb} configmaps in namespace");
        let grant = format!("--verb={verb} --resource=configmaps");
        namespace.run(User::Restricted, &set).fails(1, &[&said, &grant]);
    }
    namespace.allow(&["patch"], "configmaps").await;
    let _ = namespace.run(User::Restricted, &set).prints(0, "semaphore k: none → 1\n");
}

#[tokio::test]
async fn a_semaphore_is_not_deleted_while_it_is_needed() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "1", "other": "2"}})).await;
    record(&namespace, "semaphore-running").await;
    let held = format!("held by {}/sem-hqvrn", namespace.name);
    semaphore(&namespace, &["delete", KEY]).fails(7, &[&held, "--force"]);
    namespace.delete("workflows", "sem-hqvrn").await;
    record(&namespace, "semaphore-pending").await;
    semaphore(&namespace, &["delete", "exampleorg/sample@main"]).fails(7, &["held by"]);
    let _ = semaphore(&namespace, &["delete", "other"]).prints(0, "semaphore other deleted\n");
    let _ = semaphore(&namespace, &["delete", KEY, "--force"]).prints(0, "semaphore exampleorg-sample-main deleted\n");
    assert_eq!(namespace.get("configmaps", MAP).await.unwrap().get("data"), None);
    semaphore(&namespace, &["delete", KEY, "--force"]).fails(6, &["does not exist"]);
}

#[tokio::test]
async fn bad_usage_is_refused_before_anything_is_asked() {
    let namespace = Namespace::new().await;
    for (arguments, said) in [
        (&["set", "k"][..], "no limit given"),
        (&["set"], "no semaphore given"),
        (&["set", "k", "0"], "Argo does not accept a limit of 0"),
        (&["set", "k", "-1"], "invalid limit \"-1\""),
        (&["set", "k", "1.5"], "invalid limit"),
        (&["set", "a b", "1"], "invalid semaphore key"),
        (&["set", "k", "1", "--owner", "o", "--repo", "r"], "unexpected argument \"1\""),
        (&["set", "k", "2", "--drain"], "--drain takes no limit: unexpected 2"),
        (&["delete"], "no semaphore given"),
    ] {
        semaphore(&namespace, arguments).fails(2, &[said]);
    }
    assert_eq!(namespace.get("configmaps", MAP).await, None);
}
