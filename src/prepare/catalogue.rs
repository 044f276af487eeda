//! The WorkflowTemplates and ClusterWorkflowTemplates that are known, from files or from a cluster.

use serde_json::Value;

use crate::argo::Metadata;
use crate::argo::template::text;

/// Known WorkflowTemplates and ClusterWorkflowTemplates, found by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    documents: Vec<Value>,
}

impl Templates {
    /// Adds a document; one of another kind is passed over. Of two with the same name and namespace the first counts.
    pub(crate) fn insert(&mut self, document: Value) {
        if matches!(text(&document, "kind"), "WorkflowTemplate" | "ClusterWorkflowTemplate") {
            self.documents.push(document);
        }
    }

    /// All of them.
    pub(crate) fn documents(&self) -> &[Value] {
        &self.documents
    }

    /// The object of that name. Where both the object and the caller name a namespace, these must agree.
    pub(crate) fn find(&self, name: &str, cluster_scope: bool, namespace: Option<&str>) -> Option<&Value> {
        let kind = if cluster_scope { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" };
        self.documents.iter().find(|document| {
            let metadata = Metadata::of(document);
            let own = metadata.own_namespace();
            let reachable = cluster_scope || own.is_none() || namespace.is_none() || own == namespace;
            text(document, "kind") == kind && metadata.name() == name && reachable
        })
    }
}

impl FromIterator<Value> for Templates {
    fn from_iter<I: IntoIterator<Item = Value>>(documents: I) -> Self {
        let mut templates = Self::default();
        documents.into_iter().for_each(|document| templates.insert(document));
        templates
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_found_by_kind_name_and_namespace() {
        let templates: Templates = [
            json!({"kind": "WorkflowTemplate", "metadata": {"name": "a", "namespace": "x"}}),
            json!({"kind": "ClusterWorkflowTemplate", "metadata": {"name": "b"}}),
            json!({"kind": "Workflow", "metadata": {"name": "c"}}),
        ]
        .into_iter()
        .collect();
        assert!(templates.find("a", false, Some("x")).is_some() && templates.find("a", false, None).is_some());
        assert!(templates.find("a", false, Some("y")).is_none() && templates.find("a", true, None).is_none());
        assert!(templates.find("b", true, Some("y")).is_some() && templates.find("c", false, None).is_none());
    }
}
