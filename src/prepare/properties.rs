//! What holds for every workflow.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::argo::call::for_each_call_mut;
use crate::argo::expression::{Scope, Unresolved, render};
use crate::argo::template::list;

/// Names that keys have to keep apart, the longest legal ones among them.
fn names() -> Vec<String> {
    let long = "x".repeat(126);
    ["a-b", "a_b", "a.b", "A-b", "a", "_a"]
        .iter()
        .map(ToString::to_string)
        .chain(["-1", "-2"].map(|end| format!("{long}{end}")))
        .collect()
}

const TEXTS: [&str; 9] = [
    "plain",
    "{{inputs.parameters.i0}}",
    "{{workflow.parameters.p}}",
    "{{=workflow.parameters['q-1'] + 'x'}}",
    "{{workflow.labels.l}} {{workflow.namespace}}",
    "{{workflow.uid}}",
    "{{workflow.parameters.run_id}}",
    "{{steps.s0.outputs.result}} {{tasks.s0.outputs.result}}",
    "{{inputs.parameters}}",
];

fn odd() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~ü{}]{0,8}".prop_map(Value::from),
        select(&TEXTS[..]).prop_map(Value::from),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn call(site: usize, (target, text, looped): (usize, &str, bool), names: &[String]) -> Value {
    let mut call = json!({"name": format!("s{site}"), "template": names[target % names.len()],
        "arguments": {"parameters": [{"name": "i0", "value": text}]}});
    if looped {
        call["withItems"] = json!([1, "2"]);
    }
    call
}

fn template(names: Vec<String>, index: usize) -> impl Strategy<Value = Value> {
    let calls = prop::collection::vec((0..8_usize, select(&TEXTS[..]), any::<bool>()), 1..4);
    (0..7_usize, 0..3_usize, select(&TEXTS[..]), odd(), odd(), calls, any::<bool>()).prop_map(
        move |(kind, inputs, text, strategy, unknown, calls, env)| {
            let calls = calls.into_iter().enumerate().map(|(site, call_of)| call(site, call_of, &names));
            let body = match kind {
                0 => json!({"container": {"image": "x", "args": [text]}}),
                1 => json!({"script": {"source": text, "image": "x"}}),
                2 => json!({"steps": calls.map(|call| json!([call])).collect::<Vec<_>>()}),
                3 => json!({"dag": {"tasks": calls.collect::<Vec<_>>()}}),
                4 => json!({"suspend": {}}),
                5 => json!({"containerSet": {"containers": [{"name": "c", "args": [text]}]}}),
                _ => json!({"http": {"url": text}}),
            };
            let mut template = json!({"zz-unknown": unknown, "name": names[index], "retryStrategy": strategy});
            if inputs > 0 {
                let inputs: Vec<Value> =
                    (0..inputs).map(|input| json!({"name": format!("i{input}"), "value": "d"})).collect();
                template["inputs"] = json!({"parameters": inputs});
            }
            template.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            if env && let Some(container) = template.get_mut("container") {
                container["env"] = json!([{"name": "B", "value": "1"}, {"name": "A", "value": text}]);
            }
            template
        },
    )
}

fn workflows() -> impl Strategy<Value = Value> {
    (1..=8_usize, Just(names()).prop_shuffle(), odd(), any::<bool>()).prop_flat_map(|(count, mut names, odd, hooked)| {
        names.truncate(count);
        let templates: Vec<_> = (0..count).map(|index| template(names.clone(), index).boxed()).collect();
        templates.prop_map(move |templates| {
            let mut spec = json!({"unknown": odd, "entrypoint": names[0], "templates": templates, "arguments": {
                "parameters": [{"name": "p", "value": "1"}, {"name": "q-1", "value": "2", "enum": ["1", "2"]}]}});
            if hooked {
                spec["onExit"] = json!(names[count - 1]);
            }
            json!({"kind": "Workflow", "odd": [odd], "metadata": {"labels": {"l": "1"}, "namespace": "n"}, "spec": spec, "after": 1})
        })
    })
}

fn options(run_id: &str, cache: &str) -> Options {
    Options::new(run_id.parse().unwrap(), cache.parse().unwrap())
}

fn prepared(workflow: &Value) -> Value {
    prepare(workflow.clone(), &Templates::default(), &options("r-1", "runnable-aaaaaa")).unwrap().workflow
}

/// Takes away what prepare adds.
fn stripped(mut workflow: Value) -> Value {
    let ours = |name: &Value| {
        ["run_id", "retry_run_id", "retry_indicator", RESULT_INPUT].contains(&name.as_str().unwrap_or_default())
    };
    let strip = |holder: &mut Value, field: &str| {
        let Some(arguments) = holder.get_mut(field).and_then(Value::as_object_mut) else { return };
        if let Some(Value::Array(parameters)) = arguments.get_mut("parameters") {
            parameters.retain(|parameter| !ours(&parameter["name"]));
            if parameters.is_empty() {
                arguments.shift_remove("parameters");
            }
        }
        if arguments.is_empty() {
            holder.as_object_mut().unwrap().shift_remove(field);
        }
    };
    strip(&mut workflow["spec"], "arguments");
    for template in workflow["spec"]["templates"].as_array_mut().unwrap() {
        template.as_object_mut().unwrap().shift_remove("memoize");
        strip(template, "inputs");
        for_each_call_mut(template, &mut |call| strip(call, "arguments"));
        for path in ["/container", "/script", "/containerSet/containers/0"] {
            let Some(container) = template.pointer_mut(path).and_then(Value::as_object_mut) else { continue };
            let Some(Value::Array(env)) = container.get_mut("env") else { continue };
            env.retain(|entry| !VARIABLES.iter().any(|(name, _)| *name == text(entry, "name")));
            if env.is_empty() {
                container.shift_remove("env");
            }
        }
    }
    workflow
}

/// The key of a template as the controller evaluates it.
fn evaluated(template: &Value, run_id: &str, inputs: &str, parameter: &str) -> Option<String> {
    let key = template.pointer("/memoize/key")?.as_str()?;
    let mut scope = Scope::new();
    for (name, value) in [("run_id", run_id), ("p", parameter), ("q-1", "2")] {
        scope.set(format!("workflow.parameters.{name}"), value);
    }
    scope.set("workflow.name", "w-1");
    scope.set("node.name", "w-1[0].step");
    scope.set("workflow.labels.l", "1");
    scope.set("workflow.namespace", "n");
    let declared = list(template.pointer("/inputs/parameters"));
    for input in declared {
        scope.set(format!("inputs.parameters.{}", text(input, "name")), inputs);
    }
    if declared.is_empty() {
        scope.set("inputs.parameters", "null");
    }
    Some(render(key, &scope, Unresolved::Refuse).unwrap())
}

fn is_legal(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= 253
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

proptest! {
    #[test]
    fn preparing_twice_changes_nothing_more(workflow in workflows()) {
        let once = prepare(workflow, &Templates::default(), &options("r-1", "runnable-aaaaaa")).unwrap();
        let twice = prepare(once.workflow.clone(), &Templates::default(), &options("r-2", "runnable-bbbbbb")).unwrap();
        prop_assert_eq!(once.workflow.to_string(), twice.workflow.to_string());
        prop_assert_eq!(once.run, twice.run);
    }

    #[test]
    fn nothing_is_lost_or_moved(workflow in workflows()) {
        prop_assert_eq!(stripped(prepared(&workflow)).to_string(), workflow.to_string());
    }

    #[test]
    fn different_work_never_shares_a_key(workflow in workflows()) {
        let prepared = prepared(&workflow);
        let mut seen = HashMap::new();
        for template in list(prepared.pointer("/spec/templates")) {
            let inputs: &[&str] = if list(template.pointer("/inputs/parameters")).is_empty() { &[""] } else { &["", "1", "[1]", "\"1\""] };
            for inputs in inputs {
                for run_id in ["a_b", "a-b", "a"] {
                    let Some(key) = evaluated(template, run_id, inputs, "1") else { continue };
                    let work = (text(template, "name"), *inputs, run_id);
                    prop_assert_eq!(seen.insert(key, work), None, "{:?}", work);
                }
            }
        }
    }

    #[test]
    fn a_value_that_is_read_changes_the_key(workflow in workflows()) {
        for template in list(prepared(&workflow).pointer("/spec/templates")) {
            let mut bare = template.clone();
            bare["memoize"] = Value::Null;
            bare["retryStrategy"] = Value::Null;
            let reads = bare.to_string().contains("{{workflow.parameters.p}}");
            let keys = ["1", "2"].map(|value| evaluated(template, "r", "", value));
            prop_assert!(!reads || keys[0].is_none() || keys[0] != keys[1]);
        }
    }

    #[test]
    fn a_key_is_legal_whatever_the_names(
        run_id in "[a-zA-Z0-9_-]{1,63}",
        name in prop_oneof!["[a-zA-Z0-9][-a-zA-Z0-9]{0,127}", "[ -~ü]{0,200}", Just("x".repeat(128))],
        full in any::<bool>(),
    ) {
        let run_id = if full { "_".repeat(63) } else { run_id };
        let workflow = json!({"kind": "Workflow", "spec": {"templates": [{"name": name, "container": {"image": "x"}}]}});
        let prepared = prepare(workflow, &Templates::default(), &options(&run_id, "c")).unwrap();
        let key = evaluated(&prepared.workflow["spec"]["templates"][0], &run_id, "", "").unwrap();
        prop_assert!(is_legal(&key), "{}", key);
    }
}

/// What Argo v4.1.2's own code made of the same key.
#[test]
fn a_key_is_evaluated_as_the_controller_evaluates_it() {
    let key = key::key("hello", &[0; 32], &[]);
    let template = json!({"memoize": {"key": key}});
    let evaluated = evaluated(&template, "My_run-1", "", "").unwrap();
    assert_eq!(evaluated, "hello-0000000000000000-My-run-1-abbcfb18782cc92e");
}
