//! Measurements, each beside a peer in the same run: `cargo bench`. Prints a table; fails nothing.

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_fs::TempDir;
use jiff::Timestamp;
use kubectl_runnable::argo::document::{Source, parse};
use kubectl_runnable::argo::identity::{CacheName, RunId};
use kubectl_runnable::argo::status::Phase;
use kubectl_runnable::local::plan::Plan;
use kubectl_runnable::local::scheduler::{Action, Event, Scheduler};
use kubectl_runnable::local::task::Outcome;
use kubectl_runnable::prepare::{Options, Templates, prepare};
use serde_json::{Value, json};

/// Runs of each measurement; the median counts.
const ROUNDS: usize = 11;
/// Tasks of the fan-out.
const TASKS: usize = 1_000;
/// Items of the run that only the scheduler sees.
const ITEMS: usize = 10_000;
/// Tasks and peers at once.
const AT_ONCE: usize = 16;

fn main() {
    println!("{:<56} {:>12} {:>12} {:>8}", "", "ours", "peer", "ratio");
    start();
    read();
    prepared();
    scheduled();
    fan_out();
}

fn row(what: &str, ours: Duration, peer: Duration) {
    let ratio = ours.as_secs_f64() / peer.as_secs_f64();
    println!("{what:<56} {:>12} {:>12} {ratio:>8.2}", format!("{ours:.2?}"), format!("{peer:.2?}"));
}

/// The medians of both, measured in turns so that the machine's moods reach both.
fn medians(mut ours: impl FnMut(), mut peer: impl FnMut()) -> (Duration, Duration) {
    let time = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let (mut first, mut second): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (time(&mut ours), time(&mut peer))).unzip();
    first.sort_unstable();
    second.sort_unstable();
    (first[ROUNDS / 2], second[ROUNDS / 2])
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn succeed(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}

fn start() {
    let quiet = || {
        let mut git = Command::new("git");
        git.arg("--version").stdout(Stdio::null());
        git
    };
    let (ours, peer) = medians(|| succeed(program().arg("--version")), || succeed(&mut quiet()));
    row("start: --version, against git --version", ours, peer);
}

/// A workflow of many templates and a DAG that calls all of them.
fn pipeline(templates: usize) -> String {
    let mut text = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: bench-}\nspec:\n  \
                    entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
        .to_owned();
    let mut write = |part: String| text.push_str(&part);
    for template in 0..templates {
        let depends = if template == 0 { String::new() } else { format!("        depends: t{}\n", template - 1) };
        write(format!(
            "      - name: t{template}\n        template: t{template}\n{depends}        arguments:\n          \
             parameters:\n          - {{name: x, value: \"{{{{workflow.name}}}}\"}}\n"
        ));
    }
    for template in 0..templates {
        write(format!(
            "  - name: t{template}\n    inputs: {{parameters: [{{name: x}}]}}\n    retryStrategy: {{limit: 2}}\n    \
             script:\n      image: python:3.13\n      command: [python]\n      source: |\n        import sys\n        \
             print(\"{{{{inputs.parameters.x}}}}\", {template}, file=sys.stderr)\n      env:\n      - {{name: A, value: \
             \"1\"}}\n"
        ));
    }
    text
}

fn read() {
    let mut text = String::new();
    for part in 0..40 {
        let _ = write!(text, "---\n{}", pipeline(190).replace("bench-", &format!("bench-{part}-")));
    }
    let source = Source { name: "bench.yaml".to_owned(), text: text.clone().into_bytes() };
    let (ours, peer) = medians(
        || assert!(parse(&source).is_ok_and(|parsed| parsed.documents.len() == 40)),
        || {
            let documents = serde_yaml::Deserializer::from_str(&text);
            let values: Result<Vec<Value>, _> = documents.map(serde::Deserialize::deserialize).collect();
            assert!(values.is_ok_and(|values| values.len() == 40));
        },
    );
    let what = format!("read and check {} kB of YAML, against serde_yaml", text.len() / 1_000);
    row(&what, ours, peer);
}

fn prepared() {
    let source = Source { name: "bench.yaml".to_owned(), text: pipeline(199).into_bytes() };
    let Ok(parsed) = parse(&source) else { panic!("the made pipeline is illegal") };
    let workflow = &parsed.documents[0].value;
    let Ok(run_id) = "bench".parse::<RunId>() else { panic!("the run id is illegal") };
    let options = Options::new(run_id, CacheName::generated([0; 6]));
    let (ours, peer) = medians(
        || {
            let prepared = prepare(workflow.clone(), &Templates::default(), &options);
            assert!(prepared.is_ok_and(|prepared| prepared.run.cache_name.is_some()));
        },
        || assert!(!workflow.to_string().is_empty()),
    );
    row("prepare 200 templates, against writing them", ours, peer);
}

/// A run of many items against ten runs of a tenth: 1.0 is growth with the work.
fn scheduled() {
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
    let mut scheduler = Scheduler::new(Plan::new(workflow, "/nowhere".into(), AT_ONCE));
    let mut events = VecDeque::from([Event::Start]);
    while let Some(event) = events.pop_front() {
        for action in scheduler.handle(Timestamp::UNIX_EPOCH, event) {
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

fn fan_out() {
    let home = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
    let file = home.path().join("fan-out.yaml");
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: fan-out-}}\nspec:\n  entrypoint: \
         main\n  templates:\n  - name: main\n    steps:\n    - - name: t\n        template: t\n        withSequence: \
         {{count: {TASKS}}}\n  - name: t\n    container: {{image: busybox, command: [sh, -c], args: [\"echo hi\"]}}\n"
    );
    std::fs::write(&file, text).unwrap_or_else(|error| panic!("{error}"));
    let begun = Instant::now();
    let at_once = AT_ONCE.to_string();
    succeed(
        program()
            .args(["submit", "--local", "-q", "--max-tasks", &at_once])
            .arg(&file)
            .env("RUNNABLE_HOME", home.path()),
    );
    let ours = begun.elapsed();
    let begun = Instant::now();
    succeed(&mut peer_loop(home.path()));
    row(&format!("{TASKS} tasks, against xargs with unshare"), ours, begun.elapsed());
}

/// The same programs, each in a mount and PID namespace of its own, without a view, logs or a status.
fn peer_loop(directory: &Path) -> Command {
    let mut command = Command::new("sh");
    let namespaces = "unshare --user --map-root-user --mount --pid --fork";
    let script = format!("seq {TASKS} | xargs -P {AT_ONCE} -I @ {namespaces} sh -c 'echo hi > @.log'");
    command.args(["-c", &script]).current_dir(directory).stderr(Stdio::null());
    command
}
