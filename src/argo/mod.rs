//! Argo's vocabulary: documents, names, templates, expressions, status. Pure; must never do I/O.

pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod compression;
mod declaration;
pub(crate) mod defaults;
pub(crate) mod document;
pub(crate) mod duration;
pub(crate) mod entry_report;
pub(crate) mod expression;
pub(crate) mod field_selector;
pub(crate) mod identity;
pub(crate) mod label_selector;
pub(crate) mod metadata;
pub(crate) mod model;
pub(crate) mod node_pods;
pub(crate) mod node_selector;
pub(crate) mod nodes;
pub(crate) mod rebuilt_nodes;
pub(crate) mod references;
pub(crate) mod schedule;
pub(crate) mod shared_keys;
mod shutdown;
pub(crate) mod status;
pub(crate) mod stranding;
pub(crate) mod synchronization;
pub(crate) mod template;
mod value;
pub(crate) mod workflow;
pub(crate) mod workflow_spec;

pub(crate) use self::metadata::{Metadata, without_server_fields};
pub(crate) use self::nodes::Nodes;
pub(crate) use self::shutdown::Shutdown;
pub use self::workflow::Workflow;
