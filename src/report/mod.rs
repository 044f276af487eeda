//! Reports about a run, computed from its Workflow object: the summary, the test cases for CI, the completion notice.
//! Pure: reads and writes nothing.

pub(crate) mod cases;
pub(crate) mod notice;
pub(crate) mod progress;
pub(crate) mod summary;
mod work;
