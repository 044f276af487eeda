//! Retries on a live controller: what the plan says is what happens.

use std::collections::BTreeSet;

use crate::namespace::with_namespace;

/// `extract ─► (check, load) ─► report`; `load` fails until the attempt number THRESHOLD.
const PIPELINE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: pipeline-, labels: {team: data}}
spec:
  entrypoint: main
  arguments: {parameters: [{name: table, value: orders}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: extract, template: extract}
      - name: check
        template: check
        depends: extract
        arguments: {parameters: [{name: rows, value: "{{tasks.extract.outputs.result}}"}]}
      - {name: load, template: load, depends: extract}
      - {name: report, template: report, depends: check && load}
  - name: extract
    script: {image: "busybox:1.37", command: [sh], source: echo 42}
  - name: check
    inputs: {parameters: [{name: rows}]}
    steps:
    - - name: count
        template: count
        withItems: [1, 2]
        arguments: {parameters: [{name: rows, value: "{{inputs.parameters.rows}}{{item}}"}]}
  - name: count
    inputs: {parameters: [{name: rows}]}
    container: {image: "busybox:1.37", command: [sh, -c, "test {{inputs.parameters.rows}} -gt 0"]}
  - name: load
    container:
      image: busybox:1.37
      command: [sh, -c, "echo {{workflow.parameters.table}}; test ${RUNNABLE_RETRY_INDICATOR:-1} -ge THRESHOLD"]
  - name: report
    container: {image: "busybox:1.37", command: [echo, done]}
"#;

fn pipeline(threshold: u32) -> String {
    PIPELINE.replace("THRESHOLD", &threshold.to_string())
}

fn set<const N: usize>(names: [&'static str; N]) -> BTreeSet<&'static str> {
    names.into()
}

#[test]
fn only_what_failed_runs_again_and_the_plan_said_so() {
    with_namespace(|namespace| {
        let first = namespace.submit(&pipeline(2), &["--run-id", "nightly"], 3);
        assert_eq!(first.ran(), set([".extract", ".check[0].count", ".load"]));
        let plan = namespace.plan(&first, &[]);
        assert_eq!((&plan["runId"], &plan["attempt"]), (&"nightly".into(), &2.into()));
        let second = namespace.retry(&first, &[], 0);
        assert_eq!(second.ran(), set([".load", ".report"]));
        assert_eq!(second.hits(), set([".extract", ".check"]));
        assert_eq!(second.parameter("run_id"), "nightly");
        assert_eq!((second.parameter("retry_run_id"), second.parameter("retry_indicator")), ("nightly", "2"));
        assert_eq!(second.object["metadata"]["labels"]["team"], "data");
    });
}

#[test]
fn ten_retries_keep_one_run_id_and_count_on() {
    with_namespace(|namespace| {
        let mut run = namespace.submit(&pipeline(11), &["--run-id", "stubborn"], 3);
        for attempt in 2..=11 {
            run = namespace.retry(&run, &[], if attempt < 11 { 3 } else { 0 });
            assert_eq!((run.parameter("run_id"), run.parameter("retry_run_id")), ("stubborn", "stubborn"));
            assert_eq!(run.parameter("retry_indicator"), attempt.to_string());
            assert_eq!(run.hits(), set([".extract", ".check"]));
        }
        assert_eq!(run.ran(), set([".load", ".report"]));
    });
}

#[test]
fn another_parameter_runs_what_reads_it() {
    with_namespace(|namespace| {
        let first = namespace.submit(&pipeline(2), &[], 3);
        let second = namespace.retry(&first, &["-p", "table=customers"], 0);
        assert_eq!((second.ran(), second.hits()), (set([".load", ".report"]), set([".extract", ".check"])));
        assert_eq!(second.parameter("table"), "customers");
    });
}

#[test]
fn an_edited_document_runs_what_was_edited() {
    with_namespace(|namespace| {
        let first = namespace.submit(&pipeline(2), &[], 3);
        let edited = namespace.file("edited.yaml", &pipeline(2).replace("-gt 0", "-gt 1"));
        let second = namespace.retry(&first, &["--file", &edited], 0);
        assert_eq!(second.ran(), set([".check[0].count", ".load", ".report"]));
        assert_eq!(second.hits(), set([".extract"]));
    });
}

#[test]
fn a_memoized_retry_carries_what_succeeded_over() {
    with_namespace(|namespace| {
        let first = namespace.submit(&pipeline(2), &["--memoize=off"], 3);
        let second = namespace.retry(&first, &["--memoized"], 0);
        assert_eq!(second.ran(), set([".load", ".report"]));
        assert_eq!(second.node(".extract")["phase"], "Skipped");
        assert_eq!(second.parameter("retry_indicator"), "2");
    });
}

/// `load` fails on the first attempt only, which it tells by a ConfigMap that the test makes.
#[test]
fn a_retry_in_place_goes_on_in_the_same_object() {
    with_namespace(|namespace| {
        let text = pipeline(2).replace(
            "test ${RUNNABLE_RETRY_INDICATOR:-1} -ge 2\"]",
            "test $READY = yes\"]\n      env: [{name: READY, valueFrom: {configMapKeyRef: {name: state, key: ready}}}]",
        );
        let state = |ready: &str| serde_json::json!({"metadata": {"name": "state"}, "data": {"ready": ready}});
        let collection = format!("/api/v1/namespaces/{}/configmaps", namespace.name);
        namespace.post(&collection, &state("no"));
        let first = namespace.submit(&text, &["--memoize=off"], 3);
        namespace.delete("configmaps", "state");
        namespace.post(&collection, &state("yes"));
        let second = namespace.retry(&first, &["--in-place"], 0);
        assert_eq!(second.object["metadata"]["uid"], first.object["metadata"]["uid"]);
        for kept in [".extract", ".check[0].count(0:1)"] {
            assert_eq!(second.node(kept)["startedAt"], first.node(kept)["startedAt"], "{kept} ran again");
        }
        assert_ne!(second.node(".load")["startedAt"], first.node(".load")["startedAt"]);
        assert_eq!(second.node(".report")["phase"], "Succeeded");
    });
}

#[test]
fn a_run_that_succeeded_is_not_retried() {
    with_namespace(|namespace| {
        let run = namespace.submit(&pipeline(1), &[], 0);
        let refused = namespace.run(&["retry", run.name()]).exits(7);
        assert!(refused.stderr.contains("succeeded"), "{}", refused.stderr);
    });
}

/// Attempts of the controller's own, a loop over a result in a nested template, and an exit handler.
const ROUGH: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: rough-}
spec:
  entrypoint: main
  onExit: farewell
  templates:
  - name: main
    steps:
    - - {name: steady, template: steady}
      - {name: shaky, template: shaky}
      - {name: nested, template: nested}
  - name: steady
    retryStrategy: {limit: 1}
    script: {image: "busybox:1.37", command: [sh], source: "test {{retries}} -ge 1"}
  - name: shaky
    retryStrategy: {limit: 1}
    script: {image: "busybox:1.37", command: [sh], source: "test $RUNNABLE_RETRY_INDICATOR -ge 2"}
  - name: nested
    dag:
      tasks:
      - {name: list, template: list}
      - name: each
        template: each
        depends: list
        withParam: "{{tasks.list.outputs.result}}"
        arguments: {parameters: [{name: word, value: "{{item}}"}]}
  - name: list
    script: {image: "busybox:1.37", command: [sh], source: "echo '[\"a.b\", \"(c\"]'"}
  - name: each
    inputs: {parameters: [{name: word}]}
    container: {image: "busybox:1.37", command: [echo, "{{inputs.parameters.word}}"]}
  - name: farewell
    container: {image: "busybox:1.37", command: [echo, farewell]}
"#;

#[test]
fn attempts_loops_and_handlers_fare_as_planned() {
    with_namespace(|namespace| {
        let first = namespace.submit(ROUGH, &[], 3);
        let second = namespace.retry(&first, &[], 0);
        assert_eq!(second.ran(), set(["[0].shaky", ".onExit"]));
        assert_eq!(second.hits(), set(["[0].steady", "[0].nested"]));
    });
}
