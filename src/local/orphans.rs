//! Processes of a task whose supervisor was killed, where no namespace ends them with it: the engine, to which they then
//! belong, kills them.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

/// The time in which killed processes end.
const PAUSE: Duration = Duration::from_millis(5);

/// The processes of one task: those of its supervisor's session, and those whose environment names the task.
#[derive(Debug, Clone)]
pub(super) struct Orphans {
    pub(super) session: Pid,
    pub(super) node: String,
}

impl Orphans {
    /// Kills them all and takes in how they ended. One may start another meanwhile: it is looked for until none is left.
    pub(super) fn end(&self) {
        loop {
            let left = self.find();
            if left.is_empty() {
                return;
            }
            for process in left {
                let _ = kill_process(process, Signal::KILL);
                // One whose parent still lives is no child of this process yet.
                let _ = waitpid(Some(process), WaitOptions::NOHANG);
            }
            thread::sleep(PAUSE);
        }
    }

    fn find(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| Some((number(entry.file_name().to_str()?)?, entry.path())));
        let is_left = |pid: Pid, path: &Path| pid != getpid() && self.is_of_task(path);
        processes.filter(|(pid, path)| is_left(*pid, path)).map(|(pid, _)| pid).collect()
    }

    fn is_of_task(&self, process: &Path) -> bool {
        let Ok(stat) = fs::read_to_string(process.join("stat")) else { return false };
        // The second field is the program's name in parentheses and may hold anything.
        let Some((_, fields)) = stat.rsplit_once(')') else { return false };
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let session = fields.get(3).and_then(|session| number(session));
        if session == Some(self.session) {
            return true;
        }
        let mark = format!("HOSTNAME={}", self.node);
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        !self.node.is_empty() && environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    }
}

fn number(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok().filter(|number| *number > 0)?)
}
