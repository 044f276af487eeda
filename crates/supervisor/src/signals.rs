//! Signals of this process and its threads.

use std::io;
use std::ptr::{null, null_mut};

use rustix::process::Signal;

/// Blocks a signal in this thread: another one takes it.
pub fn block(signal: Signal) -> io::Result<()> {
    // SAFETY: `set` is a signal set that sigemptyset makes whole before anything reads it.
    let code = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal.as_raw());
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, null_mut())
    };
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
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

/// Whether this process ignores a signal.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zeros are a value of this type, and without a new action the call writes the present one there.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}
