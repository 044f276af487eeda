//! Fields of the pod and of its containers that variables and files ask for: fieldRef and resourceFieldRef. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Pod;
use super::quantity::Quantity;
use crate::argo::model::{Container, ResourceFieldRef, any_string};

impl Pod<'_> {
    /// The value of a field of the pod, as the downward API gives it.
    pub(super) fn field(&self, path: &str) -> Result<String, String> {
        if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
            return self.metadata(map).map(|map| map.get(key).cloned().unwrap_or_default());
        }
        match path {
            "metadata.labels" | "metadata.annotations" => {
                let lines = self.metadata(path)?.into_iter().map(|(key, value)| format!("{key}={value:?}"));
                Ok(lines.collect::<Vec<_>>().join("\n"))
            }
            "metadata.name" => Ok(self.name.to_owned()),
            "metadata.namespace" => Ok(self.plan.metadata("namespace").to_owned()),
            "metadata.uid" => Ok(self.node.to_owned()),
            "spec.serviceAccountName" => {
                Ok(self.plan.spec["serviceAccountName"].as_str().unwrap_or("default").to_owned())
            }
            "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => Ok("127.0.0.1".to_owned()),
            "spec.nodeName" => Ok("localhost".to_owned()),
            other => Err(format!("fieldRef {other:?} has no value on this machine")),
        }
    }

    /// The pod's labels or annotations: Argo's own, those of the workflow's pods, those of the template.
    fn metadata(&self, path: &str) -> Result<BTreeMap<String, String>, String> {
        let (field, own) = match path {
            "metadata.labels" => (
                "labels",
                vec![
                    ("workflows.argoproj.io/workflow", self.plan.name()),
                    ("workflows.argoproj.io/completed", "false"),
                ],
            ),
            "metadata.annotations" => (
                "annotations",
                vec![
                    ("workflows.argoproj.io/node-name", self.node_name),
                    ("workflows.argoproj.io/node-id", self.node),
                    ("kubectl.kubernetes.io/default-container", "main"),
                ],
            ),
            other => return Err(format!("fieldRef {other:?} is no map of the pod")),
        };
        let given = [self.plan.spec["podMetadata"][field].as_object(), self.template.metadata[field].as_object()];
        let given = given.into_iter().flatten().flatten().map(|(key, value)| (key.clone(), any_string(value)));
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(own.chain(given).collect())
    }

    /// A container's request or limit in units of the divisor, rounded up.
    pub(super) fn resource(&self, reference: &ResourceFieldRef, own: &Container) -> Result<String, String> {
        let name = reference.container_name.as_str();
        let container = if name.is_empty() || name == own.name { own } else { self.container(name)? };
        let (kind, resource) = reference.resource.split_once('.').unwrap_or((reference.resource.as_str(), ""));
        let of = |kind: &str| container.resources[kind].get(resource).map(any_string);
        let amount = match kind {
            "limits" => of("limits")
                .ok_or_else(|| format!("{} is not set: on a cluster it is what the node has", reference.resource))?,
            // Kubernetes takes the limit for a request that is not there.
            "requests" => of("requests").or_else(|| of("limits")).unwrap_or_else(|| "0".to_owned()),
            _ => return Err(format!("resourceFieldRef {:?} is neither a request nor a limit", reference.resource)),
        };
        let divisor = reference.divisor.as_deref().filter(|text| !matches!(*text, "" | "0")).unwrap_or("1");
        let (amount, divisor) = (amount.parse::<Quantity>()?, divisor.parse::<Quantity>()?);
        Ok(amount.divided_by(divisor).to_string())
    }

    fn container(&self, name: &str) -> Result<&Container, String> {
        let template = self.template;
        let only = template.container.iter().chain(&template.script);
        let set = template.container_set.iter().flat_map(|set| &set.containers);
        let named = set.chain(&template.init_containers).chain(&template.sidecars);
        let found = if name == "main" {
            only.chain(named.clone().filter(|container| container.name == name)).next()
        } else {
            None
        };
        found
            .or_else(|| named.clone().find(|container| container.name == name))
            .ok_or_else(|| format!("the pod has no container {name:?}"))
    }

    /// The content of an item of a downwardAPI volume.
    pub(super) fn downward(&self, item: &Value) -> Result<String, String> {
        if let Some(path) = item.pointer("/fieldRef/fieldPath").and_then(Value::as_str) {
            return self.field(path);
        }
        let reference = item.get("resourceFieldRef").ok_or("an item names neither a field nor a resource")?;
        let reference = ResourceFieldRef::deserialize(reference).map_err(|error| error.to_string())?;
        self.resource(&reference, self.container(&reference.container_name)?)
    }
}
