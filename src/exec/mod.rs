//! A cache round any command: what it gave is restored, or it runs and what it gives is kept.
//!
//! ```text
//! Job ─► key ─► look up ─┬─ hit ──► outputs (restored aside, verified, moved into place), standard output
//!                        └─ miss ─► right to make the entry ─► look up again ─► command ─► keep
//! ```
//!
//! A failed command leaves no entry; one that succeeded keeps its result, whatever becomes of the entry.

mod command;
mod ended;
mod found;
mod job;
mod key;
mod key_files;
mod outputs;
mod restore;
mod right;
mod session;
mod settle;
mod staged;
mod told;

pub(crate) use self::ended::{Ended, ExecError};
pub(crate) use self::job::{Job, OnStoreError, Policy};
pub(crate) use self::key::KeySource;
pub(crate) use self::outputs::{Output, ParameterFile};
pub(crate) use self::session::Session;
pub(crate) use self::told::{Maker, Told};
