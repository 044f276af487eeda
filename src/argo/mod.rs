//! Argo's vocabulary: documents, names, templates, expressions, status. Pure; must never do I/O.

pub mod defaults;
pub mod document;
pub mod duration;
pub mod expression;
pub mod identity;
pub mod model;
pub mod references;
pub mod status;
pub mod synchronization;
pub mod template;
