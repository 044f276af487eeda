//! Defaults for flags: flag, then environment, then file.

use std::fs;

use crate::support::environment::Environment;
use crate::workflows::hello;

const FILE: &str = ".config/kubectl-runnable/config.yaml";

fn with_settings(text: &str) -> Environment {
    let environment = Environment::new();
    fs::create_dir_all(environment.path(FILE).parent().unwrap()).unwrap();
    environment.file(FILE, text).file("hello.yaml", hello())
}

#[test]
fn the_file_is_where_xdg_says() {
    let environment = Environment::new();
    let path = environment.run(["config", "path"]);
    assert_eq!(path.result(0).trim(), environment.path(FILE).display().to_string());
    let elsewhere = Environment::new().variable("XDG_CONFIG_HOME", "/etc/xdg");
    assert_eq!(elsewhere.run(["config", "path"]).result(0), "/etc/xdg/kubectl-runnable/config.yaml\n");
}

#[test]
fn settings_are_shown_with_their_origin() {
    let environment = with_settings("backend: local\nmax-tasks: 4\n").variable("RUNNABLE_MAX_TASKS", "2");
    insta::assert_snapshot!(environment.run(["config", "view"]));
    let shown: serde_json::Value =
        serde_json::from_str(environment.run(["config", "view", "-o", "json"]).result(0)).unwrap();
    assert_eq!(shown["settings"]["max-tasks"]["value"], "2");
    assert_eq!(shown["settings"]["max-tasks"]["from"], "RUNNABLE_MAX_TASKS");
    assert_eq!(shown["settings"]["backend"]["from"], "file");
    assert!(shown["settings"]["notify"]["value"].is_null());
}

#[test]
fn a_misspelled_setting_is_refused_with_its_line_before_anything_happens() {
    let environment = with_settings("backend: local\nmax_tasks: 4\n");
    insta::assert_snapshot!(environment.run(["submit", "hello.yaml"]));
    assert!(environment.runs().is_empty());
    environment.run(["config", "path"]).result(0);
    environment.run(["completion", "bash"]).result(0);
    let answer = environment.run(["__complete", "sub"]);
    assert_eq!(
        (answer.result(0), answer.stderr.as_str()),
        ("submit\tPrepare workflows and create them on a cluster, or run them on this machine\n:4\n", "")
    );
    let environment = Environment::new().variable("RUNNABLE_BACKEND", "laptop");
    insta::assert_snapshot!(environment.run(["list"]));
}

#[test]
fn runs_are_local_if_the_setting_says_so_and_no_flag_does_not() {
    let environment = with_settings("backend: local\nnamespace: team\n");
    environment.run(["submit", "hello.yaml", "--name", "hello", "-q"]).result(0);
    assert!(environment.path("state/runs/team/hello").is_dir());
    assert!(environment.run(["list", "-o", "name"]).result(0).contains("hello"));
    assert!(environment.run(["list", "-n", "other", "-o", "name"]).result(0).is_empty());
    // Each of these means a cluster, and here is none.
    for cluster in ["--local=false", "--context=nobody"] {
        assert_ne!(environment.run(["list", cluster]).code, Some(0), "{cluster}");
    }
    let environment = environment.variable("RUNNABLE_BACKEND", "cluster");
    assert_ne!(environment.run(["list"]).code, Some(0));
    assert!(environment.run(["list", "--local", "-o", "name"]).result(0).contains("hello"));
}

#[test]
fn the_end_of_a_run_is_told_to_the_url_of_the_settings() {
    // Nobody listens there: that it is tried is said.
    let environment = with_settings("notify: http://127.0.0.1:1/hook\n");
    let output = environment.run(["submit", "--local", "hello.yaml"]);
    output.result(0);
    assert!(output.stderr.contains("could not notify 127.0.0.1"), "{output}");
}

/// The times of each task, which it takes from the kernel itself.
#[test]
fn tasks_at_once_are_limited_by_the_setting() {
    let text = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: many}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: work, template: work, withSequence: {count: '3'}}
    - - name: read
        template: read
        arguments: {parameters: [{name: all, value: '{{steps.work.outputs.result}}'}]}
  - name: read
    inputs: {parameters: [{name: all}]}
    container: {image: busybox, command: ['true']}
  - name: work
    script:
      image: busybox
      command: [sh]
      source: begun=$(cut -d' ' -f1 /proc/uptime); sleep 0.2; echo \"[$begun, $(cut -d' ' -f1 /proc/uptime)]\"
";
    let environment = Environment::with("many.yaml", text).variable("RUNNABLE_MAX_TASKS", "1");
    let output = environment.run(["submit", "--local", "many.yaml", "-q", "-o", "json"]);
    let run: serde_json::Value = serde_json::from_str(output.result(0)).unwrap();
    let nodes = run["status"]["nodes"].as_object().unwrap().values();
    let times = nodes.filter_map(|node| node["outputs"]["result"].as_str());
    let mut times: Vec<Vec<f64>> = times.map(|text| serde_json::from_str(text).unwrap()).collect();
    times.sort_by(|one, other| one[0].total_cmp(&other[0]));
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[0][1] <= pair[1][0]), "{times:?}");
}

#[test]
fn worktrees_are_made_below_the_root_of_the_settings() {
    let environment = with_settings("worktrees: ~/trees\n");
    let listed = environment.run(["worktree", "list"]);
    assert!(format!("{listed}").contains("trees"), "{listed}");
    let relative = with_settings("worktrees: trees\n");
    insta::assert_snapshot!(relative.run(["worktree", "list"]));
}
