//! `submit --isolate`: refusals, and runs of this machine whose tasks have worktrees.

use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::files;
use crate::support::repository::Repository;
use crate::workflows::{TEMPLATE, hello};

#[test]
fn flags_that_do_not_go_together() {
    let environment = Environment::with("wf.yaml", hello());
    environment.write("template.yaml", TEMPLATE);
    for (case, words) in [
        ("without_isolate", "submit wf.yaml --repo a/b"),
        ("unknown", "submit wf.yaml --isolate disk"),
        ("no_image", "submit wf.yaml --isolate emptydir --repo a/b"),
        ("size_of_an_emptydir", "submit wf.yaml --isolate emptydir --storage-size 1Gi"),
        ("one_tree_in_an_emptydir", "submit wf.yaml --isolate emptydir --repo a/b --tree run --image a"),
        ("no_template", "submit wf.yaml --isolate emptydir --isolate-template other"),
        ("a_claim_of_no_cluster", "submit wf.yaml --local --isolate claim:a"),
        ("a_password", "submit wf.yaml --isolate pvc --image a --repo https://me:hunter2@git.example.org/a/b"),
        ("by_reference", "submit template.yaml --from wftmpl/template --isolate emptydir"),
    ] {
        let output = environment.run(words.split_whitespace().chain(["--dry-run=client"]));
        assert_snapshot!(format!("flags_that_do_not_go_together_{case}"), output);
    }
}

#[test]
fn what_an_isolated_workflow_looks_like() {
    let environment = Environment::with("wf.yaml", hello());
    let words = "submit wf.yaml --dry-run --run-id r --name w --isolate pvc --storage-class fast --image registry.example.org/runnable:v1 \
                 --repo https://git.example.org/a/b.git#v1 --git-secret git/pat";
    assert_snapshot!(environment.run(words.split_whitespace()));
}

/// Three tasks, each with a worktree of its own; one of them fails in the first attempt.
const FLOW: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: iso-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: work, template: work, withItems: [a, b, c], arguments: {parameters: [{name: item, value: "{{item}}"}]}}
  - name: work
    inputs: {parameters: [{name: item}]}
    outputs:
      parameters:
      - {name: path, valueFrom: {path: /tmp/path}}
      - {name: head, valueFrom: {path: /tmp/head}}
    container:
      image: busybox
      command: [sh, -ce]
      args: ['test "$PWD" = "$WORKSPACE"; pwd > /tmp/path; git rev-parse HEAD > /tmp/head; test -z "$(git status --porcelain)"; touch own;
        test {{inputs.parameters.item}} != b -o -n "$RUNNABLE_RETRY_RUN_ID"']
"#;

fn outputs<'a>(run: &'a Value, name: &str) -> Vec<&'a str> {
    let pods = run["status"]["nodes"].as_object().unwrap().values().filter(|node| node["type"] == "Pod");
    let mut found: Vec<&str> = pods
        .filter_map(|node| {
            node["outputs"]["parameters"].as_array()?.iter().find(|parameter| parameter["name"] == name)?["value"]
                .as_str()
        })
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn tasks_of_this_machine_work_in_worktrees_of_their_own() {
    let repository = Repository::new();
    // A task has a /tmp of its own, and would not see the repository there.
    let mirror = assert_fs::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let cloned = Command::new("git").args(["clone", "-q", "--mirror", &repository.url()]).arg(mirror.path()).status();
    assert!(cloned.unwrap().success());
    for volume in ["emptydir", "pvc"] {
        let environment = Environment::new();
        files::write(&environment.path("wf.yaml"), FLOW);
        let url = format!("file://{}", mirror.path().display());
        let words = [
            "submit",
            "--local",
            "wf.yaml",
            "-o",
            "json",
            "--isolate",
            volume,
            "--repo",
            &url,
            "--work-dir",
            "/mnt/tree",
        ];
        let first = environment.run(words);
        assert_eq!(first.code, Some(3), "{volume}: {first:?}");
        let first: Value = serde_json::from_str(&first.stdout).unwrap();
        let name = first["metadata"]["name"].as_str().unwrap().to_owned();

        let second = environment.run(["retry", &name, "--local", "-o", "json"]);
        assert_eq!(second.code, Some(0), "{volume}: {second:?}");
        let second: Value = serde_json::from_str(&second.stdout).unwrap();
        let (before, paths) = (outputs(&first, "path"), outputs(&second, "path"));
        assert_eq!(paths.len(), 3, "{volume}: {paths:?}");
        assert!(paths.windows(2).all(|pair| pair[0] != pair[1]) && before.iter().all(|path| paths.contains(path)));
        assert!(outputs(&second, "head").iter().all(|head| *head == repository.main));
        let hits = second["status"]["nodes"]
            .as_object()
            .unwrap()
            .values()
            .filter(|node| node["memoizationStatus"]["hit"] == true);
        assert_eq!(hits.count(), if volume == "emptydir" { 2 } else { 0 }, "{volume}");
    }
}
