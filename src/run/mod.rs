//! A run as the outside knows it: the handle by which any process on any machine finds it again.

pub mod handle;
pub mod notice;
pub mod selector;
pub mod sources;
