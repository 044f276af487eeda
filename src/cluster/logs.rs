//! Logs of a workflow's pods. A stream that breaks is taken up again where it was: no line is lost or repeated.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use futures::AsyncBufReadExt;
use futures::io::AsyncBufRead;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::request::{Built, Verb, escaped};
use super::send::Failure;
use super::{Cluster, ClusterError, request};

/// The pause before a stream that ended is taken up again, and between looks at a container that has not begun.
const PAUSE: Duration = Duration::from_millis(500);
/// A container that is not followed is asked for this often.
const ATTEMPTS: u32 = 5;

/// A pod of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The id of its node.
    pub node_id: String,
    /// The name of its node.
    pub node_name: String,
}

/// What is read of a container's log.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// The container.
    pub container: String,
    /// Until the container ends.
    pub follow: bool,
    /// Only what was written since.
    pub since: Option<Timestamp>,
    /// Only so many of the lines that are there at first.
    pub tail: Option<usize>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was written, as the node says.
    pub time: Option<String>,
    /// The line without its end.
    pub text: Vec<u8>,
}

/// How reading a log ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEnd {
    /// All of it was read.
    Whole,
    /// The pod is no longer there.
    Gone,
    /// The container has not begun.
    NotBegun,
}

impl Cluster {
    /// The pods of a workflow, the oldest first.
    pub async fn pods(&self, workflow: &str) -> Result<Vec<Pod>, ClusterError> {
        let answer = self.send(request::belongings("api/v1", &self.namespace, "pods", workflow)).await;
        let list = match answer.result {
            Ok(list) => list,
            Err(failure) => return Err(self.no_pods("list", workflow, failure).await),
        };
        let mut pods: Vec<(String, Pod)> = list["items"].as_array().into_iter().flatten().map(pod).collect();
        pods.sort_by(|(one, left), (other, right)| (one, &left.name).cmp(&(other, &right.name)));
        Ok(pods.into_iter().map(|(_, pod)| pod).collect())
    }

    /// Reads the log of a pod's container; `show` gets each line once.
    pub async fn log(
        &self,
        pod: &str,
        options: &LogOptions,
        mut show: impl FnMut(Line),
    ) -> Result<LogEnd, ClusterError> {
        let mut cursor = Cursor { wanted: options.since, ..Cursor::default() };
        let mut follow = options.follow;
        let (mut heard, mut failures) = (Instant::now(), 0);
        loop {
            let request = options.request(&self.namespace, pod, follow, &cursor);
            let opened = match request {
                Ok(request) => {
                    let opening = self.client.request_stream(request);
                    match tokio::time::timeout(self.request_timeout, opening).await {
                        Ok(opened) => opened.map_err(|error| Failure::from_kube(&error)),
                        Err(_) => Err(Failure::Lost(super::transport_error::Fault::slow(self.request_timeout))),
                    }
                }
                Err(error) => Err(Failure::Unusable(error.to_string())),
            };
            let broken = match opened {
                Ok(stream) => {
                    let whole = cursor.take(stream, !follow, &mut show).await;
                    heard = Instant::now();
                    if whole && !follow {
                        return Ok(LogEnd::Whole);
                    }
                    !whole
                }
                Err(Failure::Refused(status)) if status.code == 404 => {
                    return Ok(if cursor.is_fresh() { LogEnd::Gone } else { LogEnd::Whole });
                }
                Err(Failure::Refused(status)) if is_waiting(&status) && !options.follow => return Ok(LogEnd::NotBegun),
                Err(Failure::Refused(status)) if is_waiting(&status) => false,
                Err(failure) if failure.passes() || (matches!(failure, Failure::Lost(_)) && !cursor.is_fresh()) => {
                    failures += 1;
                    let patient = if options.follow { heard.elapsed() < self.patience } else { failures < ATTEMPTS };
                    if !patient {
                        return Err(self.no_pods("read the log of", pod, failure).await);
                    }
                    true
                }
                Err(failure) => return Err(self.no_pods("read the log of", pod, failure).await),
            };
            if options.follow && !broken {
                // A container that has ended writes nothing more: what is left is read to its end.
                follow = !self.has_ended(pod, &options.container).await?;
            }
            if broken || follow {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whether the container writes nothing more.
    async fn has_ended(&self, pod: &str, container: &str) -> Result<bool, ClusterError> {
        let path = format!("/api/v1/namespaces/{}/pods/{}", escaped(&self.namespace), escaped(pod));
        match self.send(http::Request::get(path).body(Vec::new())).await.result {
            Ok(pod) => Ok(is_over(&pod["status"], container)),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(true),
            Err(failure) if failure.passes() || matches!(failure, Failure::Lost(_)) => Ok(false),
            Err(failure) => Err(self.no_pods("get", pod, failure).await),
        }
    }

    /// What a failed call means that is about pods rather than Argo's objects.
    async fn no_pods(&self, verb: &'static str, name: &str, failure: Failure) -> ClusterError {
        if let Failure::Refused(status) = &failure
            && !matches!(status.code, 401 | 429 | 502..=504)
        {
            let message = status.message.trim();
            let message = if message.is_empty() { format!("status {}", status.code) } else { message.to_owned() };
            let (kind, name) = if verb == "list" { ("pods of Workflow", name) } else { ("Pod", name) };
            return ClusterError::Api { verb, kind, name: name.to_owned(), message };
        }
        self.explain(&self.call(Verb::Get, Resource::WORKFLOW, name), failure, false).await
    }
}

/// A pod with the time of its making.
fn pod(object: &Value) -> (String, Pod) {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let note = |name: &str| text(&metadata["annotations"][format!("workflows.argoproj.io/{name}")]);
    let pod = Pod { name: text(&metadata["name"]), node_id: note("node-id"), node_name: note("node-name") };
    (text(&metadata["creationTimestamp"]), pod)
}

fn is_over(pod_status: &Value, container: &str) -> bool {
    let containers = ["containerStatuses", "initContainerStatuses"].map(|field| pod_status[field].as_array());
    let mut containers = containers.into_iter().flatten().flatten();
    let over = matches!(pod_status["phase"].as_str(), Some("Succeeded" | "Failed"));
    over || containers.any(|one| one["name"] == container && one["state"]["terminated"].is_object())
}

/// Whether a log is refused because its container has not begun.
fn is_waiting(status: &kube::core::Status) -> bool {
    status.code == 400
        && ["waiting to start", "ContainerCreating", "PodInitializing", "does not have a host assigned"]
            .iter()
            .any(|text| status.message.contains(text))
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

/// How far a log has been read. The API knows times in seconds only, so that the lines of the last second come again
/// when a stream is taken up: those are known, and passed over.
#[derive(Debug, Default)]
struct Cursor {
    /// Lines are wanted from then on.
    wanted: Option<Timestamp>,
    /// The second of the latest line.
    second: Option<i64>,
    /// The second from which on the stream was asked for.
    from: Option<i64>,
    /// The lines of that second, in their order.
    seen: Vec<u64>,
    /// Those of them that are still to come again.
    again: VecDeque<u64>,
}

impl Cursor {
    fn is_fresh(&self) -> bool {
        self.second.is_none()
    }

    fn since(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.second?).ok()
    }

    /// Reads a stream; whether it came to its end. The rest of a line that was torn counts only at the very `last`.
    async fn take(&mut self, stream: impl AsyncBufRead, last: bool, show: &mut impl FnMut(Line)) -> bool {
        let mut stream = std::pin::pin!(stream);
        self.again = self.seen.iter().copied().collect();
        self.from = self.second;
        let mut line = Vec::new();
        loop {
            line.clear();
            match stream.read_until(b'\n', &mut line).await {
                Ok(0) => return true,
                Ok(_) if line.ends_with(b"\n") || last => {
                    let text = line.strip_suffix(b"\n").unwrap_or(&line);
                    if let Some(line) = self.accept(text) {
                        show(line);
                    }
                }
                Ok(_) => return true,
                Err(_) => return false,
            }
        }
    }

    /// A line that was not there before.
    fn accept(&mut self, line: &[u8]) -> Option<Line> {
        let (time, text) = match line.iter().position(|&byte| byte == b' ') {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &line[line.len()..]),
        };
        let time = std::str::from_utf8(time).ok().and_then(|text| Some((text, text.parse::<Timestamp>().ok()?)));
        let Some((time, at)) = time else { return Some(Line { time: None, text: line.to_vec() }) };
        let mark = mark(line);
        if let Some(place) = self.again.iter().position(|&again| again == mark) {
            // Lines before it are gone, as when the node has rotated its log.
            self.again.drain(..=place);
            return None;
        }
        let second = at.as_second();
        if self.from.is_some_and(|from| second < from) {
            return None;
        }
        if self.second.is_none_or(|latest| second > latest) {
            self.second = Some(second);
            self.seen.clear();
            self.again.clear();
        }
        if self.second == Some(second) {
            self.seen.push(mark);
        }
        let is_wanted = self.wanted.is_none_or(|wanted| wanted <= at);
        is_wanted.then(|| Line { time: Some(time.to_owned()), text: text.to_vec() })
    }
}

fn mark(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(cursor: &mut Cursor, text: &str, last: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut show = |line: Line| lines.push(String::from_utf8_lossy(&line.text).into_owned());
        assert!(cursor.take(futures::io::Cursor::new(text.as_bytes()), last, &mut show).await);
        lines
    }

    #[tokio::test]
    async fn a_stream_is_taken_up_after_the_last_line() {
        let mut cursor = Cursor::default();
        let first =
            "2026-11-21T10:00:00.9Z a\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z to";
        assert_eq!(taken(&mut cursor, first, false).await, ["a", "b", "b"]);
        assert_eq!(cursor.since().map(|since| since.to_string()).as_deref(), Some("2026-11-21T10:00:01Z"));
        let second = "2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z torn\n";
        assert_eq!(taken(&mut cursor, second, false).await, ["b", "torn"]);
        let third = "2026-11-21T10:00:01.2Z torn\n2026-11-21T10:00:05Z \n2026-11-21T10:00:05Z end";
        assert_eq!(taken(&mut cursor, third, true).await, ["", "end"]);
    }

    #[tokio::test]
    async fn lines_of_the_same_second_that_are_too_old_are_passed_over() {
        let mut cursor = Cursor { wanted: "2026-11-21T10:00:01.2Z".parse().ok(), ..Cursor::default() };
        let text = "2026-11-21T10:00:01.1Z a\nb\n2026-11-21T10:00:01.2Z c\n";
        assert_eq!(taken(&mut cursor, text, false).await, ["b", "c"]);
        let more = "2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.2Z c\n2026-11-21T10:00:01.3Z d\n";
        assert_eq!(taken(&mut cursor, more, false).await, ["d"]);
    }

    #[test]
    fn a_line_without_a_time_is_shown_as_it_is() {
        let line = Cursor::default().accept(b"failed to open the log");
        assert_eq!(line, Some(Line { time: None, text: b"failed to open the log".to_vec() }));
    }

    #[test]
    fn what_is_asked_for_is_in_the_request() -> Result<(), http::Error> {
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
