//! Processes without an exec between: a copy of this process, in namespaces of its own, and a program that is prepared before
//! it starts. This is the only crate with `unsafe`; each block says why it is sound. All of it takes a process of one
//! thread: then a copy has no lock that nobody opens again.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use rustix::process::{Pid, Signal, WaitOptions, chdir, setpgid, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
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
    use std::fs::File;
    use std::io::Read;

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

    fn program<'a>(script: &str, streams: [BorrowedFd<'a>; 3]) -> Program<'a> {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        Program {
            path: text("/bin/sh"),
            arguments: ["named", "-c", script].map(text).to_vec(),
            environment: vec![text("A=b")],
            directory: text("/usr"),
            streams,
        }
    }

    fn output_of(script: &str) -> io::Result<String> {
        let null = File::open("/dev/null")?;
        let (mut reader, writer) = io::pipe()?;
        let pid = spawn(&program(script, [null.as_fd(), writer.as_fd(), null.as_fd()]), || Ok(()))?;
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        exit_code(pid);
        Ok(text)
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
        assert_eq!(status.and_then(rustix::process::WaitStatus::terminating_signal), Some(libc::SIGTERM));
    }

    #[test]
    fn a_program_is_prepared_or_does_not_start() {
        let code = alone(|| {
            let Ok(null) = File::open("/dev/null") else { return 1 };
            let streams = [null.as_fd(); 3];
            let refused = spawn(&program("exit 0", streams), || Err(io::ErrorKind::PermissionDenied.into()));
            if refused.is_ok() || spawn(&program("exit 0", streams), || panic!("on purpose")).is_ok() {
                return 2;
            }
            let missing = Program { path: CString::from(c"/no/such/file"), ..program("", streams) };
            if spawn(&missing, || Ok(())).map_err(|error| error.kind()) != Err(io::ErrorKind::NotFound) {
                return 3;
            }
            // None of those that did not start is left.
            let nobody = waitpid(None, WaitOptions::empty()).is_err();
            let mut prepared = 0;
            let started = spawn(&program("exit 7", streams), || {
                prepared += 1;
                Ok(())
            });
            let code = started.ok().and_then(exit_code);
            u8::from(!nobody || code != Some(7) || prepared != 1) * 4
        });
        assert_eq!(code, Some(0));
    }

    #[test]
    fn a_program_begins_with_what_it_is_given() {
        let code = alone(|| {
            let seen = output_of("echo $0 $A $(pwd) $(env | grep -c =); kill -PIPE $$; echo not here");
            let Ok(seen) = seen else { return 1 };
            u8::from(!seen.starts_with("named b /usr ") || seen.contains("not here")) * 2
        });
        assert_eq!(code, Some(0));
    }
}
