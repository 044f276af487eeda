//! Reports about a run, computed from its Workflow object: the summary, the test cases for CI, the completion notice.
//! Pure: reads and writes nothing.

pub(crate) mod address;
pub(crate) mod cases;
mod dependencies;
mod document_graph;
pub(crate) mod events;
pub(crate) mod failures;
pub(crate) mod graph;
pub(crate) mod node_state;
pub(crate) mod notice;
pub(crate) mod outputs;
pub(crate) mod profile;
pub(crate) mod progress;
pub(crate) mod run_state;
pub(crate) mod summary;
pub(crate) mod waits;
mod work;
