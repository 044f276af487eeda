//! The calls of a steps or dag template, known by the names that their nodes get.

use serde_json::Value;

use crate::argo::template::{list, of_workflow, text};

/// A call with the name of its node below its boundary: `[0].a` or `.a`.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) suffix: String,
    pub(super) value: &'a Value,
}

/// The calls of a template in their order.
pub(super) fn calls(template: &Value) -> Vec<Call<'_>> {
    let groups = list(template.get("steps")).iter().enumerate();
    let steps = groups.flat_map(|(number, group)| {
        let steps = group.as_array().map_or_else(|| list(group.get("steps")), Vec::as_slice);
        steps.iter().map(move |step| Call { suffix: format!("[{number}].{}", text(step, "name")), value: step })
    });
    let tasks = list(template.pointer("/dag/tasks")).iter();
    steps.chain(tasks.map(|task| Call { suffix: format!(".{}", text(task, "name")), value: task })).collect()
}

/// The name of a node below its boundary, without the item it stands for.
pub(super) fn suffix<'a>(boundary: &str, name: &'a str) -> &'a str {
    let below = name.strip_prefix(boundary).unwrap_or(name);
    below.split_once('(').map_or(below, |(call, _)| call)
}

/// The template of a name in a workflow or in what it was made from.
pub(super) fn template<'a>(workflow: &'a Value, name: &str) -> Option<&'a Value> {
    of_workflow(workflow).find(|template| !name.is_empty() && text(template, "name") == name)
}
