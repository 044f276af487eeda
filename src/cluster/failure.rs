//! Why a request failed, and whether to send it again.

use std::time::Duration;

use kube::client::AuthError;
use kube::core::Status;

use super::transport_error::TransportError;

/// The pause after the first attempt; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause that a server may request.
const MAX_PAUSE: Duration = Duration::from_secs(10);

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

    /// No answer came within this time.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::Lost(TransportError::timeout(limit))
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
    pub(super) fn may_have_taken_effect(&self) -> bool {
        match self {
            Self::Refused(status) => matches!(status.code, 502 | 504) || is_of_etcd(status),
            Self::Lost(fault) => fault.sent,
            Self::NoCredential(_) | Self::Unusable(_) => false,
        }
    }

    pub(super) fn is_unsent(&self) -> bool {
        matches!(self, Self::Lost(fault) if !fault.sent)
    }

    pub(super) fn pause(&self, attempts: u32) -> Duration {
        self.requested_pause().unwrap_or(PAUSE * 2_u32.pow(attempts - 1)).min(MAX_PAUSE)
    }

    fn requested_pause(&self) -> Option<Duration> {
        let Self::Refused(status) = self else { return None };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
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

/// Why there is no credential, without quoting the credential.
pub(super) fn credential(error: &AuthError) -> String {
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

/// Details that say nothing: kube has no default for them.
#[cfg(test)]
pub(super) fn empty_details() -> kube::core::response::StatusDetails {
    kube::core::response::StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: String::new(),
        uid: String::new(),
        causes: Vec::new(),
        retry_after_seconds: 0,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

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
}
