//! The object that a workflow belongs to: Kubernetes deletes the workflow when it goes.

use serde_json::{Value, json};

use super::{PrepareError, object_field};

/// Makes the object of an ownerReference the controller of the workflow, of which there can be one only.
pub(crate) fn set_owner(workflow: &mut Value, owner: &Value) -> Result<(), PrepareError> {
    const FIELD: &str = "metadata.ownerReferences";
    let holder =
        workflow.as_object_mut().ok_or_else(|| PrepareError::Form { field: String::new(), expected: "an object" })?;
    let metadata = object_field(holder, "metadata", "metadata")?;
    let references = metadata.entry("ownerReferences").or_insert_with(|| json!([]));
    if references.is_null() {
        *references = json!([]);
    }
    let references =
        references.as_array_mut().ok_or_else(|| PrepareError::Form { field: FIELD.to_owned(), expected: "a list" })?;
    references.retain(|reference| reference["uid"] != owner["uid"]);
    if let Some(other) = references.iter().find(|reference| reference["controller"] == true) {
        return Err(PrepareError::Controlled { other: name(other), owner: name(owner) });
    }
    references.push(owner.clone());
    Ok(())
}

fn name(reference: &Value) -> String {
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    format!("{}/{}", text("kind"), text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": uid, "uid": uid, "controller": true})
    }

    #[test]
    fn an_owner_stands_beside_others_and_once() -> Result<(), PrepareError> {
        let other = json!({"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "s"});
        let mut workflow = json!({"metadata": {"name": "w", "ownerReferences": [other]}});
        for _ in 0..2 {
            set_owner(&mut workflow, &owner("a"))?;
            assert_eq!(workflow["metadata"]["ownerReferences"], json!([other, owner("a")]));
        }
        let mut bare = json!({"metadata": {"ownerReferences": null}});
        set_owner(&mut bare, &owner("a"))?;
        assert_eq!(bare["metadata"]["ownerReferences"], json!([owner("a")]));
        Ok(())
    }

    #[test]
    fn a_workflow_has_one_controller() {
        let mut workflow = json!({"metadata": {"ownerReferences": [owner("a")]}});
        let refused = set_owner(&mut workflow, &owner("b")).map_err(|error| error.to_string());
        assert_eq!(
            refused,
            Err("the workflow belongs to ConfigMap/a already, and ConfigMap/b cannot control it too".to_owned())
        );
        let mut odd = json!({"metadata": {"ownerReferences": {}}});
        assert!(matches!(set_owner(&mut odd, &owner("b")), Err(PrepareError::Form { .. })));
    }
}
