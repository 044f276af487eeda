//! Processes without an exec between: a copy of this process, in namespaces of its own, and a program that is prepared before
//! it starts. This is the only crate with `unsafe`; each block says why it is sound. All of it takes a process of one
//! thread: then a copy has no lock that nobody opens again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::ptr::{null, null_mut};

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// The exit code of a copy that panicked.
const PANICKED: i32 = 101;

/// Makes a copy of this process in the new namespaces of `flags`, which ends with the code that `body` gives.
pub fn fork(flags: UnshareFlags, body: impl FnOnce() -> u8) -> io::Result<Pid> {
    assert_one_thread()?;
    let flags = libc::c_long::from(flags.bits().cast_signed() | libc::SIGCHLD);
    let nothing: libc::c_long = 0;
    // SAFETY: without CLONE_VM and with no stack this is a fork: the copy has memory of its own, and there is no other thread
    // that could hold a lock. All other arguments are unused with these flags.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, nothing, nothing, nothing, nothing) };
    match i32::try_from(pid) {
        Ok(0) => {
            let code = catch_unwind(AssertUnwindSafe(body)).map_or(PANICKED, i32::from);
            // SAFETY: ends this process at once. Its guards ran with `body`; those of the original are not the copy's to run.
            unsafe { libc::_exit(code) }
        }
        Ok(pid) => Pid::from_raw(pid).ok_or_else(io::Error::last_os_error),
        Err(_) => Err(io::Error::other("the kernel gave a process no number")),
    }
}

/// Starts a program, which runs `prepare` in the new process first.
pub fn spawn(
    command: &mut Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<Child> {
    assert_one_thread()?;
    // SAFETY: there is no other thread, so that `prepare` finds no lock closed and may do all that this process may.
    unsafe { command.pre_exec(prepare) };
    command.spawn()
}

/// Several threads are an error. The kernel tells: one that is not alone cannot leave the others.
fn assert_one_thread() -> io::Result<()> {
    // SAFETY: alone, a thread has nothing to leave and nothing changes.
    let alone = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::from_bits_retain(libc::CLONE_THREAD as u32)) };
    alone.map_err(|_| io::Error::other("a process of several threads cannot be copied"))
}

/// Tells when a child has ended, by being readable.
#[derive(Debug)]
pub struct ChildSignals(OwnedFd);

impl ChildSignals {
    /// From now on this thread takes SIGCHLD this way. Programs that are started by `Command` take it as usual.
    pub fn listen() -> io::Result<Self> {
        // SAFETY: `set` is a signal set that sigemptyset makes whole before anything reads it.
        let descriptor = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGCHLD);
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was opened above, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Takes in the signals that have come: those that come later are told again.
    pub fn clear(&self) {
        let mut told = [0u8; size_of::<libc::signalfd_siginfo>() * 8];
        while rustix::io::read(&self.0, &mut told).is_ok_and(|count| count == told.len()) {}
    }
}

impl AsFd for ChildSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Leaves the keys of the session that started this process, where the kernel has keys.
pub fn leave_keyring() {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: takes no memory of this process: without a name the keyring is a new one.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, null::<libc::c_char>()) };
}

/// Ends this process by a signal, without a core of its own. Returns where the kernel does not let it: to the first process
/// of a namespace no signal comes that it does not handle.
pub fn end_by(signal: i32) {
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the default action takes no code of this process, `set` is made whole by sigemptyset before it is read, and the
    // other calls take numbers alone.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, null_mut());
        libc::kill(libc::getpid(), signal);
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{WaitOptions, waitpid};

    use super::*;

    /// In a process of one thread: the test harness has several.
    fn alone(body: impl FnOnce() -> u8) -> Option<i32> {
        // SAFETY: the copy has the thread of this test alone and uses no lock that another one may hold.
        match unsafe { libc::fork() } {
            0 => {
                let code = body();
                // SAFETY: ends the copy.
                unsafe { libc::_exit(i32::from(code)) }
            }
            pid => exit_code(Pid::from_raw(pid)?),
        }
    }

    fn exit_code(pid: Pid) -> Option<i32> {
        waitpid(Some(pid), WaitOptions::empty()).ok()??.1.exit_status()
    }

    #[test]
    fn a_process_of_several_threads_is_refused() {
        let error = std::thread::spawn(|| fork(UnshareFlags::empty(), || 0)).join();
        assert!(error.is_ok_and(|forked| forked.is_err()));
    }

    #[test]
    fn a_copy_ends_with_its_code_and_tells_its_parent() {
        let code = alone(|| {
            let Ok(signals) = ChildSignals::listen() else { return 1 };
            let Ok(pid) = fork(UnshareFlags::empty(), || 42) else { return 2 };
            let code = exit_code(pid);
            signals.clear();
            u8::from(code != Some(42)) * 3
        });
        assert_eq!(code, Some(0));
    }

    #[test]
    fn a_process_ends_by_a_signal_that_it_had_handled() {
        // SAFETY: the copy has the thread of this test alone and uses no lock that another one may hold.
        let pid = match unsafe { libc::fork() } {
            0 => {
                // SAFETY: ignores a signal.
                unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
                end_by(libc::SIGTERM);
                // SAFETY: ends the copy.
                unsafe { libc::_exit(0) }
            }
            pid => Pid::from_raw(pid),
        };
        let status = waitpid(pid, WaitOptions::empty()).ok().flatten().map(|(_, status)| status);
        assert_eq!(status.and_then(|status| status.terminating_signal()), Some(libc::SIGTERM));
    }

    #[test]
    fn a_program_is_prepared_or_does_not_start() {
        let code = alone(|| {
            let refused = spawn(&mut Command::new("true"), || Err(io::ErrorKind::PermissionDenied.into()));
            if refused.is_ok() {
                return 1;
            }
            let started = spawn(&mut Command::new("true"), || Ok(()));
            let code = started.and_then(|mut child| child.wait()).ok().and_then(|status| status.code());
            u8::from(code != Some(0)) * 2
        });
        assert_eq!(code, Some(0));
    }
}
