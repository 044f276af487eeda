//! Files of this machine that must survive: how they are replaced, made durable and kept from other users. Whatever this
//! tool keeps between two commands is written through here, and every error is reported.

pub(crate) mod durability;
pub(crate) mod replace;
