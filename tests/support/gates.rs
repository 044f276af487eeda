//! Random workflows that fail at a gate in their first attempt, and what must hold of each later one: the plan is what happens,
//! what is cached is what the same call gave, and nothing that succeeded and did not change runs again.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

const DRAW: &str = "od -An -N4 -tx1 /dev/urandom | tr -d ' \\n' >/tmp/o";
const AGAIN: &str = "test -n \"$RUNNABLE_RETRY_RUN_ID\"";

fn leaf(name: &str, script: &str) -> Value {
    let script = format!("{DRAW}; {script}");
    json!({"name": name, "container": {"image": "busybox:1.37", "command": ["sh", "-c", script]},
        "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/tmp/o"}}]}})
}

pub(crate) fn leaves() -> Vec<Value> {
    let takes = |name: &str, script: &str| {
        let mut leaf = leaf(name, script);
        leaf["inputs"] = json!({"parameters": [{"name": "m"}]});
        leaf
    };
    let mut flaky = leaf("flaky", "test {{retries}} -ge 1");
    flaky["retryStrategy"] = json!({"limit": "2"});
    vec![
        leaf("draw", "true"),
        leaf("reads", "echo {{workflow.parameters.x}}"),
        leaf("gate", AGAIN),
        takes("takes", "echo {{inputs.parameters.m}}"),
        takes("gate-of", &format!("case {{{{inputs.parameters.m}}}} in [0-7]*) {AGAIN};; esac")),
        flaky,
    ]
}

/// A template of this name that calls those offered, steps or tasks whose inputs may come from those before them.
fn nested(random: &mut StdRng, name: &str, offered: &[String]) -> Value {
    let steps = random.random_ratio(1, 2);
    let kind = if steps { "steps" } else { "tasks" };
    let mut calls: Vec<Value> = Vec::new();
    let mut sources: Vec<String> = Vec::new();
    for place in 0..random.random_range(2..5) {
        let template = offered[random.random_range(0..offered.len())].clone();
        let mut call = json!({"name": format!("c{place}"), "template": template});
        let source = sources.get(random.random_range(0..=sources.len())).cloned();
        if template == "takes" || template == "gate-of" {
            let value = source.as_ref().map(|source| format!("{{{{{kind}.{source}.outputs.parameters.o}}}}"));
            call["arguments"] = json!({"parameters": [{"name": "m", "value": value.unwrap_or_else(|| "{{workflow.parameters.x}}".into())}]});
        }
        if let (Some(source), false) = (source, steps) {
            call["depends"] = source.into();
        }
        match random.random_range(0..10) {
            0 => call["withItems"] = json!(["a", "a", "b"]),
            1 => call["withParam"] = "{{workflow.parameters.list}}".into(),
            2 => call["when"] = "{{workflow.parameters.x}} == 2".into(),
            3 => {
                let expression = format!("{kind}.c{place}.status == 'Succeeded'");
                call["hooks"] = json!({"told": {"template": "draw", "expression": expression}});
            }
            // Steps and dag templates give no outputs here.
            _ if !template.starts_with('n') => sources.push(format!("c{place}")),
            _ => {}
        }
        calls.push(call);
    }
    let mut nested = if steps {
        json!({"name": name, "steps": calls.into_iter().map(|call| json!([call])).collect::<Vec<_>>()})
    } else {
        json!({"name": name, "dag": {"tasks": calls}})
    };
    if random.random_ratio(1, 3) {
        nested["retryStrategy"] = json!({"limit": "1"});
    }
    nested
}

pub(crate) fn workflow(random: &mut StdRng) -> Value {
    let mut templates = leaves();
    let mut offered: Vec<String> =
        ["draw", "draw", "takes", "takes", "reads", "flaky", "gate-of"].map(str::to_owned).to_vec();
    for place in 0..random.random_range(1..3) {
        let name = format!("n{place}");
        templates.push(nested(random, &name, &offered));
        offered.extend([name.clone(), name]);
    }
    templates.push(nested(random, "body", &offered));
    let step = |name: &str, template: &str| json!([{"name": name, "template": template}]);
    templates
        .push(json!({"name": "main", "steps": [step("body", "body"), step("gate", "gate"), step("late", "draw")]}));
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": {
        "entrypoint": "main", "templates": templates,
        "arguments": {"parameters": [{"name": "x", "value": "1"}, {"name": "list", "value": "[\"p\", \"q\"]"}]}}})
}

/// The nodes that a plan tells of, by their names below the workflow's and without the indices of groups.
pub(crate) fn nodes(workflow: &Value) -> BTreeMap<String, Value> {
    let name = workflow["metadata"]["name"].as_str().unwrap();
    let all = workflow["status"]["nodes"].as_object().unwrap().values();
    let shown = all.filter(|node| {
        !matches!(node["type"].as_str(), Some("StepGroup" | "TaskGroup" | "Container"))
            && node["nodeFlag"]["retried"] != true
    });
    shown.map(|node| (below(name, node["name"].as_str().unwrap()), node.clone())).collect()
}

pub(crate) fn below(workflow: &str, name: &str) -> String {
    let rest = name.strip_prefix(workflow).unwrap();
    let mut parts = rest.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| path + part.split_once(']').map_or(part, |(_, rest)| rest))
}

pub(crate) fn is_hit(node: &Value) -> bool {
    node["memoizationStatus"]["hit"] == true
}

/// Holds the next attempt against its plan and the attempts before, of which it goes on from the last.
pub(crate) fn check(history: &[Value], plan: &Value, after: &Value, unchanged: bool) {
    let attempts: Vec<_> = history.iter().map(nodes).collect();
    let (old, new) = (attempts.last().unwrap(), nodes(after));
    let ended_well = after["status"]["phase"] == "Succeeded";
    for entry in plan["nodes"].as_array().unwrap() {
        let name = below(plan["workflow"].as_str().unwrap(), entry["name"].as_str().unwrap());
        let node = new.get(&name);
        // What comes after a failure is not reached.
        let not_reached = node.is_none() && !ended_well;
        let holds = match entry["action"].as_str().unwrap() {
            "cached" if entry["within"].is_string() => node.is_none(),
            "cached" => node.is_some_and(is_hit) || not_reached,
            "runs" => node.is_some_and(|node| !is_hit(node)) || not_reached,
            "skipped" => node.is_none_or(|node| matches!(node["phase"].as_str(), Some("Skipped" | "Omitted"))),
            "decided" => true,
            other => panic!("unknown action {other}"),
        };
        assert!(holds, "planned {entry}, became {node:#?}");
    }
    let planned: BTreeMap<String, &str> = plan["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let name = below(plan["workflow"].as_str().unwrap(), entry["name"].as_str().unwrap());
            (name, entry["action"].as_str().unwrap())
        })
        .collect();
    let hits: Vec<&String> = new.iter().filter(|(_, node)| is_hit(node)).map(|(name, _)| name).collect();
    for name in &hits {
        assert!(matches!(planned.get(*name), Some(&"cached" | &"decided")), "{name} is cached and not planned so");
        let earlier = attempts.iter().filter_map(|nodes| nodes.get(*name)).filter(|node| node["phase"] == "Succeeded");
        let gave: Vec<&Value> = earlier.map(|node| &node["outputs"]["parameters"]).collect();
        // An item of a changed list is known by its value and may have had another place.
        assert!(!gave.is_empty() || !unchanged, "{name} never succeeded");
        assert!(
            gave.is_empty() || gave.contains(&&new[*name]["outputs"]["parameters"]),
            "{name} has another's outputs: {} among {gave:?}",
            new[*name]["outputs"]["parameters"]
        );
    }
    for (name, node) in old.iter().filter(|(_, node)| unchanged && node["phase"] == "Succeeded") {
        let is_kept = |hit: &&String| {
            name == *hit || name.starts_with(&format!("{hit}.")) || name.starts_with(&format!("{hit}("))
        };
        let memoized = node["memoizationStatus"].is_object();
        // The first attempt at a template was enough this time.
        let spared = name.contains("(1)") && !new.contains_key(name);
        assert!(!memoized || spared || hits.iter().any(is_kept), "{name} ran again");
    }
}
