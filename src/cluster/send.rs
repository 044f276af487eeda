//! Sends requests with retries.

use std::time::Duration;

use kube::client::AuthError;
use kube::config::ExecConfig;
use kube::core::Status;
use serde_json::Value;

use super::kind::Resource;
use super::request::{self, Built, Call, Verb};
use super::template::Elsewhere;
use super::transport_error::TransportError;
use super::{Cluster, ClusterError};

/// The maximum number of attempts for one request.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may request.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// The result of a request.
pub(crate) struct Answer {
    pub(crate) result: Result<Value, Failure>,
    /// Whether one of its attempts may have taken effect although its answer was lost.
    pub(crate) unsure: bool,
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server answered with an error.
    Refused(Box<Status>),
    /// There was no answer.
    Lost(TransportError),
    /// There was no credential.
    NoCredential(String),
    /// The request cannot be sent, or its answer cannot be read.
    Unusable(String),
}

impl Cluster {
    /// Sends a request, and repeats it while the failure is temporary, such as overload or a broken connection. A
    /// refused connection is retried only if the server has answered an earlier attempt.
    pub(crate) async fn send(&self, request: Built) -> Answer {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Answer { result: Err(Failure::Unusable(error.to_string())), unsure: false },
        };
        let mut unsure = false;
        for attempt in 1.. {
            let result = self.send_once(request.clone()).await;
            unsure |= result.as_ref().is_err_and(Failure::may_have_taken_effect);
            match &result {
                Err(failure)
                    if attempt < ATTEMPTS && (failure.is_temporary() || (attempt > 1 && failure.is_unsent())) =>
                {
                    tokio::time::sleep(failure.pause(attempt)).await;
                }
                _ => return Answer { result, unsure },
            }
        }
        unreachable!("the last attempt returns")
    }

    /// The span contains the method, the path and the outcome, but no header or body, which may hold secrets.
    #[tracing::instrument(
        level = "debug",
        name = "request",
        skip_all,
        fields(method = %request.method(), path = request.uri().path(), outcome)
    )]
    async fn send_once(&self, request: http::Request<Vec<u8>>) -> Result<Value, Failure> {
        let result = match tokio::time::timeout(self.request_timeout, self.client.request(request)).await {
            Ok(result) => result.map_err(|error| Failure::from_kube(&error)),
            Err(_) => Err(Failure::Lost(TransportError::timeout(self.request_timeout))),
        };
        tracing::Span::current().record("outcome", outcome(&result));
        result
    }

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
            return ClusterError::WorkflowMissing { name: call.name.to_owned(), namespace: self.namespace.clone() };
        }
        if call.resource == Resource::CONFIG_MAP {
            return ClusterError::ConfigMapMissing { name: call.name.to_owned(), namespace: self.namespace.clone() };
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

/// The outcome of a request for the log.
fn outcome(result: &Result<Value, Failure>) -> String {
    match result {
        Ok(_) => "answered".to_owned(),
        Err(Failure::Refused(status)) => format!("refused {}", status.code),
        Err(Failure::Lost(_)) => "no answer".to_owned(),
        Err(Failure::NoCredential(_)) => "no credential".to_owned(),
        Err(Failure::Unusable(_)) => "unusable".to_owned(),
    }
}

impl Failure {
    pub(crate) fn from_kube(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused(status.clone()),
            kube::Error::Auth(error) => Self::NoCredential(credential(error)),
            kube::Error::Service(source) => match source.downcast_ref::<AuthError>() {
                Some(error) => Self::NoCredential(credential(error)),
                None => Self::Lost(TransportError::from_error(source.as_ref())),
            },
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
                Self::Unusable("the server's answer is not a Kubernetes object; check its URL".to_owned())
            }
            other => Self::Lost(TransportError::from_error(other)),
        }
    }

    /// Whether the failure is temporary.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(status) => {
                matches!(status.code, 429 | 502..=504)
                    || (status.code == 500 && (self.requested_pause().is_some() || is_of_etcd(status)))
            }
            Self::Lost(fault) => fault.sent && !fault.timed_out,
            Self::NoCredential(_) | Self::Unusable(_) => false,
        }
    }

    /// Whether the request may have taken effect in spite of the failure.
    fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::Refused(status) => matches!(status.code, 502 | 504) || is_of_etcd(status),
            Self::Lost(fault) => fault.sent,
            Self::NoCredential(_) | Self::Unusable(_) => false,
        }
    }

    fn is_unsent(&self) -> bool {
        matches!(self, Self::Lost(fault) if !fault.sent)
    }

    fn pause(&self, attempts: u32) -> Duration {
        self.requested_pause().unwrap_or(PAUSE * 2_u32.pow(attempts - 1)).min(MAX_PAUSE)
    }

    fn requested_pause(&self) -> Option<Duration> {
        let Self::Refused(status) = self else { return None };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
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
        namespace: call.namespace.map(str::to_owned),
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

/// Whether the object is too large for the server or for etcd behind it.
pub(crate) fn is_too_large(status: &Status) -> bool {
    status.code == 413
        || ["request is too large", "Request entity too large", "larger than max"]
            .iter()
            .any(|text| status.message.contains(text))
        || is_config_map_too_large(status)
}

/// Whether the keys and values of a ConfigMap are more than 1 MiB.
fn is_config_map_too_large(status: &Status) -> bool {
    status.code == 422 && status.message.contains("Too long: may not be more than 1048576")
}

/// Whether the error comes from etcd behind the server, for example during a leader change.
fn is_of_etcd(status: &Status) -> bool {
    status.code == 500 && status.message.contains("etcdserver: ") && !is_too_large(status)
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

/// Why there is no credential, without quoting the credential.
fn credential(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            "is not installed".to_owned()
        }
        AuthError::AuthExecStart(cause) => format!("could not be started: {cause}"),
        AuthError::AuthExecRun { out, .. } => {
            let output = String::from_utf8_lossy(&out.stderr);
            let last =
                output.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim()));
            format!("failed ({}){}", out.status, last.unwrap_or_default())
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => "printed no credential".to_owned(),
        AuthError::ReadTokenFile(cause, path) => format!("cannot read the token file {}: {cause}", path.display()),
        AuthError::Oidc(_) => "cannot refresh the OIDC token".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    #[test]
    fn overload_and_connections_broken_after_sending_are_temporary() {
        let refused = |code| Failure::Refused(Status::failure("", "").with_code(code).boxed());
        assert!([429, 502, 503, 504].into_iter().all(|code| refused(code).is_temporary()));
        assert!(![400, 401, 403, 404, 409, 422, 500].into_iter().any(|code| refused(code).is_temporary()));
        let lost = |sent, slow| Failure::Lost(TransportError { cause: String::new(), sent, timed_out: slow });
        assert!(
            lost(true, false).is_temporary() && !lost(false, false).is_temporary() && !lost(true, true).is_temporary()
        );
    }

    #[test]
    fn only_a_plain_refusal_has_certainly_no_effect() {
        let refused = |code, text| Failure::Refused(Status::failure(text, "").with_code(code).boxed());
        assert!([429, 503, 409, 422].into_iter().all(|code| !refused(code, "no").may_have_taken_effect()));
        assert!(
            refused(504, "").may_have_taken_effect()
                && refused(500, "etcdserver: leader changed").may_have_taken_effect()
        );
        assert!(!refused(500, "etcdserver: request is too large").is_temporary());
    }

    #[test]
    fn a_full_config_map_is_too_large() {
        let refused = |code, text| Status::failure(text, "Invalid").with_code(code);
        let full = "ConfigMap \"a\" is invalid: []: Too long: may not be more than 1048576 bytes";
        assert!(is_too_large(&refused(422, full)) && !is_too_large(&refused(422, "spec.x: Too long")));
    }

    #[test]
    fn the_server_may_request_a_pause_up_to_the_limit() {
        let asking = |seconds| {
            let details = StatusDetails { retry_after_seconds: seconds, ..empty_details() };
            Failure::Refused(Status::failure("", "").with_code(429).with_details(details).boxed())
        };
        assert_eq!(asking(0).pause(3), PAUSE * 4);
        assert_eq!(asking(2).pause(1), Duration::from_secs(2));
        assert_eq!(asking(3600).pause(1), MAX_PAUSE);
    }

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

    fn empty_details() -> StatusDetails {
        StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
        }
    }
}
