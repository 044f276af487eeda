//! The caches that are left without a user when runs are deleted.

use std::collections::BTreeSet;

use serde_json::Value;

use super::source::{Deleted, Source, provenance_of};
use crate::argo::identity::CacheName;
use crate::backend::Run;
use crate::cache::{Store, caches_of};
use crate::cli::failure::Failure;
use crate::output::stream::talk;

/// The names of the caches that the runs have used.
pub(in crate::cli) fn caches_of_runs<'a>(runs: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    runs.flat_map(caches_of).collect()
}

/// Deletes the caches of runs that are gone, as far as no other run and no template refers to them; gives their names.
/// `one` of them tells where they are.
pub(in crate::cli) async fn delete_unused(one: &Run, gone: &[&Value], dry_run: bool) -> Result<Vec<String>, Failure> {
    let source = match one {
        Run::Cluster { cluster, .. } => Source::Cluster { cluster: cluster.clone(), namespace: None },
        Run::Local(record) => Source::Store(Store::at(record.root())),
    };
    let others = provenance_of(&source, gone).await?;
    if !others.complete {
        talk("note: caches are kept: not all runs that may use them can be seen");
        return Ok(Vec::new());
    }
    let referred = others.caches();
    let mut deleted = Vec::new();
    for name in caches_of_runs(gone.iter().copied()) {
        if referred.contains(name.as_str()) {
            talk(format_args!("note: cache {name} is kept: other runs or templates refer to it"));
            continue;
        }
        let Ok(name) = name.parse::<CacheName>() else { continue };
        let Some(cache) = source.find(&name).await?.filter(|cache| !cache.is_foreign()) else { continue };
        if dry_run || !matches!(source.delete(&cache).await?, Deleted::Changed) {
            deleted.push(name.to_string());
        } else {
            talk(format_args!("note: cache {name} is kept: it was used in the meantime"));
        }
    }
    Ok(deleted)
}
