//! Small and read-only disks: what a run and its cache leave is whole or not there, and the exit code says when it is not.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};
use rustix::thread::UnshareFlags;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::wait::wait_until;
use crate::workflows::one_task;

const WAITING: [&str; 6] = ["submit", "--local", "--name", "w", "-q", "wf.yaml"];

/// An environment whose state lies on a small file system, seen by this thread and its children alone.
fn on_disk(options: &str, script: &str) -> Option<Environment> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can mount a small disk");
        return None;
    }
    let environment = Environment::with("wf.yaml", one_task("generateName: w-", script));
    let state = environment.path("state");
    fs::create_dir(&state).unwrap();
    supervisor::unshare(UnshareFlags::NEWNS).unwrap();
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
    let options = CString::new(options).unwrap();
    mount("tmpfs", &state, "tmpfs", MountFlags::empty(), options.as_c_str()).unwrap();
    Some(environment)
}

/// Fills the disk to its last byte.
fn fill(path: &Path) -> PathBuf {
    let filling = path.join("filling");
    let mut file = File::create(&filling).unwrap();
    for size in [4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
    filling
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every document that is there is whole, and success is told only where it is written down.
fn assert_whole(environment: &Environment, output: &Output, about: &str) {
    let state = environment.path("state");
    for path in files(&state) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["workflow.json", "manifest.json", "error.json"].contains(&name.as_str()) {
            let text = fs::read(&path).unwrap();
            assert!(serde_json::from_slice::<Value>(&text).is_ok(), "{about}: {} is broken", path.display());
        }
    }
    let record = fs::read(state.join("runs/default/w/workflow.json")).unwrap_or_default();
    let record: Value = serde_json::from_slice(&record).unwrap_or_default();
    match output.code {
        Some(0) => assert_eq!(record["status"]["phase"], "Succeeded", "{about}: {}", output.stderr),
        Some(4) => assert_eq!(record["status"]["phase"], "Error", "{about}: {}", output.stderr),
        Some(1) => {
            assert!(output.stderr.contains("error: "), "{about}: {}", output.stderr);
            assert!(record["status"]["finishedAt"].is_null(), "{about}: {}", output.stderr);
        }
        _ => panic!("{about}: {:?} {}", output.code, output.stderr),
    }
}

fn free_again(environment: &Environment, about: &str) {
    let names = environment.run(["list", "--local", "-o", "name"]);
    if names.stdout.is_empty() {
        environment.run(WAITING).result(0);
    } else {
        let retried = environment.run(["retry", "--local", "w", "-q", "--yes"]);
        assert_eq!(retried.code, Some(0), "{about}: {}", retried.stderr);
    }
}

#[test]
fn a_disk_that_is_full_at_some_point_loses_nothing() {
    let mut codes = Vec::new();
    for pages in (1..64).step_by(2) {
        let Some(environment) = on_disk("size=256k", "echo hello") else { return };
        let ballast = environment.path("state/ballast");
        fs::write(&ballast, vec![b'x'; (64 - pages) * 4096]).unwrap();
        let output = environment.run(WAITING);
        let about = format!("{pages} pages free");
        assert_whole(&environment, &output, &about);
        codes.push(output.code.unwrap());
        fs::remove_file(ballast).unwrap();
        if output.code != Some(0) {
            free_again(&environment, &about);
        }
    }
    assert!(codes.contains(&0) && codes.contains(&1), "{codes:?}");
}

#[test]
fn a_disk_without_inodes_at_some_point_loses_nothing() {
    let mut codes = Vec::new();
    for inodes in 1..48 {
        let Some(environment) = on_disk("size=4m,nr_inodes=64", "echo hello") else { return };
        let ballast = environment.path("state/ballast");
        fs::create_dir(&ballast).unwrap();
        for number in 0..62 - inodes {
            File::create(ballast.join(number.to_string())).unwrap();
        }
        let output = environment.run(WAITING);
        let about = format!("{inodes} inodes free");
        assert_whole(&environment, &output, &about);
        codes.push(output.code.unwrap());
        fs::remove_dir_all(ballast).unwrap();
        if output.code != Some(0) {
            free_again(&environment, &about);
        }
    }
    assert!(codes.contains(&0) && codes.contains(&1), "{codes:?}");
}

#[test]
fn a_disk_that_is_full_at_the_end_is_told_with_the_journal() {
    let Some(environment) = on_disk("size=1m", "sleep 1; exit 3") else { return };
    let running = environment.start(WAITING);
    let journal = environment.run_directory("w").join("journal.jsonl");
    wait_until("the task runs", || fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"Running\"")));
    // The run's record is kept small, and needs a new page at its end.
    let filling = fill(&environment.path("state"));
    let output = running.end();
    assert_eq!(output.code, Some(1), "a run that is not written down did not fail as a workflow: {}", output.stderr);
    assert!(output.stderr.contains("the record of run w is not complete"), "{}", output.stderr);
    assert!(output.stderr.contains(&journal.display().to_string()), "{}", output.stderr);
    assert!(output.stderr.contains("retry --local w"), "{}", output.stderr);
    fs::remove_file(filling).unwrap();
    let status: Value =
        serde_json::from_str(environment.run(["status", "--local", "w", "-o", "json"]).result(0)).unwrap();
    assert_eq!(status["metadata"]["name"], "w");
}

#[test]
fn a_read_only_store_is_told_before_anything_runs() {
    let Some(environment) = on_disk("size=1m", "echo hello > /proc/self/fd/2") else { return };
    mount_remount(environment.path("state"), MountFlags::RDONLY, c"").unwrap();
    let output = environment.run(WAITING);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("hint: set RUNNABLE_HOME"), "{}", output.stderr);
}

#[test]
fn a_handle_and_a_report_on_a_full_disk_stay_as_they_were() {
    let Some(environment) = on_disk("size=64k", "true") else { return };
    let state = environment.path("state");
    for file in ["handle.json", "report.xml", "cache.json"] {
        fs::write(state.join(file), "old").unwrap();
    }
    fill(&state);
    let environment = environment.variable("RUNNABLE_HOME", "home");
    let submit = ["submit", "--local", "-q", "wf.yaml", "--name", "w"];
    let output = environment.run(submit.iter().chain(&["--handle", "state/handle.json"]));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    let submit = ["submit", "--local", "-q", "wf.yaml", "--name", "v"];
    let output = environment.run(submit.iter().chain(&["--report", "junit=state/report.xml"]));
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for file in ["handle.json", "report.xml"] {
        assert_eq!(fs::read_to_string(state.join(file)).unwrap(), "old", "{file}");
    }
}

#[test]
fn an_attempt_whose_number_cannot_be_noted_ends_as_it_ended() {
    let Some(environment) = on_disk("size=4m", "test -n \"$RUNNABLE_RETRY_RUN_ID\"") else { return };
    assert_eq!(environment.run(WAITING).code, Some(3));
    let caches = fs::read_dir(environment.path("state/cache")).unwrap();
    let cache = caches.map(|cache| cache.unwrap().path()).next().unwrap();
    // What something is mounted on cannot be replaced.
    let attempts = cache.join(".attempts");
    File::create(&attempts).unwrap();
    mount_bind(&attempts, &attempts).unwrap();
    let retried = environment.run(["retry", "--local", "w", "--yes"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert!(retried.stderr.contains("does not remember attempt 2: cannot use "), "{}", retried.stderr);
}
