//! The objects that a workflow belongs to: whether they are there and stay.

use serde_json::Value;

use super::Cluster;
use super::answer::Failure;
use super::request;

impl Cluster {
    /// Whether the object of an ownerReference is there, is the same, and is not being deleted. Where the server does
    /// not say, it is taken to be there.
    pub async fn owner_stays(&self, reference: &Value) -> bool {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let Ok(list) = self.send(request::served(text("apiVersion"))).await.result else { return true };
        let kinds = list["resources"].as_array().into_iter().flatten();
        let plain = |name: &str| !name.is_empty() && !name.contains('/');
        let mut kinds = kinds.filter(|resource| plain(resource["name"].as_str().unwrap_or_default()));
        let Some(resource) = kinds.find(|resource| resource["kind"] == text("kind")) else { return true };
        let namespace = (resource["namespaced"] == true).then(|| self.namespace());
        let plural = resource["name"].as_str().unwrap_or_default();
        let answer = self.send(request::object(text("apiVersion"), namespace, plural, text("name"))).await;
        match answer.result {
            Ok(owner) => {
                owner["metadata"]["uid"] == text("uid") && owner["metadata"].get("deletionTimestamp").is_none()
            }
            Err(Failure::Refused(status)) => status.code != 404,
            Err(_) => true,
        }
    }
}
