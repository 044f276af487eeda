//! `--owner`: the object that workflows belong to, looked up in the namespace of each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::argo::Metadata;
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, OwnerName};
use crate::output::stream::talk;
use crate::prepare::{Prepared, set_owner};

/// Makes the object the controller of the workflows.
pub(super) async fn set(
    owner: &OwnerName,
    cluster: &Cluster,
    prepared: &mut [Prepared],
    quiet: bool,
) -> Result<(), Failure> {
    let mut known = BTreeMap::new();
    for prepared in prepared {
        let namespace = Metadata::of(&prepared.workflow).own_namespace().unwrap_or(cluster.namespace()).to_owned();
        let reference = match known.entry(namespace) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let reference = cluster.within(place.key()).owner(owner).await?;
                if !quiet && reference["blockOwnerDeletion"] == false {
                    talk(format_args!(
                        "note: you may not update finalizers of {owner}: deleted in the foreground, it will not wait for \
                         its workflows (blockOwnerDeletion is false)"
                    ));
                }
                place.insert(reference)
            }
        };
        set_owner(&mut prepared.workflow, reference)?;
    }
    Ok(())
}
