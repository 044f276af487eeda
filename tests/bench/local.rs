//! The embedded engine: its scheduler alone, and whole runs.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use assert_fs::TempDir;
use jiff::Timestamp;
use kubectl_runnable::testing::argo::status::Phase;
use kubectl_runnable::testing::local::resolved::Resolved;
use kubectl_runnable::testing::local::scheduler::{Action, Event, Moment, Scheduler};
use kubectl_runnable::testing::local::task::Outcome;
use serde_json::json;

use crate::measure::{medians, program, row, succeed};

/// Tasks of the fan-out.
const TASKS: usize = 1_000;
/// Items of the run that only the scheduler sees.
const ITEMS: usize = 10_000;
/// Tasks and peers at once.
const AT_ONCE: usize = 16;

/// Tasks of the graph, and of each of the dags that it consists of.
const NODES: usize = 10_000;
const OF_ONE_DAG: usize = 100;

/// A run of many items against ten runs of a tenth: 1.0 is growth with the work.
pub(crate) fn scheduled() {
    let (ours, peer) = medians(|| schedule(ITEMS), || (0..10).for_each(|_| schedule(ITEMS / 10)));
    row(&format!("schedule {ITEMS} items, against 10 runs of a tenth"), ours, peer);
}

/// Carries out a run of items, each of which hands a parameter on, without processes.
fn schedule(items: usize) {
    let workflow = json!({"metadata": {"name": "bench"}, "spec": {"entrypoint": "main", "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "leaf", "withSequence": {"count": items},
            "arguments": {"parameters": [{"name": "p", "value": "{{item}}"}]}}]]},
        {"name": "leaf", "inputs": {"parameters": [{"name": "p"}]},
            "container": {"image": "a", "command": ["c", "{{inputs.parameters.p}}"]},
            "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]}},
    ]}});
    let mut scheduler = Scheduler::new(Resolved::new(workflow, "/nowhere".into(), AT_ONCE));
    let mut events = VecDeque::from([Event::Start]);
    while let Some(event) = events.pop_front() {
        for action in scheduler.handle(Moment::begin(Timestamp::UNIX_EPOCH), event) {
            if let Action::Run(node, _) = action {
                let parameters = [("o".to_owned(), "1".to_owned())].into();
                let outcome = Outcome { exit_code: Some(0), parameters, ..Outcome::default() };
                events.push_back(Event::Ended(node, Box::new(outcome)));
            }
        }
        scheduler.changes();
    }
    assert!(scheduler.finished().is_some_and(|finished| finished.phase == Phase::Succeeded));
}

/// Many tasks and one after them, as the Argo workflow and as the build file of ninja, which isolates nothing and keeps no log.
pub(crate) fn fan_out() {
    for (what, script) in [("", "echo hi"), (", each writes outside of /tmp", "echo hi > /mnt/file")] {
        let Some(home) = with_ninja("a fan-out of tasks") else { return };
        write(&home.path().join("fan-out.yaml"), &workflow(script));
        write(&home.path().join("build.ninja"), &build());

        let ours = || succeed(submit(home.path(), "fan-out.yaml").arg("--memoize=off"));
        let peer = || {
            succeed(&mut ninja(home.path()));
            // What is there is not built again.
            succeed(Command::new("ninja").args(["-t", "clean"]).current_dir(home.path()).stdout(Stdio::null()));
        };
        let (ours, peer) = medians(ours, peer);
        row(&format!("{TASKS} tasks and a join{what}, against ninja"), ours, peer);
    }
}

fn workflow(script: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: fan-out-}}\nspec:\n  entrypoint: \
         main\n  templates:\n  - name: main\n    steps:\n    - - name: t\n        template: t\n        withSequence: \
         {{count: {TASKS}}}\n    - - name: join\n        template: t\n  - name: t\n    container: {{image: busybox, \
         command: [sh, -c], args: [{script:?}]}}\n"
    )
}

/// The same programs. What each writes is its log.
fn build() -> String {
    let rule = "rule t\n  command = sh -c 'echo hi' > $out\n";
    let outputs: Vec<String> = (0..TASKS).map(|number| format!("t{number}.log")).collect();
    let tasks: Vec<String> = outputs.iter().map(|output| format!("build {output}: t\n")).collect();
    format!("{rule}{}build join.log: t | {}\n", tasks.concat(), outputs.join(" "))
}

/// A graph of dags in a dag against ninja with the same graph and as many jobs at once.
pub(crate) fn graph() {
    let Some(home) = with_ninja("a graph of tasks") else { return };
    let dags = NODES / OF_ONE_DAG;
    let tree = |count: usize, template: &str, value: &str| -> String {
        let task = |number: usize| {
            let after = if number == 0 { String::new() } else { format!(", dependencies: [x{}]", (number - 1) / 2) };
            let value = value.replace('N', &number.to_string());
            format!(
                "      - {{name: x{number}, template: {template}, arguments: {{parameters: [{{name: p, value: \"{value}\"}}]}}{after}}}\n"
            )
        };
        (0..count).map(task).collect()
    };
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: graph-}}\nspec:\n  entrypoint: main\n  \
         templates:\n  - name: main\n    dag:\n      tasks:\n{}  - name: dag\n    inputs: {{parameters: [{{name: p}}]}}\n    \
         dag:\n      tasks:\n{}{LEAF}",
        tree(dags, "dag", "N"),
        tree(OF_ONE_DAG, "t", "{{inputs.parameters.p}}-N"),
    );
    write(&home.path().join("graph.yaml"), &text);
    let mut build = vec![RULE.to_owned()];
    for dag in 0..dags {
        for task in 0..OF_ONE_DAG {
            let after = match (dag, task) {
                (0, 0) => String::new(),
                (dag, 0) => format!("{}.all", (dag - 1) / 2),
                (dag, task) => format!("{dag}-{}", (task - 1) / 2),
            };
            build.push(format!("build {dag}-{task}: t {after}\n  n = {dag}-{task}\n"));
        }
        let all: Vec<String> = (0..OF_ONE_DAG).map(|task| format!("{dag}-{task}")).collect();
        build.push(format!("build {dag}.all: phony {}\n", all.join(" ")));
    }
    write(&home.path().join("build.ninja"), &build.concat());

    let begun = Instant::now();
    let peak = peak_of(submit(home.path(), "graph.yaml"));
    let ours = begun.elapsed();
    let begun = Instant::now();
    succeed(&mut ninja(home.path()));
    row(&format!("{NODES} nodes in dags ({} MiB), against ninja", peak >> 10), ours, begun.elapsed());
}

/// The retry of many tasks of which one has failed, against ninja after the same failure.
pub(crate) fn retried() {
    let Some(home) = with_ninja("the retry of many tasks") else { return };
    let flag = home.path().join("flag");
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: retried}}\nspec:\n  entrypoint: main\n  \
         templates:\n  - name: main\n    steps:\n    - - name: t\n        template: t\n        withSequence: {{count: \
         {TASKS}}}\n        arguments: {{parameters: [{{name: p, value: \"{{{{item}}}}\"}}]}}\n    - - {{name: join, template: t, \
         arguments: {{parameters: [{{name: p, value: join}}]}}}}\n{}",
        LEAF.replace("true", &format!("test {{{{inputs.parameters.p}}}} != 500 -o -e {}", flag.display())),
    );
    write(&home.path().join("retried.yaml"), &text);
    let mut build = vec![RULE.replace("true", &format!("test $n != 500 -o -e {}", flag.display()))];
    for task in 0..TASKS {
        build.push(format!("build {task}: t\n  n = {task}\n"));
    }
    let all: Vec<String> = (0..TASKS).map(|task| task.to_string()).collect();
    build.push(format!("build join: t {}\n  n = join\n", all.join(" ")));
    write(&home.path().join("build.ninja"), &build.concat());

    // Both fail once, for the flag is missing.
    let _ = submit(home.path(), "retried.yaml").status();
    let _ = ninja(home.path()).args(["-k", "0"]).status();
    write(&flag, "");
    let begun = Instant::now();
    succeed(program().args(["retry", "--local", "retried", "--yes", "-q"]).env("RUNNABLE_HOME", home.path()));
    let ours = begun.elapsed();
    let begun = Instant::now();
    succeed(&mut ninja(home.path()));
    row(&format!("retry {TASKS} tasks after one failure, against ninja"), ours, begun.elapsed());
}

const LEAF: &str = "  - name: t\n    inputs: {parameters: [{name: p}]}\n    container: {image: busybox, command: [sh, -c], args: \
                    [\"true\"]}\n";
const RULE: &str = "rule t\n  command = true && touch $out\n";

/// A directory for both, where there is a ninja.
fn with_ninja(what: &str) -> Option<TempDir> {
    if Command::new("ninja").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("{what}: left out, for there is no ninja on the PATH");
        return None;
    }
    Some(TempDir::new().unwrap_or_else(|error| panic!("{error}")))
}

fn submit(home: &Path, file: &str) -> Command {
    let mut command = program();
    command.args(["submit", "--local", "-q", "--max-tasks", &AT_ONCE.to_string()]);
    command.arg(home.join(file)).env("RUNNABLE_HOME", home);
    command
}

fn ninja(directory: &Path) -> Command {
    let mut command = Command::new("ninja");
    command.args(["-j", &AT_ONCE.to_string()]).current_dir(directory).stdout(Stdio::null());
    command
}

/// Runs a program to its end; the most memory that it had, in KiB.
fn peak_of(mut command: Command) -> u64 {
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
    let mut peak = 0;
    while child.try_wait().is_ok_and(|ended| ended.is_none()) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let seen = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
        peak = peak.max(seen);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    peak
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
}
