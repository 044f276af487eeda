//! Turns failed requests into errors that name the object and the cause.

use kube::config::ExecConfig;
use kube::core::Status;

use super::failure::{Failure, credential};
use super::kind::Resource;
use super::request::{self, Call, Verb};
use super::template::Elsewhere;
use super::transport_error::TransportError;
use super::{Cluster, ClusterError};

impl Cluster {
    /// Turns a failed call into an error for the user. Sends further requests if the answer alone is ambiguous.
    pub(crate) async fn explain(&self, call: &Call<'_>, failure: Failure, unsure: bool) -> ClusterError {
        let unsure = unsure && call.verb == Verb::Create;
        match failure {
            Failure::Lost(fault) => self.unreachable(fault, unsure),
            Failure::Unusable(cause) => unusable(self.context.as_deref(), cause),
            Failure::NoCredential(cause) => no_credential(cause, self.context.as_deref(), self.plugin.as_ref()),
            Failure::Refused(status) => match status.code {
                401 => self.unauthorized(),
                403 if status.message.contains("User \"system:anonymous\"") => self.unauthorized(),
                403 => forbidden(call, &status),
                404 => self.missing(call, &status).await,
                429 | 502..=504 => {
                    ClusterError::Overloaded { server: self.server.clone(), message: message(&status), unsure }
                }
                _ => refused(call, &status),
            },
        }
    }

    fn unreachable(&self, fault: TransportError, unsure: bool) -> ClusterError {
        let cause = match &self.proxy {
            Some(proxy) => format!("{} (through the proxy {proxy})", fault.cause),
            None => fault.cause,
        };
        ClusterError::Unreachable { server: self.server.clone(), cause, unsure }
    }

    pub(crate) fn unauthorized(&self) -> ClusterError {
        ClusterError::Unauthorized { server: self.server.clone(), context: self.context.clone() }
    }

    /// A 404 may mean that the object, its namespace or its kind does not exist.
    async fn missing(&self, call: &Call<'_>, status: &Status) -> ClusterError {
        if status.details.as_ref().is_some_and(|details| details.kind == "namespaces") {
            return ClusterError::NamespaceMissing { namespace: self.namespace.clone() };
        }
        if !self.serves(call.resource).await {
            return ClusterError::NotInstalled { server: self.server.clone(), resource: call.resource.qualified() };
        }
        if let Some(namespace) = call.namespace
            && self.lacks_namespace(namespace).await
        {
            return ClusterError::NamespaceMissing { namespace: namespace.to_owned() };
        }

        if call.resource == Resource::WORKFLOW {
            let (name, namespace) = (call.name.to_owned(), self.namespace.clone());
            let similar = self.similar_names(call).await;
            return ClusterError::WorkflowMissing { name, namespace, similar };
        }
        if call.resource == Resource::CONFIG_MAP {
            return ClusterError::ConfigMapMissing { name: call.name.to_owned(), namespace: self.namespace.clone() };
        }
        if call.resource == Resource::CLAIM {
            return ClusterError::ClaimMissing { name: call.name.to_owned(), namespace: self.namespace.clone() };
        }
        ClusterError::TemplateMissing {
            kind: call.resource.kind,
            name: call.name.to_owned(),
            namespace: call.namespace.map(str::to_owned),
            elsewhere: Box::new(Elsewhere::search(self, call).await),
        }
    }

    /// Whether the server serves the kind; true if it gives no answer.
    async fn serves(&self, resource: Resource) -> bool {
        match self.send(request::served(resource.api_version)).await.result {
            Ok(list) => {
                list["resources"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == resource.plural))
            }
            Err(Failure::Refused(status)) => status.code != 404,
            Err(_) => true,
        }
    }

    async fn lacks_namespace(&self, namespace: &str) -> bool {
        matches!(self.send(request::namespace(namespace)).await.result, Err(Failure::Refused(status)) if status.code == 404)
    }
}

fn forbidden(call: &Call<'_>, status: &Status) -> ClusterError {
    let Some(user) = status.message.split_once("User \"").and_then(|(_, rest)| rest.split_once("\" cannot ")) else {
        return denied(call, status);
    };
    ClusterError::Forbidden {
        user: user.0.to_owned(),
        verb: call.verb.word(),
        resource: call.resource.qualified(),
        namespace: call.namespace.filter(|_| call.resource.namespaced).map(str::to_owned),
    }
}

fn refused(call: &Call<'_>, status: &Status) -> ClusterError {
    let (kind, name) = (call.resource.kind, call.name.to_owned());
    let text = message(status);
    if text.contains("denied the request") || text.contains("denied request") {
        return denied(call, status);
    }
    let verb = call.verb.word();
    match status.code {
        400 | 422 => ClusterError::Invalid { kind, name, causes: causes(status) },
        409 => ClusterError::Conflict { verb, kind, name, message: text },
        _ => ClusterError::Api { verb, kind, name, message: text },
    }
}

fn denied(call: &Call<'_>, status: &Status) -> ClusterError {
    ClusterError::Denied {
        verb: call.verb.word(),
        kind: call.resource.kind,
        name: call.name.to_owned(),
        message: message(status),
    }
}

fn causes(status: &Status) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<String> = causes
        // With an invalid field the server skips the schema's validation rules and adds a cause `<nil>` about that.
        .filter(|cause| cause.field != "<nil>")
        .map(|cause| match cause.field.as_str() {
            "" => cause.message.clone(),
            field => format!("{field}: {}", cause.message),
        })
        .collect();
    if !fields.is_empty() {
        return fields;
    }

    let message = message(status);
    let strict = message.split_once("strict decoding error: ").map(|(_, fields)| fields.to_owned());
    vec![strict.unwrap_or(message)]
}

fn message(status: &Status) -> String {
    match status.message.trim() {
        "" => format!("status {}", status.code),
        text => text.to_owned(),
    }
}

/// Why no client could be built from the kubeconfig's context.
pub(crate) fn no_client(error: &kube::Error, context: Option<&str>, plugin: Option<&ExecConfig>) -> ClusterError {
    match error {
        kube::Error::Auth(error) => no_credential(credential(error), context, plugin),
        kube::Error::ProxyProtocolUnsupported { .. } => {
            unusable(context, "its proxy is neither http, https nor socks5".to_owned())
        }
        other => unusable(context, TransportError::from_error(other).cause),
    }
}

fn no_credential(cause: String, context: Option<&str>, plugin: Option<&ExecConfig>) -> ClusterError {
    match plugin.and_then(|plugin| plugin.command.clone()) {
        Some(command) => {
            ClusterError::Plugin { command, cause, install: plugin.and_then(|plugin| plugin.install_hint.clone()) }
        }
        None => unusable(context, cause),
    }
}

fn unusable(context: Option<&str>, cause: String) -> ClusterError {
    ClusterError::Context { context: context.unwrap_or("in-cluster").to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::super::failure::empty_details;
    use super::*;

    #[test]
    fn an_invalid_object_is_explained_field_by_field() {
        let cause = |field: &str, message: &str| StatusCause {
            reason: "FieldValueInvalid".into(),
            message: message.into(),
            field: field.into(),
        };
        let details = StatusDetails {
            causes: vec![cause("spec.entrypoint", "must be a string"), cause("<nil>", "not checked"), cause("", "odd")],
            ..empty_details()
        };
        let status = Status::failure("Workflow \"x\" is invalid: []", "Invalid").with_code(422).with_details(details);
        assert_eq!(causes(&status), ["spec.entrypoint: must be a string", "odd"]);
    }
}
