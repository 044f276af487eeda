//! `--isolate claim:NAME`: the claim has to be there, and the pods have to reach it.

use std::collections::BTreeSet;

use super::args::Args;
use crate::argo::Metadata;
use crate::cli::failure::Failure;
use crate::cluster::Cluster;
use crate::output::stream::talk;
use crate::prepare::Prepared;

/// Refuses a claim that is missing in the namespace of a workflow, whose pods would wait for it for ever.
pub(super) async fn check(args: &Args, cluster: &Cluster, prepared: &[Prepared]) -> Result<(), Failure> {
    let Some(claim) = args.isolation.claim() else { return Ok(()) };
    let namespaces: BTreeSet<&str> = prepared
        .iter()
        .map(|prepared| Metadata::of(&prepared.workflow).own_namespace().unwrap_or(cluster.namespace()))
        .collect();
    for namespace in namespaces {
        let home = cluster.within(namespace);
        let serves_one = home.claim_serves_one_node(claim.as_str()).await?;
        if serves_one == Some(true) && !args.quiet && home.has_several_nodes().await? {
            talk(format_args!(
                "warning: claim {claim} serves one node at a time (ReadWriteOnce), and the cluster has several: pods on other \
                 nodes wait until it is free"
            ));
        }
    }
    Ok(())
}
