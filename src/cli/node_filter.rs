//! Which nodes of a run a verb shows.

use crate::argo::node_selector::NodeSelector;
use crate::argo::status::Node;

/// The conditions, all of which a node has to meet.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct NodeFilter {
    /// Show only the nodes with these fields, such as displayName=load,phase!=Succeeded (of the tree or table)
    #[arg(long, value_name = "SELECTOR")]
    node_field_selector: Option<NodeSelector>,

    /// Show only the nodes in these phases, such as Running,Failed; also as --status (of the tree or table)
    #[arg(long = "phase", alias = "status", value_name = "PHASE", value_delimiter = ',', ignore_case = true, value_parser = ["Pending", "Running", "Succeeded", "Skipped", "Omitted", "Failed", "Error"], hide_possible_values = true)]
    phases: Vec<String>,
}

impl NodeFilter {
    pub(super) fn matches(&self, node: &Node) -> bool {
        let in_phase = |wanted: &String| wanted.eq_ignore_ascii_case(node.phase.as_str());
        (self.phases.is_empty() || self.phases.iter().any(in_phase))
            && self.node_field_selector.as_ref().is_none_or(|selector| selector.matches(node))
    }
}
