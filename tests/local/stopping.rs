use std::fs;
use std::time::{Duration, Instant};

use crate::rig::{Rig, all_views, isolating_views, result_of, sh, task};
use crate::support::process::lives;
use crate::support::wait::wait_until;

const LONG: Duration = Duration::from_mins(1);

/// A number of seconds that tells a `sleep` apart.
fn mark(offset: u32) -> String {
    format!("{}", 100_000_000 + u64::from(std::process::id()) * 100 + u64::from(offset))
}

#[test]
fn a_killed_task_gets_to_end_by_itself() {
    for view in all_views() {
        let rig = Rig::new(view);
        let waiting = task("a", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done");
        let outcome = rig.kill_at("ready", LONG, waiting);
        assert_eq!((outcome.exit_code, outcome.killed.as_deref()), (Some(5), Some("asked to")), "{:?}", rig.view);
        assert!(rig.log("a", "main").ends_with("bye\n"));
    }
}

#[test]
fn a_task_that_ignores_the_signal_is_killed_after_the_grace_period() {
    for view in all_views() {
        let rig = Rig::new(view);
        let begin = Instant::now();
        let deaf = task("a", "trap '' TERM; echo ready; while :; do sleep 0.02; done");
        let outcome = rig.kill_at("ready", Duration::from_millis(100), deaf);
        assert_eq!(outcome.exit_code, Some(137), "{:?}", rig.view);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_killed_task_starts_nothing_more() {
    let rig = Rig::best();
    let mut set = task("a", "echo ready; exec sleep 60");
    let mut next = sh("next", "echo started");
    next.dependencies = vec!["main".to_owned()];
    set.main.push(next);
    let outcome = rig.kill_at("ready", LONG, set);
    assert_eq!((outcome.exit_code, outcome.containers["next"]), (Some(143), None));
}

#[test]
fn daemonised_descendants_end_with_the_task() {
    for (view, offset) in all_views().into_iter().zip(0..) {
        let rig = Rig::new(view);
        let mark = mark(offset);
        let outcome = rig.run(task("a", &format!("setsid -f sh -c 'sleep {mark}; :' & sleep {mark} & echo started")));
        assert_eq!(result_of(&outcome), "started", "{:?}", rig.view);
        assert!(!lives(&mark), "{:?}", rig.view);
    }
}

#[test]
fn no_process_outlives_an_engine_that_dies() {
    for (view, offset) in all_views().into_iter().zip(10..) {
        let rig = Rig::new(view);
        let mark = mark(offset);
        rig.abandon_at(
            "ready",
            task("a", &format!("trap '' TERM; setsid -f sleep {mark}; echo ready; sleep {mark}; :")),
        );
        wait_until("its end", || !lives(&mark));
    }
}

/// The process that holds this text, and those above it, of the first with it.
fn supervisor_of(mark: &str) -> Option<i32> {
    let of = |pid: i32, name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids = pids.filter(|&pid: &i32| of(pid, "cmdline").split('\0').any(|argument| argument == mark));
    let mut pid = pids.next()?;
    while pid > 1 && !of(pid, "cmdline").contains("__task") {
        let stat = of(pid, "stat");
        pid = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    }
    Some(pid)
}

#[test]
fn no_process_outlives_a_supervisor_that_is_killed() {
    for (view, offset) in all_views().into_iter().zip(30..) {
        let rig = Rig::new(view);
        let mark = mark(offset);
        let script = format!("setsid -f sleep {mark}; sleep {mark} & echo ready; sleep {mark}; :");
        let killing = std::thread::spawn({
            let mark = mark.clone();
            move || {
                let limit = Instant::now() + Duration::from_secs(20);
                while Instant::now() < limit {
                    match supervisor_of(&mark).filter(|pid| *pid > 1) {
                        Some(pid) => {
                            let pid = rustix::process::Pid::from_raw(pid).unwrap();
                            return rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                        }
                        None => std::thread::sleep(Duration::from_millis(20)),
                    }
                }
                panic!("the task never ran");
            }
        });
        let outcome = rig.run(task("orphaned", &script));
        killing.join().unwrap().unwrap();
        assert!(outcome.error.is_some(), "{:?}: {outcome:?}", rig.view);
        wait_until("its end", || !lives(&mark));
    }
}

#[test]
fn a_sidecar_is_stopped_when_the_main_process_has_ended() {
    for (view, offset) in all_views().into_iter().zip(20..) {
        let rig = Rig::new(view);
        let mark = mark(offset);
        let mut beside = task("a", "while ! test -e up; do sleep 0.01; done; echo served");
        beside.sidecars = vec![sh("server", &format!("echo serving; touch up; sleep {mark}; :"))];
        let outcome = rig.run(beside);
        assert_eq!((result_of(&outcome), outcome.failed.is_none()), ("served", true), "{:?}", rig.view);
        assert_eq!(rig.log("a", "server"), "serving\n");
        assert!(!lives(&mark));
    }
}

#[test]
fn a_sidecar_that_fails_by_itself_is_told() {
    let rig = Rig::best();
    let mut beside = task("a", "while ! test -e down; do sleep 0.01; done; sleep 0.2");
    beside.sidecars = vec![sh("server", "touch down; exit 4")];
    let outcome = rig.run(beside);
    let failed = outcome.failed.map(|failed| (failed.name, failed.exit_code));
    assert_eq!((failed, outcome.exit_code), (Some(("server".to_owned(), 4)), Some(0)));
}

#[test]
fn what_a_killed_engine_left_is_cleared_before_the_next_try() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        rig.abandon_at("ready", task("a", "echo old > /mnt/file; echo ready; sleep 60"));
        let outcome = rig.run(task("a", "ls -A /mnt | grep -c file; true"));
        assert_eq!(result_of(&outcome), "0", "{:?}", rig.view);
    }
}
