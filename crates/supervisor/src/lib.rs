//! What the kernel gives and std does not: a copy of this process, in namespaces of its own, a program that is prepared before
//! it starts, and signals. This is the only crate with `unsafe`; each block says why it is sound.

#[cfg(target_os = "linux")]
mod copies;
#[cfg(target_os = "linux")]
mod keys;
mod pipe;
mod signals;

#[cfg(target_os = "linux")]
pub use self::copies::{ChildSignals, Program, fork, kill_namespace, spawn, unshare};
#[cfg(target_os = "linux")]
pub use self::keys::{deny_keys, leave_keyring};
pub use self::pipe::make_pipe;
pub use self::signals::{block, end_by, is_ignored};
