//! Worktrees beside shallow clones, in a pod: what each costs in time, CPU and bytes. The volume is in memory: after large
//! removals ext4 looks long for inodes, and whatever else the machine removes would decide (docs/worktrees.md).

use std::fmt::Write as _;

use crate::image::image;
use crate::namespace::with_namespace;
use crate::support::git_server::GitServer;
use crate::support::repository::Repository;

const ROUNDS: usize = 10;
const FILES: usize = 5_000;

/// Clones and inits in turns. Each prints its kind and its nanoseconds, and after it the shell its times: two lines, its own
/// and those of the programs that it ran, user and system.
const WORK: &str = r#"set -e
kubectl-runnable worktree init --url "$WORKTREES" --root /work/root --task-id first >/dev/null 2>&1
measure() { kind=$1; shift; begun=$(date +%s%N); "$@" >/dev/null 2>/tmp/said || { cat /tmp/said; return 1; }; ended=$(date +%s%N); echo "took $kind $((ended - begun))"; times; }
i=0
while [ $i -lt ROUNDS ]; do
  i=$((i + 1))
  measure clone git clone -q --depth=1 "$CLONES" /work/clone-$i
  measure init kubectl-runnable worktree init --url "$WORKTREES" --root /work/root --task-id t$i
done
test -z "$(git -C /work/root/trees/t1 status --porcelain)"
"#;

/// What one kind cost, in the order of the rounds: milliseconds of the clock, and of all processors.
#[derive(Debug, Default)]
struct Costs {
    took: Vec<f64>,
    cpu: Vec<f64>,
}

/// Reads what the work printed, each line after the name of its node.
fn costs(log: &str) -> (Costs, Costs) {
    let (mut clones, mut inits) = (Costs::default(), Costs::default());
    let mut before = None;
    let mut lines = log.lines().skip_while(|line| !line.contains("took "));
    while let Some((_, told)) = lines.next().and_then(|line| line.split_once("took ")) {
        let (kind, nanoseconds) = told.split_once(' ').unwrap();
        let programs = lines.nth(1).unwrap();
        let used: f64 = programs.split_whitespace().rev().take(2).map(milliseconds).sum();
        let costs = if kind == "clone" { &mut clones } else { &mut inits };
        costs.took.push(nanoseconds.parse::<f64>().unwrap() / 1e6);
        // What ran before the first round has no line of its own.
        if let Some(before) = before.replace(used) {
            costs.cpu.push(used - before);
        }
    }
    (clones, inits)
}

/// `1m2.50s`, as a shell writes times.
fn milliseconds(text: &str) -> f64 {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').unwrap();
    (minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()) * 1e3
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

fn many_files(repository: &Repository) {
    let source = repository.source();
    for number in 0..FILES {
        let directory = source.join(format!("part-{}", number % 50));
        std::fs::create_dir_all(&directory).unwrap();
        let mut text = String::new();
        for line in 0..40 {
            writeln!(text, "line {line} of {number}: {:x}", number * 7_919 + line * 104_729).unwrap();
        }
        std::fs::write(directory.join(format!("file-{number}.txt")), text).unwrap();
    }
    repository.git(&source, &["add", "-A"]);
    repository.git(&source, &["commit", "-qm", "Many files"]);
}

#[test]
fn a_worktree_costs_less_than_half_of_a_shallow_clone() {
    let repository = Repository::new();
    many_files(&repository);
    let [clones_of, worktrees_of] = [(); 2].map(|()| GitServer::start(repository.directory(), None));
    with_namespace(|namespace| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: speed}}
spec:
  entrypoint: main
  volumes: [{{name: work, emptyDir: {{medium: Memory}}}}]
  templates:
  - name: main
    container:
      image: {}
      command: [sh, -c, {}]
      env: [{{name: CLONES, value: {}/source}}, {{name: WORKTREES, value: {}/source}}, {{name: HOME, value: /tmp}}]
      volumeMounts: [{{name: work, mountPath: /work}}]
",
            image(),
            serde_json::json!(WORK.replace("ROUNDS", &ROUNDS.to_string())),
            clones_of.origin,
            worktrees_of.origin,
        );
        let file = namespace.file("speed.yaml", &text);
        let _ = namespace.run_long(&["submit", &file, "--memoize=off", "--wait"]).exits(0);
        let log = namespace.run(&["logs", "speed"]).exits(0).stdout;
        let (cloned, made) = costs(&log);
        assert_eq!((cloned.took.len(), made.took.len()), (ROUNDS, ROUNDS), "{log}");

        let received = [clones_of.sent(), worktrees_of.sent()];
        println!(
            "{ROUNDS} rounds, averages: clone {:.0} ms, CPU {:.0} ms, {} bytes; init {:.0} ms, CPU {:.0} ms, {} bytes with the first",
            average(&cloned.took),
            average(&cloned.cpu),
            received[0] / ROUNDS as u64,
            average(&made.took),
            average(&made.cpu),
            received[1] / ROUNDS as u64,
        );
        assert!(average(&made.took) * 2.0 < average(&cloned.took), "{log}");
        assert!(received[1] * 5 < received[0], "{received:?}");
    });
}
