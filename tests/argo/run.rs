//! A workflow as its controller left it, and whether that is what a plan said.

use std::collections::BTreeSet;

use serde_json::Value;

/// A Workflow object of the cluster.
pub(crate) struct Run {
    pub(crate) object: Value,
}

impl Run {
    pub(crate) fn new(object: Value) -> Self {
        Self { object }
    }

    pub(crate) fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap()
    }

    pub(crate) fn parameter(&self, name: &str) -> &str {
        let parameters = self.object["spec"]["arguments"]["parameters"].as_array().unwrap();
        parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_str().unwrap()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Value> {
        self.object["status"]["nodes"].as_object().unwrap().values()
    }

    /// The node whose name is the workflow's and this.
    pub(crate) fn find(&self, suffix: &str) -> Option<&Value> {
        self.nodes().find(|node| self.suffix(node) == suffix)
    }

    pub(crate) fn node(&self, suffix: &str) -> &Value {
        self.find(suffix).unwrap_or_else(|| panic!("no node {suffix:?} in {:#}", self.object["status"]))
    }

    /// Whether a node came from the cache.
    pub(crate) fn is_hit(&self, suffix: &str) -> bool {
        is_hit(self.node(suffix))
    }

    /// The nodes that came from the cache, by what their names have after the workflow's.
    pub(crate) fn hits(&self) -> BTreeSet<&str> {
        self.nodes().filter(|node| is_hit(node)).map(|node| self.suffix(node)).collect()
    }

    /// The nodes for which a pod was made, without the numbers of items and attempts.
    pub(crate) fn ran(&self) -> BTreeSet<&str> {
        let pods = self.nodes().filter(|node| node["type"] == "Pod" && !is_hit(node));
        pods.map(|node| without_number(self.suffix(node))).collect()
    }

    /// The cache of its templates.
    pub(crate) fn cache_name(&self) -> &str {
        let templates = self.object["spec"]["templates"].as_array().unwrap().iter();
        let mut names = templates.filter_map(|template| template["memoize"]["cache"]["configMap"]["name"].as_str());
        names.next().unwrap()
    }

    fn suffix<'a>(&self, node: &'a Value) -> &'a str {
        node["name"].as_str().unwrap().strip_prefix(self.name()).unwrap()
    }

    /// Each node of the plan fared as it says there, and no pod ran of which it does not tell.
    pub(crate) fn assert_as_planned(&self, plan: &Value) {
        let before = plan["workflow"].as_str().unwrap();
        let mut told = BTreeSet::new();
        for entry in plan["nodes"].as_array().unwrap() {
            let suffix = entry["name"].as_str().unwrap().strip_prefix(before).unwrap();
            let node = self.find(suffix);
            let kept = match (entry["action"].as_str().unwrap(), entry["within"].is_string()) {
                ("cached", false) => node.is_some_and(is_hit),
                ("cached", true) => node.is_none(),
                ("carriedOver", _) => node.is_some_and(|node| !is_hit(node)),
                ("decided", _) => {
                    told.insert(without_number(suffix));
                    true
                }
                ("skipped", _) => node.is_none_or(|node| matches!(node["phase"].as_str(), Some("Skipped" | "Omitted"))),
                ("runs", _) => {
                    told.insert(without_number(suffix));
                    node.is_some_and(|node| !is_hit(node))
                }
                (action, _) => panic!("unknown action {action}"),
            };
            assert!(kept, "planned {entry}, but it became {node:#?}");
        }
        if plan["mode"] == "new" {
            let untold: Vec<&str> = self.ran().into_iter().filter(|suffix| !told.contains(suffix)).collect();
            assert!(untold.is_empty(), "{untold:?} ran beside the plan {plan:#}");
        }
    }
}

fn without_number(suffix: &str) -> &str {
    suffix.split('(').next().unwrap()
}

fn is_hit(node: &Value) -> bool {
    node["memoizationStatus"]["hit"] == true
}
