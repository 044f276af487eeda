#![allow(clippy::unwrap_used)]

mod carried_over;
mod known_keys;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::rehearsal::{Outcome, Rehearsal};
use super::*;
use crate::argo::Workflow;
use crate::argo::identity::ObjectName;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::node_id;
use crate::prepare::{Options, Templates, prepare};

fn options(parameters: &[(&str, &str)]) -> Options {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let name = Some("next".parse().unwrap());
    let generated = ("generated".parse().unwrap(), "runnable-abc123".parse().unwrap());
    Options { parameters, name, ..Options::new(generated.0, generated.1) }
}

fn now() -> Timestamp {
    "2026-11-21T10:01:40Z".parse().unwrap()
}

fn step(name: &str, template: &str, after: &str, argument: &str) -> Value {
    let parameters = if argument.is_empty() { json!([]) } else { json!([{"name": "m", "value": argument}]) };
    json!({"name": name, "template": template, "depends": after, "arguments": {"parameters": parameters}})
}

/// A DAG `a ─► b`, `a ─► c ─► d`, in which `c` fails; each task has its template.
fn document() -> Value {
    let leaf = |name: &str, command: &str| {
        json!({"name": name, "inputs": {"parameters": [{"name": "m", "default": ""}]},
            "container": {"image": "x", "command": ["sh", "-c", command]}})
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": "etl-x2k9f", "namespace": "argo"},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "day", "value": "mon"}, {"name": "extra", "value": "e"}]},
            "templates": [
                {"name": "main", "dag": {"tasks": [
                    step("a", "ta", "", "{{workflow.parameters.day}}"),
                    step("b", "tb", "a", ""),
                    step("c", "tc", "a", "{{tasks.a.outputs.result}}"),
                    step("d", "td", "c", ""),
                ]}},
                leaf("ta", "echo a"), leaf("tb", "echo {{workflow.parameters.extra}}"), leaf("tc", "false"),
                leaf("td", "true"),
            ],
        },
    })
}

fn node(name: &str, kind: &str, phase: &str, template: &str, children: &[&str]) -> Value {
    let id = |name: &str| node_id("etl-x2k9f", &format!("etl-x2k9f{name}"));
    let mut node = json!({
        "id": id(name), "name": format!("etl-x2k9f{name}"), "displayName": name.trim_start_matches('.'),
        "type": kind, "phase": phase, "templateName": template, "templateScope": "local/etl-x2k9f",
        "startedAt": "2026-11-21T09:59:00Z", "finishedAt": "2026-11-21T10:00:00Z",
        "children": children.iter().map(|child| id(child)).collect::<Vec<_>>(),
    });
    if !name.is_empty() {
        node["boundaryID"] = "etl-x2k9f".into();
    }
    if kind != "Skipped" {
        let key = format!("{template}-0");
        node["memoizationStatus"] = json!({"hit": false, "key": key, "cacheName": "runnable-abc123"});
    }
    node
}

/// The run as it stands after `c` has failed.
fn live() -> Value {
    let mut live = prepare(document(), &Templates::default(), &options(&[("run_id", "r1")])).unwrap().workflow;
    live["metadata"]["name"] = "etl-x2k9f".into();
    live["metadata"]["uid"] = "u1".into();
    live["metadata"]["resourceVersion"] = "7".into();
    live["metadata"]["labels"] = json!({"team": "data", "workflows.argoproj.io/completed": "true",
        "workflows.argoproj.io/phase": "Failed", "workflows.argoproj.io/creator": "ann"});
    live["metadata"]["annotations"] = json!({"note": "n", "workflows.argoproj.io/pod-name-format": "v2"});
    live["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "nightly", "uid": "o"}]);
    let nodes = [
        node("", "DAG", "Failed", "main", &[".a"]),
        node(".a", "Pod", "Succeeded", "ta", &[".b", ".c"]),
        node(".b", "Pod", "Succeeded", "tb", &[]),
        node(".c", "Pod", "Failed", "tc", &[".d"]),
        node(".d", "Skipped", "Omitted", "td", &[]),
    ];
    let nodes: serde_json::Map<String, Value> =
        nodes.into_iter().map(|node| (node["id"].as_str().unwrap().to_owned(), node)).collect();
    live["status"] = json!({"phase": "Failed", "nodes": nodes, "message": "child failed",
        "startedAt": "2026-11-21T09:59:00Z", "finishedAt": "2026-11-21T10:00:00Z",
        "conditions": [{"type": "Completed", "status": "True"}]});
    let a = node_id("etl-x2k9f", "etl-x2k9f.a");
    live["status"]["nodes"][&a]["outputs"] = json!({"result": "of a"});
    keyed(live)
}

/// The run whose nodes have asked for the keys that the engine computes; those that take outputs of others come last.
fn keyed(mut live: Value) -> Value {
    for _ in 0..2 {
        let entries = Entries::expected(&Workflow::view(&live).nodes());
        let as_next = live.clone();
        let next = Next { workflow: &as_next, templates: &Templates::default(), notices: &[], stubs: None };
        for rehearsed in Rehearsal::of(next, &Asked::default(), &entries, now()).told() {
            if let Outcome::Missed(missed) = rehearsed.outcome {
                let node = &mut live["status"]["nodes"][&rehearsed.node.id];
                if node["memoizationStatus"].is_object() {
                    node["memoizationStatus"]["key"] = missed.key.into();
                    node["inputs"] = rehearsed.node.inputs.unwrap_or_default();
                }
            }
        }
    }
    live
}

fn next(live: &Value, edited: Option<&Value>, parameters: &[(&str, &str)]) -> Value {
    let generated_cache_name = "runnable-zzzzzz".parse().unwrap();
    let options = Attempts::of(live).next().options(Options { generated_cache_name, ..options(parameters) });
    new_attempt(live, edited, &Templates::default(), &options).unwrap().workflow
}

fn plan(live: &Value, next: &Value) -> Plan {
    plan_from(live, next, &Entries::expected(&Workflow::view(live).nodes()))
}

fn plan_from(live: &Value, next: &Value, entries: &Entries) -> Plan {
    let next = Next { workflow: next, templates: &Templates::default(), notices: &[], stubs: None };
    let nodes = Workflow::view(live).nodes();
    Plan::new_attempt(live, || &nodes, next, &Asked::default(), entries, now())
}

fn verdict<'a>(plan: &'a Plan, name: &str) -> &'a Verdict {
    let full = format!("etl-x2k9f{name}");
    &plan.nodes.iter().find(|entry| entry.name == full).unwrap_or_else(|| panic!("no {full} in {plan:?}")).verdict
}

fn runs(why: Why) -> Verdict {
    Verdict::Runs { why }
}

const CACHED: Verdict =
    Verdict::Cached { age_seconds: Some(100), expires_in_seconds: None, within: None, reused: false };

#[test]
fn only_what_failed_runs_again() {
    let live = live();
    let plan = plan(&live, &next(&live, None, &[]));
    assert_eq!(*verdict(&plan, ""), runs(Why::Within));
    assert_eq!(*verdict(&plan, ".a"), CACHED);
    assert_eq!(*verdict(&plan, ".b"), CACHED);
    assert_eq!(*verdict(&plan, ".c"), runs(Why::Failed));
    assert_eq!(*verdict(&plan, ".d"), runs(Why::Omitted));
    assert_eq!((plan.run_id.as_deref(), plan.attempt, plan.mode), (Some("r1"), 2, "new"));
}

#[test]
fn a_changed_parameter_runs_what_reads_it() {
    let live = live();
    let day = plan(&live, &next(&live, None, &[("day", "tue")]));
    assert_eq!(*verdict(&day, ".a"), runs(Why::InputChanged { parameters: vec!["m".to_owned()] }));
    assert_eq!(*verdict(&day, ".b"), CACHED);
    let extra = plan(&live, &next(&live, None, &[("extra", "f")]));
    assert_eq!(
        *verdict(&extra, ".b"),
        runs(Why::InputChanged { parameters: vec!["workflow.parameters.extra".to_owned()] })
    );
    assert_eq!(*verdict(&extra, ".a"), CACHED);
}

#[test]
fn an_edited_template_runs_and_decides_on_what_takes_its_outputs() {
    let mut live = live();
    let failed = live["status"]["nodes"].as_object_mut().unwrap();
    let c = node_id("etl-x2k9f", "etl-x2k9f.c");
    failed[&c]["phase"] = "Succeeded".into();
    let mut edited = document();
    edited["spec"]["templates"][1]["container"]["command"] = json!(["sh", "-c", "echo edited"]);
    edited["spec"]["arguments"]["parameters"][0]["value"] = "wed".into();
    let next = next(&live, Some(&edited), &[]);
    let plan = plan(&live, &next);
    assert_eq!(*verdict(&plan, ".a"), runs(Why::TemplateEdited { fields: vec!["container.command".to_owned()] }));
    assert_eq!(*verdict(&plan, ".b"), CACHED);
    assert_eq!(*verdict(&plan, ".c"), Verdict::Decided { by: Some("a".to_owned()) });
    assert_eq!(next["spec"]["arguments"]["parameters"][0]["value"], "mon", "the run keeps its parameters");
}

#[test]
fn what_the_cache_does_not_have_runs() {
    let live = live();
    let a = Workflow::view(&live).nodes().named("etl-x2k9f.a").cloned().unwrap();
    let key = a.memoization_status.unwrap().key;
    let kept = Kept { created: Some(now()), outputs: a.outputs, node_id: a.id };
    let entries = [(("runnable-abc123".to_owned(), key), kept)].into_iter().collect();
    let plan = plan_from(&live, &next(&live, None, &[]), &entries);
    let made_now = Verdict::Cached { age_seconds: Some(0), expires_in_seconds: None, within: None, reused: false };
    assert_eq!(*verdict(&plan, ".a"), made_now);
    assert_eq!(*verdict(&plan, ".b"), runs(Why::EntryGone));
}

#[test]
fn a_look_up_that_ends_a_node_in_error_is_no_hit() {
    let live = live();
    let (cache, next) = ("runnable-abc123", next(&live, None, &[]));
    let key = |name: &str| Workflow::view(&live).nodes().named(name).cloned().unwrap().memoization_status.unwrap().key;
    let fails = |message: &str| runs(Why::Fails { message: message.to_owned() });
    let mut malformed = Entries::expected(&Workflow::view(&live).nodes());
    malformed.add_fault(cache, Some(&key("etl-x2k9f.a")), "its entry is malformed".to_owned());
    let plan = plan_from(&live, &next, &malformed);
    assert_eq!(*verdict(&plan, ".a"), fails("its entry is malformed"));
    assert_eq!(*verdict(&plan, ".b"), CACHED);
    let mut refused = Entries::expected(&Workflow::view(&live).nodes());
    refused.add_fault(cache, None, "no label".to_owned());
    let plan = plan_from(&live, &next, &refused);
    assert_eq!(plan.nodes.iter().map(|entry| entry.verdict.clone()).collect::<Vec<_>>(), [fails("no label")]);
}

#[test]
fn an_entry_can_be_too_old() {
    let mut live = live();
    live["spec"]["templates"][1]["memoize"]["maxAge"] = "90s".into();
    live["spec"]["templates"][2]["memoize"]["maxAge"] = "2m".into();
    let plan = plan(&live, &next(&live, None, &[]));
    assert_eq!(*verdict(&plan, ".a"), runs(Why::Expired));
    let soon = Verdict::Cached { age_seconds: Some(100), expires_in_seconds: Some(20), within: None, reused: false };
    assert_eq!(*verdict(&plan, ".b"), soon);
}

#[test]
fn a_template_left_out_of_memoization_runs() {
    let mut live = live();
    let a = node_id("etl-x2k9f", "etl-x2k9f.a");
    live["status"]["nodes"][&a].as_object_mut().unwrap().shift_remove("memoizationStatus");
    assert_eq!(*verdict(&plan(&live, &next(&live, None, &[])), ".a"), runs(Why::NotMemoized { because: None }));
}

#[test]
fn of_a_run_of_an_older_version_what_runs_once_keeps_its_entry() {
    let mut live = live();
    let c = node_id("etl-x2k9f", "etl-x2k9f.c");
    live["spec"]["templates"][0]["dag"]["tasks"][2]["template"] = "ta".into();
    live["status"]["nodes"][&c]["templateName"] = "ta".into();
    for template in live["spec"]["templates"].as_array_mut().unwrap() {
        let key = template["memoize"]["key"].as_str().unwrap();
        let (values, _) = key.split_once("sprig.regexReplaceAll").unwrap();
        template["memoize"]["key"] = format!("{}])))}}}}", values.trim_end_matches(", ")).into();
    }
    let live = keyed(live);
    let plan = plan(&live, &next(&live, None, &[]));
    assert_eq!(*verdict(&plan, ".a"), runs(Why::OlderVersion));
    assert_eq!(*verdict(&plan, ".b"), CACHED);
    assert_eq!(*verdict(&plan, ".c"), runs(Why::Failed));
}

#[test]
fn templates_left_out_of_memoization_do_not_answer_for_each_other() {
    let mut live = live();
    let next = {
        let mut next = next(&live, None, &[]);
        for template in next["spec"]["templates"].as_array_mut().unwrap() {
            template.as_object_mut().unwrap().shift_remove("memoize");
        }
        next["spec"]["onExit"] = "ta".into();
        next
    };
    for node in live["status"]["nodes"].as_object_mut().unwrap().values_mut() {
        node.as_object_mut().unwrap().shift_remove("memoizationStatus");
    }
    let plan = plan(&live, &next);
    for name in [".a", ".b"] {
        assert_eq!(*verdict(&plan, name), runs(Why::NotMemoized { because: None }), "{name}");
    }
    assert_eq!((verdict(&plan, ".c"), verdict(&plan, ".d")), (&runs(Why::Failed), &runs(Why::Omitted)));
    assert_eq!(*verdict(&plan, ".onExit"), runs(Why::Handler));
}

#[test]
fn a_node_in_a_cached_one_is_not_asked_for() {
    let mut live = live();
    live["status"]["nodes"]["etl-x2k9f"]["phase"] = "Succeeded".into();
    let plan = plan(&live, &next(&live, None, &[]));
    assert_eq!(*verdict(&plan, ""), CACHED);
    let within = Verdict::Cached {
        age_seconds: Some(100),
        expires_in_seconds: None,
        within: Some(String::new()),
        reused: false,
    };
    assert_eq!(*verdict(&plan, ".b"), within);
    assert_eq!(plan.runs(), 0);
}

/// The plan of a run that is asked to run nodes again.
fn plan_asked(live: &Value, next: &Value, nodes: &[&str], and_after: bool) -> Result<Plan, Refusal> {
    let entries = Entries::expected(&Workflow::view(live).nodes());
    let wish = Wish { nodes: nodes.iter().map(|node| (*node).to_owned()).collect(), and_after };
    let next = Next { workflow: next, templates: &Templates::default(), notices: &[], stubs: None };
    let nodes = Workflow::view(live).nodes();
    let asked = Asked::new(&wish, || &nodes, next, &entries, now())?;
    Ok(Plan::new_attempt(live, || &nodes, next, &asked, &entries, now()))
}

/// The run, had nothing failed in it.
fn succeeded() -> Value {
    let mut live = live();
    for node in live["status"]["nodes"].as_object_mut().unwrap().values_mut() {
        node["phase"] = "Succeeded".into();
        if node["memoizationStatus"].is_null() || node["id"] == "etl-x2k9f" {
            node["memoizationStatus"] = json!({"hit": false, "key": "none-0", "cacheName": "runnable-abc123"});
        }
    }
    live["status"]["phase"] = "Succeeded".into();
    keyed(live)
}

#[test]
fn a_node_is_run_again_alone_or_with_what_follows() {
    let live = succeeded();
    let next = next(&live, None, &[]);
    let key = |name: &str| {
        let node = Workflow::view(&live).nodes().named(&format!("etl-x2k9f{name}")).cloned().unwrap();
        EntryName { cache: "runnable-abc123".to_owned(), key: node.memoization_status.unwrap().key }
    };
    let only = plan_asked(&live, &next, &["c"], false).unwrap();
    let verdicts = ["", ".a", ".b", ".c", ".d"].map(|name| verdict(&only, name).clone());
    assert_eq!(verdicts, [runs(Why::Within), CACHED, CACHED, runs(Why::Selected), CACHED]);
    assert_eq!(only.removes, [key(""), key(".c")].into(), "no other entry is touched");

    let from = plan_asked(&live, &next, &["c"], true).unwrap();
    let verdicts = ["", ".a", ".b", ".c", ".d"].map(|name| verdict(&from, name).clone());
    let asked = runs(Why::Selected);
    assert_eq!(verdicts, [runs(Why::Within), CACHED, CACHED, asked.clone(), asked]);
    assert_eq!(from.removes, [key(""), key(".c"), key(".d")].into());
}

#[test]
fn what_follows_loses_the_entry_that_it_made_whatever_its_input_will_be() {
    let live = succeeded();
    // The key of `c` holds what `a` will give, which nobody knows yet.
    let from = plan_asked(&live, &next(&live, None, &[]), &["a"], true).unwrap();
    assert_eq!(from.nodes.iter().filter(|entry| entry.verdict == runs(Why::Selected)).count(), 4);
    assert_eq!(from.removes.len(), 5);
}

#[test]
fn a_node_is_asked_for_by_what_people_call_it() {
    let live = succeeded();
    let next = next(&live, None, &[]);
    let id = node_id("etl-x2k9f", "etl-x2k9f.b");
    for name in ["b", "etl-x2k9f.b", &id] {
        assert_eq!(*verdict(&plan_asked(&live, &next, &[name], false).unwrap(), ".b"), runs(Why::Selected), "{name}");
    }
    let refused = |name: &str| plan_asked(&live, &next, &[name], false).unwrap_err();
    assert!(matches!(refused("unheard-of"), Refusal::UnknownNode { nearest: None, .. }));
    let mut edited = document();
    edited["spec"]["templates"][0]["dag"]["tasks"].as_array_mut().unwrap().remove(3);
    let next = self::next(&live, Some(&edited), &[]);
    let left_out = plan_asked(&live, &next, &["d"], false).unwrap_err();
    assert_eq!(left_out, Refusal::NodeLeftOut { run: "etl-x2k9f".to_owned(), node: "d".to_owned() });
}

#[test]
fn a_task_that_was_added_has_never_started() {
    let live = live();
    let mut edited = document();
    edited["spec"]["templates"][0]["dag"]["tasks"].as_array_mut().unwrap().push(step("e", "td", "d", ""));
    let plan = plan(&live, &next(&live, Some(&edited), &[]));
    assert_eq!(*verdict(&plan, ".e"), runs(Why::NeverStarted));
}

#[test]
fn items_of_a_list_that_is_not_known_yet_are_decided_one_by_one() {
    let mut live = live();
    for (name, value) in [(".d(0:x)", "x"), (".d(1:y)", "y")] {
        let mut item = node(name, "Pod", "Succeeded", "td", &[]);
        item["inputs"] = json!({"parameters": [{"name": "m", "value": value}]});
        let id = item["id"].as_str().unwrap().to_owned();
        live["status"]["nodes"][id] = item;
    }
    let group = node_id("etl-x2k9f", "etl-x2k9f.d");
    live["status"]["nodes"][&group]["type"] = "TaskGroup".into();
    let mut edited = document();
    edited["spec"]["templates"][0]["dag"]["tasks"][3]["withParam"] = "{{tasks.c.outputs.result}}".into();
    let plan = plan(&live, &next(&live, Some(&edited), &[]));
    let by_c = Verdict::Decided { by: Some("c".to_owned()) };
    assert_eq!((verdict(&plan, ".d(0:x)"), verdict(&plan, ".d(1:y)")), (&by_c, &by_c));
    assert!(plan.nodes.iter().all(|entry| entry.name != "etl-x2k9f.d"), "{plan:?}");
}

#[test]
fn hooks_run_where_their_expression_holds_and_are_decided_by_nodes_that_run() {
    let live = live();
    let mut edited = document();
    let told = json!({"template": "tb", "expression": "tasks.TASK.status == 'Succeeded'"});
    for (place, task) in [(0, "a"), (2, "c")] {
        let mut told = told.clone();
        told["expression"] = told["expression"].as_str().unwrap().replace("TASK", task).into();
        let silent = json!({"template": "tb", "expression": format!("tasks.{task}.status == 'Failed'")});
        edited["spec"]["templates"][0]["dag"]["tasks"][place]["hooks"] = json!({"told": told, "silent": silent});
    }
    let plan = plan(&live, &next(&live, Some(&edited), &[]));
    let by_c = Verdict::Decided { by: Some("c".to_owned()) };
    assert!(matches!(verdict(&plan, ".a"), Verdict::Cached { .. }));
    assert_eq!(*verdict(&plan, ".a.hooks.told"), runs(Why::Handler));
    assert!(plan.nodes.iter().all(|entry| entry.name != "etl-x2k9f.a.hooks.silent"), "{plan:?}");
    assert_eq!((verdict(&plan, ".c.hooks.told"), verdict(&plan, ".c.hooks.silent")), (&by_c, &by_c));
}

#[test]
fn the_new_workflow_keeps_what_is_the_users() {
    let live = live();
    let next = next(&live, None, &[]);
    let metadata = &next["metadata"];
    assert_eq!(metadata["name"], "next");
    assert_eq!(metadata["generateName"], "etl-x2k9f-");
    let labels = json!({"team": "data", "workflows.argoproj.io/resubmitted-from-workflow": "etl-x2k9f"});
    assert_eq!(metadata["labels"], labels);
    assert_eq!(metadata["annotations"], json!({"note": "n"}));
    assert_eq!(metadata["ownerReferences"], live["metadata"]["ownerReferences"]);
    assert_eq!(metadata.get("uid"), None);
    assert_eq!(next.get("status"), None);
    assert_eq!(next["spec"]["templates"], live["spec"]["templates"], "an unchanged template keeps its key");
}

#[test]
fn a_stopped_workflow_is_not_stopped_again() {
    let mut live = live();
    live["spec"]["shutdown"] = "Stop".into();
    live["spec"]["activeDeadlineSeconds"] = 0.into();
    let in_place = in_place(&live, None, &[], now()).unwrap().workflow;
    for workflow in [next(&live, None, &[]), in_place] {
        assert_eq!(workflow["spec"].get("shutdown"), None);
        assert_eq!(workflow["spec"].get("activeDeadlineSeconds"), None);
    }
}

#[test]
fn what_cannot_be_retried_is_refused() {
    let phase = |phase: &str| {
        let mut live = live();
        live["status"]["phase"] = phase.into();
        live
    };
    let some: NodeSelector = "displayName=b".parse().unwrap();
    assert_eq!(check(&live(), &Mode::NewAttempt, &[], false), Ok(()));
    assert!(matches!(check(&phase("Running"), &Mode::NewAttempt, &[], false), Err(Refusal::NotEnded { .. })));
    assert!(matches!(
        check(&json!({"metadata": {"name": "a"}}), &Mode::NewAttempt, &[], false),
        Err(Refusal::NotEnded { .. })
    ));
    assert!(matches!(check(&phase("Odd"), &Mode::NewAttempt, &[], false), Err(Refusal::UnknownPhase { .. })));
    for mode in [Mode::NewAttempt, Mode::Memoized, Mode::InPlace(None)] {
        assert!(matches!(check(&phase("Succeeded"), &mode, &[], false), Err(Refusal::Succeeded { .. })));
    }
    assert_eq!(check(&phase("Succeeded"), &Mode::InPlace(Some(some)), &[], false), Ok(()));
    let mut deleted = live();
    deleted["metadata"]["deletionTimestamp"] = "2026-11-21T10:00:00Z".into();
    assert!(matches!(check(&deleted, &Mode::NewAttempt, &[], false), Err(Refusal::Deleted { .. })));
    let owner = Owner { name: "Job/nightly".to_owned(), stays: false };
    let refusal = check(&live(), &Mode::NewAttempt, &[owner], false).unwrap_err();
    assert_eq!(refusal.to_string(), "workflow etl-x2k9f belongs to Job/nightly, which is deleted");
    let mut packed = live();
    packed["status"]["nodes"] = Value::Null;
    packed["status"]["compressedNodes"] = "H4sI".into();
    assert!(matches!(check(&packed, &Mode::Memoized, &[], false), Err(Refusal::NodesAway { .. })));
    assert_eq!(check(&packed, &Mode::NewAttempt, &[], false), Ok(()));
}

#[test]
fn ten_retries_keep_the_run_and_count_on() {
    let mut live = live();
    for attempt in 2..=11 {
        let name = format!("next-{attempt}");
        let options = Options { name: Some(name.parse().unwrap()), ..options(&[]) };
        let options = Attempts::of(&live).next().options(options);
        let prepared = new_attempt(&live, None, &Templates::default(), &options).unwrap();
        assert_eq!(prepared.run.run_id.map(|id| id.to_string()).as_deref(), Some("r1"));
        assert_eq!((prepared.run.retry_run_id.as_str(), prepared.run.retry_indicator), ("r1", attempt.to_string()));
        assert_eq!(prepared.run.cache_name.unwrap().as_str(), "runnable-abc123");
        assert_eq!(prepared.workflow["metadata"]["generateName"], "etl-x2k9f-", "names do not grow");
        live = prepared.workflow;
        live["status"] = json!({"phase": "Failed"});
    }
}

/// A chain of tasks, each after one before it, with any phases.
fn runs_of_any_shape() -> impl Strategy<Value = Value> {
    let phases = ["Succeeded", "Failed", "Error", "Omitted", "Skipped", "Running", "Odd"];
    prop::collection::vec((0..phases.len(), any::<prop::sample::Index>()), 1..12).prop_map(move |tasks| {
        let mut children: Vec<Vec<String>> = vec![Vec::new(); tasks.len() + 1];
        for (place, (_, before)) in tasks.iter().enumerate() {
            children[before.index(place + 1)].push(format!(".t{place}"));
        }
        let mut live = live();
        let mut nodes = serde_json::Map::new();
        let after = |(place, (_, before)): (usize, &(usize, prop::sample::Index))| {
            before.index(place + 1).checked_sub(1).map(|before| format!("t{before}")).unwrap_or_default()
        };
        let calls =
            tasks.iter().enumerate().map(|(place, task)| step(&format!("t{place}"), "ta", &after((place, task)), ""));
        live["spec"]["templates"][0]["dag"]["tasks"] = calls.collect();
        for (place, below) in children.iter().enumerate() {
            let below: Vec<&str> = below.iter().map(String::as_str).collect();
            let node = match place.checked_sub(1) {
                None => node("", "DAG", "Failed", "main", &below),
                Some(task) => node(&format!(".t{task}"), "Pod", phases[tasks[task].0], "ta", &below),
            };
            nodes.insert(node["id"].as_str().unwrap().to_owned(), node);
        }
        live["status"]["nodes"] = nodes.into();
        // Keys depend on the calls, which are others now.
        let prepared = next(&live, None, &[]);
        live["spec"] = prepared["spec"].clone();
        keyed(live)
    })
}

proptest! {
    #[test]
    fn each_node_has_a_verdict_and_no_failure_is_taken_for_done(live in runs_of_any_shape()) {
        let change = in_place(&live, None, &[], now()).unwrap();
        let name: ObjectName = "again".parse().unwrap();
        let next_memoized = memoized(&live, &name, &[], now());
        let plans = [
            plan(&live, &next(&live, None, &[])),
            Plan::memoized(&live, &next_memoized),
            Plan::in_place(&live, &Mode::InPlace(None), &change),
        ];
        for (place, plan) in plans.iter().enumerate() {
            for node in live["status"]["nodes"].as_object().unwrap().values() {
                let entry = plan.nodes.iter().find(|entry| entry.name == node["name"].as_str().unwrap());
                let verdict = &entry.unwrap().verdict;
                if place == 0 && matches!(node["phase"].as_str(), Some("Failed" | "Error")) {
                    prop_assert!(verdict.runs(), "{verdict:?}");
                }
            }
        }
    }

    #[test]
    fn in_place_no_edge_leads_to_a_node_that_is_gone(live in runs_of_any_shape()) {
        let change = in_place(&live, None, &[], now()).unwrap();
        let nodes = change.workflow["status"]["nodes"].as_object().unwrap();
        for node in nodes.values() {
            for child in node["children"].as_array().unwrap() {
                prop_assert!(nodes.contains_key(child.as_str().unwrap()));
            }
        }
        prop_assert!(nodes.contains_key("etl-x2k9f"));
        prop_assert_eq!(&change.workflow["spec"], &live["spec"]);
    }

    #[test]
    fn what_is_malformed_is_planned_too(status in "[a-z{}:\\[\\]\",0-9]{0,40}") {
        let mut live = live();
        live["status"]["nodes"] = serde_json::from_str(&status).unwrap_or_else(|_| json!({"x": {"children": [1, status], "boundaryID": "x", "type": "DAG", "id": "x"}}));
        let next = next(&live, None, &[]);
        let plan = plan(&live, &next);
        prop_assert_eq!(plan.nodes.len(), 5, "the next attempt has all of its nodes");
        let _ = in_place(&live, None, &[], now());
    }
}
