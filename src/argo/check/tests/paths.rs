//! Where findings stand: at fields of the documents, over random ones that are broken.

use serde_json::Value;

use self::random::written;
use crate::argo::check::{Finding, Holder, Options, check};
use crate::argo::document::Kind;

#[path = "../../../../tests/judge/random/mod.rs"]
#[allow(clippy::unwrap_used, unreachable_pub, reason = "it is a module of a test program")]
mod random;

/// So many documents are made.
const SEEDS: u64 = 500;

#[test]
fn findings_stand_at_fields_or_where_a_field_is_missing() {
    let options = [Options::default(), Options { completes: true, local: true, all_known: true, ..Options::default() }];
    let mut found = 0;
    for seed in 1..=SEEDS {
        let objects = written(seed);
        let template = |name: &str, cluster_scope: bool| {
            let is_it = |object: &&Value| object["kind"] == "WorkflowTemplate" && object["metadata"]["name"] == name;
            objects.iter().find(is_it).filter(|_| !cluster_scope)
        };
        for (object, options) in objects.iter().flat_map(|object| options.iter().map(move |one| (object, one))) {
            let kind = if object["kind"] == "Workflow" { Kind::Workflow } else { Kind::WorkflowTemplate };
            for finding in check(object, kind, &template, options) {
                let holder = match &finding.holder {
                    Holder::Document => object,
                    Holder::Template(name) | Holder::ClusterTemplate(name) => template(name, false).unwrap_or(object),
                };
                assert!(stands_in(holder, &finding), "seed {seed}: {finding:#?}\n{holder:#}");
                found += 1;
            }
        }
    }
    assert!(found > SEEDS, "{found} findings");
}

/// Whether the field is there, or its object.
fn stands_in(object: &Value, finding: &Finding) -> bool {
    let above = finding.pointer.rsplit_once('/').map_or("", |(above, _)| above);
    object.pointer(&finding.pointer).is_some() || object.pointer(above).is_some_and(Value::is_object)
}
