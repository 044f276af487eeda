//! Files of this machine: how they are named, found beneath a directory, copied, replaced and made durable. Whatever this
//! tool keeps between two commands is written through here, and every error is reported.

pub(crate) mod beneath;
pub(crate) mod durability;
pub(crate) mod name;
pub(crate) mod private;
pub(crate) mod replace;
pub(crate) mod tree;
