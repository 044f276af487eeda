//! Names of objects.

use serde_json::Value;

use crate::argo::check::finding::{Finding, Rule};
use crate::argo::check::read::text;
use crate::argo::document::{Kind, Severity, shortened};
use crate::argo::identity::ObjectName;

/// The longest name Argo accepts for a workflow or a template: it becomes a label. (validate.go, maxCharsInObjectName)
const MAX_ARGO_NAME: usize = 63;
/// The longest name of a CronWorkflow: a time is appended to it. (validate.go, maxCharsInCronWorkflowName)
const MAX_CRON_NAME: usize = 52;
const EXPECTED: &str = "lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit";

pub(super) fn check(document: &Value, kind: Kind) -> Vec<Finding> {
    let Some(metadata) = document.get("metadata") else { return Vec::new() };
    let longest = match kind {
        Kind::ConfigMap | Kind::Secret => 253,
        Kind::CronWorkflow => MAX_CRON_NAME,
        _ => MAX_ARGO_NAME,
    };
    let found = [name(metadata, longest), prefix(metadata, longest), namespace(metadata)];
    let found = found.into_iter().flatten();
    found
        .map(|(field, message)| Finding::new(Rule::Name, Severity::Error, format!("/metadata/{field}"), message))
        .collect()
}

fn name(metadata: &Value, longest: usize) -> Option<(&'static str, String)> {
    let name = text(metadata, "name");
    if name.is_empty() {
        return None;
    }
    if name.parse::<ObjectName>().is_err() {
        return Some(("name", format!("`{}` is no legal name, expected {EXPECTED}", shortened(name))));
    }
    let length = name.len();
    (length > longest).then(|| ("name", format!("the name has {length} characters, at most {longest} are allowed")))
}

fn prefix(metadata: &Value, longest: usize) -> Option<(&'static str, String)> {
    let prefix = text(metadata, "generateName");
    let legal = prefix.len() < longest && format!("{prefix}x").parse::<ObjectName>().is_ok();
    (!prefix.is_empty() && !legal).then(|| {
        let message = format!(
            "`{}` begins no legal name, expected {EXPECTED}, less than {longest} characters",
            shortened(prefix)
        );
        ("generateName", message)
    })
}

fn namespace(metadata: &Value) -> Option<(&'static str, String)> {
    let namespace = text(metadata, "namespace");
    let legal = namespace.len() <= 63 && !namespace.contains('.') && namespace.parse::<ObjectName>().is_ok();
    (!namespace.is_empty() && !legal).then(|| {
        let message =
            format!("`{}` is no legal namespace, expected lower-case letters, digits or '-'", shortened(namespace));
        ("namespace", message)
    })
}
