//! Keys of `memoize` that several templates have: one is given another's outputs.

use serde_json::Value;

use super::finding::{Finding, Fix, Rule};
use super::read::{list, text};
use crate::argo::document::{Kind, Severity};
use crate::argo::shared_keys::{key_in_cache, shared_keys as shared};

/// The call that a node stands for: its name without the workflow's and without the indices of step groups.
const CALL: &str = r#"{{=sprig.trunc(16, sprig.sha256sum(sprig.regexReplaceAll("[[][0-9]+[]]", sprig.trimPrefix(workflow.name, node.name), "")))}}"#;

/// A finding for each template that has such a key of its own.
pub(super) fn shared_keys(document: &Value, kind: Kind) -> Vec<Finding> {
    let Some(pointer) = kind.workflow_spec() else { return Vec::new() };
    let Some(spec) = document.pointer(pointer) else { return Vec::new() };
    let keys = shared(spec, "", |_, key| Some(key));
    let found = list(spec, "templates").iter().enumerate().filter_map(|(place, template)| {
        let key = key_in_cache(template.get("memoize").filter(|memoize| memoize.is_object())?, "");
        let (_, key) = keys.contains(&key).then_some(key).filter(|_| !text(template, "name").is_empty())?;
        let message = format!("`{key}` is the key of several templates, and one is given the outputs of another");
        let own = format!("{key}-{}-{CALL}", text(template, "name"));
        let at = format!("{pointer}/templates/{place}/memoize/key");
        let hint = "name the template in it, or let `submit` add template and call";
        Some(
            Finding::new(Rule::Memoize, Severity::Warning, at, message)
                .with_hint(hint)
                .with_fix(Some(Fix::Replace(own))),
        )
    });
    found.collect()
}
