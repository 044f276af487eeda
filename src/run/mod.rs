//! A run as the outside knows it: the handle by which any process on any machine finds it again, and what its Workflow
//! object tells. Everything here but the handle's time is computed from values; nothing is read or written.

pub mod cases;
pub mod handle;
pub mod labels;
pub mod nodes;
pub mod notice;
pub mod rebuilt;
pub mod secret;
pub mod selector;
pub mod sources;
pub mod summary;
