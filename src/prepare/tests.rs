//! prepare as its callers see it.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]

use std::collections::BTreeMap;

use super::*;
use crate::argo::expression::{Scope, Unresolved, render};
use crate::prepare::key::RUN_PARAMETERS;

mod user_keys;

/// The call that a node stands for, where no loop's items are known.
const CALL: &str = r#"sprig.regexReplaceAll("[[][0-9]+[]]", sprig.trimPrefix(workflow.name, node.name), "")"#;

pub(super) fn options() -> Options {
    Options::new("generated-1".parse().unwrap(), "runnable-abc123".parse().unwrap())
}

fn workflow(spec: Value) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": spec})
}

fn prepared(spec: Value) -> Prepared {
    prepare(workflow(spec), &Templates::default(), &options()).unwrap()
}

fn keys(prepared: &Prepared) -> BTreeMap<String, String> {
    let templates = prepared.workflow["spec"]["templates"].as_array().unwrap();
    let memoized =
        templates.iter().filter_map(|template| Some((template, template.pointer("/memoize/key")?.as_str()?)));
    memoized.map(|(template, key)| (text(template, "name").to_owned(), key.to_owned())).collect()
}

fn reason(prepared: &Prepared, name: &str) -> Option<Reason> {
    prepared.notices.iter().find_map(|notice| match notice {
        Notice::NotMemoized { template, reason } if template == name => Some(reason.clone()),
        _ => None,
    })
}

fn leaf(name: &str) -> Value {
    json!({"name": name, "container": {"image": "x", "args": [name]}})
}

fn steps(name: &str, calls: &[&str]) -> Value {
    let steps: Vec<Value> =
        calls.iter().map(|call| json!([{"name": format!("to-{call}"), "template": call}])).collect();
    json!({"name": name, "steps": steps})
}

#[test]
fn a_workflow_gets_run_parameters_env_and_memoize() {
    let prepared = prepared(json!({"entrypoint": "main", "templates": [steps("main", &["a"]), leaf("a")]}));
    assert_eq!(
        prepared.workflow["spec"]["arguments"]["parameters"],
        json!([{"name": "run_id", "value": "generated-1"}, {"name": "retry_run_id", "value": ""}, {"name": "retry_indicator", "value": ""}])
    );
    assert_eq!(prepared.run.run_id.as_ref().map(RunId::as_str), Some("generated-1"));
    assert_eq!(prepared.run.cache_name.as_ref().map(CacheName::as_str), Some("runnable-abc123"));
    let template = &prepared.workflow["spec"]["templates"][1];
    assert_eq!(template["container"]["env"].as_array().map(Vec::len), Some(VARIABLES.len()));
    assert_eq!(template["memoize"]["cache"], json!({"configMap": {"name": "runnable-abc123"}}));
    assert_eq!(template["memoize"]["maxAge"], "");
    assert_eq!(keys(&prepared).len(), 2);
    assert_eq!(prepared.notices, []);
}

#[test]
fn the_run_id_comes_from_the_option_the_parameter_the_document_or_the_generator() {
    let spec = |value: Value| json!({"arguments": {"parameters": [value]}, "templates": []});
    let run_id = |spec: Value, options: &Options| {
        let prepared = prepare(workflow(spec), &Templates::default(), options);
        prepared.map(|prepared| (prepared.run.run_id.unwrap().to_string(), prepared.notices.len()))
    };
    let declared = json!({"name": "run_id", "value": "mine"});
    assert_eq!(run_id(spec(declared.clone()), &options()), Ok(("mine".to_owned(), 0)));
    let asked = Options { run_id: Some("asked".parse().unwrap()), ..options() };
    assert_eq!(run_id(spec(declared.clone()), &asked), Ok(("asked".to_owned(), 0)));
    let passed = Options { parameters: vec![("run_id".into(), "passed".into())], ..options() };
    assert_eq!(run_id(spec(declared), &passed), Ok(("passed".to_owned(), 0)));
    let tag = json!({"name": "run_id", "value": "{{workflow.uid}}"});
    assert_eq!(run_id(spec(tag.clone()), &options()), Ok(("generated-1".to_owned(), 1)));
    let source = json!({"name": "run_id", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}});
    assert_eq!(run_id(spec(source), &options()), Ok(("generated-1".to_owned(), 1)));
    let default = spec(json!({"name": "run_id", "default": "mine"}));
    let filled = prepare(workflow(default), &Templates::default(), &options()).unwrap();
    assert_eq!(filled.workflow["spec"]["arguments"]["parameters"][0]["value"], "mine");
    let illegal = json!({"name": "run_id", "value": "a b"});
    assert!(matches!(run_id(spec(illegal.clone()), &options()), Err(PrepareError::RunId(_))));
    assert_eq!(run_id(spec(illegal), &asked), Ok(("asked".to_owned(), 0)));
    let both = Options { parameters: vec![("run_id".into(), "passed".into())], ..asked };
    assert!(matches!(run_id(spec(tag), &both), Err(PrepareError::TwoRunIds { .. })));
}

#[test]
fn given_parameters_override_in_place_and_unknown_ones_are_added() {
    let options = Options { parameters: vec![("b".into(), "2".into()), ("new".into(), "3".into())], ..options() };
    let spec = json!({"arguments": {"parameters": [
        {"name": "a", "value": "1"}, {"name": "b", "valueFrom": {"x": 1}, "enum": ["1", "2"]}]}, "templates": []});
    let prepared = prepare(workflow(spec), &Templates::default(), &options).unwrap();
    let parameters = &prepared.workflow["spec"]["arguments"]["parameters"];
    assert_eq!(parameters[1], json!({"name": "b", "enum": ["1", "2"], "value": "2"}));
    assert_eq!(parameters[2], json!({"name": "new", "value": "3"}));
}

#[test]
fn a_parameter_without_a_value_is_missing() {
    let template = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": {"arguments": {"parameters": [
        {"name": "inherited"}, {"name": "given"}, {"name": "has", "value": ""}]}}});
    let workflow = workflow(json!({"workflowTemplateRef": {"name": "t"}, "arguments": {"parameters": [
        {"name": "own", "default": "1"}, {"name": "given", "value": "1"}, {"name": "from", "valueFrom": {}}]}}));
    assert_eq!(missing_parameters(&workflow, &[template].into_iter().collect()), ["own", "inherited"]);
}

#[test]
fn more_parameters_than_argo_takes_are_warned_of_when_they_are_ours() {
    let notices = |count: usize| {
        let parameters: Vec<Value> =
            (0..count).map(|index| json!({"name": format!("p{index}"), "value": ""})).collect();
        prepared(json!({"arguments": {"parameters": parameters}, "templates": []})).notices
    };
    assert_eq!(notices(497), []);
    assert_eq!(notices(498), [Notice::TooManyParameters { count: 501 }]);
    assert_eq!(notices(501), []);
}

#[test]
fn a_name_takes_the_place_of_generate_name() {
    let options = Options {
        name: Some("fixed".parse().unwrap()),
        labels: vec![("l".into(), "1".into())],
        entrypoint: Some("other".into()),
        priority: Some(7),
        ..options()
    };
    let prepared = prepare(workflow(json!({"templates": []})), &Templates::default(), &options).unwrap();
    assert_eq!(prepared.workflow["metadata"], json!({"name": "fixed", "labels": {"l": "1"}}));
    assert_eq!(prepared.workflow["spec"]["entrypoint"], "other");
    assert_eq!(prepared.workflow["spec"]["priority"], 7);
}

#[test]
fn what_has_no_work_to_skip_is_left_out_with_its_reason() {
    let prepared = prepared(json!({"entrypoint": "main", "onExit": "bye",
    "hooks": {"running": {"template": "hook", "expression": "workflow.status == 'Running'"}},
    "volumeClaimTemplates": [{"metadata": {"name": "work"}}],
    "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "claims"}, {"name": "b", "template": "fine", "onExit": "after"}]]},
        {"name": "claims", "script": {"image": "x", "volumeMounts": [{"name": "work", "mountPath": "/w"}]}},
        leaf("fine"), steps("bye", &["notify"]), leaf("notify"), leaf("hook"), leaf("after"),
        {"name": "wait", "suspend": {}},
        {"name": "server", "daemon": true, "container": {"image": "x"}},
        {"name": "far", "dag": {"tasks": [{"name": "a", "templateRef": {"name": "t", "template": "x"}}]}},
        {"name": "odd", "container": {"args": ["{{workflow.outputs.parameters.x}}"]}},
        {"name": "site", "container": {"args": ["{{tasks.name}}"]}},
        {"name": "label", "container": {"args": ["{{workflow.labels.a.b/c}}"]}},
        {"name": "export", "container": {}, "outputs": {"parameters": [{"name": "o", "globalName": "g"}]}},
        steps("exporter", &["export"]),
    ]}));
    let volume = || Reason::VolumeClaim { volume: "work".into() };
    for (name, expected) in [
        ("main", volume()),
        ("claims", volume()),
        ("bye", Reason::Handler),
        ("notify", Reason::Handler),
        ("hook", Reason::Handler),
        ("after", Reason::Handler),
        ("wait", Reason::Suspend),
        ("server", Reason::Daemon),
        ("far", Reason::UnknownTemplate { name: "t/x".into() }),
        ("odd", Reason::GlobalOutputs),
        ("site", Reason::CallSite),
        ("label", Reason::Unkeyable { name: "workflow.labels.a.b/c".into() }),
        ("exporter", Reason::Exports),
    ] {
        assert_eq!(reason(&prepared, name), Some(expected), "{name}");
    }
    assert_eq!(keys(&prepared).keys().collect::<Vec<_>>(), ["export", "fine"]);
}

#[test]
fn what_reads_artifacts_has_the_whole_spec_in_its_key() {
    let reader =
        json!({"name": "read", "inputs": {"artifacts": [{"name": "a", "path": "/a"}]}, "container": {"image": "x"}});
    let spec = |calls: Value| {
        json!({"entrypoint": "main", "arguments": {"parameters": [{"name": "p", "value": "1"}]}, "templates": [
            {"name": "main", "steps": calls}, leaf("make"), reader]})
    };
    let call = |name: &str| json!({"name": name, "template": "read", "arguments": {"artifacts": [{"name": "a", "from": "{{steps.m.outputs.artifacts.a}}"}]}});
    let once = prepared(spec(json!([[{"name": "m", "template": "make"}], [call("r")]])));
    assert!(keys(&once)["read"].contains("workflow.parameters[\"p\"]"));
    let mut edited = spec(json!([[{"name": "m", "template": "make"}], [call("r")]]));
    edited["templates"][1]["container"]["image"] = json!("y");
    assert_ne!(keys(&once)["read"], keys(&prepared(edited))["read"]);
    // Each call has a key of its own, so that it may run more than once.
    let twice = prepared(spec(json!([[call("r")], [call("s")]])));
    assert_eq!(reason(&twice, "read"), None);
    let [r, s] = ["[0].r", "[1].s"].map(|node| evaluated(&keys(&twice)["read"], node));
    assert_ne!(r, s);
    // Who calls a template for others, and with which artifacts, is not known.
    let template = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"},
        "spec": spec(json!([[call("r")]]))});
    let shared = prepare_template(template, &Templates::default(), &options()).unwrap();
    assert_eq!(reason(&shared, "read"), Some(Reason::Artifacts));
}

/// A key as the controller evaluates it for a node.
fn evaluated(key: &str, node: &str) -> String {
    let mut scope = Scope::new();
    for (name, value) in [("name", "w-1"), ("parameters.run_id", "generated-1"), ("parameters.p", "1")] {
        scope.set(format!("workflow.{name}"), value);
    }
    scope.set("node.name", format!("w-1{node}"));
    scope.set("inputs.parameters", "null");
    render(key, &scope, Unresolved::Refuse).unwrap()
}

#[test]
fn equal_calls_have_keys_of_their_own_and_a_group_put_in_between_changes_none() {
    let key = |calls: Value| {
        let prepared =
            prepared(json!({"entrypoint": "main", "templates": [{"name": "main", "steps": calls}, leaf("t")]}));
        keys(&prepared)["t"].clone()
    };
    let step = |name: &str| json!([{"name": name, "template": "t"}]);
    let (before, after) = (key(json!([step("a"), step("b")])), key(json!([step("a"), step("new"), step("b")])));
    assert_ne!(evaluated(&before, "[0].a"), evaluated(&before, "[1].b"));
    assert_eq!(evaluated(&before, "[1].b"), evaluated(&after, "[2].b"));
}

#[test]
fn a_key_of_an_older_version_stays_where_its_template_runs_once() {
    let older = |name: &str| {
        let key = &keys(&prepared(json!({"entrypoint": "main", "templates": [
            {"name": "main", "steps": [[{"name": "a", "template": "once"}]]}, leaf("once"), leaf("twice")]})))[name];
        key.replace(&format!(", {CALL}"), "")
    };
    let memoized = |name: &str| {
        let mut leaf = leaf(name);
        leaf["memoize"] = json!({"key": older(name), "cache": {"configMap": {"name": "c"}}, "maxAge": ""});
        leaf
    };
    let prepared = prepared(json!({"entrypoint": "main", "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "once"}], [{"name": "b", "template": "twice"},
            {"name": "c", "template": "twice"}]]},
        memoized("once"), memoized("twice")]}));
    assert_eq!(keys(&prepared)["once"], older("once"));
    assert!(keys(&prepared)["twice"].contains("node.name"));
}

#[test]
fn a_template_whose_artifacts_are_deleted_is_left_out() {
    let makes = |strategy: &str| {
        json!({"name": "make", "container": {"image": "x"},
        "outputs": {"artifacts": [{"name": "a", "path": "/a", "artifactGC": {"strategy": strategy}}]}})
    };
    let passes = json!({"name": "pass", "steps": [[{"name": "m", "template": "make"}]],
        "outputs": {"artifacts": [{"name": "a", "from": "{{steps.m.outputs.artifacts.a}}"}]}});
    let spec = |strategy: &str, gc: &str| json!({"artifactGC": {"strategy": gc}, "entrypoint": "main", "templates": [steps("main", &["pass"]), passes, makes(strategy)]});
    let deleted = prepared(spec("OnWorkflowCompletion", "Never"));
    assert_eq!(reason(&deleted, "make"), Some(Reason::ArtifactsDeleted));
    assert_eq!(reason(&deleted, "pass"), Some(Reason::ArtifactsDeleted));
    assert_eq!(keys(&deleted).keys().collect::<Vec<_>>(), ["main"]);
    assert_eq!(reason(&prepared(spec("", "OnWorkflowCompletion")), "make"), Some(Reason::ArtifactsDeleted));
    assert_eq!(reason(&prepared(spec("Never", "OnWorkflowCompletion")), "make"), None);
}

#[test]
fn an_edited_callee_changes_its_callers_and_nobody_else() {
    let spec = |image: &str| {
        let mut edited = leaf("a");
        edited["container"]["image"] = json!(image);
        json!({"entrypoint": "main", "templates": [steps("main", &["mid", "b"]), steps("mid", &["a"]), edited, leaf("b")]})
    };
    let (before, after) = (keys(&prepared(spec("1"))), keys(&prepared(spec("2"))));
    for (name, changes) in [("main", true), ("mid", true), ("a", true), ("b", false)] {
        assert_eq!(before[name] != after[name], changes, "{name}");
    }
}

#[test]
fn values_read_by_what_is_called_stand_in_the_callers_key() {
    let prepared = prepared(
        json!({"entrypoint": "main", "arguments": {"parameters": [{"name": "p", "value": "1"}]}, "templates": [
        steps("main", &["a"]),
        {"name": "a", "inputs": {"parameters": [{"name": "i"}]}, "container": {"args": ["{{workflow.parameters.p}} {{workflow.uid}}"]}}]}),
    );
    let keys = keys(&prepared);
    let told = |values: &str| format!("toJson([workflow.parameters.run_id, {values}, {CALL}])))}}}}");
    assert!(keys["main"].ends_with(&told("workflow.parameters[\"p\"]")), "{}", keys["main"]);
    assert!(keys["a"].ends_with(&told("inputs.parameters, workflow.parameters[\"p\"]")));
    let differs = Notice::DiffersEachAttempt { template: "a".into(), values: vec!["workflow.uid".into()] };
    assert_eq!(prepared.notices, [differs]);
}

#[test]
fn a_parameter_that_differs_in_each_attempt_stays_out_of_the_key_with_a_warning() {
    let prepared = prepared(json!({"entrypoint": "a",
        "arguments": {"parameters": [{"name": "at", "value": "{{workflow.creationTimestamp}}"}, {"name": "p", "value": "1"}]},
        "templates": [{"name": "a", "container": {"args": ["{{workflow.parameters.at}} {{workflow.parameters.p}}"]}}]}));
    assert!(keys(&prepared)["a"].contains("\"p\"") && !keys(&prepared)["a"].contains("\"at\""));
    let differs = Notice::DiffersEachAttempt { template: "a".into(), values: vec!["workflow.parameters.at".into()] };
    assert_eq!(prepared.notices, [differs]);
}

#[test]
fn what_makes_an_object_that_goes_with_the_workflow_is_left_out_with_its_callers() {
    let makes = |owner: bool| json!({"name": "make", "resource": {"action": "create", "setOwnerReference": owner, "manifest": "x"}});
    let spec = |owner| json!({"entrypoint": "main", "templates": [steps("main", &["make"]), makes(owner)]});
    let owned = prepared(spec(true));
    assert_eq!((reason(&owned, "main"), reason(&owned, "make")), (Some(Reason::Owned), Some(Reason::Owned)));
    assert_eq!(keys(&prepared(spec(false))).len(), 2);
}

#[test]
fn recursion_ends_and_an_edit_reaches_the_whole_cycle() {
    let spec = |image: &str| {
        let mut edited = leaf("c");
        edited["container"]["image"] = json!(image);
        json!({"entrypoint": "a", "templates": [steps("a", &["b"]), steps("b", &["a", "c"]), edited]})
    };
    let (before, after) = (keys(&prepared(spec("1"))), keys(&prepared(spec("2"))));
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|(name, key)| after[name] != *key));
}

#[test]
fn a_template_called_by_readers_of_its_result_and_by_others_gets_an_input_for_it() {
    let spec = json!({"entrypoint": "main", "templates": [leaf("a"), {"name": "main", "dag": {"tasks": [
        {"name": "x", "template": "a"}, {"name": "y", "template": "a"},
        {"name": "z", "template": "b", "arguments": {"parameters": [{"name": "r", "value": "{{tasks.x.outputs.result}}"}]}}]}}, leaf("b")]});
    let prepared = prepared(spec);
    let templates = &prepared.workflow["spec"]["templates"];
    assert_eq!(templates[0]["inputs"]["parameters"], json!([{"name": RESULT_INPUT, "default": ""}]));
    assert_eq!(templates[1]["dag"]["tasks"][0]["arguments"]["parameters"][0]["name"], RESULT_INPUT);
    assert_eq!(templates[1]["dag"]["tasks"][1].get("arguments"), None);
    assert!(keys(&prepared)["a"].contains("inputs.parameters"));
    assert_eq!(templates[2].get("inputs"), None);
    assert_eq!(prepared.notices, [Notice::ResultInput { template: "a".into() }]);
}

#[test]
fn reading_a_result_that_nobody_read_before_changes_the_key() {
    let spec = |value: &str| {
        json!({"entrypoint": "main", "templates": [leaf("a"), {"name": "main", "steps": [[{"name": "x", "template": "a"}],
            [{"name": "y", "template": "b", "arguments": {"parameters": [{"name": "r", "value": value}]}}]]}, leaf("b")]})
    };
    let (unread, read) = (prepared(spec("1")), prepared(spec("{{steps.x.outputs.result}}")));
    assert_ne!(keys(&unread)["a"], keys(&read)["a"]);
    assert_eq!(keys(&unread)["b"], keys(&read)["b"]);
}

#[test]
fn a_memoize_of_the_users_is_kept_and_completed() {
    let mut own = leaf("own");
    own["memoize"] =
        json!({"key": "own-{{inputs.parameters.x}}", "cache": {"configMap": {"name": "theirs"}}, "maxAge": "1h"});
    let mut key_only = leaf("key-only");
    key_only["memoize"] = json!({"key": "{{workflow.parameters.run_id}}"});
    let spec = json!({"templates": [own, key_only, leaf("plain")]});
    let result = prepared(spec.clone());
    let templates = &result.workflow["spec"]["templates"];
    assert_eq!(templates[0]["memoize"], spec["templates"][0]["memoize"]);
    assert_eq!(
        templates[1]["memoize"],
        json!({"key": "{{workflow.parameters.run_id}}", "cache": {"configMap": {"name": "theirs"}}, "maxAge": ""})
    );
    assert_eq!(templates[2]["memoize"]["cache"]["configMap"]["name"], "theirs");
    assert!(result.notices.contains(&Notice::CacheAdded { template: "key-only".into() }));
    let shared = |template: &str| {
        result
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::SharedKey { template: name, .. } if name == template))
    };
    assert!(shared("key-only") && !shared("own") && !shared("plain"));
    let off = Options { memoize: Memoize::Off, ..options() };
    assert_eq!(
        prepare(workflow(spec), &Templates::default(), &off),
        Err(PrepareError::MemoizeWithoutCache { template: "key-only".into() })
    );
}

#[test]
fn without_memoization_what_prepare_wrote_is_taken_away() {
    let spec = json!({"entrypoint": "a", "templates": [leaf("a")]});
    let off = Options { memoize: Memoize::Off, ..options() };
    let never = prepare(workflow(spec.clone()), &Templates::default(), &off).unwrap();
    let again = prepare(prepared(spec).workflow, &Templates::default(), &off).unwrap();
    assert_eq!(never, again);
    assert_eq!(never.run.cache_name, None);
}

#[test]
fn a_cache_is_taken_from_the_document_then_the_option_then_the_generator() {
    let spec = json!({"templates": [leaf("a")]});
    let asked = Options { cache_name: Some("asked".parse().unwrap()), ..options() };
    let first = prepare(workflow(spec), &Templates::default(), &asked).unwrap();
    assert_eq!(first.run.cache_name.as_ref().map(CacheName::as_str), Some("asked"));
    let other =
        Options { cache_name: Some("other".parse().unwrap()), max_age: Some("1h".parse().unwrap()), ..options() };
    let second = prepare(first.workflow.clone(), &Templates::default(), &other).unwrap();
    assert_eq!(second.run.cache_name, first.run.cache_name);
    assert_eq!(second.notices, [Notice::CacheNameKept { asked: "other".into(), kept: "asked".into() }]);
    assert_eq!(second.workflow["spec"]["templates"][0]["memoize"]["maxAge"], "1h");
    let third = prepare(second.workflow.clone(), &Templates::default(), &options()).unwrap();
    assert_eq!(third.workflow, second.workflow);
}

#[test]
fn an_age_that_is_no_text_is_written_again() {
    let mut odd = prepared(json!({"templates": [leaf("a")]})).workflow;
    for age in [Value::Null, json!(3)] {
        odd["spec"]["templates"][0]["memoize"]["maxAge"] = age;
        let fixed = prepare(odd.clone(), &Templates::default(), &options()).unwrap();
        assert_eq!(fixed.workflow["spec"]["templates"][0]["memoize"]["maxAge"], "");
    }
}

#[test]
fn what_templates_share_counts_for_those_that_use_it() {
    let mount = json!({"name": "a", "container": {"image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}});
    let spec = |volume: &str, patch: &str| json!({"volumes": [{"name": "v", "configMap": {"name": volume}}], "podSpecPatch": patch, "templates": [mount, leaf("b")]});
    let base = keys(&prepared(spec("1", "p")));
    let volume = keys(&prepared(spec("2", "p")));
    let patch = keys(&prepared(spec("1", "q")));
    assert!(base["a"] != volume["a"] && base["b"] == volume["b"]);
    assert!(base["a"] != patch["a"] && base["b"] != patch["b"]);
}

#[test]
fn a_template_of_another_object_counts_when_it_is_known() {
    let object = |image: &str| {
        json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": {"templates": [
            steps("x", &["y"]), {"name": "y", "container": {"image": image, "args": ["{{workflow.parameters.p}}"]}}]}})
    };
    let spec = json!({"templates": [{"name": "a", "steps": [[{"name": "s", "templateRef": {"name": "t", "template": "x"}}]]}]});
    let with = |image: &str| {
        let templates = [object(image)].into_iter().collect();
        keys(&prepare(workflow(spec.clone()), &templates, &options()).unwrap())["a"].clone()
    };
    assert_ne!(with("1"), with("2"));
    assert!(with("1").contains("workflow.parameters[\"p\"]"));
}

#[test]
fn a_workflow_of_a_template_is_left_by_reference_or_merged() {
    let object = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": {
        "entrypoint": "a", "suspend": true, "arguments": {"parameters": [{"name": "p", "value": "1", "enum": ["1"]}, {"name": "q", "value": "2"}],
            "artifacts": [{"name": "a", "s3": {"bucket": "b", "key": "1"}}, {"name": "b", "s3": {"key": "1"}}]},
        "volumes": [{"name": "v"}], "hooks": {"exit": {"template": "a"}, "other": {"template": "b"}},
        "templates": [leaf("a"), leaf("b"), leaf("c")]}});
    let templates: Templates = [object].into_iter().collect();
    let submitted = workflow(
        json!({"workflowTemplateRef": {"name": "t"}, "entrypoint": "c", "hooks": {"exit": {"template": "c"}},
        "arguments": {"parameters": [{"name": "p", "value": "9"}],
            "artifacts": [{"name": "a", "s3": {"key": "2"}}, {"name": "b", "raw": {"data": "2"}}]}, "volumes": [{"name": "w"}]}),
    );
    let by_reference = prepare(submitted.clone(), &templates, &options()).unwrap();
    assert_eq!(by_reference.notices, [Notice::ByReference { name: "t".into() }]);
    assert_eq!(by_reference.workflow["spec"].get("templates"), None);
    assert_eq!(by_reference.workflow["spec"]["arguments"]["parameters"].as_array().map(Vec::len), Some(4));

    let inline = Options { inline: Inline::Whole, ..options() };
    let merged = prepare(submitted.clone(), &templates, &inline).unwrap();
    let spec = &merged.workflow["spec"];
    assert!(spec.get("workflowTemplateRef").is_none() && spec.get("suspend").is_none());
    assert_eq!(spec["entrypoint"], "c");
    assert_eq!(spec["hooks"], json!({"exit": {"template": "c"}, "other": {"template": "b"}}));
    assert_eq!(spec["volumes"], json!([{"name": "v"}, {"name": "w"}]));
    assert_eq!(spec["arguments"]["parameters"][0], json!({"name": "p", "value": "9"}));
    assert_eq!(
        spec["arguments"]["artifacts"],
        json!([{"name": "a", "s3": {"key": "2", "bucket": "b"}}, {"name": "b", "raw": {"data": "2"}}])
    );
    assert_eq!(keys(&merged).keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(
        prepare(submitted.clone(), &Templates::default(), &inline),
        Err(PrepareError::UnknownTemplate { kind: "WorkflowTemplate", name: "t".into() })
    );
}

#[test]
fn a_workflow_template_leaves_the_run_id_to_its_workflows() {
    let document = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t"}, "spec": {"entrypoint": "a", "templates": [leaf("a")]}});
    let prepared = prepare_template(document, &Templates::default(), &options()).unwrap();
    assert_eq!(prepared.run.run_id, None);
    assert_eq!(prepared.workflow["spec"]["arguments"]["parameters"][0], json!({"name": RUN_PARAMETERS[0]}));
    assert_eq!(keys(&prepared).len(), 1);
    let workflow = workflow(json!({"workflowTemplateRef": {"name": "t"}}));
    let templates = [prepared.workflow.clone()].into_iter().collect();
    let run = prepare(workflow, &templates, &options()).unwrap();
    assert_eq!((run.run.cache_name, run.notices), (prepared.run.cache_name, vec![]));
    let cron = json!({"kind": "CronWorkflow", "metadata": {"name": "c"}});
    assert!(matches!(
        prepare_template(cron, &Templates::default(), &options()),
        Err(PrepareError::CronWorkflow { .. })
    ));
}

#[test]
fn documents_of_another_form_are_refused() {
    let refused = |document: &Value| prepare(document.clone(), &Templates::default(), &options()).is_err();
    assert!(refused(&json!({"kind": "Pod"})) && refused(&json!(3)) && refused(&json!({"kind": "Workflow"})));
    assert!(refused(&json!({"kind": "Workflow", "spec": {"arguments": {"parameters": {}}}})));
    assert!(!refused(&json!({"kind": "Workflow", "spec": {"templates": [null, 3, {"steps": "x"}]}})));
}
