//! Realistic pipelines are prepared and held to what memoization promises.

#![allow(clippy::unwrap_used)]

mod builder;

use std::collections::{HashMap, HashSet};

use kubectl_runnable::testing::argo::expression::{Scope, Unresolved, render};
use kubectl_runnable::testing::prepare::{Notice, Options, Prepared, Templates, prepare};
use serde_json::Value;

use self::builder::{Pipeline, pipeline};

const PIPELINES: u64 = 120;

fn prepared(pipeline: &Pipeline, run_id: &str) -> Prepared {
    let options = Options::new(run_id.parse().unwrap(), "runnable-abc123".parse().unwrap());
    prepare(pipeline.workflow.clone(), &Templates::from_iter([pipeline.template.clone()]), &options).unwrap()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn templates(workflow: &Value) -> &[Value] {
    list(workflow, "/spec/templates")
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap()
}

/// The key that prepare has written, as the controller evaluates it for these inputs.
fn key(workflow: &Value, template: &Value, input: &str) -> Option<String> {
    let key = template.pointer("/memoize/key")?.as_str().filter(|key| !key.starts_with("mine-"))?;
    let mut scope = Scope::new();
    for parameter in list(workflow, "/spec/arguments/parameters") {
        scope.set(format!("workflow.parameters.{}", name(parameter)), parameter["value"].as_str().unwrap());
    }
    scope.set("node.name", "w-1[0].step");
    for (variable, value) in [
        ("name", "w-1"),
        ("namespace", "n"),
        ("serviceAccountName", "s"),
        ("labels.team", "a"),
        ("annotations.note", "b"),
    ] {
        scope.set(format!("workflow.{variable}"), value);
    }
    for declared in list(template, "/inputs/parameters") {
        let value = if name(declared).starts_with("in_") { input } else { declared["default"].as_str().unwrap() };
        scope.set(format!("inputs.parameters.{}", name(declared)), value);
    }
    Some(render(key, &scope, Unresolved::Refuse).unwrap())
}

fn keys(workflow: &Value) -> HashMap<String, String> {
    let keyed = templates(workflow)
        .iter()
        .filter_map(|template| Some((name(template).to_owned(), key(workflow, template, "1")?)));
    keyed.collect()
}

fn with_parameter(mut pipeline: Pipeline, parameter: &str, value: &str) -> Pipeline {
    let parameters = pipeline.workflow["spec"]["arguments"]["parameters"].as_array_mut().unwrap();
    parameters.iter_mut().find(|declared| name(declared) == parameter).unwrap()["value"] = value.into();
    pipeline
}

/// The templates that a template calls, those of its hooks included.
fn callees(template: &Value) -> HashSet<&str> {
    let steps = list(template, "/steps").iter().flat_map(|group| group.as_array().unwrap());
    let calls = steps.chain(list(template, "/dag/tasks"));
    let called = calls.flat_map(|call| [&call["template"], &call["hooks"]["exit"]["template"]]);
    called.filter_map(Value::as_str).collect()
}

fn callers<'a>(workflow: &'a Value, of: &'a str) -> HashSet<&'a str> {
    let mut found = HashSet::from([of]);
    loop {
        let more = templates(workflow).iter().filter(|template| !callees(template).is_disjoint(&found)).map(name);
        let grown: HashSet<&str> = found.iter().copied().chain(more).collect();
        if grown.len() == found.len() {
            return grown;
        }
        found = grown;
    }
}

#[test]
fn the_pipelines_are_of_all_sorts() {
    let all: Vec<String> = (0..PIPELINES).map(|seed| pipeline(seed).workflow.to_string()).collect();
    for feature in [
        "\"steps\":",
        "\"dag\":",
        "withItems",
        "withParam",
        "withSequence",
        "artifacts",
        "\"script\":",
        "\"inline\":",
        "templateRef",
        "retryStrategy",
        "hooks",
        "onExit",
        "volumeClaimTemplates",
        "containerSet",
        "\"resource\":",
        "\"http\":",
        "\"suspend\":",
        "templateDefaults",
        "outputs.result",
        "\"memoize\":",
    ] {
        let with = all.iter().filter(|text| text.contains(feature)).count();
        assert!(with >= 5, "{with} pipelines have {feature}");
    }
    let sizes: Vec<usize> = (0..PIPELINES).map(|seed| templates(&pipeline(seed).workflow).len()).collect();
    assert!(sizes.iter().any(|size| *size > 30) && sizes.iter().all(|size| *size <= 40), "{sizes:?}");
}

#[test]
fn each_template_is_memoized_or_named_with_the_reason() {
    for seed in 0..PIPELINES {
        let prepared = prepared(&pipeline(seed), "r-1");
        let keys = keys(&prepared.workflow);
        for template in templates(&prepared.workflow).iter().map(name) {
            let told = prepared.notices.iter().any(|notice| {
                matches!(notice, Notice::NotMemoized { template: left, reason } if left == template && *reason != kubectl_runnable::testing::prepare::Reason::Inline)
            });
            assert_ne!(keys.contains_key(template), told, "{seed}: {template} {:#?}", prepared.notices);
        }
    }
}

#[test]
fn no_two_pieces_of_work_share_a_key_and_all_keys_are_legal() {
    for seed in 0..PIPELINES {
        let mut seen: HashMap<String, (String, &str, &str)> = HashMap::new();
        for run_id in ["a_b", "a-b"] {
            let prepared = prepared(&pipeline(seed), run_id);
            for template in templates(&prepared.workflow) {
                let takes = list(template, "/inputs/parameters").iter().any(|input| name(input).starts_with("in_"));
                let inputs: &[&str] = if takes { &["1", "2", "[1]", ""] } else { &[""] };
                for input in inputs {
                    let Some(key) = key(&prepared.workflow, template, input) else { continue };
                    let legal = |next: char| next.is_ascii_alphanumeric() || next == '-';
                    assert!(key.chars().all(legal) && !key.starts_with('-') && key.len() <= 253, "{key}");
                    let work = (name(template).to_owned(), *input, run_id);
                    assert_eq!(seen.insert(key, work.clone()), None, "{seed}: {work:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_prepared_stays_as_it_is() {
    for seed in 0..PIPELINES {
        let pipeline = pipeline(seed);
        let once = prepared(&pipeline, "r-1");
        let again = Pipeline { workflow: once.workflow.clone(), ..pipeline.clone() };
        let twice = prepared(&again, "r-2");
        assert_eq!(once.workflow.to_string(), twice.workflow.to_string(), "{seed}");
        assert_eq!(once.run, twice.run);
        for (before, after) in templates(&pipeline.workflow).iter().zip(templates(&once.workflow)) {
            assert_eq!(before.get("retryStrategy"), after.get("retryStrategy"), "{seed}");
        }
    }
}

#[test]
fn an_edit_reaches_all_callers_and_nobody_else() {
    for seed in 0..PIPELINES {
        let before = pipeline(seed);
        let mut after = before.clone();
        let edited = after.workflow["spec"]["templates"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .find(|leaf| leaf.get("container").is_some());
        let Some(edited) = edited else { continue };
        edited["container"]["image"] = "edited".into();
        let edited = name(edited).to_owned();
        let reached = callers(&before.workflow, &edited);
        let [old, new] = [&before, &after].map(|pipeline| keys(&prepared(pipeline, "r-1").workflow));
        for template in templates(&before.workflow) {
            let Some(key) = old.get(name(template)) else { continue };
            // What reads artifacts has the whole spec in its key.
            let whole = !list(template, "/inputs/artifacts").is_empty();
            let changes = whole || reached.contains(name(template));
            assert_eq!(new[name(template)] != *key, changes, "{seed}: {} after an edit of {edited}", name(template));
        }
    }
}

#[test]
fn a_parameter_that_is_read_is_in_the_key() {
    for seed in 0..PIPELINES {
        let before = pipeline(seed);
        let [old, new] = [before.clone(), with_parameter(before.clone(), "region", "elsewhere")]
            .map(|pipeline| keys(&prepared(&pipeline, "r-1").workflow));
        for template in templates(&before.workflow) {
            let Some(key) = old.get(name(template)) else { continue };
            let text = template.to_string();
            let reads = text.contains("parameters.region") || text.contains("{{workflow.parameters}}");
            assert!(!reads || new[name(template)] != *key, "{seed}: {}", name(template));
        }
    }
}
