//! A run as the outside knows it: the handle by which any process on any machine finds it again, and what its Workflow
//! object tells. Everything here but the handle's time is computed from values; nothing is read or written.

pub(crate) mod cases;
pub(crate) mod handle;
pub(crate) mod labels;
pub(crate) mod notice;
pub(crate) mod rebuilt;
pub(crate) mod secret;
pub(crate) mod selector;
pub(crate) mod sources;
pub(crate) mod summary;
