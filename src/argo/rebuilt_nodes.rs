//! Nodes put together from pods and task results, for a run whose nodes the controller keeps in its database. Nodes
//! without a pod, and those whose pods are gone without a result that tells how they ended, are not among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::status::{Node, display_name};

/// What pods and WorkflowTaskResults of a workflow tell of its nodes.
pub(crate) fn rebuilt_nodes(pods: &[Value], results: &[Value]) -> Vec<Node> {
    let mut known: BTreeMap<String, Value> = pods.iter().filter_map(of_pod).collect();
    for result in results {
        let id = result["metadata"]["name"].as_str().unwrap_or_default();
        if id.is_empty() {
            continue;
        }
        let node = known.entry(id.to_owned()).or_insert_with(|| json!({"id": id, "name": id, "type": "Pod"}));
        for field in ["phase", "message", "outputs", "progress"] {
            if let Some(value) = result.get(field).filter(|value| value.as_str() != Some("")) {
                node[field] = value.clone();
            }
        }
        if let (None, Some(code)) = (node.get("phase"), result.pointer("/outputs/exitCode").and_then(Value::as_str)) {
            node["phase"] = if code == "0" { "Succeeded" } else { "Failed" }.into();
        }
    }
    known.retain(|_, node| node.get("phase").is_some());
    known.iter().map(|(id, node)| Node::read(id, node)).collect()
}

const NODE_ID: &str = "workflows.argoproj.io/node-id";
const NODE_NAME: &str = "workflows.argoproj.io/node-name";

fn of_pod(pod: &Value) -> Option<(String, Value)> {
    let annotations = &pod["metadata"]["annotations"];
    let name = annotations[NODE_NAME].as_str()?;
    let id = annotations[NODE_ID].as_str()?;
    let display_name = display_name(name);
    let status = &pod["status"];
    let phase = status["phase"].as_str().filter(|phase| ["Running", "Succeeded", "Failed"].contains(phase));
    let statuses = status["containerStatuses"].as_array();
    let main = statuses.and_then(|all| all.iter().find(|container| container["name"] == "main"));
    let node = json!({
        "id": id, "name": name, "displayName": display_name, "type": "Pod", "phase": phase.unwrap_or("Pending"),
        "message": status["message"], "startedAt": status["startTime"], "hostNodeName": pod["spec"]["nodeName"],
        "finishedAt": main.and_then(|main| main.pointer("/state/terminated/finishedAt")),
    });
    Some((id.to_owned(), node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argo::status::Phase;

    #[test]
    fn pods_and_results_tell_of_their_nodes() {
        let pod = json!({
            "metadata": {"annotations": {NODE_ID: "w-1", NODE_NAME: "w[0].load(0:a.b)"}},
            "spec": {"nodeName": "machine"},
            "status": {"phase": "Succeeded", "startTime": "2026-11-21T10:00:00Z", "containerStatuses": [
                {"name": "wait"}, {"name": "main", "state": {"terminated": {"finishedAt": "2026-11-21T10:00:07Z"}}}]},
        });
        let foreign = json!({"metadata": {"annotations": {}}});
        let results = [
            json!({"metadata": {"name": "w-1"}, "outputs": {"exitCode": "0"}}),
            json!({"metadata": {"name": "w-2"}, "outputs": {"exitCode": "0"}}),
            json!({"metadata": {"name": "w-3"}, "phase": "Failed", "message": "no"}),
            json!({"metadata": {"name": "w-4"}, "outputs": {}}),
            json!({"metadata": {}}),
        ];
        let nodes = rebuilt_nodes(&[pod, foreign], &results);
        let told: Vec<_> = nodes.iter().map(|node| (node.display_name.as_str(), node.phase)).collect();
        assert_eq!(told, [("load(0:a.b)", Phase::Succeeded), ("w-2", Phase::Succeeded), ("w-3", Phase::Failed)]);
        let exit_code = nodes[0].outputs.as_ref().and_then(|outputs| outputs.exit_code.as_deref());
        assert_eq!((exit_code, nodes[0].host_node_name.as_deref()), (Some("0"), Some("machine")));
        assert!(nodes[0].finished_at > nodes[0].started_at && nodes[0].started_at.is_some());
    }
}
