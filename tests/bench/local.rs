//! The embedded engine: its scheduler alone, and whole runs.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use assert_fs::TempDir;
use jiff::Timestamp;
use kubectl_runnable::testing::argo::status::Phase;
use kubectl_runnable::testing::local::resolved::Plan;
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
    let mut scheduler = Scheduler::new(Plan::new(workflow, "/nowhere".into(), AT_ONCE));
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

pub(crate) fn fan_out() {
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
