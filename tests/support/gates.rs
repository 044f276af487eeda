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
        leaf("lists", "echo '[\"p\", \"q\"]'"),
        // What hooks and exit handlers call, which is never memoized.
        leaf("tell", "true"),
    ]
}

/// A template that others may call.
#[derive(Clone)]
pub(crate) struct Offer {
    name: String,
    /// Whether it takes the parameter `m`.
    takes: bool,
    /// Whether it gives the parameter `o`.
    gives: bool,
}

impl Offer {
    fn leaf(name: &str) -> Self {
        Self { name: name.to_owned(), takes: matches!(name, "takes" | "gate-of"), gives: true }
    }
}

/// What a call is made of.
struct Calls {
    /// `steps` or `tasks`.
    kind: &'static str,
    calls: Vec<Value>,
    /// Those whose parameter `o` may be read.
    sources: Vec<String>,
    /// Those that print a list.
    lists: Vec<String>,
}

impl Calls {
    fn is_steps(&self) -> bool {
        self.kind == "steps"
    }

    fn output(&self, source: &str) -> String {
        format!("{{{{{}.{source}.outputs.parameters.o}}}}", self.kind)
    }

    fn add(&mut self, random: &mut StdRng, offer: &Offer, other: &str) {
        let name = format!("c{}", self.calls.len());
        let mut call = json!({"name": name, "template": offer.name});
        let source = self.sources.get(random.random_range(0..=self.sources.len())).cloned();
        if offer.takes {
            let value = source.as_ref().map_or_else(|| other.to_owned(), |source| self.output(source));
            call["arguments"] = json!({"parameters": [{"name": "m", "value": value}]});
        }
        let mut before: Vec<String> = source.iter().cloned().collect();
        match random.random_range(0..14) {
            0 => call["withItems"] = json!(["a", "a", "b"]),
            1 => call["withParam"] = "{{workflow.parameters.list}}".into(),
            2 => call["when"] = "{{workflow.parameters.x}} == 2".into(),
            3 => {
                let expression = format!("{}.{name}.status == 'Succeeded'", self.kind);
                call["hooks"] = json!({"told": {"template": "tell", "expression": expression}});
            }
            4 => call["withSequence"] = json!({"count": "2"}),
            5 => call["hooks"] = json!({"exit": {"template": "tell"}}),
            6 if self.is_steps() && offer.gives => {
                call["continueOn"] = json!({"failed": true});
                self.sources.push(name);
            }
            7 if !self.lists.is_empty() => {
                let list = &self.lists[random.random_range(0..self.lists.len())];
                call["withParam"] = format!("{{{{{}.{list}.outputs.result}}}}", self.kind).into();
                before.push(list.clone());
            }
            8 if source.is_some() => {
                let source = source.as_deref().unwrap_or_default();
                call["when"] = format!("'{}' =~ '^[0-7]'", self.output(source)).into();
            }
            _ if offer.gives => {
                if offer.name == "lists" {
                    self.lists.push(name.clone());
                }
                self.sources.push(name);
            }
            _ => {}
        }
        if !self.is_steps() && !before.is_empty() {
            before.dedup();
            let ends = if random.random_ratio(1, 6) { ".Succeeded || {}.Failed" } else { "" };
            let waits: Vec<String> =
                before.iter().map(|call| format!("({call}{})", ends.replace("{}", call))).collect();
            call["depends"] = waits.join(" && ").into();
        }
        self.calls.push(call);
    }
}

/// A template of this name that calls those offered, steps or tasks whose inputs may come from those before them.
fn nested(random: &mut StdRng, name: &str, offered: &[Offer]) -> (Value, Offer) {
    let kind = if random.random_ratio(1, 2) { "steps" } else { "tasks" };
    let takes = name != "body" && random.random_ratio(1, 3);
    let other = if takes { "{{inputs.parameters.m}}" } else { "{{workflow.parameters.x}}" };
    let mut calls = Calls { kind, calls: Vec::new(), sources: Vec::new(), lists: Vec::new() };
    for _ in 0..random.random_range(2..5) {
        let offer = offered[random.random_range(0..offered.len())].clone();
        calls.add(random, &offer, other);
    }
    let output = calls.sources.first().map(|source| calls.output(source));

    let mut nested = json!({"name": name});
    if calls.is_steps() {
        nested["steps"] = calls.calls.into_iter().map(|call| json!([call])).collect::<Vec<_>>().into();
    } else {
        nested["dag"] = json!({"tasks": calls.calls});
        if random.random_ratio(1, 5) {
            nested["dag"]["failFast"] = false.into();
        }
    }
    if takes {
        nested["inputs"] = json!({"parameters": [{"name": "m"}]});
    }
    let gives = output.is_some() && random.random_ratio(1, 2);
    if let (Some(output), true) = (output, gives) {
        nested["outputs"] = json!({"parameters": [{"name": "o", "valueFrom": {"parameter": output}}]});
    }
    if random.random_ratio(1, 3) {
        nested["retryStrategy"] = json!({"limit": "1"});
    }
    (nested, Offer { name: name.to_owned(), takes, gives })
}

pub(crate) fn workflow(random: &mut StdRng) -> Value {
    let mut templates = leaves();
    let leaves = ["draw", "draw", "takes", "takes", "reads", "flaky", "gate-of", "lists"];
    let mut offered = leaves.map(Offer::leaf).to_vec();
    for place in 0..random.random_range(1..3) {
        let (template, offer) = nested(random, &format!("n{place}"), &offered);
        templates.push(template);
        offered.extend([offer.clone(), offer]);
    }
    templates.push(nested(random, "body", &offered).0);
    let on_exit = random.random_ratio(1, 3);
    if on_exit {
        let step = |name: &str, when: &str| json!({"name": name, "template": "tell", "when": when});
        let steps = [step("good", "{{workflow.status}} == Succeeded"), step("bad", "{{workflow.status}} != Succeeded")];
        templates.push(json!({"name": "fin", "steps": [steps]}));
    }
    let step = |name: &str, template: &str| json!([{"name": name, "template": template}]);
    templates
        .push(json!({"name": "main", "steps": [step("body", "body"), step("gate", "gate"), step("late", "draw")]}));
    let mut workflow = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": {
        "entrypoint": "main", "templates": templates,
        "arguments": {"parameters": [{"name": "x", "value": "1"}, {"name": "list", "value": "[\"p\", \"q\"]"}]}}});
    if on_exit {
        workflow["spec"]["onExit"] = "fin".into();
    }
    workflow
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
    for (name, _) in new.iter().filter(|(_, node)| node["type"] == "Pod" && !is_hit(node)) {
        let is_told = |told: &String| {
            name.strip_prefix(told.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', '.']))
        };
        assert!(planned.keys().any(is_told), "{name} ran and is not in the plan");
    }
    let hits: Vec<&String> = new.iter().filter(|(_, node)| is_hit(node)).map(|(name, _)| name).collect();
    for name in &hits {
        // A loop whose list is not known stands for its items.
        let is_item_of_decided = name.rsplit_once('(').is_some_and(|(each, _)| planned.get(each) == Some(&"decided"));
        let is_planned = matches!(planned.get(*name), Some(&"cached" | &"decided")) || is_item_of_decided;
        assert!(is_planned, "{name} is cached and not planned so");
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
