//! Where controllers keep their caches: in the namespace that they run in, which has to be found out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::contents::{Cache, LABEL, LABEL_VALUE};
use crate::argo::Metadata;

/// As whom the controller writes.
const CONTROLLER: &str = "workflow-controller";

/// What tells where controllers keep their caches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes {
    /// The namespaces with the Lease of a controller: where it runs.
    pub(crate) leases: BTreeSet<String>,
    /// The namespaces with a controller's settings, or with a cache that a controller has written. They count where no
    /// Lease is seen.
    pub(crate) traces: BTreeSet<String>,
    /// The namespaces of labelled caches, by the caches' names.
    pub(crate) labelled: BTreeMap<String, BTreeSet<String>>,
}

impl Homes {
    /// Takes the evidence of a ConfigMap with the label of a cache; its metadata suffice.
    pub(crate) fn add(&mut self, object: &Value) {
        let metadata = Metadata::of(object);
        if metadata.label(LABEL) != Some(LABEL_VALUE) {
            return;
        }
        if is_of_controller(object) {
            self.traces.insert(metadata.namespace().to_owned());
        }
        self.labelled.entry(metadata.name().to_owned()).or_default().insert(metadata.namespace().to_owned());
    }

    /// The namespaces in which a controller is known to look for caches.
    pub(crate) fn namespaces(&self) -> &BTreeSet<String> {
        if self.leases.is_empty() { &self.traces } else { &self.leases }
    }

    /// The namespaces in which controllers look for the cache, when its own is none of them. One that a controller has
    /// written is in its place. Where no controller is known, a labelled cache of the name tells where one without the
    /// label should be.
    pub(crate) fn elsewhere(&self, cache: &Cache) -> Vec<String> {
        let Some(namespace) = cache.place.namespace() else { return Vec::new() };
        let mut homes = Some(self.namespaces()).filter(|homes| !homes.is_empty());
        if homes.is_none() && !cache.is_labelled() {
            homes = self.labelled.get(&cache.name);
        }
        let homes = homes.filter(|homes| !cache.object.of_controller && !homes.contains(namespace));
        homes.into_iter().flatten().cloned().collect()
    }
}

/// Whether a controller has written to an object, as its managed fields tell.
pub(super) fn is_of_controller(object: &Value) -> bool {
    Metadata::of(object).is_managed_by(CONTROLLER)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, name: &str, labelled: bool, manager: &str) -> Value {
        let labels = if labelled { json!({LABEL: LABEL_VALUE}) } else { json!({}) };
        json!({"metadata": {"name": name, "namespace": namespace, "labels": labels,
            "managedFields": [{"manager": "kubectl"}, {"manager": manager}]}})
    }

    fn elsewhere(homes: &Homes, object: &Value) -> Vec<String> {
        homes.elsewhere(&Cache::of_config_map(object))
    }

    fn homes(objects: &[Value]) -> Homes {
        let mut homes = Homes::default();
        for object in objects {
            homes.add(object);
        }
        homes
    }

    #[test]
    fn without_evidence_nothing_is_wrong() {
        let mine = object("ci", "c", true, "kubectl");
        assert_eq!(elsewhere(&Homes::default(), &mine), [""; 0]);
        let twin = homes(&[object("argo", "c", true, "kubectl"), object("argo", "d", false, CONTROLLER)]);
        assert_eq!(elsewhere(&twin, &mine), [""; 0], "which of two is the controller's is not known");
        assert_eq!(elsewhere(&twin, &object("ci", "c", false, "kubectl")), ["argo"]);
        assert_eq!(elsewhere(&twin, &object("ci", "other", false, "kubectl")), [""; 0]);
    }

    #[test]
    fn caches_that_a_controller_wrote_tell_where_it_looks() {
        let written = homes(&[object("argo", "other", true, CONTROLLER), object("ci", "c", true, "kubectl")]);
        assert_eq!(elsewhere(&written, &object("ci", "c", true, "kubectl")), ["argo"]);
        assert_eq!(elsewhere(&written, &object("argo", "c", true, "kubectl")), [""; 0]);
        assert_eq!(elsewhere(&written, &object("ci", "c", true, CONTROLLER)), [""; 0], "another controller's");
    }

    #[test]
    fn a_lease_tells_more_than_what_was_left() {
        let mut homes = homes(&[object("former", "c", true, CONTROLLER)]);
        homes.leases.insert("argo".to_owned());
        assert_eq!(elsewhere(&homes, &object("ci", "c", true, "kubectl")), ["argo"]);
        assert_eq!(elsewhere(&homes, &object("former", "d", true, "kubectl")), ["argo"]);
    }
}
