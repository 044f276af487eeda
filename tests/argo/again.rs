//! Runs that go on after an edit, nodes that run again though they succeeded, runs that are selected and deleted: on a live
//! controller.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::namespace::with_namespace;
use crate::run::Run;

/// `draw ─► take`, and `gate`, which fails unless `open` is yes.
const GATED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: gated-, labels: {team: data}}
spec:
  entrypoint: main
  arguments: {parameters: [{name: open, value: "no"}]}
  templates:
  - name: main
    steps:
    - - {name: draw, template: draw}
    - - name: take
        template: take
        arguments: {parameters: [{name: o, value: "{{steps.draw.outputs.parameters.o}}"}]}
      - {name: gate, template: gate}
  - name: draw
    container: {image: "busybox:1.37", command: [sh, -c, "od -An -N4 -tx1 /dev/urandom | tr -d ' \n' >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: take
    inputs: {parameters: [{name: o}]}
    container: {image: "busybox:1.37", command: [echo, "{{inputs.parameters.o}}"]}
  - name: gate
    container: {image: "busybox:1.37", command: [sh, -c, "test {{workflow.parameters.open}} = yes"]}
"#;

fn set<const N: usize>(names: [&'static str; N]) -> BTreeSet<&'static str> {
    names.into()
}

fn drawn(run: &Run) -> &Value {
    &run.node("[0].draw")["outputs"]["parameters"][0]["value"]
}

#[test]
fn a_document_goes_on_whatever_the_end_of_its_last_run() {
    with_namespace(|namespace| {
        let resume = |text: &str, code: i32| {
            let file = namespace.file("workflow.yaml", text);
            let ended = namespace.run(&["submit", &file, "--resume", "--wait", "-o", "json"]).exits(code);
            (Run::new(ended.object()), ended.stderr)
        };
        let (first, said) = resume(GATED, 3);
        assert!(said.contains("no earlier run of gated to continue from: this is the first"), "{said}");
        let fixed = GATED.replace("value: \"no\"", "value: \"yes\"");
        let (second, said) = resume(&fixed, 0);
        assert!(said.contains(&format!("going on from {} (Failed) as attempt 2", first.name())), "{said}");
        assert_eq!((second.hits(), second.ran()), (set(["[0].draw", "[1].take"]), set(["[1].gate"])));
        assert_eq!((drawn(&second), second.parameter("retry_indicator")), (drawn(&first), "2"));
        assert!(second.name().starts_with(&format!("{}-", first.name())));

        let (third, said) = resume(&fixed, 0);
        assert!(said.contains("nothing is left to do"), "{said}");
        assert_eq!((third.hits(), third.ran(), third.parameter("retry_indicator")), (set([""]), set([]), "3"));
        let (fourth, _) = resume(&fixed.replace("command: [echo, ", "command: [echo, edited, "), 0);
        assert_eq!((fourth.hits(), fourth.ran()), (set(["[0].draw", "[1].gate"]), set(["[1].take"])));
        assert_eq!(drawn(&fourth), drawn(&first));
        assert_eq!(fourth.object["metadata"]["labels"]["kubectl-runnable/run-id"], fourth.parameter("run_id"));
    });
}

#[test]
fn nodes_run_again_alone_or_with_what_follows() {
    with_namespace(|namespace| {
        let first = namespace.submit(&GATED.replace("value: \"no\"", "value: \"yes\""), &[], 0);
        let only = namespace.retry(&first, &["--only", "take"], 0);
        assert_eq!((only.hits(), only.ran()), (set(["[0].draw", "[1].gate"]), set(["[1].take"])));
        assert_eq!(drawn(&only), drawn(&first));
        let from = namespace.retry(&only, &["--from", "draw"], 0);
        assert_eq!((from.hits(), from.ran()), (set([]), set(["[0].draw", "[1].take", "[1].gate"])));
        assert_ne!(drawn(&from), drawn(&first));
    });
}

#[test]
fn a_memoized_node_runs_again_in_place_when_it_is_selected() {
    with_namespace(|namespace| {
        let first = namespace.submit(&GATED.replace("value: \"no\"", "value: \"yes\""), &[], 0);
        let again = ["--in-place", "--restart-successful", "--node-field-selector", "displayName=draw"];
        let plan = namespace.plan(&first, &again);
        let draw = plan["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"].as_str().unwrap().rsplit('.').next() == Some("draw"));
        assert_eq!((&draw.unwrap()["action"], &draw.unwrap()["why"]["reason"]), (&json!("runs"), &json!("selected")));
        let second = namespace.retry(&first, &again, 0);
        assert_eq!(second.object["metadata"]["uid"], first.object["metadata"]["uid"]);
        assert!(!second.is_hit("[0].draw"));
        assert_ne!(drawn(&second), drawn(&first));
    });
}

#[test]
fn all_that_failed_are_retried_and_all_that_ended_are_deleted() {
    with_namespace(|namespace| {
        let runs = [namespace.submit(GATED, &[], 3), namespace.submit(GATED, &[], 3)];
        let other = namespace.submit(GATED, &["--labels", "team=ops"], 3);
        let retried =
            namespace.run(&["retry", "-l", "team=data", "-p", "open=yes", "--wait", "-o", "json"]).exits(0).json();
        let made: Vec<Run> = retried["items"].as_array().unwrap().iter().cloned().map(Run::new).collect();
        let of: BTreeSet<&str> = made
            .iter()
            .map(|run| {
                assert_eq!((run.hits(), run.ran()), (set(["[0].draw", "[1].take"]), set(["[1].gate"])));
                run.object["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"].as_str().unwrap()
            })
            .collect();
        assert_eq!(of, runs.iter().map(Run::name).collect());

        let shown =
            namespace.run(&["delete", "-l", "team=data", "--completed", "--with-cache", "--dry-run"]).exits(0).stdout;
        assert_eq!(shown.lines().count(), 4 + 2, "{shown}");
        let deleted = namespace.run(&["delete", "-l", "team=data", "--completed", "--with-cache"]).exits(0).stdout;
        assert_eq!(deleted.lines().count(), 4 + 2, "{deleted}");
        assert!(namespace.workflow(runs[0].name()).is_none() && namespace.cache(runs[0].cache_name()).is_none());
        assert!(namespace.workflow(other.name()).is_some() && namespace.cache(other.cache_name()).is_some());
    });
}

#[test]
fn a_memoized_retry_that_would_hang_is_refused_and_the_default_one_goes_on() {
    with_namespace(|namespace| {
        let text = GATED.replace("      - {name: gate, template: gate}\n", "      - {name: nested, template: nested}\n").replace(
            "  - name: gate\n",
            "  - name: nested\n    dag: {tasks: [{name: gate, template: gate}]}\n  - name: gate\n    retryStrategy: {limit: 1}\n",
        );
        let first = namespace.submit(&text, &[], 3);
        let refused = namespace.run(&["retry", first.name(), "--memoized"]).exits(7);
        assert!(refused.stderr.contains("hint: retry it without --memoized"), "{}", refused.stderr);
        let second = namespace.retry(&first, &["-p", "open=yes"], 0);
        assert_eq!(second.hits(), set(["[0].draw", "[1].take"]));
    });
}

/// `work`, then an approval that somebody refuses.
const APPROVED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: approved-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: work, template: work}
    - - {name: approve, template: approve}
    - - {name: late, template: work}
  - name: work
    container: {image: "busybox:1.37", command: [echo, work]}
  - {name: approve, suspend: {}}
"#;

#[test]
fn in_place_a_refused_approval_is_asked_for_again() {
    with_namespace(|namespace| {
        let name = namespace.start(APPROVED, &["--memoize=off"]);
        let is_waiting = |workflow: &Value| {
            let nodes = workflow["status"]["nodes"].as_object().into_iter().flat_map(serde_json::Map::values);
            nodes.into_iter().any(|node| node["type"] == "Suspend" && node["phase"] == "Running")
        };
        let waiting = namespace.workflow_once(&name, "waiting for approval", is_waiting);
        let id =
            waiting["status"]["nodes"].as_object().unwrap().values().find(|node| node["type"] == "Suspend").unwrap();
        let id = id["id"].as_str().unwrap();
        let refusal = json!({"status": {"nodes": {id: {"phase": "Failed", "message": "no", "finishedAt": "2026-11-21T10:00:00Z"}}}});
        namespace.change(&name, &refusal);
        let failed = namespace.workflow_once(&name, "failed", |workflow| workflow["status"]["phase"] == "Failed");
        let first = Run::new(failed);
        let plan = namespace.plan(&first, &["--in-place"]);
        let actions: Vec<(&str, &str)> = plan["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let name = entry["name"].as_str().unwrap().strip_prefix(first.name()).unwrap();
                (name, entry["action"].as_str().unwrap())
            })
            .collect();
        assert!(
            actions.contains(&("[0].work", "carriedOver")) && actions.contains(&("[1].approve", "runs")),
            "{actions:?}"
        );
        let _ = namespace.run(&["retry", &name, "--in-place"]).exits(0);
        namespace.workflow_once(&name, "waiting for approval again", is_waiting);
        let _ = namespace.run(&["resume", &name]).exits(0);
        let ended = Run::new(
            namespace.workflow_once(&name, "succeeded", |workflow| workflow["status"]["phase"] == "Succeeded"),
        );
        assert_eq!(ended.node("[0].work")["startedAt"], first.node("[0].work")["startedAt"]);
        assert_eq!(ended.node("[2].late")["phase"], "Succeeded");
    });
}

/// As generators of pipelines write it: one key, one cache, everywhere.
const ONE_KEY: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: shared-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: run_id, value: RUN}, {name: open, value: "no"}]}
  templates:
  - name: main
    memoize: &memoize {key: "{{workflow.parameters.run_id}}", maxAge: "", cache: {configMap: {name: CACHE}}}
    dag:
      tasks:
      - {name: one, template: draw}
      - {name: two, template: draw}
      - {name: other, template: other, depends: one}
      - {name: gate, template: gate, depends: other && two}
      - {name: last, template: draw, depends: gate}
  - name: draw
    memoize: *memoize
    container: {image: "busybox:1.37", command: [sh, -c, "od -An -N4 -tx1 /dev/urandom | tr -d ' \\n' >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: other
    memoize: *memoize
    container: {image: "busybox:1.37", command: [sh, -c, "echo other >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: gate
    memoize: *memoize
    container: {image: "busybox:1.37", command: [sh, -c, "test {{workflow.parameters.open}} = yes"]}
"#;

#[test]
fn pipelines_with_one_shared_key_give_each_call_its_own() {
    with_namespace(|namespace| {
        let suffix = &namespace.name[namespace.name.len() - 6..];
        let text = ONE_KEY.replace("RUN", &format!("nightly-{suffix}")).replace("CACHE", &format!("runnable-{suffix}"));
        let output = |run: &Run, node: &str| run.node(node)["outputs"]["parameters"][0]["value"].clone();
        let first = namespace.submit(&text, &[], 3);
        assert_eq!((first.hits(), first.ran()), (set([]), set([".one", ".two", ".other", ".gate"])));
        assert_ne!(output(&first, ".one"), output(&first, ".two"));
        assert_eq!(output(&first, ".other"), "other");
        let second = namespace.retry(&first, &["-p", "open=yes"], 0);
        assert_eq!((second.hits(), second.ran()), (set([".one", ".two", ".other"]), set([".gate", ".last"])));
        for node in [".one", ".two", ".other"] {
            assert_eq!(output(&second, node), output(&first, node), "{node}");
        }
        let drawn = [".one", ".two", ".last"].map(|node| output(&second, node).to_string());
        assert_eq!(BTreeSet::from(drawn).len(), 3, "each call draws for itself");
    });
}

/// A templateRef inside a template.
const REFERRING: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: referring-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: open, value: "no"}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: pair, templateRef: {name: pieces, template: pair}}
      - {name: gate, template: gate, depends: pair}
  - name: gate
    container: {image: "busybox:1.37", command: [sh, -c, "test {{workflow.parameters.open}} = yes"]}
"#;

const PIECES: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: pieces}
spec:
  templates:
  - name: pair
    steps: [[{name: a, template: piece}], [{name: b, template: piece}]]
  - name: piece
    container: {image: "busybox:1.37", command: [echo, piece]}
"#;

#[test]
fn templates_of_other_objects_are_copied_in_and_memoized() {
    with_namespace(|namespace| {
        namespace.create("workflowtemplates", PIECES);
        let first = namespace.submit(REFERRING, &["--inline"], 3);
        assert_eq!((first.hits(), first.ran()), (set([]), set([".pair[0].a", ".pair[1].b", ".gate"])));
        let file = namespace.file(
            "edited.yaml",
            &REFERRING.replace("value: \"no\"", "value: \"yes\"").replace("= yes\"", "= yes && echo edited\""),
        );
        let second = namespace.retry(&first, &["--file", &file, "-p", "open=yes"], 0);
        assert_eq!(
            (second.hits(), second.ran()),
            (set([".pair"]), set([".gate"])),
            "the edited document is inlined too"
        );
        let file = namespace.file("workflow.yaml", REFERRING);
        let left = namespace.run(&["submit", &file, "--name", "left-alone"]).exits(0);
        assert!(left.stderr.contains("\"pieces/pair\" (called by templateRef: --inline copies it"), "{}", left.stderr);
    });
}
