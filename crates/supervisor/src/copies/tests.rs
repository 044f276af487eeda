//! Each in a process of one thread, which the test harness is not.

use std::fs::File;
use std::io::Read;

use super::*;
use crate::{deny_keys, end_by};

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

#[test]
fn a_process_that_is_denied_keys_can_do_all_else() {
    let code = alone(|| {
        // SAFETY: take numbers, and a text that lives as long as the call.
        let add = || unsafe {
            let (kind, name) = (c"user".as_ptr(), c"supervisor-test".as_ptr());
            libc::syscall(libc::SYS_add_key, kind, name, c"x".as_ptr(), 1, libc::KEY_SPEC_PROCESS_KEYRING)
        };
        if add() < 0 {
            // This kernel, or what it runs in, has no keys for anybody.
            return 0;
        }
        // SAFETY: takes numbers alone.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        let denied = deny_keys().is_ok() && add() < 0;
        let error = io::Error::last_os_error().raw_os_error();
        u8::from(!denied || error != Some(libc::EPERM) || File::open("/dev/null").is_err()) * 2
    });
    assert_eq!(code, Some(0));
}
