//! The templates that a run knows: its own, those of its WorkflowTemplate, and those that the controller has stored.

use serde_json::Value;

use super::Workflow;
use crate::argo::status::Node;
use crate::argo::template::{Template, at, field, text};
use crate::argo::workflow_spec;

impl Workflow {
    /// Whether the spec is that of a WorkflowTemplate or ClusterWorkflowTemplate which it names.
    pub(crate) fn is_by_reference(&self) -> bool {
        field(self.spec(), "workflowTemplateRef").is_some()
    }

    pub(crate) fn entrypoint(&self) -> &str {
        self.specs().map(workflow_spec::entrypoint).find(|name| !name.is_empty()).unwrap_or_default()
    }

    /// The templates of the object and of the WorkflowTemplate that it was made from.
    pub(crate) fn templates(&self) -> impl Iterator<Item = Template<'_>> {
        self.specs().flat_map(workflow_spec::templates)
    }

    /// The template of this name in the object or in the WorkflowTemplate that it was made from.
    pub(crate) fn template(&self, name: &str) -> Option<Template<'_>> {
        self.templates().find(|template| !name.is_empty() && template.name() == name)
    }

    /// The template that a node runs, unless it is written inline or is not in the object.
    pub(crate) fn template_of(&self, node: &Node) -> Option<Template<'_>> {
        match stored_key(node) {
            Some(key) => at(self.status(), &["storedTemplates", &key]).map(Template::new),
            None => self.template(node.called()),
        }
    }
}

/// The key of the template that a node runs among the stored ones; none for a template of the workflow itself
/// (`resolveTemplateReference` in workflow_types.go, v4.1.2).
fn stored_key(node: &Node) -> Option<String> {
    if let Some(reference) = &node.template_ref {
        let cluster = field(reference, "clusterScope") == Some(&Value::Bool(true));
        let scope = if cluster { "cluster" } else { "namespaced" };
        return Some(format!("{scope}/{}/{}", text(reference, "name"), text(reference, "template")));
    }
    let scope = node.template_scope.as_deref().filter(|scope| !scope.is_empty() && !scope.starts_with("local/"))?;
    Some(match node.template_name.as_deref() {
        Some(name) if !name.is_empty() => format!("{scope}/{name}"),
        _ => format!("{scope}/inline/{}", node.display_name),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(value: Value) -> Workflow {
        Workflow::from(value)
    }

    #[test]
    fn the_template_of_a_node_is_found_where_the_controller_keeps_it() {
        let workflow = workflow(json!({
            "spec": {"templates": [{"name": "own"}]},
            "status": {"storedTemplates": {
                "namespaced/shared/load": {"name": "load"}, "cluster/base/save": {"name": "save"},
                "namespaced/shared/inline/a": {"inputs": {}}}},
        }));
        let found = |node: Value| {
            let node = Node::read("x", &node);
            workflow.template_of(&node).map(|template| template.name().to_owned())
        };
        assert_eq!(found(json!({"templateName": "own", "templateScope": "local/w"})).as_deref(), Some("own"));
        assert_eq!(found(json!({"templateRef": {"name": "shared", "template": "load"}})).as_deref(), Some("load"));
        let cluster = json!({"templateRef": {"name": "base", "template": "save", "clusterScope": true}});
        assert_eq!(found(cluster).as_deref(), Some("save"));
        let within = json!({"templateName": "load", "templateScope": "namespaced/shared"});
        assert_eq!(found(within).as_deref(), Some("load"));
        assert_eq!(found(json!({"templateScope": "namespaced/shared", "displayName": "a"})).as_deref(), Some(""));
        assert_eq!(found(json!({"templateName": "gone"})), None);
    }
}
