//! Sends requests with retries.

use serde_json::Value;

use super::Cluster;
use super::failure::Failure;
use super::request::Built;

/// The maximum number of attempts for one request.
const ATTEMPTS: u32 = 5;

/// The result of a request.
pub(crate) struct Answer {
    pub(crate) result: Result<Value, Failure>,
    /// Whether one of its attempts may have taken effect although its answer was lost.
    pub(crate) unsure: bool,
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
            Err(_) => Err(Failure::timed_out(self.request_timeout)),
        };
        tracing::Span::current().record("outcome", outcome(&result));
        result
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
