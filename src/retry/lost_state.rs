//! What a retry does not have that the first attempt had.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::refusal::Mode;
use crate::argo::template::{at, field, list, text};
use crate::argo::{Metadata, Nodes, Workflow};

/// Something that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum LostState {
    /// A pod with its logs is deleted.
    Pod {
        /// Its name.
        name: String,
    },
    /// What nodes that do not run again had written to a volume is not there.
    Volume {
        /// The name of its volumeClaimTemplate.
        name: String,
    },
    /// An artifact of a node that does not run again was deleted.
    Artifact {
        /// The node's name.
        node: String,
        /// The artifact's name.
        name: String,
    },
}

impl fmt::Display for LostState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod { name } => write!(formatter, "pod {name} is deleted with its logs"),
            Self::Volume { name } => write!(formatter, "volume {name} begins empty"),
            Self::Artifact { node, name } => write!(formatter, "artifact {name} of {node} was deleted"),
        }
    }
}

/// What is lost; `stays` tells the ids of the nodes that do not run again.
pub(super) fn losses(
    (live, nodes): (&Value, &Nodes),
    mode: &Mode,
    pods: &[String],
    stays: impl Fn(&str) -> bool,
) -> Vec<LostState> {
    let live = Workflow::view(live);
    let mut losses: Vec<LostState> = pods.iter().map(|name| LostState::Pod { name: name.clone() }).collect();
    // In place the claims are the same ones, unless they were deleted at the end of the run.
    let collected =
        at(live.spec(), &["volumeClaimGC", "strategy"]).is_some_and(|strategy| strategy == "OnWorkflowCompletion");
    if !matches!(mode, Mode::InPlace(_)) || collected {
        let claims = list(field(live.spec(), "volumeClaimTemplates")).iter();
        let names = claims.map(|claim| Metadata::of(claim).name()).filter(|name| !name.is_empty());
        losses.extend(names.map(|name| LostState::Volume { name: name.to_owned() }));
    }

    for node in nodes.all.iter().filter(|node| stays(&node.id)) {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts);
        let deleted = artifacts.filter(|artifact| artifact["deleted"] == true);
        losses.extend(
            deleted.map(|artifact| LostState::Artifact {
                node: node.name.clone(),
                name: text(artifact, "name").to_owned(),
            }),
        );
    }
    losses
}
