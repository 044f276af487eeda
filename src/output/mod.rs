//! What a user reads: text, tables, the live tree; `-o json|yaml|name`. Must never decide anything.

pub mod format;
pub mod lines;
pub mod live;
pub mod summary;
pub mod tree;
