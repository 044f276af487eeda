//! What a user reads: text, tables, the live tree; `-o json|yaml|name`. Must never decide anything.

pub mod cache;
pub mod format;
pub mod junit;
pub mod lines;
pub mod list;
pub mod live;
pub mod locks;
pub mod plan;
pub mod status;
pub mod step_summary;
pub mod stream;
pub mod summary;
pub mod tree;
pub mod worktrees;
