//! What a run tells of itself, computed from its Workflow object: the summary, the cases that CI reads, the notice of its
//! end. Pure: nothing is read or written.

pub(crate) mod cases;
pub(crate) mod notice;
pub(crate) mod summary;
