//! Lines from a pipe, one after another, while other things are waited for too.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// What has come so far.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: R,
    read: Vec<u8>,
    ended: bool,
}

impl<R: Read + AsFd> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, read: Vec::new(), ended: false }
    }

    /// Whether there will be no more.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes in what the pipe holds; waits where it holds nothing.
    pub(super) fn fill(&mut self) {
        let length = self.read.len();
        self.read.resize(length + PIECE, 0);
        let count = loop {
            match self.source.read(&mut self.read[length..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done.unwrap_or_default(),
            }
        };
        self.read.truncate(length + count);
        self.ended = count == 0;
    }

    /// The next line that is whole.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let end = self.read.iter().position(|byte| *byte == b'\n')?;
        let rest = self.read.split_off(end + 1);
        Some(std::mem::replace(&mut self.read, rest))
    }

    /// Waits for the next line; none when there will be none.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.take() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            self.fill();
        }
    }
}

impl<R: AsFd> AsFd for Lines<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_whole_and_the_end_is_told() -> io::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        let mut lines = Lines::new(reader);
        writer.write_all(b"one\ntw")?;
        assert_eq!(lines.next().as_deref(), Some(b"one\n".as_slice()));
        assert_eq!(lines.take(), None);
        writer.write_all(b"o\nhalf")?;
        drop(writer);
        assert_eq!(lines.next().as_deref(), Some(b"two\n".as_slice()));
        assert_eq!((lines.next(), lines.ended()), (None, true));
        Ok(())
    }
}
