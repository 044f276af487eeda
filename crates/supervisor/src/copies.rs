//! Processes without an exec between: a copy of this process, in namespaces of its own, and a program that is prepared before
//! it starts. All of it takes a process of one thread: then a copy has no lock that nobody opens again.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use rustix::process::{Pid, WaitOptions, chdir, setpgid, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::thread::UnshareFlags;

#[cfg(test)]
mod tests;

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

/// A program with what its process begins with.
#[derive(Debug)]
pub struct Program<'a> {
    /// Where it lies.
    pub path: CString,
    /// The first one is its own name.
    pub arguments: Vec<CString>,
    /// Texts `NAME=VALUE`.
    pub environment: Vec<CString>,
    /// Its working directory.
    pub directory: CString,
    /// Its standard input, output and error.
    pub streams: [BorrowedFd<'a>; 3],
}

/// Starts a program as the leader of a process group, with the usual signals. The new process runs `prepare` first.
///
/// This process stands still meanwhile, and its memory is not copied: that of a worker costs more than all the rest.
pub fn spawn(program: &Program, mut prepare: impl FnMut() -> io::Result<()>) -> io::Result<Pid> {
    assert_one_thread()?;
    let mut start = Start {
        program,
        arguments: pointers(&program.arguments),
        environment: pointers(&program.environment),
        prepare: &mut prepare,
        failed: None,
    };
    let mut stack: Vec<MaybeUninit<u128>> = Vec::with_capacity(STACK);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the end of the allocation is the beginning of a stack, which grows down and is aligned as the type is. The
    // kernel lets this process go on only when the other one has left this memory, by its program or by its end: until then
    // `start` and the stack live and nobody else uses them. There is no other thread that could.
    let pid = unsafe { libc::clone(begin, stack.as_mut_ptr().add(STACK).cast(), flags, (&raw mut start).cast()) };
    let Some(pid) = Pid::from_raw(pid).filter(|_| pid > 0) else { return Err(io::Error::last_os_error()) };
    match start.failed {
        None => Ok(pid),
        Some(error) => {
            // It has ended: no trace of it stays.
            waitpid(Some(pid), WaitOptions::empty())?;
            Err(error)
        }
    }
}

/// Values of 16 bytes on the stack of a process that prepares its program.
const STACK: usize = 256 * 1024 / 16;

/// What the new process reads and writes of the memory of the one that starts it.
struct Start<'a> {
    program: &'a Program<'a>,
    arguments: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
    prepare: &'a mut dyn FnMut() -> io::Result<()>,
    failed: Option<io::Error>,
}

/// They end with a null pointer, and hold as long as the texts.
fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([null()]).collect()
}

extern "C" fn begin(start: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `spawn` passes a pointer to its own value and stands still.
    let start = unsafe { &mut *start.cast::<Start>() };
    let failed = catch_unwind(AssertUnwindSafe(|| start.run()));
    start.failed = Some(failed.unwrap_or_else(|_| io::Error::other("the preparation of a program panicked")));
    PANICKED
}

impl Start<'_> {
    /// Gives an error, or does not return.
    fn run(&mut self) -> io::Error {
        match self.prepare() {
            Ok(()) => {
                let path = self.program.path.as_ptr();
                // SAFETY: both lists end with a null pointer, and their texts live in `program`. A file without the head of
                // an executable is run by the shell, as by a shell.
                unsafe { libc::execvpe(path, self.arguments.as_ptr(), self.environment.as_ptr()) };
                io::Error::last_os_error()
            }
            Err(error) => error,
        }
    }

    fn prepare(&mut self) -> io::Result<()> {
        setpgid(None, None)?;
        let [input, output, errors] = self.program.streams;
        dup2_stdin(input)?;
        dup2_stdout(output)?;
        dup2_stderr(errors)?;
        chdir(&self.program.directory)?;
        // SAFETY: the set is made whole before it is used, and the handlers are those of the new process alone.
        unsafe {
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        (self.prepare)()
    }
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

/// Leaves namespaces, or file system attributes, that this thread shares with others.
///
/// Descriptors stay shared: to leave those would close none that another thread counts on, but let it use a number that is
/// another file here.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: only a table of descriptors of its own would make what other code holds in this thread unsound.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Kills every other process of this namespace; nothing, and false, where this process is not its first.
#[must_use = "where nothing was killed, something else has to be done"]
pub fn kill_namespace() -> bool {
    let is_first = rustix::process::getpid().is_init();
    if is_first {
        // SAFETY: takes numbers alone.
        unsafe { libc::kill(-1, libc::SIGKILL) };
    }
    is_first
}
