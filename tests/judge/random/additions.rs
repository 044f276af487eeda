//! Fields that may or may not belong where they are added.

use serde_json::{Value, json};

use super::dice::Dice;

/// A field, and a value for it.
type Field = (&'static str, Value);

/// A field that may or may not belong there.
pub(crate) fn addition(dice: &mut Dice, place: &str, is_call: bool) -> (String, Value) {
    let fields = match (place, is_call) {
        ("/spec", _) => of_specs(),
        (_, true) => of_calls(),
        (_, false) if dice.chance(50) => of_templates(),
        _ => of_inputs_and_outputs(),
    };
    let (key, value) = dice.of(&fields);
    (key.to_owned(), value)
}

fn of_calls() -> Vec<Field> {
    vec![
        ("withItems", json!(["a", "b"])),
        ("withItems", json!([])),
        ("withParam", json!("[1]")),
        ("withParam", json!("nonsense")),
        ("withSequence", json!({"count": 1, "end": 2})),
        ("withSequence", json!({"start": "x", "end": 2})),
        ("withSequence", json!({})),
        ("when", json!("{{steps.c0.outputs.result}} == 1")),
        ("when", json!("((")),
        ("depends", json!("c0")),
        ("depends", json!("c0.Sucess && c1")),
        ("depends", json!("c9 || c0")),
        ("dependencies", json!(["c0"])),
        ("dependencies", json!(["c3", "c2"])),
        ("continueOn", json!({"failed": true})),
        ("templateRef", json!({"name": "shared", "template": "s0"})),
        ("templateRef", json!({"name": "none", "template": "s0"})),
        ("inline", json!({"container": {"image": "alpine", "command": ["true"]}})),
        ("onExit", json!("none")),
        ("hooks", json!({"exit": {"template": "none"}})),
        ("hooks", json!({"running": {"template": "t0"}})),
        ("hooks", json!({"r": {"template": "t0", "expression": "true"}})),
        ("arguments", json!({"parameters": [{"name": "a"}]})),
        ("arguments", json!({"parameters": [{"name": "zz", "value": "1"}]})),
        ("arguments", json!({"artifacts": [{"name": "f", "from": "{{steps.c0.outputs.artifacts.f}}"}]})),
        (
            "arguments",
            json!({"artifacts": [{"name": "f", "from": "{{tasks.c0.outputs.artifacts.f}}", "optional": true}]}),
        ),
        ("arguments", json!({"artifacts": [{"name": "f", "raw": {"data": "x"}}]})),
        ("arguments", json!({"artifacts": [{"name": "f"}]})),
        ("hooks", json!({"exit": {"template": "t0", "expression": "tasks['c0'].outputs.result == 'x'"}})),
        (
            "hooks",
            json!({"exit": {"template": "t0", "arguments": {"parameters": [{"name": "a", "value": "{{item}}"}]}}}),
        ),
        ("withSequence", json!({"count": "2", "format": "%s"})),
        ("inline", json!({"steps": [[{"name": "i", "template": "t0"}]]})),
    ]
}

fn of_templates() -> Vec<Field> {
    vec![
        ("activeDeadlineSeconds", json!(30)),
        ("timeout", json!("30s")),
        ("timeout", json!("soon")),
        ("daemon", json!(true)),
        ("suspend", json!({})),
        ("script", json!({"image": "alpine", "command": ["sh"], "source": "true"})),
        ("parallelism", json!(1)),
        ("dag", json!({"tasks": []})),
        ("steps", json!([])),
        ("steps", json!([[]])),
        ("container", json!({"image": "alpine"})),
        ("retryStrategy", json!({"limit": "x"})),
        ("retryStrategy", json!({"retryPolicy": "Always"})),
        ("failFast", json!(false)),
        ("volumes", json!([{"name": "v", "emptyDir": {}}])),
        ("synchronization", json!({"mutexes": [{"name": "m"}]})),
        ("memoize", json!({"key": "k", "maxAge": "1h", "cache": {"configMap": {"name": "c"}}})),
        ("metrics", json!({"prometheus": [{"name": "m", "help": "h", "counter": {"value": "1"}}]})),
        ("initContainers", json!([{"name": "i", "image": "alpine"}])),
        ("sidecars", json!([{"image": "alpine"}])),
        ("securityContext", json!({})),
        ("podSpecPatch", json!("{\"containers\":[{\"name\":\"main\",\"image\":\"{{inputs.parameters.a}}\"}]}")),
        ("podSpecPatch", json!("{{inputs.parameters.zz}}")),
        ("podSpecPatch", json!("nonsense: [")),
        ("podSpecPatch", json!({"containers": []})),
        (
            "synchronization",
            json!({"semaphores": [{"configMapKeyRef": {"name": "c", "key": "{{inputs.parameters.zz}}"}}]}),
        ),
        ("synchronization", json!({"semaphores": [{"configMapKeyRef": {"name": "c"}}]})),
        ("synchronization", json!({"mutexes": [{"name": "{{workflow.name}}-{{inputs.parameters.a}}"}]})),
        ("synchronization", json!({"mutexes": [{"name": "{{inputs.parameters.zz}}"}]})),
        ("synchronization", json!({"mutexes": [{}]})),
    ]
}

fn of_inputs_and_outputs() -> Vec<Field> {
    vec![
        ("outputs", json!({"parameters": [{"name": "q"}]})),
        ("outputs", json!({"parameters": [{"name": "q", "valueFrom": {"path": "/tmp/q"}}]})),
        ("outputs", json!({"parameters": [{"name": "q", "valueFrom": {"parameter": "{{steps.c0.outputs.result}}"}}]})),
        ("outputs", json!({"parameters": [{"name": "q", "valueFrom": {"expression": "steps.c0.outputs.result"}}]})),
        ("outputs", json!({"artifacts": [{"name": "f", "path": "/tmp/f"}]})),
        ("outputs", json!({"artifacts": [{"name": "f", "from": "{{steps.c0.outputs.artifacts.f}}"}]})),
        ("inputs", json!({"parameters": [{"name": "q"}]})),
        ("inputs", json!({"parameters": [{"name": "a", "enum": ["x", "y"]}]})),
        ("inputs", json!({"artifacts": [{"name": "f", "path": "/tmp/f"}]})),
        ("inputs", json!({"artifacts": [{"name": "f", "path": "/tmp/f", "optional": true}]})),
        (
            "inputs",
            json!({"artifacts": [{"name": "f", "path": "/tmp/f", "raw": {"data": "{{inputs.parameters.zz}}"}}]}),
        ),
        ("inputs", json!({"artifacts": [{"name": "f"}]})),
        (
            "outputs",
            json!({"artifacts": [{"name": "f", "path": "/tmp/f", "optional": true}, {"name": "f", "path": "/g"}]}),
        ),
        ("outputs", json!({"artifacts": [{"name": "f", "fromExpression": "steps.c0.outputs.artifacts.f"}]})),
    ]
}

fn of_specs() -> Vec<Field> {
    vec![
        ("onExit", json!("t0")),
        ("onExit", json!("none")),
        ("hooks", json!({"exit": {"template": "t1"}})),
        ("hooks", json!({"x": {"template": "t0"}})),
        ("hooks", json!({"x": {"template": "t0", "expression": "workflow.status == 'Running'"}})),
        ("workflowTemplateRef", json!({"name": "shared"})),
        ("templateDefaults", json!({"retryStrategy": {"limit": 1}})),
        ("templateDefaults", json!({"container": {"image": "alpine"}})),
        ("parallelism", json!(2)),
        ("priority", json!(3)),
        ("podSpecPatch", json!("{\"terminationGracePeriodSeconds\": 3}")),
        ("podSpecPatch", json!("{{workflow.parameters.zz}}")),
        ("synchronization", json!({"mutexes": [{"name": "{{workflow.parameters.t}}"}]})),
        ("synchronization", json!({"mutexes": [{"name": "{{workflow.parameters.zz}}"}]})),
        ("hooks", json!({"exit": {"template": "t0", "expression": "workflow.status == 'Failed' && ("}})),
        ("podGC", json!({"strategy": "Never"})),
        ("ttlStrategy", json!({"secondsAfterCompletion": 1})),
        ("volumes", json!([{"name": "v", "emptyDir": {}}])),
    ]
}
