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

/// The pause before a stream is resumed, and between attempts to open a log that does not exist yet. It cannot be a watch:
/// the pod shows that its container runs before the kubelet can open the log, and nothing shows when it can.
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
    pub(crate) time: Option<String>,
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
        let mut reading = Reading {
            cluster: self,
            pod,
            options,
            cursor: Cursor::new(options.since),
            follow: options.follow,
            read_to_end: false,
            last_answer: Instant::now(),
            failures: 0,
        };
        loop {
            let next = match reading.open().await {
                Ok(stream) => reading.read(stream, &mut show).await?,
                Err(failure) => reading.decide_after(failure, &mut show).await?,
            };
            match next {
                Next::Done(end) => return Ok(end),
                Next::Continue => {}
                Next::Retry => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// What to do after a stream or a failure to open one.
enum Next {
    Done(LogEnd),
    /// Open another stream at once.
    Continue,
    /// Open another stream after a pause.
    Retry,
}

/// The state of reading one log through several streams.
struct Reading<'a> {
    cluster: &'a Cluster,
    pod: &'a Pod,
    options: &'a LogOptions,
    cursor: Cursor,
    /// Whether the next stream follows the log.
    follow: bool,
    /// Whether a stream has ended regularly after the container's end.
    read_to_end: bool,
    last_answer: Instant,
    /// Failures since the last answer.
    failures: u32,
}

impl Reading<'_> {
    async fn open(&self) -> Result<impl AsyncBufRead + use<>, Failure> {
        let cluster = self.cluster;
        let request = self.options.request(&cluster.namespace, &self.pod.name, self.follow, &self.cursor);
        let request = request.map_err(|error| Failure::Unusable(error.to_string()))?;
        match tokio::time::timeout(cluster.request_timeout, cluster.client.request_stream(request)).await {
            Ok(opened) => opened.map_err(|error| Failure::from_kube(&error)),
            Err(_) => Err(Failure::Lost(TransportError::timeout(cluster.request_timeout))),
        }
    }

    async fn read(&mut self, stream: impl AsyncBufRead, show: &mut impl FnMut(Line)) -> Result<Next, ClusterError> {
        // The server finds a log by the pod's name. Sequence: we read the pod, it is deleted and created again under
        // its name, we open the stream and get the log of the new pod. So check after opening that the pod is still
        // the same.
        if self.cluster.is_replaced(self.pod).await? {
            return Ok(Next::Done(self.cursor.end(self.read_to_end, show)));
        }

        let is_regular_end = self.cursor.read_stream(stream, !self.follow, show).await;
        (self.last_answer, self.failures) = (Instant::now(), 0);
        if !is_regular_end {
            return Ok(Next::Retry);
        }
        if !self.follow {
            return Ok(Next::Done(LogEnd::Whole));
        }

        Ok(match self.cluster.pod_state(self.pod, &self.options.container).await? {
            // Read the lines written since then to the end, unless the pod is deleted before that.
            PodState::Over => {
                (self.follow, self.read_to_end) = (false, true);
                Next::Continue
            }
            // The kubelet ends the stream only after it has sent the whole log of an ended container.
            PodState::Gone => Next::Done(self.cursor.end(true, show)),
            PodState::There => Next::Retry,
        })
    }

    async fn decide_after(&mut self, failure: Failure, show: &mut impl FnMut(Line)) -> Result<Next, ClusterError> {
        match failure {
            Failure::Refused(status) if status.code == 404 || is_waiting(&status) => {
                self.failures += 1;
                self.decide_without_log(status.code == 404, show).await
            }
            failure if failure.is_temporary() || may_recover(&failure, self.options.follow, self.cursor.is_fresh()) => {
                self.failures += 1;
                if self.may_retry() { Ok(Next::Retry) } else { Err(self.explain(failure).await) }
            }
            failure => Err(self.explain(failure).await),
        }
    }

    /// Decides after the server has answered that there is no log: it was not found, or the container is waiting.
    async fn decide_without_log(&mut self, not_found: bool, show: &mut impl FnMut(Line)) -> Result<Next, ClusterError> {
        let state = self.cluster.pod_state(self.pod, &self.options.container).await?;
        if !not_found && !self.options.follow {
            return Ok(Next::Done(LogEnd::NotBegun));
        }
        Ok(match state {
            PodState::Gone => Next::Done(self.cursor.end(self.read_to_end, show)),
            // The kubelet learns about a pod, and about the end of its container, later than the API server.
            PodState::Over if self.failures < ATTEMPTS => Next::Retry,
            PodState::Over if !self.cursor.is_fresh() => Next::Done(self.cursor.end(self.read_to_end, show)),
            PodState::Over if not_found => Next::Done(LogEnd::Gone),
            PodState::There if self.may_retry() => Next::Retry,
            PodState::Over | PodState::There => Next::Done(LogEnd::NotBegun),
        })
    }

    fn may_retry(&self) -> bool {
        if self.options.follow { self.last_answer.elapsed() < self.cluster.patience } else { self.failures < ATTEMPTS }
    }

    async fn explain(&self, failure: Failure) -> ClusterError {
        self.cluster.explain_pods("read the log of", &self.pod.name, failure).await
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
