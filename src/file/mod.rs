//! Files: naming, resolving beneath a directory, copying, replacing and making durable. Everything that this tool keeps
//! between two commands is written through this room, and every error is reported.

pub(crate) mod beneath;
pub(crate) mod durability;
pub(crate) mod hash;
pub(crate) mod identity;
pub(crate) mod name;
pub(crate) mod private;
pub(crate) mod remove;
pub(crate) mod replace;
pub(crate) mod size;
pub(crate) mod tree;
