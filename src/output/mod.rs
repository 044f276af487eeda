//! Output for users: text, tables, the live tree; `-o json|yaml|name`. Must never decide anything.

pub(crate) mod bundle;
pub(crate) mod cache;
pub(crate) mod doctor;
pub(crate) mod failures;
pub(crate) mod format;
mod github;
pub(crate) mod graph;
pub(crate) mod html;
pub(crate) mod junit;
pub(crate) mod lines;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod live;
mod live_nodes;
pub(crate) mod locks;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod query;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod step_summary;
pub(crate) mod stream;
pub(crate) mod summary;
mod table;
pub(crate) mod templates;
pub(crate) mod tree;
pub(crate) mod worktrees;
