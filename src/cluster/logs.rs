//! Logs of a workflow's pods. A broken stream is resumed where it ended: no line is lost or repeated.

use std::time::Duration;

use futures::io::AsyncBufRead;
use jiff::Timestamp;
use tokio::time::Instant;

use super::failure::Failure;
use super::log_cursor::Cursor;
use super::pods::{Pod, PodState};
use super::request::{Built, escaped};
use super::transport_error::TransportError;
use super::{Cluster, ClusterError};

/// The pause before a stream is resumed, and between attempts to open a log that does not exist yet.
const PAUSE: Duration = Duration::from_millis(250);
/// The maximum number of attempts to open a log that should exist.
const ATTEMPTS: u32 = 5;

/// Which part of a container's log to read.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// The container.
    pub container: String,
    /// Follow the log until the container ends.
    pub follow: bool,
    /// Only lines written at or after this time.
    pub since: Option<Timestamp>,
    /// Only this many of the lines that exist at first.
    pub tail: Option<usize>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, by the clock of the node.
    pub time: Option<String>,
    /// The line without the newline.
    pub text: Vec<u8>,
}

/// How reading a log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEnd {
    /// The whole log was read.
    Whole,
    /// The pod no longer exists, and nothing was read.
    Gone,
    /// The pod was deleted while its log was read: later lines may be missing.
    Cut,
    /// The container has not started.
    NotBegun,
}

impl Cluster {
    /// Reads the log of a pod's container; `show` gets each line once. With `follow`, it reads until the container has
    /// terminated and the end of its log has been read.
    pub async fn log(
        &self,
        pod: &Pod,
        options: &LogOptions,
        mut show: impl FnMut(Line),
    ) -> Result<LogEnd, ClusterError> {
        let mut cursor = Cursor::new(options.since);
        let mut follow = options.follow;
        // Whether a stream has ended regularly after the container's end.
        let mut read_to_end = false;
        let (mut last_answer, mut failures) = (Instant::now(), 0);
        loop {
            let failure = match self.open_log(pod, options, follow, &cursor).await {
                Ok(stream) => {
                    // The server finds a log by the pod's name. Sequence: we read the pod, it is deleted and created
                    // again under its name, we open the stream and get the log of the new pod. So check after opening
                    // that the pod is still the same.
                    if self.is_replaced(pod).await? {
                        return Ok(cursor.end(read_to_end, &mut show));
                    }
                    let clean = cursor.read_stream(stream, !follow, &mut show).await;
                    (last_answer, failures) = (Instant::now(), 0);
                    match clean {
                        true if !follow => return Ok(LogEnd::Whole),
                        true => match self.pod_state(pod, &options.container).await? {
                            // Read the lines written since then to the end, unless the pod is deleted before that.
                            PodState::Over => {
                                (follow, read_to_end) = (false, true);
                                continue;
                            }
                            // The kubelet ends the stream only after it has sent the whole log of an ended container.
                            PodState::Gone => return Ok(cursor.end(true, &mut show)),
                            PodState::There => None,
                        },
                        false => None,
                    }
                }
                Err(failure) => Some(failure),
            };
            match failure {
                None => {}
                Some(Failure::Refused(status)) if status.code == 404 || is_waiting(&status) => {
                    failures += 1;
                    match self.pod_state(pod, &options.container).await? {
                        _ if status.code != 404 && !options.follow => return Ok(LogEnd::NotBegun),
                        PodState::Gone => return Ok(cursor.end(read_to_end, &mut show)),
                        // The kubelet learns about a pod, and about the end of its container, later than the API
                        // server.
                        PodState::Over if failures < ATTEMPTS => {}
                        PodState::Over if !cursor.is_fresh() => return Ok(cursor.end(read_to_end, &mut show)),
                        PodState::Over if status.code == 404 => return Ok(LogEnd::Gone),
                        PodState::There if options.follow && last_answer.elapsed() < self.patience => {}
                        PodState::There if !options.follow && failures < ATTEMPTS => {}
                        PodState::Over | PodState::There => return Ok(LogEnd::NotBegun),
                    }
                }
                Some(failure) if failure.is_temporary() || may_recover(&failure, options.follow, cursor.is_fresh()) => {
                    failures += 1;
                    let patient =
                        if options.follow { last_answer.elapsed() < self.patience } else { failures < ATTEMPTS };
                    if !patient {
                        return Err(self.explain_pods("read the log of", &pod.name, failure).await);
                    }
                }
                Some(failure) => return Err(self.explain_pods("read the log of", &pod.name, failure).await),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn open_log(
        &self,
        pod: &Pod,
        options: &LogOptions,
        follow: bool,
        cursor: &Cursor,
    ) -> Result<impl AsyncBufRead + use<>, Failure> {
        let request = options.request(&self.namespace, &pod.name, follow, cursor);
        let request = request.map_err(|error| Failure::Unusable(error.to_string()))?;
        match tokio::time::timeout(self.request_timeout, self.client.request_stream(request)).await {
            Ok(opened) => opened.map_err(|error| Failure::from_kube(&error)),
            Err(_) => Err(Failure::Lost(TransportError::timeout(self.request_timeout))),
        }
    }
}

/// Whether to retry after this failure: the log was already being read, or the kubelet is unavailable.
fn may_recover(failure: &Failure, follow: bool, fresh: bool) -> bool {
    match failure {
        Failure::Lost(_) => !fresh,
        Failure::Refused(status) => follow && status.code == 500,
        Failure::NoCredential(_) | Failure::Unusable(_) => false,
    }
}

/// Whether a log is refused because its container has not started: it has no node yet, no status yet, or is waiting
/// (`validateContainerLogStatus` in pkg/kubelet/kubelet_pods.go of Kubernetes 1.34).
fn is_waiting(status: &kube::core::Status) -> bool {
    let texts = [
        "waiting to start",
        "is not available",
        "ContainerCreating",
        "PodInitializing",
        "does not have a host assigned",
    ];
    status.code == 400 && texts.iter().any(|text| status.message.contains(text))
}

impl LogOptions {
    fn request(&self, namespace: &str, pod: &str, follow: bool, cursor: &Cursor) -> Built {
        let mut query = vec![format!("container={}", escaped(&self.container)), "timestamps=true".to_owned()];
        if follow {
            query.push("follow=true".to_owned());
        }
        let whole = |since: Timestamp| Timestamp::from_second(since.as_second()).ok();
        if let Some(since) = cursor.since().or(self.since.and_then(whole)) {
            query.push(format!("sinceTime={}", escaped(&since.to_string())));
        }
        if let Some(lines) = self.tail.filter(|_| cursor.is_fresh()) {
            query.push(format!("tailLines={lines}"));
        }
        let path = format!("/api/v1/namespaces/{}/pods/{}/log", escaped(namespace), escaped(pod));
        http::Request::get(format!("{path}?{}", query.join("&"))).body(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_in_the_request() -> Result<(), http::Error> {
        let options = LogOptions {
            container: "main".to_owned(),
            follow: true,
            since: Timestamp::from_millisecond(999).ok(),
            tail: Some(3),
        };
        let fresh = options.request("ci", "build-1", true, &Cursor::default())?;
        assert_eq!(
            fresh.uri(),
            "/api/v1/namespaces/ci/pods/build-1/log?container=main&timestamps=true&follow=true&sinceTime=1970-01-01T00%3A00%3A00Z&tailLines=3"
        );
        let mut cursor = Cursor::default();
        cursor.accept(b"2026-11-21T10:00:01.5Z a");
        let again = options.request("ci", "build-1", false, &cursor)?;
        assert_eq!(again.uri().query(), Some("container=main&timestamps=true&sinceTime=2026-11-21T10%3A00%3A01Z"));
        Ok(())
    }
}
