//! The store of caches that the settings name: it has to answer, and its service to know conditional writes.

use std::path::Path;

use super::machine::existing;
use crate::cache::{BucketKind, CacheError, Store, StoreAddress};
use crate::cli::failure::Failure;
use crate::cli::store;
use crate::exit::{CommandError, chain};
use crate::output::doctor::Check;

const NAME: &str = "cache store";

/// None where the settings name none: caches are beside the runs then.
pub(super) fn check() -> Option<Check> {
    let address = match store::usual() {
        Ok(address) => address?,
        Err(failure) => return Some(refused(&failure)),
    };
    Some(match &address {
        StoreAddress::Directory(path) => directory(path),
        StoreAddress::Bucket(bucket) => match store::open(&address, true) {
            Ok(store) => answered(&store, bucket.kind),
            Err(failure) => refused(&failure),
        },
    })
}

fn refused(failure: &Failure) -> Check {
    Check::error(NAME, failure.message(), "correct RUNNABLE_STORE, or the setting store")
}

fn directory(path: &Path) -> Check {
    match tempfile::tempdir_in(existing(path)) {
        Ok(_) => Check::ok(NAME, format!("caches are in {}", path.display())),
        Err(error) => Check::warning(
            NAME,
            format!("cannot write in {}: {error}", path.display()),
            "exec --read-only uses what is there; else name a directory that you may write in",
        ),
    }
}

fn answered(store: &Store, kind: BucketKind) -> Check {
    let advice =
        |error: &CacheError| error.hint().unwrap_or_else(|| "docs/cache.md lists what a store needs".to_owned());
    if let Err(error) = store.names() {
        return Check::error(NAME, chain(&error), advice(&error));
    }
    if let Err(error) = store.check_writes() {
        let what = format!("{store} can be read: {}", chain(&error));
        return Check::warning(NAME, what, advice(&error));
    }
    let tested = match kind {
        BucketKind::S3 => "",
        BucketKind::Gcs | BucketKind::Azure => "; stores of this kind are experimental",
    };
    Check::ok(NAME, format!("{store} can be read and written, and knows conditional writes{tested}"))
}
