//! The calls of a steps or dag template, known by the names that their nodes get.

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::template::Template;

/// A call with the name of its node below its boundary: `[0].a` or `.a`.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) suffix: String,
    pub(super) value: &'a Value,
}

/// The calls of a template in their order.
pub(super) fn calls(template: &Value) -> Vec<Call<'_>> {
    let sites = Template::new(template).sites();
    sites.map(|site| Call { suffix: site.node_suffix(), value: site.value }).collect()
}

/// The name of a node below its boundary, without the item it stands for.
pub(super) fn suffix<'a>(boundary: &str, name: &'a str) -> &'a str {
    let below = name.strip_prefix(boundary).unwrap_or(name);
    below.split_once('(').map_or(below, |(call, _)| call)
}

/// The template of a name in a workflow or in what it was made from.
pub(super) fn template<'a>(workflow: &'a Value, name: &str) -> Option<&'a Value> {
    Workflow::view(workflow).template(name).map(Template::value)
}
