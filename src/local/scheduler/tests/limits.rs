//! Deadlines, shutdowns, locks and places.

use super::*;

const MANY: &str = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withItems: [1, 2, 3]}
- name: leaf
  container: {image: a, command: [c]}";

#[test]
fn a_run_that_would_have_too_many_nodes_errors_with_the_budget_named() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: inner, withItems: [1, 2, 3]}
- name: inner
  steps:
  - - {name: b, template: leaf, withSequence: {count: 10}}
- name: leaf
  container: {image: a, command: [c]}";
    let mut run = Run::with(spec, |plan| plan.node_limit = 20);
    while !run.running.is_empty() {
        run.end_at(0, succeeds());
    }
    let finished = run.scheduler.finished().unwrap();
    assert_eq!(finished.phase.as_str(), "Failed");
    assert!(run.status().contains("one more node is beyond the budget of a run (20 nodes)"), "{}", run.status());
    assert!(run.scheduler.nodes().len() < 30, "{}", run.status());
}

#[test]
fn a_pod_that_outlives_its_timeout_is_killed_and_fails() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  timeout: 5s
  container: {image: a, command: [c]}",
    );
    run.wake();
    assert_eq!(run.now.as_second(), 5);
    run.end("", succeeds());
    let why = "Failed: Pod was active on the node longer than the specified deadline";
    assert_eq!(run.status(), format!("{why}\n Pod {why}"));
}

#[test]
fn the_workflow_s_deadline_ends_what_runs_waits_and_pauses() {
    let mut run = Run::of(
        "
entrypoint: main
activeDeadlineSeconds: 7
onExit: leaf
templates:
- name: main
  steps:
  - - {name: a, template: leaf}
    - {name: b, template: locked}
    - {name: c, template: locked}
    - {name: d, template: pause}
- name: leaf
  container: {image: a, command: [c]}
- name: locked
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}
- name: pause
  suspend: {duration: 1h}",
    );
    assert_eq!(run.running(), ["[0].a", "[0].b"]);
    run.wake();
    run.end("[0].a", succeeds());
    run.end("[0].b", succeeds());
    run.end(".onExit", succeeds());
    for node in ["[0].a", "[0].b", "[0].c", "[0].d"] {
        assert!(run.line(node).ends_with("Failed: Step exceeded its deadline"), "{}", run.status());
    }
    assert_eq!(run.line(".onExit"), ".onExit Pod Succeeded");
}

#[test]
fn a_stop_ends_the_work_but_not_the_exit_handler() {
    let mut run = Run::of(&MANY.replace("templates:", "onExit: leaf\ntemplates:"));
    run.shut_down(Shutdown::Stop);
    for name in ["[0].a(0:1)", "[0].a(1:2)", "[0].a(2:3)", ".onExit"] {
        run.end(name, succeeds());
    }
    assert_eq!(run.line("[0].a(0:1)"), "[0].a(0:1) Pod Failed: workflow shutdown with strategy:  Stop");
    assert_eq!(run.line(".onExit"), ".onExit Pod Succeeded");
    assert_eq!(run.status().lines().next(), Some("Failed: Stopped with strategy 'Stop'"));
}

#[test]
fn a_termination_runs_nothing_more() {
    let mut run = Run::of(&MANY.replace("templates:", "onExit: leaf\nparallelism: 1\ntemplates:"));
    run.shut_down(Shutdown::Terminate);
    run.end("[0].a(0:1)", succeeds());
    assert_eq!(run.running(), [""; 0]);
    assert_eq!(run.status().lines().next(), Some("Failed: Stopped with strategy 'Terminate'"));
}

#[test]
fn the_workflow_s_parallelism_limits_its_pods_in_their_order() {
    let mut run = Run::of(&MANY.replace("templates:", "parallelism: 2\ntemplates:"));
    assert_eq!(run.running(), ["[0].a(0:1)", "[0].a(1:2)"]);
    run.end("[0].a(1:2)", succeeds());
    assert_eq!(run.running(), ["[0].a(0:1)", "[0].a(2:3)"]);
    assert_eq!(run.play(|_| succeeds()).most_running, 2);
}

#[test]
fn a_template_s_parallelism_limits_its_children() {
    let mut run = Run::of(&MANY.replace("  steps:", "  parallelism: 1\n  steps:"));
    assert_eq!(run.play(|_| succeeds()).most_running, 1);
    assert_eq!(run.scheduler.nodes().len(), 5);
}

#[test]
fn a_mutex_lets_one_run_and_the_others_wait_with_its_name() {
    let mut run = Run::of(&MANY.replace("- name: leaf", "- name: leaf\n  synchronization: {mutexes: [{name: m}]}"));
    assert_eq!(run.line("[0].a(1:2)"), "[0].a(1:2) Pod Pending: Waiting for default/Mutex/m lock. Lock status: 0/1");
    assert_eq!(run.play(|_| succeeds()).most_running, 1);
    assert_eq!(run.line("[0].a(1:2)"), "[0].a(1:2) Pod Succeeded");
}

#[test]
fn a_wait_for_a_lock_is_recorded_as_a_controller_records_it() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: w, withItems: [0, 1]}]]
- name: w
  synchronization: {mutexes: [{name: deploy}]}
  container: {image: a, command: [sleep, '20']}";
    let read: Value = serde_json::from_str(include_str!("../../../../tests/fixtures/mutex-one-waiting.json")).unwrap();
    let mut run = Run::with(spec, |plan| {
        plan.workflow["metadata"]["name"] = json!("tsem");
        plan.workflow["metadata"]["namespace"] = json!("argo");
    });
    let object = run.scheduler.object();
    assert_eq!(object["status"]["synchronization"], read["status"]["synchronization"]);
    for (id, node) in read["status"]["nodes"].as_object().unwrap() {
        for field in ["name", "type", "phase", "message", "synchronizationStatus"] {
            let phase = (field == "phase" && node["phase"] == "Running").then_some(&node["phase"]);
            let ours = &object["status"]["nodes"][id][field];
            assert!(ours == &node[field] || phase.is_some(), "{id} {field}: {ours}");
        }
    }
    run.play(|_| succeeds());
    let status = &run.scheduler.object()["status"];
    assert_eq!((&status["phase"], status.get("synchronization")), (&json!("Succeeded"), None));
    let nodes = status["nodes"].as_object().unwrap().values();
    assert!(nodes.clone().all(|node| node.get("synchronizationStatus").is_none()), "{status}");
}

#[test]
fn the_first_lock_that_cannot_be_had_is_told_semaphores_first() {
    let locks = "{mutexes: [{name: m}], semaphores: [{configMapKeyRef: {name: locks, key: one}}]}";
    let run = Run::with(&MANY.replace("- name: leaf", &format!("- name: leaf\n  synchronization: {locks}")), |plan| {
        plan.config_maps.insert("locks".to_owned(), [("one".to_owned(), "1".to_owned())].into());
    });
    let waits = run.scheduler.nodes().iter().filter_map(|node| node.synchronization_status.as_ref());
    let waits: Vec<_> = waits.map(|status| status.waiting.as_str()).collect();
    assert_eq!(waits, ["default/ConfigMap/locks/one"; 2]);
    let recorded = run.scheduler.object()["status"]["synchronization"].clone();
    for (kind, lock) in [("semaphore", "default/ConfigMap/locks/one"), ("mutex", "default/Mutex/m")] {
        assert_eq!(recorded[kind]["waiting"][0][kind], lock);
        assert_eq!(recorded[kind]["holding"][0][kind], lock);
    }
}

#[test]
fn a_lock_that_is_named_twice_is_an_error() {
    let locks = "{mutexes: [{name: m}, {name: m}]}";
    let run = Run::of(&MANY.replace("- name: leaf", &format!("- name: leaf\n  synchronization: {locks}")));
    let said = "requested configuration is invalid: duplicate synchronization item found";
    assert_eq!(run.line("[0].a(0:1)"), format!("[0].a(0:1) Skipped Error: {said}"));
}

#[test]
fn a_semaphore_has_its_limit_from_a_config_map() {
    let lock = "synchronization: {semaphores: [{configMapKeyRef: {name: locks, key: two}}]}";
    let mut run = Run::with(&MANY.replace("- name: leaf", &format!("- name: leaf\n  {lock}")), |plan| {
        plan.config_maps.insert("locks".to_owned(), [("two".to_owned(), "2".to_owned())].into());
    });
    assert_eq!(run.play(|_| succeeds()).most_running, 2);
}

#[test]
fn a_lock_of_a_database_cannot_be_had() {
    let run = Run::of(
        &MANY.replace("- name: leaf", "- name: leaf\n  synchronization: {mutexes: [{name: m, database: true}]}"),
    );
    assert_eq!(
        run.line("[0].a(0:1)"),
        "[0].a(0:1) Skipped Error: database session is not available for mutex default/Database/m"
    );
    assert_eq!(run.scheduler.nodes().len(), 3);
}

#[test]
fn a_memoized_template_runs_once_for_a_key() {
    let memoize = "memoize: {key: k, maxAge: 5s, cache: {configMap: {name: cache}}}";
    let spec = MANY
        .replace("- name: leaf", &format!("- name: leaf\n  {memoize}"))
        .replace("  steps:", "  parallelism: 1\n  steps:");
    let mut run = Run::of(&spec);
    run.end("[0].a(0:1)", succeeds());
    assert_eq!(run.running(), [""; 0]);
    assert_eq!(run.status().lines().next(), Some("Succeeded"));
    let hits = run.scheduler.nodes().iter().filter_map(|node| node.memoization_status.as_ref());
    assert_eq!(hits.map(|status| status.hit).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_pause_is_never_taken_from_a_cache() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: pause}
  - - {name: b, template: pause}
- name: pause
  retryStrategy: {limit: 1}
  memoize: {key: k, cache: {configMap: {name: c}}}
  suspend: {duration: 1s}",
    );
    run.wake();
    run.wake();
    assert_eq!(run.line("[1].b(0)"), "[1].b(0) Suspend Succeeded");
    assert_eq!(run.kept, [""; 0]);
}

#[test]
fn an_illegal_cache_key_errors_its_node() {
    let run =
        Run::of(&MANY.replace("- name: leaf", "- name: leaf\n  memoize: {key: a_b, cache: {configMap: {name: c}}}"));
    assert_eq!(run.line("[0].a(0:1)"), "[0].a(0:1) Skipped Error: invalid cache key: a_b");
}

/// Argo looks at the key when the lock is had: who waits is a pod by then.
#[test]
fn an_illegal_cache_key_is_found_when_the_lock_is_had() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: leaf}, {name: b, template: keyed}]]
- name: leaf
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}
- name: keyed
  synchronization: {mutexes: [{name: m}]}
  memoize: {key: a_b, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}",
    );
    assert!(run.line("[0].b").starts_with("[0].b Pod Pending: Waiting for "), "{}", run.line("[0].b"));
    run.end("[0].a", succeeds());
    assert_eq!(run.line("[0].b"), "[0].b Pod Error: invalid cache key: a_b");
}

/// Argo gives the lock of a task that errs as it begins back at its next look, when the other one waits as a pod.
#[test]
fn a_task_that_errs_with_its_lock_lets_the_next_one_wait_for_it() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: a, template: keyed}, {name: b, template: keyed}, {name: c, template: leaf, depends: b.Errored}]}
- name: leaf
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}
- name: keyed
  synchronization: {mutexes: [{name: m}]}
  memoize: {key: a_b, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}",
    );
    let why = "errored: invalid cache key: a_b";
    assert_eq!(run.line(".a"), format!(".a Skipped Error: task 'wf.a' {why}"));
    assert_eq!(run.line(".b"), format!(".b Pod Error: task 'wf.b' {why}"));
    assert_eq!(run.running(), [".c"], "the lock is free again");
}

#[test]
fn a_cache_key_may_be_made_of_all_inputs_even_where_there_are_none() {
    let key = "k-{{=sprig.trunc(16, sprig.sha256sum(toJson(inputs.parameters)))}}";
    let spec = format!(
        "
entrypoint: main
templates:
- name: main
  memoize: {{key: '{key}', cache: {{configMap: {{name: c}}}}}}
  steps:
  - - name: a
      template: leaf
      arguments: {{parameters: [{{name: m, value: aa}}]}}
- name: leaf
  inputs: {{parameters: [{{name: m}}]}}
  memoize: {{key: '{key}', cache: {{configMap: {{name: c}}}}}}
  container: {{image: a, command: [c]}}"
    );
    let run = Run::of(&spec);
    let keys = run.scheduler.nodes().iter().filter_map(|node| node.memoization_status.as_ref());
    // The keys that a controller made of such inputs.
    assert_eq!(
        keys.map(|status| status.key.as_str()).collect::<Vec<_>>(),
        ["k-f072cbec3bf88418", "k-1ddba399437fbf03"]
    );
}

#[test]
fn a_run_whose_nodes_wait_for_locks_of_one_another_names_one_at_its_end() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  synchronization: {mutexes: [{name: m}]}
  steps: [[{name: a, template: leaf}]]
- name: leaf
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}",
    );
    assert!(run.running.is_empty() && !run.wake() && !run.scheduler.is_paused());
    run.tell(Event::Stuck);
    let lock = "default/Mutex/m";
    let why = format!(
        "the run can go no further: node wf[0].a waits for the lock {lock}, and node wf, which holds it, cannot end before \
         wf[0].a has: let only one of their templates take the lock"
    );
    assert_eq!(
        run.status(),
        format!("Error: {why}\n Steps Error: {why}\n[0] StepGroup Error: {why}\n[0].a Pod Error: {why}")
    );
}
