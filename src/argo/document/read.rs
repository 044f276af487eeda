//! Bytes to the values of a text: what kubectl takes and the YAML parser does not is smoothed here.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::error::Problem;
use super::place::{Place, Places, start_of_line};
use super::reader::{Fault, Reader, place};
use super::{DocumentError, MAX_BYTES};

/// The most text that is read again because the lines of a quoted text were not indented.
const MAX_REREAD_BYTES: usize = 64 * 1024 * 1024;
/// Deeper than any key stands in a legal document.
const DEEPER: usize = 1024;

/// What a text holds, before anything is known about kinds.
pub(super) struct Stream {
    pub(super) roots: Vec<(Value, Places)>,
    pub(super) warnings: Vec<Problem>,
}

/// The bytes as text without a byte order mark.
pub(super) fn text<'text>(name: &Arc<str>, bytes: &'text [u8]) -> Result<&'text str, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge { name: Arc::clone(name), bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let place = place_of(&String::from_utf8_lossy(&bytes[..offset]));
        DocumentError::NotUtf8 { name: Arc::clone(name), place, offset, byte: bytes[offset] }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = bytes.len() - text.len();
    let illegal = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    match text.as_bytes().iter().position(illegal) {
        None => Ok(text),
        Some(offset) => {
            let what = match text.as_bytes()[offset] {
                0 => "NUL byte".to_owned(),
                byte => format!("control character 0x{byte:02x}"),
            };
            let message = format!("unexpected {what} at offset {}, expected text", offset + mark);
            Err(DocumentError::Syntax(Box::new(
                Problem::at(name, Some(place_of(&text[..offset])), "", message).without_snippet(),
            )))
        }
    }
}

/// The roots of a text's documents; documents without content are left out.
pub(super) fn stream(name: &Arc<str>, text: &str) -> Result<Stream, DocumentError> {
    let mut indented = Cow::Borrowed(text);
    let mut spare = MAX_REREAD_BYTES;
    loop {
        let mut reader = Reader::new(name, may_be_secret(text));
        match reader.read(&indented) {
            Ok(()) => return Ok(Stream { roots: reader.roots, warnings: reader.warnings }),
            Err(Fault::Shallow(place)) if indented.len() <= spare => {
                spare -= indented.len();
                indented = indent_line(&indented, place.line).into();
            }
            Err(fault) => {
                let json = if text.trim_start().starts_with('{') { json(text) } else { None };
                return json.ok_or_else(|| reader.error(fault));
            }
        }
    }
}

/// Kubectl takes lines of a quoted text that are indented no deeper than its key; the parser does not, and what stands
/// before such a line is no part of the text.
fn indent_line(text: &str, line: u32) -> String {
    let (before, rest) = text.split_at(start_of_line(text, line).unwrap_or(text.len()));
    format!("{before}{:DEEPER$}{rest}", "")
}

/// JSON that is no YAML, such as objects in a row or keys of more than 1024 characters.
fn json(text: &str) -> Option<Stream> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let roots = values.map(|value| Some((value.ok()?, Places::default()))).collect::<Option<_>>()?;
    Some(Stream { roots, warnings: Vec::new() })
}

/// Whether the lines of a text may hold a secret and are not to be shown.
pub(super) fn may_be_secret(text: &str) -> bool {
    text.lines().any(|line| line.contains("kind") && line.contains("Secret"))
}

fn place_of(before: &str) -> Place {
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    place(lines + 1, column)
}
