//! The cache of finished nodes: what an entry holds, and where entries are kept on this machine.
//!
//! ```text
//! <root>/cache/<cache name>/<key>/
//!   manifest.json   the entry; written last, by renaming, and only on success
//!   artifacts-…/    the artifacts that it names
//!   error.json      how the node failed last; removed by the next success
//!   lock            held by the one that makes the entry
//! ```

mod directory;
mod key;
mod manifest;

pub use self::directory::{CacheError, Directory, Lock, LookUp};
pub use self::key::{CacheKey, KeyError};
pub use self::manifest::{Failure, KeptArtifact, Manifest, VERSION};
