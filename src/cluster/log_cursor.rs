//! The position in a log, with which a broken stream is resumed without losing or repeating a line.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::AsyncBufReadExt;
use futures::io::AsyncBufRead;
use jiff::Timestamp;

use super::logs::{Line, LogEnd};

/// How far a log has been read. `sinceTime` has a resolution of one second, so a resumed stream repeats the lines of
/// the last second; these are recognized and skipped.
#[derive(Debug, Default)]
pub(super) struct Cursor {
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
    /// A cursor at the beginning, which shows only lines from this time on.
    pub(super) fn new(first_wanted: Option<Timestamp>) -> Self {
        Self { first_wanted, ..Self::default() }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.second.is_none()
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.second?).ok()
    }

    /// Ends reading because the pod is gone.
    pub(super) fn end(&mut self, read_to_end: bool, show: &mut impl FnMut(Line)) -> LogEnd {
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
    pub(super) async fn read_stream(
        &mut self,
        stream: impl AsyncBufRead,
        last: bool,
        show: &mut impl FnMut(Line),
    ) -> bool {
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
    pub(super) fn accept(&mut self, line: &[u8]) -> Option<Line> {
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
}
