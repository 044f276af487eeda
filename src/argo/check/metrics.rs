//! Metrics: their names, help and values. (validateTemplate; workflow/metrics/util.go)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{get, is_true, items, text};

impl Checker<'_> {
    pub(super) fn metrics(&mut self, holder: &Value, at: &At) {
        for (index, metric) in items(holder, &["metrics", "prometheus"]).iter().enumerate() {
            let at = at.path(&["metrics", "prometheus"]).index(index);
            let name = text(metric, "name");
            if !is_metric_name(name) {
                let message = format!(
                    "`{name}` is no name of a metric: expected letters, digits and `_`, not beginning with a digit"
                );
                self.error(Rule::Metric, &at.field("name"), message);
            }
            for (index, label) in items(metric, &["labels"]).iter().enumerate() {
                let key = text(label, "key");
                if !is_metric_name(key) {
                    let message = format!("`{key}` is no label of a metric: expected letters, digits and `_`");
                    self.error(Rule::Metric, &at.field("labels").index(index).field("key"), message);
                }
            }
            if text(metric, "help").is_empty() {
                self.error(Rule::Metric, &at, format!("metric `{name}` needs a `help` text"));
            }
            for kind in ["gauge", "counter", "histogram"] {
                let Some(value) = get(metric, kind) else { continue };
                let value_text = text(value, "value");
                if value_text.is_empty() {
                    self.error(Rule::Metric, &at.field(kind), format!("the {kind} needs a `value`"));
                }
                if kind == "gauge" && is_true(value, "realtime") && value_text.contains("resourcesDuration.") {
                    let message = "resourcesDuration is known when the template has ended, and the gauge is `realtime`";
                    self.error(Rule::Metric, &at.path(&["gauge", "value"]), message);
                }
            }
        }
    }
}

fn is_metric_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}
