//! Prints log lines with their node and time, filtered by a pattern.

use std::collections::HashMap;
use std::io::{self, Write};

use console::{Color, Style};
use regex::bytes::Regex;

use crate::mask::Mask;

/// Colours for nodes, ordered so that the first ones can be distinguished without seeing red and green.
const COLORS: [Color; 6] = [Color::Cyan, Color::Yellow, Color::Magenta, Color::Blue, Color::Green, Color::Red];

/// Prints lines of logs.
#[derive(Debug)]
pub(crate) struct Lines<W> {
    /// The output.
    pub(crate) writer: W,
    /// Prefix each line with its node.
    pub(crate) prefix: bool,
    /// Use colours.
    pub(crate) color: bool,
    /// Show times.
    pub(crate) timestamps: bool,
    /// Print only lines that match.
    pub(crate) grep: Option<Regex>,
    /// Hides secrets.
    pub(crate) mask: Mask,
    colors: HashMap<String, Color>,
}

impl<W: Write> Lines<W> {
    /// Prints all lines unchanged by default.
    pub(crate) fn new(writer: W) -> Self {
        Self {
            writer,
            prefix: false,
            color: false,
            timestamps: false,
            grep: None,
            mask: Mask::default(),
            colors: HashMap::new(),
        }
    }

    /// Prints a line, which is given without its newline.
    pub(crate) fn print(&mut self, source: &str, time: Option<&str>, text: &[u8]) -> io::Result<()> {
        if self.grep.as_ref().is_some_and(|grep| !grep.is_match(text)) {
            return Ok(());
        }
        let mut line = Vec::with_capacity(text.len() + 64);
        if self.prefix {
            let prefix = if self.color { self.style(source).apply_to(source).to_string() } else { source.to_owned() };
            line.extend_from_slice(prefix.as_bytes());
            line.extend_from_slice(b": ");
        }

        if let Some(time) = time.filter(|_| self.timestamps) {
            line.extend_from_slice(time.as_bytes());
            line.push(b' ');
        }

        line.extend_from_slice(&self.mask.bytes(text));
        line.push(b'\n');
        self.writer.write_all(&line)
    }

    fn style(&mut self, source: &str) -> Style {
        let next = COLORS[self.colors.len() % COLORS.len()];
        let color = *self.colors.entry(source.to_owned()).or_insert(next);
        Style::new().fg(color).force_styling(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(set: impl Fn(&mut Lines<Vec<u8>>)) -> io::Result<String> {
        let mut lines = Lines::new(Vec::new());
        set(&mut lines);
        lines.print("a", Some("T1"), b"one")?;
        lines.print("b", None, b"two")?;
        lines.print("a", Some("T3"), b"\xff three")?;
        Ok(String::from_utf8_lossy(&lines.writer).into_owned())
    }

    #[test]
    fn a_line_has_its_node_and_time() -> io::Result<()> {
        assert_eq!(printed(|_| {})?, "one\ntwo\n\u{fffd} three\n");
        let both = printed(|lines| (lines.prefix, lines.timestamps) = (true, true))?;
        assert_eq!(both, "a: T1 one\nb: two\na: T3 \u{fffd} three\n");
        Ok(())
    }

    #[test]
    fn only_matching_lines_are_printed() -> io::Result<()> {
        let found = printed(|lines| lines.grep = Regex::new("^t|th").ok())?;
        assert_eq!(found, "two\n\u{fffd} three\n");
        Ok(())
    }

    #[test]
    fn a_node_keeps_its_colour() -> io::Result<()> {
        let coloured = printed(|lines| (lines.prefix, lines.color) = (true, true))?;
        let prefixes: Vec<&str> = coloured.lines().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(prefixes[0], prefixes[2]);
        assert_ne!(prefixes[0].replace('a', ""), prefixes[1].replace('b', ""));
        Ok(())
    }
}
