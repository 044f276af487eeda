//! Keys that users write, and what does not fit into a cache.

use super::*;

fn with_key(name: &str, key: &str, cache: &str) -> Value {
    let mut template = leaf(name);
    template["memoize"] = json!({"key": key, "maxAge": "", "cache": {"configMap": {"name": cache}}});
    template
}

/// The key that a template has, as the controller evaluates it for a node.
fn of_node(prepared: &Prepared, template: &str, node: &str) -> String {
    let mut scope = Scope::new();
    for (name, value) in [("workflow.name", "w-1"), ("workflow.parameters.run_id", "r1"), ("node.name", node)] {
        scope.set(name, value);
    }
    render(&keys(prepared)[template], &scope, Unresolved::Refuse).unwrap()
}

#[test]
fn a_key_that_several_templates_have_is_made_each_ones_own() {
    let shared = "{{workflow.parameters.run_id}}";
    let spec = json!({"entrypoint": "main", "templates": [
        steps("main", &["a", "b", "c", "d"]), with_key("a", shared, "mine"), with_key("b", shared, "mine"),
        with_key("c", shared, "other"), with_key("d", "d-{{workflow.parameters.run_id}}", "mine")]});
    let prepared = prepared(spec);
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| keys(&prepared)[name].clone());
    assert!(a.starts_with("{{workflow.parameters.run_id}}-a-") && b.starts_with("{{workflow.parameters.run_id}}-b-"));
    assert_eq!((c.as_str(), d.as_str()), (shared, "d-{{workflow.parameters.run_id}}"), "a single template's own stays");
    let [first, second] = ["w-1[0].to-a", "w-1[1].to-a"].map(|node| of_node(&prepared, "a", node));
    assert_eq!(first, second, "one call");
    assert_ne!(first, of_node(&prepared, "a", "w-1[0].again"), "another call");
    assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{first}");
    let told = told(&prepared.notices, Detail::Brief);
    assert_eq!(told.iter().filter(|line| line.contains("template and call were added")).count(), 1, "{told:?}");

    let again = prepare(prepared.workflow.clone(), &Templates::default(), &options()).unwrap();
    assert_eq!(again.workflow, prepared.workflow, "prepared twice");
    assert!(!again.notices.iter().any(|notice| matches!(notice, Notice::KeyExtended { .. })));
    let keep = Options { memoize: Memoize::Keep, ..options() };
    let mut written = prepared.workflow.clone();
    for place in [1, 2] {
        written["spec"]["templates"][place]["memoize"]["key"] = shared.into();
    }
    let kept = prepare(written, &Templates::default(), &keep).unwrap();
    assert_eq!(keys(&kept)["a"], shared);
    let later = prepare(kept.workflow.clone(), &Templates::default(), &options()).unwrap();
    assert_eq!(keys(&later)["b"], shared, "later attempts keep to it");
}

#[test]
fn an_edited_template_has_another_key_where_the_key_is_made_its_own() {
    let spec = |image: &str| {
        let mut a = with_key("a", "fixed", "mine");
        a["container"]["image"] = image.into();
        json!({"entrypoint": "main", "templates": [steps("main", &["a", "b"]), a, with_key("b", "fixed", "mine")]})
    };
    let (old, new) = (prepared(spec("x")), prepared(spec("y")));
    assert!(keys(&old)["a"] != keys(&new)["a"] && keys(&old)["b"] == keys(&new)["b"]);
    assert!(!keys(&old)["b"].contains("run_id"), "no run id that it did not have");
    let key = of_node(&old, "b", "w-1[0].to-b");
    let parts = KeyParts::of(&key).unwrap();
    assert!(parts.is_extended() && parts.is_of("b") && !parts.is_of("c") && parts.template == "fixed-b", "{key}");
}

#[test]
fn a_key_of_the_defaults_is_each_templates_own_and_inline_templates_have_none_that_is_shared() {
    let mut main = steps("main", &["a"]);
    main["steps"][0][0] = json!({"name": "in", "inline": {"container": {"image": "x"}}});
    let memoize = json!({"key": "k", "maxAge": "1h", "cache": {"configMap": {"name": "mine"}}});
    main["steps"][0][0]["inline"]["memoize"] = memoize.clone();
    let prepared = prepared(json!({"entrypoint": "main", "templateDefaults": {"memoize": memoize},
        "templates": [main, leaf("a"), leaf("b")]}));
    let spec = &prepared.workflow["spec"];
    assert_eq!(keys(&prepared).len(), 3);
    assert!(spec["templateDefaults"].get("memoize").is_none());
    assert!(spec["templates"][0]["steps"][0][0]["inline"].get("memoize").is_none());
    assert_eq!(spec["templates"][1]["memoize"]["maxAge"], "1h");
    assert!(keys(&prepared).iter().all(|(name, key)| key.starts_with(&format!("k-{name}-"))));
}

#[test]
fn what_would_keep_a_controllers_dag_from_ending_is_left_out() {
    let retried = |name: &str| {
        let mut template = leaf(name);
        template["retryStrategy"] = json!({"limit": 2});
        template
    };
    let dag = |tasks: Value| {
        let templates =
            [json!({"name": "main", "dag": {"tasks": tasks}}), retried("flaky"), retried("other"), leaf("plain")];
        json!({"entrypoint": "main", "templates": templates})
    };
    let task =
        |name: &str, template: &str, depends: &str| json!({"name": name, "template": template, "depends": depends});
    let left_out = |tasks: Value, room: Option<u64>| {
        let prepared = prepare(workflow(dag(tasks)), &Templates::default(), &Options { room, ..options() }).unwrap();
        ["flaky", "other", "plain", "main"]
            .into_iter()
            .filter(|name| reason(&prepared, name) == Some(Reason::RetriedTask))
            .collect::<Vec<_>>()
    };
    let chain = json!([task("a", "flaky", ""), task("b", "plain", "a.Succeeded")]);
    assert_eq!(left_out(chain.clone(), Some(512 * 1024)), ["flaky"]);
    assert!(left_out(chain, None).is_empty(), "the engine of this machine connects what is cached");

    let listed = json!([{"name": "a", "template": "flaky"}, {"name": "b", "template": "other"},
        {"name": "c", "template": "plain", "dependencies": ["a", "b"]}]);
    assert_eq!(left_out(listed, Some(512 * 1024)), ["flaky", "other"]);

    let other_way = json!([task("a", "flaky", ""), task("b", "plain", ""), task("c", "plain", "a && b")]);
    assert!(left_out(other_way, Some(512 * 1024)).is_empty());
    let last = json!([task("a", "plain", ""), task("b", "flaky", "a")]);
    assert!(left_out(last, Some(512 * 1024)).is_empty());
}

#[test]
fn what_may_fill_a_config_map_is_left_out_unless_all_is_asked_for() {
    let spec = |items: u64| {
        let mut inner = steps("inner", &["many"]);
        inner["steps"][0][0]["withSequence"] = json!({"count": items.to_string()});
        let mut main = steps("main", &["inner", "few"]);
        main["steps"][0][0]["withItems"] = json!(["x", "y", "z"]);
        json!({"entrypoint": "main", "templates": [main, inner, leaf("many"), leaf("few")]})
    };
    let with = |items, memoize| {
        let options = Options { memoize, room: Some(512 * 1024), ..options() };
        prepare(workflow(spec(items)), &Templates::default(), &options).unwrap()
    };
    let crowded = with(1_000, Memoize::Auto);
    assert_eq!(reason(&crowded, "many"), Some(Reason::Entries { count: 3_000 }));
    assert_eq!(keys(&crowded).into_keys().collect::<Vec<_>>(), ["few", "inner", "main"]);
    assert_eq!(keys(&with(100, Memoize::Auto)).len(), 4);
    let all = with(1_000, Memoize::All);
    assert_eq!(keys(&all).len(), 4);
    let options = Options { room: Some(512 * 1024), ..options() };
    let later = prepare(all.workflow, &Templates::default(), &options).unwrap();
    assert_eq!(keys(&later).len(), 4, "later attempts keep to it");
    assert_eq!(keys(&prepared(spec(1_000))).len(), 4, "a directory has no limit");
}
