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
//! <root>/cache/<cache name>/.attempts
//!                   the highest numbers of attempts, by run
//! ```

mod address;
mod archive;
mod attempts;
mod before;
mod blobs;
mod change;
mod contents;
mod difference;
mod digest;
mod directory;
mod directory_store;
mod entry;
mod error;
mod exchange;
mod file;
mod home;
mod key;
mod key_difference;
mod known_manifests;
mod lock;
mod look_up;
mod manifest;
mod objects;
mod pattern;
mod prefix;
mod problem;
mod provenance;
mod prune;
mod report;
mod store;
mod usage;
mod why;

pub use self::address::{AddressError, BucketAddress, BucketKind, StoreAddress};
pub(crate) use self::before::{Before, Gone, attempt_before, differing as differing_lines};
pub use self::change::Change;
pub use self::contents::Cache;
pub(crate) use self::contents::{LABEL, LABEL_VALUE, LIMIT, Object, Place};
pub(crate) use self::difference::{Asked, CacheDifference, NodeDifference, attempts};
pub(crate) use self::entry::{Entry, State};
pub use self::error::CacheError;
pub(crate) use self::exchange::{LeftOut, LeftOuts, Overfull};
pub(crate) use self::file::File;
pub use self::home::Homes;

pub(crate) use self::archive::{measure, pack_directory, unpack_directory};
pub use self::key::{CacheKey, KeyError};
pub(crate) use self::key_difference::{KeyDifference, Side, parts};
pub(crate) use self::lock::{Holder, Lock};
pub(crate) use self::look_up::LookUp;
pub(crate) use self::manifest::{Failure, KeptArtifact, Manifest, Stdout, TOOL, UsedRuntime, VERSION};
pub use self::objects::Fault;
pub(crate) use self::objects::{Access, Credentials, Objects, environment_has_credentials};
pub(crate) use self::prefix::{Kept, Prefix, RestoreError, Right, Seen, Stop};
pub use self::problem::Surroundings;

pub use self::provenance::Provenance;
pub(crate) use self::provenance::{caches_of, keys_of};
pub(crate) use self::prune::{Conditions, Prune};
pub use self::report::Report;
pub(crate) use self::report::{Overview, Row};
pub use self::store::Collected;
pub use self::store::Store;
pub(crate) use self::store::{ANNOTATION as STORE_ANNOTATION, Carried, Removed};
pub(crate) use self::usage::Usage;
pub(crate) use self::why::{Answer, Explained, Question, Told};
