//! The standard output of a process that is also the result of its task.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// What Argo keeps of the standard output as `outputs.result`.
const LARGEST_RESULT: usize = 256 * 1024;

/// Passes everything on to the log as it comes and keeps the end of it.
#[derive(Debug)]
pub(crate) struct Capture<R> {
    output: R,
    log: File,
    tail: Vec<u8>,
    ended: bool,
}

impl<R: Read> Capture<R> {
    pub(crate) fn new(output: R, log: File) -> Self {
        Self { output, log, tail: Vec::new(), ended: false }
    }

    pub(in crate::local) fn ended(&self) -> bool {
        self.ended
    }

    /// Takes in what there is; waits where there is nothing yet.
    pub(in crate::local) fn take_in(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        let count = match self.output.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            read => read.unwrap_or_default(),
        };
        self.ended = count == 0;
        // A full disk must not stop the task: its result is still read.
        let _ = self.log.write_all(&buffer[..count]);
        self.tail.extend_from_slice(&buffer[..count]);
        if self.tail.len() > 2 * (LARGEST_RESULT + 1) {
            self.tail.drain(..self.tail.len() - (LARGEST_RESULT + 1));
        }
    }

    /// The result of processes that ran one after another, once nobody writes any more.
    pub(crate) fn finish(outputs: Vec<Self>) -> String {
        let mut tail = Vec::new();
        for mut output in outputs {
            while !output.ended {
                output.take_in();
            }
            tail.append(&mut output.tail);
        }
        result(tail)
    }
}

impl<R: AsFd> AsFd for Capture<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }
}

/// The result in captured output: one trailing newline cut, then the last 256 kB.
fn result(mut output: Vec<u8>) -> String {
    if output.last() == Some(&b'\n') {
        output.pop();
    }
    let start = output.len().saturating_sub(LARGEST_RESULT);
    String::from_utf8_lossy(&output[start..]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_loses_one_newline_only() {
        assert_eq!(result(b"a\n\n".to_vec()), "a\n");
        assert_eq!(result(b"a".to_vec()), "a");
        assert_eq!(result(Vec::new()), "");
    }

    #[test]
    fn a_flood_leaves_its_last_256_kilobytes() {
        let flood = [b"x".repeat(3 * LARGEST_RESULT), b"end\n".to_vec()].concat();
        let log = tempfile::tempfile();
        assert!(log.is_ok_and(|log| {
            let kept = Capture::finish(vec![Capture::new(flood.as_slice(), log)]);
            kept.len() == LARGEST_RESULT && kept.ends_with("xend")
        }));
    }
}
