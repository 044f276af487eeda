//! Strings: cutting, joining, quoting.

use serde_json::{Map, Value};

use super::values::{strings, strval};
use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;
use crate::argo::expression::{budget, standard};

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "hello",
    "abbrev",
    "abbrevboth",
    "trunc",
    "trim",
    "upper",
    "lower",
    "substr",
    "repeat",
    "trimall",
    "trimAll",
    "trimSuffix",
    "trimPrefix",
    "nospace",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "quote",
    "squote",
    "cat",
    "indent",
    "nindent",
    "replace",
    "plural",
    "toString",
    "split",
    "splitList",
    "splitn",
    "toStrings",
    "join",
    "sortAlpha",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "hello" => Ok("Hello!".into()),
        "trim" | "upper" | "lower" | "nospace" => {
            arguments.count(1, 1)?;
            Ok(whole(name, arguments.text(0)?).into())
        }
        "abbrev" | "abbrevboth" | "trunc" | "substr" => cut(name, arguments),
        "repeat" => {
            arguments.count(2, 2)?;
            standard::repeat(arguments.text(1)?, arguments.integer(0)?)
        }
        "trimall" | "trimAll" | "trimSuffix" | "trimPrefix" | "contains" | "hasPrefix" | "hasSuffix" => {
            arguments.count(2, 2)?;
            Ok(two(name, arguments.text(0)?, arguments.text(1)?))
        }
        "quote" | "squote" | "cat" => Ok(several(name, arguments).into()),
        "indent" | "nindent" => {
            arguments.count(2, 2)?;
            let pad = " ".repeat(size(arguments.integer(0)?)?);
            budget::text(arguments.text(1)?.matches('\n').count(), pad.len())?;
            let indented = format!("{pad}{}", arguments.text(1)?.replace('\n', &format!("\n{pad}")));
            Ok(if name == "nindent" { format!("\n{indented}") } else { indented }.into())
        }
        "replace" => {
            arguments.count(3, 3)?;
            budget::text(arguments.text(2)?.matches(arguments.text(0)?).count(), arguments.text(1)?.len())?;
            Ok(arguments.text(2)?.replace(arguments.text(0)?, arguments.text(1)?).into())
        }
        "plural" => {
            arguments.count(3, 3)?;
            let index = usize::from(arguments.integer(2)? != 1);
            Ok(arguments.text(index)?.into())
        }
        _ => pieces(name, arguments),
    }
}

/// A count that is asked for has to fit memory.
fn size(count: i64) -> Result<usize, String> {
    let fits = usize::try_from(count).ok().filter(|count| *count <= 100_000);
    fits.ok_or_else(|| format!("count {count} is out of range"))
}

fn whole(name: &str, text: &str) -> String {
    match name {
        "trim" => text.trim().to_owned(),
        "upper" => text.to_uppercase(),
        "lower" => text.to_lowercase(),
        _ => text.chars().filter(|c| !c.is_whitespace()).collect(),
    }
}

fn two(name: &str, part: &str, text: &str) -> Value {
    match name {
        "trimSuffix" => text.strip_suffix(part).unwrap_or(text).into(),
        "trimPrefix" => text.strip_prefix(part).unwrap_or(text).into(),
        "contains" => text.contains(part).into(),
        "hasPrefix" => text.starts_with(part).into(),
        "hasSuffix" => text.ends_with(part).into(),
        _ => text.trim_matches(|c| part.contains(c)).into(),
    }
}

/// Go cuts bytes; a character cut in two is replaced when the text is written as JSON.
fn bytes(text: &str, from: usize, to: usize) -> String {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

fn cut(name: &str, arguments: Arguments) -> Outcome {
    if name == "trunc" || name == "abbrev" {
        arguments.count(2, 2)?;
        let (count, text) = (arguments.integer(0)?, arguments.text(1)?);
        return Ok(if name == "trunc" { trunc(count, text) } else { abbreviate(0, count, text) }.into());
    }
    arguments.count(3, 3)?;
    let (first, second, text) = (arguments.integer(0)?, arguments.integer(1)?, arguments.text(2)?);
    if name == "abbrevboth" {
        let is_short = second < 4 || (first > 0 && second < 7);
        return Ok(if is_short { text.to_owned() } else { abbreviate(first, second, text) }.into());
    }
    let length = text.len();
    let position = |index: i64| usize::try_from(index).ok().filter(|index| *index <= length);
    let outside = || format!("{first} to {second} is outside of a text of {length} bytes");
    let (from, to) = match (first, second) {
        (first, _) if first < 0 => (Some(0), position(second)),
        (_, second) if second < 0 || position(second).is_none() => (position(first), Some(length)),
        _ => (position(first), position(second)),
    };
    match (from, to) {
        (Some(from), Some(to)) if from <= to => Ok(bytes(text, from, to).into()),
        _ => Err(outside()),
    }
}

fn trunc(count: i64, text: &str) -> String {
    let length = text.len();
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match count {
        ..0 if size < length => bytes(text, length - size, length),
        0.. if size < length => bytes(text, 0, size),
        _ => text.to_owned(),
    }
}

/// Cuts to at most `width` bytes, with an ellipsis where something is left out.
fn abbreviate(offset: i64, width: i64, text: &str) -> String {
    let length = text.len();
    let Ok(width) = usize::try_from(width) else {
        return text.to_owned();
    };
    if width < 4 || length <= width {
        return text.to_owned();
    }
    let room = width - 3;
    let mut offset = usize::try_from(offset).unwrap_or(0).min(length);
    if length - offset < room {
        offset = length - room;
    }
    if offset <= 4 {
        return format!("{}...", bytes(text, 0, room));
    }
    if width < 7 {
        return String::new();
    }
    if offset + room < length {
        let rest = bytes(text, offset, length);
        return format!("...{}", abbreviate(0, i64::try_from(room).unwrap_or(0), &rest));
    }
    format!("...{}", bytes(text, length - room, length))
}

fn several(name: &str, arguments: Arguments) -> String {
    let values = arguments.0.iter().filter(|value| !value.is_null()).map(strval);
    let texts: Vec<String> = match name {
        "quote" => values.map(|text| go_quote(&text)).collect(),
        "squote" => values.map(|text| format!("'{text}'")).collect(),
        _ => values.collect(),
    };
    texts.join(" ")
}

/// A string as Go's `%q` writes it.
fn go_quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\0'..='\u{1f}' | '\u{7f}' => quoted.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn pieces(name: &str, arguments: Arguments) -> Outcome {
    let numbered = |pieces: Vec<String>| {
        let fields = pieces.into_iter().enumerate();
        let fields: Map<String, Value> = fields.map(|(index, piece)| (format!("_{index}"), piece.into())).collect();
        Value::Object(fields)
    };
    match name {
        "split" => {
            arguments.count(2, 2)?;
            Ok(numbered(standard::split(arguments.text(1)?, arguments.text(0)?, None)))
        }
        "splitn" => {
            arguments.count(3, 3)?;
            let limit = Some(arguments.integer(1)?);
            Ok(numbered(standard::split(arguments.text(2)?, arguments.text(0)?, limit)))
        }
        "splitList" => {
            arguments.count(2, 2)?;
            Ok(standard::split(arguments.text(1)?, arguments.text(0)?, None).into())
        }
        "join" => {
            arguments.count(2, 2)?;
            let strings = strings(arguments.any(1)?);
            budget::text(strings.len(), arguments.text(0)?.len())?;
            Ok(strings.join(arguments.text(0)?).into())
        }
        "toString" => {
            arguments.count(1, 1)?;
            Ok(strval(arguments.any(0)?).into())
        }
        "toStrings" => {
            arguments.count(1, 1)?;
            Ok(strings(arguments.any(0)?).into())
        }
        _ => {
            arguments.count(1, 1)?;
            let mut sorted = strings(arguments.any(0)?);
            sorted.sort();
            Ok(sorted.into())
        }
    }
}
