//! The cache of finished nodes: one model of an entry over two stores, a ConfigMap of the Argo controller's and a
//! directory of manifests. What is found, and what is to be changed, is computed here without any effect; `directory`,
//! `lock` and `store` alone read and write files.
//!
//! ```text
//! ConfigMap ──► Cache (entries) ─┬─ + Provenance (workflows, templates) ─► Report, Problems
//! manifests ──►                  ├─► Prune, fix, import ─► Change ─► the store that holds it
//!                                └─► differences, why
//!
//! <root>/cache/<cache name>/<key>/
//!   manifest.json   the entry; written last, by renaming, and only on success; its time of change is its last use
//!   artifacts-…/    the artifacts that it names
//!   error.json      how the node failed last; removed by the next success
//!   lock            held by the one that makes the entry
//! ```

mod change;
mod contents;
mod difference;
mod directory;
mod entry;
mod exchange;
mod file;
mod home;
mod key;
mod key_difference;
mod lock;
mod manifest;
mod pattern;
mod problem;
mod provenance;
mod prune;
mod report;
mod store;
mod usage;
mod why;

pub use self::change::Change;
pub use self::contents::{Cache, LABEL, LABEL_VALUE, LIMIT, Object, Place};
pub use self::difference::{Asked, CacheDifference, Changed, NodeDifference, attempts};
pub use self::directory::{CacheError, Directory, LookUp};
pub use self::entry::{Entry, Maker, State};
pub use self::exchange::{LeftOut, LeftOuts, Overfull};
pub use self::file::{FILE_VERSION, File, FileError, Kind, Record};
pub use self::home::Homes;
pub use self::key::{CacheKey, KeyError};
pub use self::key_difference::{Input, Part};
pub use self::lock::Lock;
pub use self::manifest::{Failure, KeptArtifact, Manifest, VERSION};
pub use self::pattern::Producer;
pub use self::problem::{Problem, Surroundings};
pub use self::provenance::{Origin, Provenance, caches_of, keys_of};
pub use self::prune::{Conditions, Prune};
pub use self::report::{Overview, Report, Row};
pub use self::store::{Carried, Removed, Store};
pub use self::usage::Usage;
pub use self::why::{Answer, Question, Told};
