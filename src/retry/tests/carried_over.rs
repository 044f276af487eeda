//! Retries that carry the status over: as a memoized workflow, and in place.

use super::*;

#[test]
fn a_failed_retry_node_within_another_template_is_not_carried_over() {
    let of = |boundary: &str| {
        json!({"metadata": {"name": "w"}, "status": {"phase": "Failed", "nodes": {
            "w": {"id": "w", "name": "w", "type": "DAG", "phase": "Failed", "children": ["in"]},
            "in": {"id": "in", "name": "w.in", "type": "Steps", "phase": "Failed", "boundaryID": "w", "children": ["r"]},
            "r": {"id": "r", "name": "w.in[0].r", "type": "Retry", "phase": "Failed", "boundaryID": boundary},
        }}})
    };
    let stuck = Refusal::Stuck { name: "w".to_owned(), node: "w.in[0].r".to_owned() };
    assert_eq!(check(&of("in"), &Mode::Memoized, &[], false), Err(stuck));
    assert_eq!(check(&of("in"), &Mode::NewAttempt, &[], false), Ok(()));
    assert_eq!(check(&of("w"), &Mode::Memoized, &[], false), Ok(()));
}

#[test]
fn memoized_carries_finished_pods_over() {
    let live = live();
    let name: ObjectName = "etl-again".parse().unwrap();
    let mut parameters = Attempts::of(&live).next().parameters();
    parameters.push(("day".to_owned(), "tue".to_owned()));
    let next = memoized(&live, &name, &parameters, now());
    let node = |suffix: &str| next["status"]["nodes"].get(node_id("etl-again", &format!("etl-again{suffix}"))).cloned();
    let a = node(".a").unwrap();
    let original = node_id("etl-x2k9f", "etl-x2k9f.a");
    assert_eq!((&a["type"], &a["phase"]), (&json!("Skipped"), &json!("Skipped")));
    assert_eq!(a["message"], format!("original pod: {original}"));
    assert_eq!(a["boundaryID"], "etl-again");
    assert_eq!(a["children"][0], node_id("etl-again", "etl-again.b"));
    let c = node(".c").unwrap();
    assert_eq!((&c["type"], &c["phase"], &c["startedAt"]), (&json!("Pod"), &json!("Pending"), &Value::Null));
    assert_eq!(node("").unwrap()["phase"], "Pending");
    for again in ["", ".c"] {
        assert_eq!(node(again).unwrap().get("memoizationStatus"), None, "{again} gets the key of its new inputs");
    }
    assert!(a["memoizationStatus"].is_object());
    assert_eq!(node(".d"), None, "what was omitted is decided again");
    assert_eq!(next["status"].get("phase"), None);
    let values: Vec<&Value> = next["spec"]["arguments"]["parameters"].as_array().unwrap().iter().collect();
    assert!(values.contains(&&json!({"name": "day", "value": "tue"})), "{values:?}");
    assert!(values.contains(&&json!({"name": "retry_indicator", "value": "2"})), "{values:?}");
    let plan = Plan::memoized(&live, &next);
    assert_eq!(*verdict(&plan, ".a"), Verdict::CarriedOver);
    assert_eq!(*verdict(&plan, ".c"), runs(Why::Failed));
}

#[test]
fn in_place_takes_out_what_failed_and_all_after_it() {
    let live = live();
    let change = in_place(&live, None, &[], now()).unwrap();
    let id = |suffix: &str| node_id("etl-x2k9f", &format!("etl-x2k9f{suffix}"));
    let nodes = change.workflow["status"]["nodes"].as_object().unwrap();
    assert_eq!(nodes.len(), 3);
    assert_eq!(nodes["etl-x2k9f"]["phase"], "Running");
    assert_eq!(nodes[&id(".a")]["children"], json!([id(".b")]));
    assert_eq!(change.pods, [format!("etl-x2k9f-tc-{}", id(".c").rsplit('-').next().unwrap())]);
    assert_eq!(change.workflow["metadata"]["resourceVersion"], "7");
    assert_eq!(change.workflow["status"].get("phase"), None);
    assert_eq!(change.workflow["status"]["conditions"][0]["status"], "False");
    assert_eq!(change.workflow["metadata"]["labels"].get("workflows.argoproj.io/completed"), None);
    let plan = Plan::in_place(&live, &Mode::InPlace(None), &change);
    assert_eq!(*verdict(&plan, ".b"), Verdict::CarriedOver);
    assert_eq!(*verdict(&plan, ".c"), runs(Why::Failed));
    assert_eq!(plan.losses, [LostState::Pod { name: change.pods[0].clone() }]);
    assert_eq!(plan.attempt, 1);
}

#[test]
fn in_place_a_selected_success_runs_again() {
    let live = live();
    let selector: NodeSelector = "displayName=b".parse().unwrap();
    let change = in_place(&live, Some(&selector), &[], now()).unwrap();
    assert_eq!(change.pods.len(), 2);
    let plan = Plan::in_place(&live, &Mode::InPlace(Some(selector)), &change);
    assert_eq!(*verdict(&plan, ".b"), runs(Why::Selected));
    let status = &live["status"]["nodes"][node_id("etl-x2k9f", "etl-x2k9f.b")]["memoizationStatus"];
    let removed: Vec<&str> = plan.removes.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(removed, [status["key"].as_str().unwrap()], "the entry would answer at once");
}

#[test]
fn what_never_started_stands_behind_what_did() {
    let mut live = live();
    let d = node_id("etl-x2k9f", "etl-x2k9f.d");
    live["status"]["nodes"].as_object_mut().unwrap().shift_remove(&d);
    let change = in_place(&live, None, &[], now()).unwrap();
    let plan = Plan::in_place(&live, &Mode::InPlace(None), &change);
    let names: Vec<&str> = plan.nodes.iter().map(|entry| entry.name.strip_prefix("etl-x2k9f").unwrap()).collect();
    assert_eq!(names, ["", ".a", ".b", ".c", ".d"]);
    assert_eq!(*verdict(&plan, ".d"), runs(Why::NeverStarted));
}

#[test]
fn in_place_a_suspend_node_that_failed_waits_again() {
    let mut live = live();
    let c = node_id("etl-x2k9f", "etl-x2k9f.c");
    live["status"]["nodes"][&c]["type"] = "Suspend".into();
    let change = in_place(&live, None, &[], now()).unwrap();
    assert_eq!((change.workflow["status"]["nodes"].get(&c), change.pods.len()), (None, 0));
    assert_eq!(change.workflow["status"]["nodes"]["etl-x2k9f"]["phase"], "Running");
    let plan = Plan::in_place(&live, &Mode::InPlace(None), &change);
    assert_eq!((verdict(&plan, ".a"), verdict(&plan, ".c")), (&Verdict::CarriedOver, &runs(Why::Failed)));
    assert_eq!(*verdict(&plan, ".d"), runs(Why::Omitted));
}

#[test]
fn an_exit_handler_is_taken_out_with_its_pods() {
    let mut live = live();
    let mut exit = node(".onExit", "Pod", "Succeeded", "bye", &[]);
    exit.as_object_mut().unwrap().shift_remove("boundaryID");
    live["status"]["nodes"][exit["id"].as_str().unwrap()] = exit.clone();
    let change = in_place(&live, None, &[], now()).unwrap();
    assert!(change.pods.iter().any(|pod| pod.starts_with("etl-x2k9f-bye-")), "{:?}", change.pods);
    assert_eq!(change.workflow["status"]["nodes"].get(exit["id"].as_str().unwrap()), None);
}

#[test]
fn an_attempt_that_failed_takes_its_retry_node_back() {
    let mut live = live();
    let [c, attempt] = [".c", ".c(0)"].map(|name| node_id("etl-x2k9f", &format!("etl-x2k9f{name}")));
    live["status"]["nodes"][&c]["type"] = "Retry".into();
    live["status"]["nodes"][&c]["children"].as_array_mut().unwrap().insert(0, attempt.clone().into());
    let mut retried = node(".c(0)", "Pod", "Failed", "tc", &[".d"]);
    retried["nodeFlag"] = json!({"retried": true});
    live["status"]["nodes"][&attempt] = retried;
    let change = in_place(&live, None, &[], now()).unwrap();
    assert_eq!(change.workflow["status"]["nodes"][&c]["phase"], "Running");
    assert_eq!(change.workflow["status"]["nodes"].get(&attempt), None);
}

#[test]
fn lost_volumes_and_artifacts_are_told() {
    let mut live = live();
    live["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "work"}}]);
    let a = node_id("etl-x2k9f", "etl-x2k9f.a");
    live["status"]["nodes"][&a]["outputs"] = json!({"artifacts": [{"name": "out", "deleted": true}, {"name": "log"}]});
    let plan = plan(&live, &next(&live, None, &[]));
    let node = "etl-x2k9f.a".to_owned();
    let expected =
        [LostState::Volume { name: "work".to_owned() }, LostState::Artifact { node, name: "out".to_owned() }];
    assert_eq!(plan.losses, expected);
    let change = in_place(&live, None, &[], now()).unwrap();
    let plan = Plan::in_place(&live, &Mode::InPlace(None), &change);
    assert!(!plan.losses.contains(&LostState::Volume { name: "work".to_owned() }), "in place the claim is still there");
}
