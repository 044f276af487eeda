//! What the runs and templates beside caches tell of them.

use crate::backend::Snapshot;
use crate::cache::{Provenance, Store};
use crate::cli::failure::Failure;
use crate::cluster::{Cluster, ClusterError, Selection, TemplateKind};
use crate::exit::chain;
use crate::local::record::Record;
use crate::output::stream::talk;

/// Number of workflows to request from the server per page.
const CHUNK: u32 = 100;

/// Hears those of a cluster, as far as they can be seen.
pub(super) async fn of_cluster(cluster: &Cluster, mut provenance: Provenance) -> Result<Provenance, Failure> {
    let everywhere = Selection { all_namespaces: true, chunk: CHUNK, ..Selection::default() };
    match cluster.list(&everywhere, |workflow| provenance.add_workflow(&workflow)).await {
        // Where there are no workflows, nobody has seen too few of them.
        Ok(_) | Err(ClusterError::NotInstalled { .. }) => provenance.complete = true,
        Err(ClusterError::Forbidden { .. }) => {
            let here = Selection { all_namespaces: false, ..everywhere.clone() };
            match cluster.list(&here, |workflow| provenance.add_workflow(&workflow)).await {
                Ok(_) => talk(format_args!(
                    "note: only workflows of namespace {:?} can be seen; what others made or use is not known",
                    cluster.namespace()
                )),
                Err(ClusterError::Forbidden { .. }) => {
                    talk("note: workflows cannot be seen; what they made or use is not known");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    }
    provenance.templates_missed = !provenance.complete;
    for kind in [TemplateKind::WorkflowTemplate, TemplateKind::ClusterWorkflowTemplate, TemplateKind::CronWorkflow] {
        let selection = Selection { all_namespaces: provenance.complete, ..everywhere.clone() };
        match cluster.templates(kind, &selection, |object| drop(provenance.add_templates(&object["spec"]))).await {
            Ok(()) | Err(ClusterError::NotInstalled { .. }) => {}
            Err(ClusterError::Forbidden { .. }) => provenance.templates_missed = true,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(provenance)
}

/// Hears those of the runs beside a store. Who uses a bucket is not known.
pub(super) fn of_store(store: &Store, mut provenance: Provenance) -> Result<Provenance, Failure> {
    let Some(root) = store.root() else {
        provenance.templates_missed = true;
        return Ok(provenance);
    };
    provenance.complete = true;
    for record in Record::all(root, None)? {
        match Snapshot::of_record(&record) {
            Ok(run) => provenance.add_workflow(run.settled().value()),
            Err(error) => {
                talk(format_args!("warning: {} left out: {}", record.directory().display(), chain(&error)));
                provenance.complete = false;
                provenance.templates_missed = true;
            }
        }
    }
    Ok(provenance)
}
