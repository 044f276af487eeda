//! Objects that are installed: applied under our field manager, so that fields of others stay as they are, and removed.

use serde_json::Value;

use super::failure::Failure;
use super::kind::Resource;
use super::request::Verb;
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;
use crate::argo::template::text;

/// How objects are applied.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ApplyOptions {
    /// The server checks everything and stores nothing.
    pub(crate) dry_run: bool,
    /// Fields that others manage are taken over.
    pub(crate) force: bool,
}

impl Cluster {
    /// Reads the object of the same kind and name; none where there is none, or where the server does not know the kind.
    pub(crate) async fn installed(&self, object: &Value) -> Result<Option<Value>, ClusterError> {
        let (home, resource) = self.home(object)?;
        let call = home.call(Verb::Get, resource, Metadata::of(object).name());
        let answer = home.send(call.get()).await;
        match answer.result {
            Ok(live) => Ok(Some(live)),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(None),
            Err(failure) => Err(home.explain(&call, failure, answer.unsure).await),
        }
    }

    /// Applies an object. A field that another manager has set otherwise is a [`ClusterError::Conflict`].
    pub(crate) async fn apply(&self, object: &Value, options: ApplyOptions) -> Result<Value, ClusterError> {
        let (home, resource) = self.home(object)?;
        let call = home.call(Verb::Patch, resource, Metadata::of(object).name());
        let answer = home.send(call.apply(object, options)).await;
        match answer.result {
            Ok(live) => Ok(live),
            Err(failure) => Err(home.explain(&call, failure, answer.unsure).await),
        }
    }

    /// Deletes an object if it is still in the state that was read; one that is gone is not an error.
    pub(crate) async fn uninstall(&self, live: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let (home, resource) = self.home(live)?;
        let metadata = Metadata::of(live);
        let call = home.call(Verb::Delete, resource, metadata.name());
        let answer = home.send(call.delete(metadata.uid(), metadata.resource_version(), dry_run)).await;
        match answer.result {
            Err(Failure::Refused(status)) if status.code == 404 => Ok(Changed::Done(Value::Null)),
            Err(Failure::Refused(status)) if status.code == 409 => Ok(Changed::Stale { perhaps_ours: answer.unsure }),
            Ok(object) => Ok(Changed::Done(object)),
            Err(failure) => Err(home.explain(&call, failure, answer.unsure).await),
        }
    }

    /// The connection with the object's namespace, and the object's resource.
    fn home(&self, object: &Value) -> Result<(Self, Resource), ClusterError> {
        let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
        let resource =
            Resource::INSTALLED.into_iter().find(|known| known.api_version == api_version && known.kind == kind);
        let resource = resource.ok_or_else(|| ClusterError::UnknownKind { kind: kind.to_owned() })?;
        let namespace = Metadata::of(object).own_namespace();
        Ok((namespace.map_or_else(|| self.clone(), |namespace| self.within(namespace)), resource))
    }
}
