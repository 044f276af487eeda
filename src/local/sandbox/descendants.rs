//! The processes that a task has left behind.

use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};

/// Kills every descendant, also one that left its group and session, and waits until they are gone.
pub(super) fn kill_everything() {
    loop {
        if !::supervisor::kill_namespace() {
            for pid in children() {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if wait(WaitOptions::empty()).is_err_and(|errno| errno == Errno::CHILD) {
            return;
        }
    }
}

/// The processes whose parent is this one.
fn children() -> Vec<Pid> {
    let own = getpid();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| parent(&entry.path().join("stat")) == Some(own))
        .filter_map(|entry| pid(&entry.path()))
        .collect()
}

fn pid(directory: &Path) -> Option<Pid> {
    Pid::from_raw(directory.file_name()?.to_str()?.parse().ok()?)
}

fn parent(stat: &PathBuf) -> Option<Pid> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let fields = text.rsplit_once(')')?.1;
    Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?)
}
