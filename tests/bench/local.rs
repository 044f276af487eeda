//! The embedded engine: its scheduler alone, and whole runs.

use std::collections::VecDeque;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
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

use crate::measure::{median, medians, program, quiet, row, succeed};
use crate::support::PROGRAM;

/// Tasks of the fan-out.
const TASKS: usize = 1_000;
/// Items of the run that only the scheduler sees.
const ITEMS: usize = 10_000;
/// So often a retry is measured.
const RETRIES: usize = 3;
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
        fan_out_of(home.path(), TASKS, script);
        against_ninja(&format!("{TASKS} tasks and a join{what}"), home.path(), || submit(home.path(), "fan-out.yaml"));
    }
    in_a_user_namespace();
}

/// The same as a user without any right, whose view is another one.
fn in_a_user_namespace() {
    let Some(home) = with_ninja("a fan-out of tasks in a user namespace") else { return };
    if !rustix::process::geteuid().is_root() {
        // It has been measured already.
        return;
    }
    fan_out_of(home.path(), TASKS, "echo hi");
    let copy = home.path().join("kubectl-runnable");
    std::fs::copy(PROGRAM, &copy).unwrap_or_else(|error| panic!("{error}"));
    for (path, mode) in [(home.path(), 0o777), (copy.as_path(), 0o755)] {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap_or_else(|error| panic!("{error}"));
    }
    let ours = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--"]).arg(&copy);
        quiet(&mut command);
        with_arguments(command, home.path(), "fan-out.yaml")
    };
    against_ninja(&format!("{TASKS} tasks and a join in a user namespace"), home.path(), ours);
}

/// Ten times, and fifty times, as many tasks: what one costs stays the same.
pub(crate) fn growth() {
    let home = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
    let measure = |tasks: usize| {
        fan_out_of(home.path(), tasks, "true");
        let begun = Instant::now();
        let peak = Peak::of(submit(home.path(), "fan-out.yaml").arg("--memoize=off"));
        (begun.elapsed() / u32::try_from(tasks).unwrap_or(u32::MAX), peak)
    };
    let (few, of_few) = measure(TASKS);
    for tasks in [10 * TASKS, 50 * TASKS] {
        let (many, of_many) = measure(tasks);
        let more = (of_many.memory.saturating_sub(of_few.memory) << 10) / (tasks - TASKS) as u64;
        row(&format!("a task of {tasks} ({more} B more each), against one of {TASKS}"), many, few);
    }
}

fn fan_out_of(home: &Path, tasks: usize, script: &str) {
    write(&home.join("fan-out.yaml"), &workflow(tasks, script));
    write(&home.join("build.ninja"), &build(tasks));
}

/// Both in turns; what the threads and the memory of ours were at most, all its processes together.
fn against_ninja(what: &str, home: &Path, ours: impl Fn() -> Command) {
    let (own, peer) = medians(
        || succeed(ours().arg("--memoize=off")),
        || {
            succeed(&mut ninja(home));
            // What is there is not built again.
            succeed(Command::new("ninja").args(["-t", "clean"]).current_dir(home).stdout(Stdio::null()));
        },
    );
    let Peak { memory, threads } = Peak::of(ours().arg("--memoize=off"));
    row(&format!("{what} ({} MiB, {threads} threads), against ninja", memory >> 10), own, peer);
}

fn workflow(tasks: usize, script: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: fan-out-}}\nspec:\n  entrypoint: \
         main\n  templates:\n  - name: main\n    steps:\n    - - name: t\n        template: t\n        withSequence: \
         {{count: {tasks}}}\n    - - name: join\n        template: t\n  - name: t\n    container: {{image: busybox, \
         command: [sh, -c], args: [{script:?}]}}\n"
    )
}

/// The same programs. What each writes is its log.
fn build(tasks: usize) -> String {
    let rule = "rule t\n  command = sh -c 'echo hi' > $out\n";
    let outputs: Vec<String> = (0..tasks).map(|number| format!("t{number}.log")).collect();
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
    let Peak { memory, threads } = Peak::of(&mut submit(home.path(), "graph.yaml"));
    let ours = begun.elapsed();
    let begun = Instant::now();
    succeed(&mut ninja(home.path()));
    let what = format!("{NODES} nodes in dags ({} MiB, {threads} threads), against ninja", memory >> 10);
    row(&what, ours, begun.elapsed());
}

/// The retry of many tasks of which one has failed, against ninja after the same failure; then nothing is left to do.
pub(crate) fn retried() {
    for (what, flags) in [(", its plan told", &["--yes"][..]), ("", &["--yes", "-q"])] {
        let (mut ours, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..RETRIES {
            let Some(failed) = Failed::once() else { return };
            let begun = Instant::now();
            succeed(
                program().args(["retry", "--local", "retried"]).args(flags).env("RUNNABLE_HOME", failed.home.path()),
            );
            ours.push(begun.elapsed());
            let begun = Instant::now();
            succeed(&mut ninja(failed.home.path()));
            peers.push(begun.elapsed());
        }
        row(&format!("retry {TASKS} tasks after one failure{what}, against ninja"), median(ours), median(peers));
    }

    let Some(failed) = Failed::once() else { return };
    let again = || succeed(submit(failed.home.path(), "retried.yaml").arg("--resume"));
    again();
    succeed(&mut ninja(failed.home.path()));
    let (ours, peer) = medians(again, || succeed(&mut ninja(failed.home.path())));
    row(&format!("{TASKS} tasks of which none has to run, against ninja"), ours, peer);
}

/// A workflow and a build file of which one task has failed, and would not again.
struct Failed {
    home: TempDir,
    /// In a place that tasks see: what lies in `/tmp` and the runs are hidden from them.
    _outside: TempDir,
}

impl Failed {
    fn once() -> Option<Self> {
        let home = with_ninja("the retry of many tasks")?;
        let outside = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
        let flag = outside.path().join("flag");
        write_retried(home.path(), &flag);
        // Both fail, for the flag is missing.
        let _ = submit(home.path(), "retried.yaml").status();
        let _ = ninja(home.path()).args(["-k", "0"]).status();
        write(&flag, "");
        Some(Self { home, _outside: outside })
    }
}

/// Both go on at their 500th task once the flag is there.
fn write_retried(home: &Path, flag: &Path) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: retried}}\nspec:\n  entrypoint: main\n  \
         templates:\n  - name: main\n    steps:\n    - - name: t\n        template: t\n        withSequence: {{count: \
         {TASKS}}}\n        arguments: {{parameters: [{{name: p, value: \"{{{{item}}}}\"}}]}}\n    - - {{name: join, template: t, \
         arguments: {{parameters: [{{name: p, value: join}}]}}}}\n{}",
        LEAF.replace("true", &format!("test {{{{inputs.parameters.p}}}} != 500 -o -e {}", flag.display())),
    );
    write(&home.join("retried.yaml"), &text);
    let mut build = vec![RULE.replace("true", &format!("test $n != 500 -o -e {}", flag.display()))];
    for task in 0..TASKS {
        build.push(format!("build {task}: t\n  n = {task}\n"));
    }
    let all: Vec<String> = (0..TASKS).map(|task| task.to_string()).collect();
    build.push(format!("build join: t {}\n  n = join\n", all.join(" ")));
    write(&home.join("build.ninja"), &build.concat());
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
    with_arguments(program(), home, file)
}

fn with_arguments(mut command: Command, home: &Path, file: &str) -> Command {
    command.args(["submit", "--local", "-q", "--max-tasks", &AT_ONCE.to_string()]);
    command.arg(home.join(file)).env("RUNNABLE_HOME", home).env("HOME", home);
    command
}

fn ninja(directory: &Path) -> Command {
    let mut command = Command::new("ninja");
    command.args(["-j", &AT_ONCE.to_string()]).current_dir(directory).stdout(Stdio::null());
    command
}

/// What a program and all processes that it has started had at most at once.
struct Peak {
    /// In KiB; what several share counts once.
    memory: u64,
    threads: u64,
}

impl Peak {
    /// Runs a program to its end.
    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
        let mut peak = Self { memory: 0, threads: 0 };
        while child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let processes = descendants(child.id());
            let sum = |file: &str, field: &str| processes.iter().map(|id| number_of(*id, file, field)).sum();
            peak.memory = peak.memory.max(sum("smaps_rollup", "Pss:"));
            // Those of the engine: a worker has one, and its tasks have their own.
            peak.threads = peak.threads.max(number_of(child.id(), "status", "Threads:"));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        peak
    }
}

fn descendants(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let of_threads = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let all: String = of_threads.collect();
        let new: Vec<u32> = all.split_whitespace().filter_map(|id| id.parse().ok()).collect();
        found.extend(new.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>());
        next += 1;
    }
    found
}

/// A number of a file of `/proc`; none of a process that has just ended.
fn number_of(process: u32, file: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
}
