//! Runs tasks one after another, each in a copy of this process.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getegid, geteuid, pidfd_open, set_parent_process_death_signal, setsid, umask,
    waitpid,
};
use rustix::thread::UnshareFlags;

use super::lines::Lines;
use super::mounts::{MountTable, Problem};
use super::scarcity::wait_for_room;
use super::stage::Stage;
use super::{Assignment, Keep, Order, Setup, VIEW, remove_tree, report, supervisor, views};
use crate::exit::Exit;
use crate::local::open_files;
use crate::local::task::Outcome;
use crate::local::view::View;
use crate::platform::set_small_pages;

/// What a task has of its own beside its files, as a pod does; its mounts are its own once it enters the view. The network
/// is the host's.
pub(super) const NAMESPACES: UnshareFlags =
    UnshareFlags::NEWPID.union(UnshareFlags::NEWUTS).union(UnshareFlags::NEWIPC).union(UnshareFlags::NEWCGROUP);

/// The exit code of a supervisor that has told of a task that failed.
const FAILED: u8 = 2;

struct Worker {
    setup: Setup,
    orders: Lines<File>,
    /// Came while the task before it was still being taken down.
    next: Option<Box<Assignment>>,
    mounts: MountTable,
    stage: Option<Stage>,
    /// How many views there have been.
    views: u32,
}

/// Carries out what the engine asks for, until it asks for nothing more.
pub(super) fn serve() -> Result<(), Problem> {
    let general = |action| move |error: io::Error| Problem::general(action, error);
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(general("read the orders"))?;
    let mut orders = Lines::new(File::from(stdin));
    let Some(line) = orders.next() else { return Ok(()) };
    let setup: Setup =
        serde_json::from_slice(&line).map_err(|error| Problem::general("read the orders", io::Error::from(error)))?;
    if let Some(before) = setup.open_files {
        open_files::restore(before);
    }
    set_small_pages(true);
    setsid().map_err(|errno| Problem::general("start a session", errno))?;
    umask(Mode::from_raw_mode(0o022));
    if setup.view == View::Bind {
        become_root_of_a_namespace()?;
    }
    let mut worker = Worker { setup, orders, next: None, mounts: MountTable::open()?, stage: None, views: 0 };
    let served = worker.run();
    worker.clear();
    served
}

pub(super) fn become_root_of_a_namespace() -> Result<(), Problem> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    ::supervisor::unshare(UnshareFlags::NEWUSER).map_err(|errno| Problem::general("make a user namespace", errno))?;
    let write =
        |file: &str, text: String| fs::write(file, text).map_err(|error| Problem::new("map the user", file, error));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))
}

impl Worker {
    fn run(&mut self) -> Result<(), Problem> {
        while let Some(assignment) = self.next_assignment() {
            if let View::Plain(_) = self.setup.view {
                // Its session tells the engine which processes are left when this one is killed: it runs no other task.
                report(&supervisor::run(&self.setup, &assignment, None, &mut self.orders));
                return Ok(());
            }
            match self.prepare(&assignment) {
                Ok(mut stage) => {
                    let failed = self.carry_out(&assignment, &mut stage)?;
                    if failed && self.setup.keep == Keep::Failed && !assignment.task.is_privileged() {
                        // One that cannot be kept is removed with the next one.
                        let _ = stage.keep(&assignment.directory);
                    } else {
                        self.stage = self.settled(stage, &assignment);
                    }
                }
                Err(problem) => drop(report(&failed(problem.to_string()))),
            }
        }
        Ok(())
    }

    fn next_assignment(&mut self) -> Option<Box<Assignment>> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        loop {
            // An order to stop comes too late here: the task has ended.
            if let Ok(Order::Run(assignment)) = serde_json::from_slice(&self.orders.next()?) {
                return Some(assignment);
            }
        }
    }

    /// The view of the task before, where the host still has the mounts and directories that it was planned for.
    fn prepare(&mut self, assignment: &Assignment) -> Result<Stage, Problem> {
        let changed = self.mounts.refresh()?;
        if let Some(mut stage) = self.stage.take_if(|stage| !changed && stage.is_current()) {
            stage.prepare(&assignment.task)?;
            return Ok(stage);
        }
        self.clear();
        self.views += 1;
        let view = if self.setup.keep == Keep::All {
            assignment.directory.join(VIEW)
        } else {
            views(&self.setup.directory).join(format!("{}-{}", process::id(), self.views))
        };
        let mut stage = Stage::new(&self.setup, view, &self.mounts)?;
        stage.prepare(&assignment.task)?;
        Ok(stage)
    }

    /// Whether the task failed.
    fn carry_out(&mut self, assignment: &Assignment, stage: &mut Stage) -> Result<bool, Problem> {
        let (reader, writer) = io::pipe().map_err(|error| Problem::general("make a pipe for the orders", error))?;
        let (mut reader, mut writer) = (Some(reader), Some(writer));
        let setup = &self.setup;
        let fork = || {
            ::supervisor::fork(NAMESPACES, || {
                drop(writer.take());
                let orders = reader.take().map(|reader| Lines::new(File::from(OwnedFd::from(reader))));
                orders.map_or(1, |orders| supervise(setup, assignment, stage, orders))
            })
        };
        let supervisor = wait_for_room(fork);
        drop(reader);
        match supervisor {
            Ok(pid) => self.follow(pid, writer),
            Err(error) => {
                report(&failed(Problem::general("make namespaces", error).to_string()));
                Ok(false)
            }
        }
    }

    /// Passes orders on until the supervisor has ended; whether its task failed.
    fn follow(&mut self, supervisor: Pid, mut orders: Option<PipeWriter>) -> Result<bool, Problem> {
        let problem = |action| move |errno: Errno| Problem::general(action, errno);
        let end = pidfd_open(supervisor, PidfdFlags::empty()).map_err(problem("follow the supervisor"))?;
        // What came together with the task.
        self.pass_on(&mut orders);
        loop {
            let mut waited = vec![PollFd::new(&end, PollFlags::IN)];
            if !self.orders.ended() {
                waited.push(PollFd::new(&self.orders, PollFlags::IN));
            }
            match poll(&mut waited, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(problem("wait for the supervisor")(errno)),
            }
            let ended = !waited[0].revents().is_empty();
            let asked = waited.get(1).is_some_and(|orders| !orders.revents().is_empty());
            if asked {
                self.orders.fill();
                self.pass_on(&mut orders);
            }
            if ended {
                break;
            }
        }
        let status = waitpid(Some(supervisor), WaitOptions::empty()).map_err(problem("wait for the supervisor"))?;
        let code = status.and_then(|(_, status)| status.exit_status());
        if !code.is_some_and(|code| code == 0 || code == i32::from(FAILED)) {
            report(&failed("its supervisor ended without an outcome".to_owned()));
        }
        Ok(code == Some(i32::from(FAILED)))
    }

    fn pass_on(&mut self, supervisor: &mut Option<PipeWriter>) {
        while let Some(line) = self.orders.take() {
            match serde_json::from_slice(&line) {
                Ok(Order::Run(assignment)) => self.next = Some(assignment),
                // One that has just ended does not read.
                Ok(Order::Kill { .. } | Order::Check { .. }) => {
                    drop(supervisor.as_mut().map(|supervisor| supervisor.write_all(&line)));
                }
                Err(_) => {}
            }
        }
        if self.orders.ended() {
            // This is how it hears that the engine is gone.
            *supervisor = None;
        }
    }

    /// The view as it was before the task, if it can be had.
    fn settled(&self, mut stage: Stage, assignment: &Assignment) -> Option<Stage> {
        if self.setup.keep == Keep::All {
            return None;
        }
        // With more rights than usual it may have changed what is not looked at.
        let settled = if assignment.task.has_added_rights() { stage.give_up() } else { stage.settle() };
        let inputs = if assignment.task.input_artifacts.is_empty() { Ok(()) } else { stage.layout.remove_inputs() };
        settled.and(inputs).is_ok().then_some(stage)
    }

    /// Removes the directories of the view. What cannot be removed costs space until the run ends.
    fn clear(&mut self) {
        self.stage = None;
        if self.views > 0 && self.setup.keep != Keep::All {
            let view = views(&self.setup.directory).join(format!("{}-{}", process::id(), self.views));
            let _ = remove_tree(&view);
        }
    }
}

/// The copy's part: its end ends all that the task has started.
fn supervise(setup: &Setup, assignment: &Assignment, stage: &mut Stage, mut orders: Lines<File>) -> u8 {
    let alone = set_parent_process_death_signal(Some(Signal::KILL)).and_then(|()| setsid()).map(drop);
    ::supervisor::leave_keyring();
    let outcome = match alone {
        Ok(()) => supervisor::run(setup, assignment, Some(stage), &mut orders),
        Err(errno) => failed(Problem::general("leave the worker", errno).to_string()),
    };
    match report(&outcome) {
        Exit::Success if outcome.has_failed() => FAILED,
        reported => u8::from(reported != Exit::Success),
    }
}

fn failed(error: String) -> Outcome {
    Outcome { error: Some(error), ..Outcome::default() }
}
