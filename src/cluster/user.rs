//! Who the API server takes this connection for.

use serde_json::json;

use super::failure::Failure;
use super::kind::Resource;
use super::request::{self, Verb};
use super::{Cluster, ClusterError};

impl Cluster {
    /// The user's name, as the server knows it: with `--as` the impersonated user's. None where the server does not tell.
    pub(crate) async fn user(&self) -> Result<Option<String>, ClusterError> {
        let question = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        match self.send(request::user_review(&question)).await.result {
            Ok(review) => {
                let name = review.pointer("/status/userInfo/username").and_then(|name| name.as_str());
                Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
            }
            Err(Failure::Refused(_)) => Ok(None),
            // What is asked of the server next would fail in the same way.
            Err(failure) => Err(self.explain(&self.call(Verb::Create, Resource::WORKFLOW, ""), failure, false).await),
        }
    }
}
