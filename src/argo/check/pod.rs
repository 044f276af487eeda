//! What holds for all pods: their resources and when they are deleted. (validatePodResources, GetLabelSelector)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{at, get, items, list, text};

/// The longest value of a label.
const MAX_LABEL: usize = 63;

impl Checker<'_> {
    pub(super) fn pod_resources_of(&mut self, template: &Value, kind: &str, at: &At) {
        let Some(resources) = get(template, "podResources") else { return };
        let at = at.field("podResources");
        if matches!(kind, "http" | "plugin") {
            self.error(
                Rule::PodResources,
                &at,
                format!("a {kind} template runs in a pod that it shares: it has no podResources"),
            );
        } else {
            self.pod_resources(resources, &at);
        }
    }

    pub(super) fn pod_resources(&mut self, resources: &Value, at: &At) {
        if !list(resources, "claims").is_empty() {
            self.error(Rule::PodResources, &at.field("claims"), "a whole pod has no `claims`");
        }
        for side in ["limits", "requests"] {
            for name in get(resources, side).and_then(Value::as_object).into_iter().flat_map(|names| names.keys()) {
                if !matches!(name.as_str(), "cpu" | "memory") && !name.starts_with("hugepages-") {
                    let message =
                        format!("`{name}` is no resource of a whole pod: expected cpu, memory or hugepages-…");
                    self.error(Rule::PodResources, &at.path(&[side, name]), message);
                }
            }
        }
    }

    /// The words of the strategy are the schema's.
    pub(super) fn pod_gc(&mut self, spec: &Value, place: &At) {
        let selector = at(spec, &["podGC", "labelSelector"]).unwrap_or(&Value::Null);
        for (index, one) in items(selector, &["matchExpressions"]).iter().enumerate() {
            let has_values = !list(one, "values").is_empty();
            let (legal, message) = match text(one, "operator") {
                "In" | "NotIn" => (has_values, "In and NotIn need `values`"),
                "Exists" | "DoesNotExist" => (!has_values, "Exists and DoesNotExist have no `values`"),
                _ => (false, "expected In, NotIn, Exists or DoesNotExist"),
            };
            let at = place.path(&["podGC", "labelSelector", "matchExpressions"]).index(index);
            if !legal {
                self.error(Rule::PodGc, &at, message);
            }
            for (index, value) in list(one, "values").iter().enumerate() {
                self.label_value(value, &at.field("values").index(index));
            }
        }
        for (key, value) in get(selector, "matchLabels").and_then(Value::as_object).into_iter().flatten() {
            self.label_value(value, &place.path(&["podGC", "labelSelector", "matchLabels", key]));
        }
    }

    /// (k8s.io/apimachinery/pkg/util/validation, IsValidLabelValue)
    fn label_value(&mut self, value: &Value, at: &At) {
        let Some(value) = value.as_str().filter(|value| !value.is_empty()) else { return };
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = value.as_bytes();
        let legal = bytes.len() <= MAX_LABEL
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            && is_edge(bytes.first())
            && is_edge(bytes.last());
        if !legal {
            let message = format!(
                "`{value}` is no value of a label: expected at most {MAX_LABEL} letters, digits, `-`, `_` or `.`"
            );
            self.error(Rule::PodGc, at, message);
        }
    }
}
