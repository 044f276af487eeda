//! Logs of a workflow's pods. A broken stream is resumed where it ended: no line is lost or repeated.

use std::collections::VecDeque;
use std::future::ready;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use futures::io::AsyncBufRead;
use futures::stream::BoxStream;
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::list::Selection;
use super::list_follow::News;
use super::request::{Built, Verb, WORKFLOW, escaped};
use super::send::Failure;
use super::{Cluster, ClusterError, request};
use crate::argo::template::text;

/// The pause before a stream is resumed, and between attempts to open a log that does not exist yet.
const PAUSE: Duration = Duration::from_millis(250);
/// The maximum number of attempts to open a log that should exist.
const ATTEMPTS: u32 = 5;

/// The number of pods per page of a list.
const CHUNK: u32 = 500;

/// A pod of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its uid, if known: a pod that was created again under the same name has another uid.
    pub uid: String,
    /// The id of its node.
    pub node_id: String,
    /// The name of its node.
    pub node_name: String,
    /// Its status when it was read.
    pub status: Value,
}

impl Pod {
    fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let note = |name: &str| text(&metadata["annotations"][format!("workflows.argoproj.io/{name}")]);
        Self {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            node_id: note("node-id"),
            node_name: note("node-name"),
            status: object["status"].clone(),
        }
    }

    /// Whether the container has started or has ended.
    pub(crate) fn has_begun(&self, container: &str) -> bool {
        let running = self.container(container).any(|one| one["state"]["running"].is_object());
        running || self.is_over(container)
    }

    /// Whether the container has ended.
    fn is_over(&self, container: &str) -> bool {
        let over = matches!(text(&self.status, "phase"), "Succeeded" | "Failed");
        over || self.container(container).any(|one| one["state"]["terminated"].is_object())
    }

    fn container<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        let lists = ["containerStatuses", "initContainerStatuses"].map(|field| self.status[field].as_array());
        lists.into_iter().flatten().flatten().filter(move |one| one["name"] == name)
    }
}

/// A change of a workflow's pods.
#[derive(Debug)]
pub(crate) enum PodNews {
    /// A pod exists, or has changed.
    There(Pod),
    /// The pod with this uid is gone.
    Gone(String),
}

/// The state of a pod while its log is read.
enum PodState {
    /// Its container has not ended; it may not have started.
    There,
    /// Its container has ended.
    Over,
    /// The pod was deleted; another pod may have its name.
    Gone,
}

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
    /// The pods of a workflow, the oldest first.
    pub async fn pods(&self, workflow: &str) -> Result<Vec<Pod>, ClusterError> {
        let answer = self.send(request::owned_objects("api/v1", &self.namespace, "pods", workflow)).await;
        let list = match answer.result {
            Ok(list) => list,
            Err(failure) => return Err(self.explain_pods("list", workflow, failure).await),
        };
        let mut objects: Vec<&Value> = list["items"].as_array().into_iter().flatten().collect();
        let text = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        objects.sort_by_cached_key(|object| (text(object, "creationTimestamp"), text(object, "name")));
        Ok(objects.into_iter().map(Pod::of).collect())
    }

    /// Yields the pods of a workflow and each change, without end.
    pub(crate) fn follow_pods(&self, workflow: &str) -> BoxStream<'static, Result<PodNews, ClusterError>> {
        let labels = Some(format!("{WORKFLOW}={workflow}"));
        let selection = Selection { labels, chunk: CHUNK, ..Selection::default() };
        let news = self.follow_objects(Resource::POD, selection).try_filter_map(|news| {
            ready(Ok(match news {
                News::There(object) => Some(PodNews::There(Pod::of(&object))),
                News::Gone(uid, _) => Some(PodNews::Gone(uid)),
                News::Complete => None,
            }))
        });
        news.boxed()
    }

    /// Reads the log of a pod's container; `show` gets each line once. With `follow`, it reads until the container has
    /// terminated and the end of its log has been read.
    pub async fn log(
        &self,
        pod: &Pod,
        options: &LogOptions,
        mut show: impl FnMut(Line),
    ) -> Result<LogEnd, ClusterError> {
        let mut cursor = Cursor { first_wanted: options.since, ..Cursor::default() };
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
            Err(_) => Err(Failure::Lost(super::transport_error::TransportError::timeout(self.request_timeout))),
        }
    }

    /// Whether another pod now has the name.
    async fn is_replaced(&self, pod: &Pod) -> Result<bool, ClusterError> {
        if pod.uid.is_empty() {
            return Ok(false);
        }
        Ok(self.pod(&pod.name).await?.is_some_and(|now| now.is_some_and(|now| now.uid != pod.uid)))
    }

    async fn pod_state(&self, pod: &Pod, container: &str) -> Result<PodState, ClusterError> {
        Ok(match self.pod(&pod.name).await? {
            Some(Some(now)) if !pod.uid.is_empty() && now.uid != pod.uid => PodState::Gone,
            Some(Some(now)) if now.is_over(container) => PodState::Over,
            Some(None) => PodState::Gone,
            Some(Some(_)) | None => PodState::There,
        })
    }

    /// The pod of this name, if it exists; outer `None` if the server gives no answer.
    async fn pod(&self, name: &str) -> Result<Option<Option<Pod>>, ClusterError> {
        let path = format!("/api/v1/namespaces/{}/pods/{}", escaped(&self.namespace), escaped(name));
        match self.send(http::Request::get(path).body(Vec::new())).await.result {
            Ok(object) => Ok(Some(Some(Pod::of(&object)))),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(Some(None)),
            Err(failure) if failure.is_temporary() || matches!(failure, Failure::Lost(_)) => Ok(None),
            Err(failure) => Err(self.explain_pods("get", name, failure).await),
        }
    }

    /// Explains a failed call for pods.
    async fn explain_pods(&self, verb: &'static str, name: &str, failure: Failure) -> ClusterError {
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

/// How far a log has been read. `sinceTime` has a resolution of one second, so a resumed stream repeats the lines of
/// the last second; these are recognized and skipped.
#[derive(Debug, Default)]
struct Cursor {
    /// Show only lines from this time on.
    first_wanted: Option<Timestamp>,
    /// The second of the latest line.
    second: Option<i64>,
    /// The `sinceTime` of the current stream, in seconds.
    from: Option<i64>,
    /// The hashes of the lines of the latest second, in order.
    latest: Vec<u64>,
    /// The hashes of lines that the current stream will repeat.
    expected: VecDeque<u64>,
    /// The incomplete line at the end of the last stream.
    incomplete: Vec<u8>,
}

impl Cursor {
    fn is_fresh(&self) -> bool {
        self.second.is_none()
    }

    fn since(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.second?).ok()
    }

    /// Ends reading because the pod is gone.
    fn end(&mut self, read_to_end: bool, show: &mut impl FnMut(Line)) -> LogEnd {
        let incomplete = std::mem::take(&mut self.incomplete);
        // The last line of a log may have no newline.
        if let Some(line) = (!incomplete.is_empty()).then(|| self.accept(&incomplete)).flatten() {
            show(line);
        }
        match (read_to_end, self.is_fresh()) {
            (true, _) => LogEnd::Whole,
            (false, true) => LogEnd::Gone,
            (false, false) => LogEnd::Cut,
        }
    }

    /// Reads a stream and returns whether it ended regularly. An incomplete line counts only if this is the `last`
    /// stream.
    async fn read_stream(&mut self, stream: impl AsyncBufRead, last: bool, show: &mut impl FnMut(Line)) -> bool {
        let mut stream = std::pin::pin!(stream);
        self.expected = self.latest.iter().copied().collect();
        self.from = self.second;
        self.incomplete.clear();
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
                Ok(_) => {
                    self.incomplete.clone_from(&line);
                    return true;
                }
                Err(_) => {
                    // The part of a line before the connection broke.
                    self.incomplete.clone_from(&line);
                    return false;
                }
            }
        }
    }

    /// Returns the line if it is new.
    fn accept(&mut self, line: &[u8]) -> Option<Line> {
        let (time, text) = match line.iter().position(|&byte| byte == b' ') {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &line[line.len()..]),
        };
        let time = std::str::from_utf8(time).ok().and_then(|text| Some((text, text.parse::<Timestamp>().ok()?)));
        let Some((time, at)) = time else { return Some(Line { time: None, text: line.to_vec() }) };
        let hash = hash(line);
        if let Some(place) = self.expected.iter().position(|&again| again == hash) {
            // Hashes before it will not come any more, for example because the node has rotated the log.
            self.expected.drain(..=place);
            return None;
        }
        let second = at.as_second();
        if self.from.is_some_and(|from| second < from) {
            return None;
        }
        if self.second.is_none_or(|latest| second > latest) {
            self.second = Some(second);
            self.latest.clear();
            self.expected.clear();
        }
        if self.second == Some(second) {
            self.latest.push(hash);
        }
        let is_wanted = self.first_wanted.is_none_or(|wanted| wanted <= at);
        is_wanted.then(|| Line { time: Some(time.to_owned()), text: text.to_vec() })
    }
}

fn hash(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(cursor: &mut Cursor, text: &str, last: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut show = |line: Line| lines.push(String::from_utf8_lossy(&line.text).into_owned());
        assert!(cursor.read_stream(futures::io::Cursor::new(text.as_bytes()), last, &mut show).await);
        lines
    }

    #[tokio::test]
    async fn a_stream_is_resumed_after_the_last_line() {
        let mut cursor = Cursor::default();
        let first =
            "2026-11-21T10:00:00.9Z a\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z to";
        assert_eq!(read(&mut cursor, first, false).await, ["a", "b", "b"]);
        assert_eq!(cursor.since().map(|since| since.to_string()).as_deref(), Some("2026-11-21T10:00:01Z"));
        let second = "2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z torn\n";
        assert_eq!(read(&mut cursor, second, false).await, ["b", "torn"]);
        let third = "2026-11-21T10:00:01.2Z torn\n2026-11-21T10:00:05Z \n2026-11-21T10:00:05Z end";
        assert_eq!(read(&mut cursor, third, true).await, ["", "end"]);
    }

    #[tokio::test]
    async fn lines_of_the_same_second_that_are_too_old_are_skipped() {
        let mut cursor = Cursor { first_wanted: "2026-11-21T10:00:01.2Z".parse().ok(), ..Cursor::default() };
        let text = "2026-11-21T10:00:01.1Z a\nb\n2026-11-21T10:00:01.2Z c\n";
        assert_eq!(read(&mut cursor, text, false).await, ["b", "c"]);
        let more = "2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.2Z c\n2026-11-21T10:00:01.3Z d\n";
        assert_eq!(read(&mut cursor, more, false).await, ["d"]);
    }

    #[test]
    fn a_line_without_a_time_is_shown_as_it_is() {
        let line = Cursor::default().accept(b"failed to open the log");
        assert_eq!(line, Some(Line { time: None, text: b"failed to open the log".to_vec() }));
    }

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
