//! Creates a workflow under a fixed name. Sequence that this protects against: we send the POST, the server creates the
//! workflow, the answer is lost, the POST is sent again. The second one then finds its own object instead of creating
//! another.

use serde_json::Value;

use super::failure::{Failure, is_too_large};
use super::kind::Resource;
use super::request::Verb;
use super::{Cluster, ClusterError};
use crate::argo::{Metadata, Workflow};

/// The result of a creation.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The object on the API server.
    pub object: Value,
    /// Whether the same attempt of the same run existed before, so that nothing was created.
    pub already: bool,
}

impl Cluster {
    /// Creates the workflow under its `metadata.name`, in its own namespace or else the connection's. With `dry_run`
    /// the server checks everything and stores nothing. If the same attempt of the same run (parameters `run_id` and
    /// `retry_indicator`) already has the name, that workflow is returned; if anything else has it,
    /// [`ClusterError::Exists`].
    pub async fn create(&self, workflow: &Value, dry_run: bool) -> Result<Created, ClusterError> {
        let name =
            Some(Workflow::view(workflow).name()).filter(|name| !name.is_empty()).ok_or(ClusterError::Unnamed)?;
        let home = self.home_of(workflow)?;
        let call = home.call(Verb::Create, Resource::WORKFLOW, name);

        let answer = home.send(call.create(workflow, dry_run)).await;
        match answer.result {
            Ok(object) => Ok(Created { object, already: false }),
            Err(Failure::Refused(status)) if status.is_already_exists() => {
                let object = home.workflow(name).await?;
                if !Workflow::view(workflow).is_same_attempt(Workflow::view(&object)) {
                    return Err(ClusterError::Exists { name: name.to_owned(), namespace: home.namespace });
                }
                // If an earlier request may have arrived, this is the workflow that it created.
                Ok(Created { object, already: !answer.unsure })
            }
            Err(Failure::Refused(status)) if is_too_large(&status) => {
                let bytes = workflow.to_string().len();
                Err(ClusterError::TooLarge { kind: Resource::WORKFLOW.kind, name: name.to_owned(), bytes })
            }
            Err(failure) => Err(home.explain(&call, failure, answer.unsure).await),
        }
    }

    /// The connection with the workflow's namespace.
    fn home_of(&self, workflow: &Value) -> Result<Self, ClusterError> {
        match Metadata::of(workflow).own_namespace() {
            Some(document) if document != self.namespace && self.asked_namespace => {
                Err(ClusterError::OtherNamespace { document: document.to_owned(), asked: self.namespace.clone() })
            }
            Some(document) => Ok(self.within(document)),
            None => Ok(self.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_same_attempt(ours: &Value, theirs: &Value) -> bool {
        Workflow::view(ours).is_same_attempt(Workflow::view(theirs))
    }

    fn run(run_id: &str, attempt: &str) -> Value {
        json!({ "spec": { "arguments": { "parameters": [
            { "name": "run_id", "value": run_id }, { "name": "retry_indicator", "value": attempt },
        ] } } })
    }

    #[test]
    fn an_attempt_is_identified_by_run_id_and_number() {
        assert!(is_same_attempt(&run("a", "2"), &run("a", "2")));
        assert!(!is_same_attempt(&run("a", "2"), &run("b", "2")));
        assert!(!is_same_attempt(&run("a", "2"), &run("a", "3")));
    }

    #[test]
    fn a_workflow_without_run_id_matches_no_other() {
        assert!(!is_same_attempt(&json!({ "spec": {} }), &json!({ "spec": {} })));
    }
}
