//! The ConfigMaps that a document names, and what is wrong with those that a cluster has.

use std::collections::HashSet;

use serde_json::Value;

use super::finding::{Finding, Rule};
use super::read::{at, get, is_true, text};
use crate::argo::document::{Kind, Severity, join};
use crate::argo::metadata::CONFIG_MAP_TYPE as TYPE;

/// The value of the label of those that hold parameters. (workflow/common/configmap.go, GetConfigMapValue)
const PARAMETER: &str = "Parameter";
/// Fields that hold whatever their user wants.
const FREE: [&str; 5] = ["plugin", "withItems", "value", "podSpecPatch", "status"];

/// A place that names a ConfigMap which has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigMapUse {
    /// The ConfigMap.
    pub(crate) name: String,
    /// Its namespace, where it is named too.
    pub(crate) namespace: Option<String>,
    key: Option<String>,
    purpose: Purpose,
    pointer: String,
}

/// What a ConfigMap is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The limit of a semaphore.
    Limit,
    /// The value of a parameter.
    Parameter,
    /// Variables or files of a pod.
    Pod,
}

/// The ConfigMaps that the workflow of a document needs. A ClusterWorkflowTemplate has no namespace in which they could be.
pub(crate) fn config_maps(document: &Value, kind: Kind) -> Vec<ConfigMapUse> {
    let mut uses = Vec::new();
    if let Some(pointer) = kind.workflow_spec().filter(|_| kind != Kind::ClusterWorkflowTemplate)
        && let Some(spec) = document.pointer(pointer)
    {
        walk(spec, pointer, Purpose::Pod, &mut uses);
    }
    uses
}

fn walk(value: &Value, pointer: &str, purpose: Purpose, uses: &mut Vec<ConfigMapUse>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), purpose, uses);
            }
        }
        Value::Object(fields) => {
            uses.extend(named(value, pointer, purpose));
            for (key, field) in fields.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
                let purpose = match key.as_str() {
                    "semaphores" | "semaphore" => Purpose::Limit,
                    "parameters" => Purpose::Parameter,
                    "env" | "volumes" | "templates" => Purpose::Pod,
                    _ => purpose,
                };
                walk(field, &join(pointer, key), purpose, uses);
            }
        }
        _ => {}
    }
}

/// The ConfigMap that an object names by one of its own fields.
fn named(holder: &Value, pointer: &str, purpose: Purpose) -> Option<ConfigMapUse> {
    let (field, reference) = ["configMapKeyRef", "configMapRef", "configMap"]
        .into_iter()
        .find_map(|field| Some((field, get(holder, field).filter(|reference| reference.is_object())?)))?;
    // The cache of `memoize` is made when it is first used, in the controller's namespace.
    let is_cache = field == "configMap" && pointer.ends_with("/memoize/cache");
    let may_be_absent = is_true(reference, "optional") || get(holder, "default").is_some();
    let (name, key) = (text(reference, "name"), text(reference, "key"));
    if is_cache || may_be_absent || name.is_empty() || name.contains("{{") || key.contains("{{") {
        return None;
    }
    let namespace =
        Some(text(holder, "namespace")).filter(|namespace| purpose == Purpose::Limit && !namespace.is_empty());
    Some(ConfigMapUse {
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        key: (field == "configMapKeyRef").then(|| key.to_owned()),
        purpose,
        pointer: join(pointer, field),
    })
}

impl ConfigMapUse {
    /// What is wrong with the ConfigMap, if anything; none where there is no such object.
    pub(crate) fn finding(&self, config_map: Option<&Value>) -> Option<Finding> {
        let (message, hint) = self.wrong(config_map)?;
        Some(Finding::new(Rule::ConfigMap, Severity::Warning, self.pointer.clone(), message).with_hint(hint))
    }

    fn wrong(&self, config_map: Option<&Value>) -> Option<(String, String)> {
        let name = &self.name;
        let Some(config_map) = config_map else {
            let hint = match self.purpose {
                Purpose::Limit => "the workflow would fail; `semaphore set` makes it",
                Purpose::Parameter => "the workflow would end in Error",
                Purpose::Pod => "the pod would wait for it",
            };
            return Some((format!("ConfigMap `{name}` does not exist"), hint.to_owned()));
        };
        if self.purpose == Purpose::Parameter
            && at(config_map, &["metadata", "labels", TYPE]).and_then(Value::as_str) != Some(PARAMETER)
        {
            let message = format!("ConfigMap `{name}` holds no parameters: it has no label `{TYPE}: {PARAMETER}`");
            return Some((message, "label it, for Argo reads no other".to_owned()));
        }
        let key = self.key.as_ref()?;
        let keys =
            |field: &str| get(config_map, field).and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        let known: HashSet<&str> = keys("data").chain(keys("binaryData")).map(String::as_str).collect();
        if !known.contains(key.as_str()) {
            let hint = match super::nearest::nearest_of_few(key, known.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if self.purpose == Purpose::Limit => "`semaphore set` sets its limit".to_owned(),
                None => "add it to the ConfigMap".to_owned(),
            };
            return Some((format!("ConfigMap `{name}` has no key `{key}`"), hint));
        }
        let limit = at(config_map, &["data", key]).and_then(Value::as_str).unwrap_or_default();
        if self.purpose == Purpose::Limit && !limit.parse::<i64>().is_ok_and(|limit| limit > 0) {
            let message = format!("`{limit}` is no limit of the semaphore `{key}` in ConfigMap `{name}`");
            return Some((message, "write a whole number from 1 on".to_owned()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({"spec": {
            "synchronization": {"semaphores": [{"configMapKeyRef": {"name": "limits", "key": "build"}, "namespace": "ci"}]},
            "arguments": {"parameters": [
                {"name": "a", "valueFrom": {"configMapKeyRef": {"name": "values", "key": "a"}}},
                {"name": "b", "valueFrom": {"configMapKeyRef": {"name": "values", "key": "b"}, "default": "1"}}]},
            "templates": [{
                "memoize": {"cache": {"configMap": {"name": "cache"}}},
                "volumes": [{"configMap": {"name": "files"}}, {"configMap": {"name": "{{inputs.parameters.x}}"}}],
                "container": {"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "x", "optional": true}}}],
                    "envFrom": [{"configMapRef": {"name": "all"}}]},
                "plugin": {"configMap": {"name": "free"}},
            }],
        }})
    }

    #[test]
    fn each_place_that_needs_a_config_map_is_found() {
        let uses = config_maps(&document(), Kind::Workflow);
        let found: Vec<_> = uses.iter().map(|one| (one.name.as_str(), one.purpose, one.namespace.as_deref())).collect();
        assert_eq!(
            found,
            [
                ("limits", Purpose::Limit, Some("ci")),
                ("values", Purpose::Parameter, None),
                ("files", Purpose::Pod, None),
                ("all", Purpose::Pod, None)
            ]
        );
        assert_eq!(uses[0].pointer, "/spec/synchronization/semaphores/0/configMapKeyRef");
    }

    #[test]
    fn a_config_map_exists_with_its_key_its_label_and_a_limit() {
        let uses = config_maps(&document(), Kind::Workflow);
        let said = |index: usize, found: &Value| uses[index].finding(Some(found)).map(|finding| finding.message);
        assert_eq!(uses[0].finding(None).map(|one| one.message).as_deref(), Some("ConfigMap `limits` does not exist"));
        assert_eq!(said(0, &json!({"data": {"build": "2"}})), None);
        assert_eq!(said(0, &json!({"data": {"biuld": "2"}})).as_deref(), Some("ConfigMap `limits` has no key `build`"));
        for limit in ["0", "two", ""] {
            assert!(said(0, &json!({"data": {"build": limit}})).is_some(), "{limit}");
        }
        assert!(said(1, &json!({"data": {"a": "1"}})).is_some_and(|said| said.contains("label")));
        let labelled =
            json!({"metadata": {"labels": {"workflows.argoproj.io/configmap-type": "Parameter"}}, "data": {"a": "1"}});
        assert_eq!(said(1, &labelled), None);
        assert_eq!(said(2, &json!({})), None);
    }
}
