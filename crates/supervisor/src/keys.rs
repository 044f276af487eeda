//! The keys that the kernel keeps. Those of a user are in no namespace but the user namespace: what a process adds stays, and
//! what others have added is read by every process of that user.

use std::io;
use std::ptr::null;

/// Leaves the keys of the session that started this process, where the kernel has keys.
pub fn leave_keyring() {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: takes no memory of this process: without a name the keyring is a new one.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, null::<libc::c_char>()) };
}

/// A system call table: its name in the kernel, the first and the last of the calls for keys, which follow each other.
struct Calls {
    table: u32,
    first: u32,
    last: u32,
}

/// Those of the programs that this machine runs: its own, and those of 32 bits.
#[cfg(target_arch = "x86_64")]
const CALLS: &[Calls] = &[
    Calls { table: 0xc000_003e, first: 248, last: 250 },
    // The same table, with a bit for programs that use 32 bits of the 64.
    Calls { table: 0xc000_003e, first: 0x4000_00f8, last: 0x4000_00fa },
    Calls { table: 0x4000_0003, first: 286, last: 288 },
];
#[cfg(target_arch = "aarch64")]
const CALLS: &[Calls] =
    &[Calls { table: 0xc000_00b7, first: 217, last: 219 }, Calls { table: 0x4000_0028, first: 309, last: 311 }];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const CALLS: &[Calls] = &[];

/// Where the kernel puts the number of a call and its table (`struct seccomp_data`).
const NUMBER: u32 = 0;
const TABLE: u32 = 4;

/// Denies this process, and all that it starts, the system calls for keys, as container runtimes do. It has to be the
/// administrator of its user namespace, or one that can get no new rights. Nothing where the kernel has no filters.
pub fn deny_keys() -> io::Result<()> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let jump = |test: u32, value: u32, not: u8| code(libc::BPF_JMP | test | libc::BPF_K, value, not);
    let mut filter = Vec::new();
    for Calls { table, first, last } in CALLS {
        filter.extend([
            code(LOAD, TABLE, 0),
            jump(libc::BPF_JEQ, *table, 4),
            code(LOAD, NUMBER, 0),
            jump(libc::BPF_JGE, *first, 2),
            // Taken where the number is higher: then over the denial.
            libc::sock_filter { jt: 1, jf: 0, ..code(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, *last, 0) },
            code(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(), 0),
        ]);
    }
    filter.push(code(RETURN, libc::SECCOMP_RET_ALLOW, 0));

    let length = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel reads the program, which lives until then, and writes nothing.
    let set = unsafe {
        let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    match io::Error::last_os_error() {
        _ if set == 0 => Ok(()),
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => Ok(()),
        error => Err(error),
    }
}

/// An instruction; `not` are passed over where a test fails.
fn code(code: u32, value: u32, not: u8) -> libc::sock_filter {
    // All codes fit: the kernel has 16 bits for them.
    let code = u16::try_from(code).unwrap_or_default();
    libc::sock_filter { code, jt: 0, jf: not, k: value }
}
