//! The events of the YAML parser to values with their places, in one pass and without recursion.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle};
use serde_json::{Map, Value};

use super::error::{MAX_SHOWN, Problem};
use super::place::{Place, Places, Spot, join, key_hash, shortened};
use super::scalar::{self, NoValue};
use super::{DocumentError, MAX_DEPTH, MAX_VALUES};

/// The most text that aliases may make of one text.
const MAX_COPIED_BYTES: usize = 64 * 1024 * 1024;
/// The most values that are copied for aliases.
const MAX_COPIED_VALUES: usize = 2_000_000;

/// A list or an object that has begun and not ended.
struct Open {
    start: usize,
    anchor: usize,
    flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Object {
        entries: Map<String, Value>,
        key: Option<Key>,
        /// The keys that came by `<<` and were not written since.
        inherited: HashSet<String>,
    },
}

struct Key {
    name: String,
    place: Place,
    merge: bool,
}

/// A value that an alias may copy.
struct Anchored {
    value: Value,
    places: Vec<Spot>,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
    depth: usize,
}

/// Builds the values of one text; a state machine over its events.
pub(super) struct Reader<'name> {
    name: &'name Arc<str>,
    secret: bool,
    open: Vec<Open>,
    places: Places,
    anchors: HashMap<usize, Anchored>,
    pub(super) roots: Vec<(Value, Places)>,
    pub(super) warnings: Vec<Problem>,
    values: usize,
    copied: Size,
}

/// What ends the reading, before it is known how to say it.
pub(super) enum Fault {
    Syntax {
        place: Place,
        message: String,
        hint: Option<&'static str>,
    },
    TooDeep(Place),
    TooMany(Place, &'static str),
    /// A line of a quoted text is not indented.
    Shallow(Place),
}

impl Fault {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self::Syntax { place, message: message.into(), hint: None }
    }
}

impl<'name> Reader<'name> {
    pub(super) fn new(name: &'name Arc<str>, secret: bool) -> Self {
        Self {
            name,
            secret,
            open: Vec::new(),
            places: Places::default(),
            anchors: HashMap::new(),
            roots: Vec::new(),
            warnings: Vec::new(),
            values: 0,
            copied: Size::default(),
        }
    }

    pub(super) fn read(&mut self, text: &str) -> Result<(), Fault> {
        let options = granit_parser::options! {
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH + 1,
            block_nesting_limit: MAX_DEPTH + 1,
        };
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| scan_fault(&error))?;
            self.reject_tabs(text, &event, span)?;
            self.take(event, span)?;
        }
        Ok(())
    }

    pub(super) fn error(&self, fault: Fault) -> DocumentError {
        match fault {
            Fault::Syntax { place, message, hint } => {
                let problem = self.problem(place, &self.pointer(), message);
                DocumentError::Syntax(Box::new(match hint {
                    Some(hint) => problem.with_hint(hint),
                    None => problem,
                }))
            }
            Fault::Shallow(place) => {
                let message = "a line of a quoted text is not indented".to_owned();
                let problem = self.problem(place, &self.pointer(), message);
                DocumentError::Syntax(Box::new(problem.with_hint("indent it deeper than its key")))
            }
            Fault::TooDeep(place) => {
                let message = "lists and objects are nested too deep".to_owned();
                let hint = format!("at most {MAX_DEPTH} levels are read");
                DocumentError::TooDeep(Box::new(self.problem(place, "", message).with_hint(hint).without_snippet()))
            }
            Fault::TooMany(place, message) => {
                let hint = format!("at most {MAX_VALUES} are read");
                let problem = self.problem(place, &self.pointer(), message.to_owned());
                DocumentError::TooMany(Box::new(problem.with_hint(hint)))
            }
        }
    }

    fn problem(&self, place: Place, pointer: &str, message: String) -> Problem {
        let problem = Problem::at(self.name, Some(place), pointer, message);
        if self.secret { problem.without_snippet() } else { problem }
    }

    /// The parser takes a tab for indentation after a space; kubectl does not.
    fn reject_tabs(&self, text: &str, event: &Event<'_>, span: Span) -> Result<(), Fault> {
        let in_flow = matches!(self.open.last(), Some(Open { flow: true, .. }));
        let Some(offset) = span.start.byte_offset().filter(|_| event.is_node() && !in_flow) else { return Ok(()) };
        let before = &text.as_bytes()[..offset.min(text.len())];
        let blank = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let (length, tabs) =
            blank.fold((0, 0), |(length, tabs), byte| (length + 1, tabs + usize::from(*byte == b'\t')));
        let begins_line = before.len() == length || before[before.len() - length - 1] == b'\n';
        if tabs > 0 && begins_line {
            return Err(tab(place(span.start.line(), span.start.col())));
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = place(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.places = Places::default();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_ref().map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                self.scalar(text, style, anchor, tag.as_deref(), at)?;
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(Content::List(Vec::new()), anchor, style == StructureStyle::Flow, at)?;
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Object { entries: Map::new(), key: None, inherited: HashSet::new() };
                self.begin(content, anchor, style == StructureStyle::Flow, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at)?,
            Event::Alias(anchor) => self.alias(anchor, at)?,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, anchor: usize, flow: bool, at: Place) -> Result<(), Fault> {
        if self.awaits_key() {
            return Err(Fault::new(at, "a list or an object stands as a key, expected text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::TooDeep(at));
        }
        let start = self.spot(at)?;
        self.open.push(Open { start, anchor, flow, content });
        Ok(())
    }

    fn end(&mut self, at: Place) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::List(items) => Value::Array(items),
            Content::Object { entries, .. } => Value::Object(entries),
        };
        self.places.close(open.start);
        self.anchor(open.anchor, &value, open.start, at)?;
        self.put(value, open.start, at)
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&str>,
        at: Place,
    ) -> Result<(), Fault> {
        let merge = style == ScalarStyle::Plain && text == "<<" && tag.is_none()
            || text == "<<" && tag.is_some_and(|tag| tag == scalar::MERGE_TAG);
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let written = if plain && self.awaits_key() { Some(text.to_string()) } else { None };
        let value = scalar::tagged(text, style == ScalarStyle::Plain, tag).map_err(|fault| no_value(fault, at))?;
        if self.awaits_key() {
            self.anchor(anchor, &value, usize::MAX, at)?;
            return self.key(&value, written.as_deref(), merge, at);
        }
        let start = self.spot(at)?;
        self.anchor(anchor, &value, start, at)?;
        self.put(value, start, at)
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<(), Fault> {
        let Some(size) = self.anchors.get(&anchor).map(|anchored| anchored.size) else {
            return Err(Fault::new(at, "the anchor's value contains itself"));
        };
        if self.open.len() + size.depth > MAX_DEPTH {
            return Err(Fault::TooDeep(at));
        }
        self.copy(size, at)?;
        self.count(size.values, at)?;
        let here = self.here(at);
        let Some(anchored) = self.anchors.get(&anchor) else { return Ok(()) };
        let value = anchored.value.clone();
        if self.awaits_key() {
            return self.key(&value, None, false, at);
        }
        let start = self.places.graft(&anchored.places, here);
        self.put(value, start, at)
    }

    /// Keeps a value for aliases; keeping is copying, so anchors inside anchors count each time.
    fn anchor(&mut self, anchor: usize, value: &Value, start: usize, at: Place) -> Result<(), Fault> {
        if anchor == 0 {
            return Ok(());
        }
        let size = size(value);
        self.copy(size, at)?;
        let places = if start == usize::MAX { vec![Spot::new(0, at)] } else { self.places.since(start).to_vec() };
        self.anchors.insert(anchor, Anchored { value: value.clone(), places, size });
        Ok(())
    }

    fn copy(&mut self, size: Size, at: Place) -> Result<(), Fault> {
        self.copied.values += size.values;
        self.copied.bytes += size.bytes;
        if self.copied.values > MAX_COPIED_VALUES || self.copied.bytes > MAX_COPIED_BYTES {
            return Err(Fault::TooMany(at, "aliases stand for too many or too large values"));
        }
        Ok(())
    }

    fn spot(&mut self, at: Place) -> Result<usize, Fault> {
        self.count(1, at)?;
        let here = self.here(at);
        Ok(self.places.push(here))
    }

    fn count(&mut self, values: usize, at: Place) -> Result<(), Fault> {
        self.values += values;
        if self.values > MAX_VALUES { Err(Fault::TooMany(at, "there are too many values")) } else { Ok(()) }
    }

    /// The place of a value that begins: that of its key, if it has one.
    fn here(&self, at: Place) -> Spot {
        match self.open.last() {
            Some(Open { content: Content::Object { key: Some(key), .. }, .. }) => {
                Spot::new(key_hash(&key.name), key.place)
            }
            _ => Spot::new(0, at),
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Object { key: None, .. }, .. }))
    }

    fn key(&mut self, value: &Value, written: Option<&str>, merge: bool, at: Place) -> Result<(), Fault> {
        let Some(name) = scalar::key(value) else {
            return Err(Fault::Syntax {
                place: at,
                message: format!("{} stands as a key, expected text", super::shape::found(value)),
                hint: Some("a key that is meant as text needs quotes"),
            });
        };
        if let Some(written) = written.filter(|written| *written != name) {
            let message = format!("the key `{}` is read as `{}`", shortened(written), shortened(&name));
            self.warn(&name, at, message, "quote it if it is meant as text");
        }
        if let Some(Open { start, content: Content::Object { entries, key, inherited }, .. }) = self.open.last_mut() {
            let repeated = !merge && !inherited.remove(&name) && entries.contains_key(&name);
            let first = if repeated && self.warnings.len() < MAX_SHOWN { Some(*start) } else { None };
            *key = Some(Key { name: name.clone(), place: at, merge });
            if let Some(first) = first.and_then(|start| self.places.entry(start, &name)) {
                let message = format!(
                    "the key `{}` stands twice, first at {}:{}; the second one counts",
                    shortened(&name),
                    first.line,
                    first.column
                );
                self.warn("", at, message, "keep one of them");
            }
        }
        Ok(())
    }

    fn warn(&mut self, key: &str, at: Place, message: String, hint: &str) {
        if self.warnings.len() < MAX_SHOWN {
            let pointer = if key.is_empty() { self.pointer() } else { join(&self.pointer(), key) };
            let warning = self.problem(at, &pointer, message).with_hint(hint);
            self.warnings.push(warning);
        }
    }

    fn put(&mut self, value: Value, start: usize, at: Place) -> Result<(), Fault> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None if value.is_null() => {}
            None => self.roots.push((value, std::mem::take(&mut self.places))),
            Some(Content::List(items)) => items.push(value),
            Some(Content::Object { entries, key, .. }) => match key.take() {
                Some(Key { merge: true, .. }) => self.merge(value, start, at)?,
                Some(key) => {
                    entries.insert(key.name, value);
                }
                None => {}
            },
        }
        Ok(())
    }

    /// Applies `<<` where it stands: it replaces what was written before it, and is replaced by what follows.
    fn merge(&mut self, value: Value, start: usize, at: Place) -> Result<(), Fault> {
        let mut merged = Map::new();
        let whole = match value {
            Value::Object(map) => {
                merged = map;
                self.places.dissolve(start);
                true
            }
            Value::Array(items) => items.into_iter().rev().all(|item| match item {
                Value::Object(map) => {
                    merged.extend(map);
                    true
                }
                _ => false,
            }),
            _ => false,
        };
        if !whole {
            return Err(Fault::new(at, "`<<` takes an object or a list of objects"));
        }
        let Some(Open { content: Content::Object { entries, inherited, .. }, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        let written = |key: &&String| entries.contains_key(*key) && !inherited.contains(*key);
        let replaced = merged.keys().find(written).cloned();
        inherited.extend(merged.keys().cloned());
        entries.extend(merged);
        if let Some(key) = replaced {
            self.warn(&key, at, "`<<` replaces the value written before it".to_owned(), "write `<<` first");
        }
        Ok(())
    }

    fn pointer(&self) -> String {
        self.open.iter().fold(String::new(), |pointer, open| match &open.content {
            Content::List(items) => join(&pointer, &items.len().to_string()),
            Content::Object { key: Some(key), .. } => join(&pointer, &key.name),
            Content::Object { key: None, .. } => pointer,
        })
    }
}

fn no_value(fault: NoValue, place: Place) -> Fault {
    match fault {
        NoValue::Mismatch => Fault::new(place, "the value is not what its tag says"),
        NoValue::Binary => Fault::new(place, "`!!binary` is no JSON value, expected text"),
        NoValue::NotFinite => Fault::Syntax {
            place,
            message: "infinity and not-a-number are no JSON values".to_owned(),
            hint: Some("quote it if it is meant as text"),
        },
    }
}

fn tab(place: Place) -> Fault {
    let message = "a tab stands in the indentation".to_owned();
    Fault::Syntax { place, message, hint: Some("indent with spaces") }
}

fn scan_fault(error: &ScanError) -> Fault {
    let at = place(error.marker().line(), error.marker().col());
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => Fault::TooDeep(at),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => tab(at),
        ErrorKind::InvalidQuotedScalarIndent => Fault::Shallow(at),
        ErrorKind::UnknownAnchor => Fault::new(at, "the alias names an anchor that does not stand before it"),
        kind => Fault::new(at, format!("invalid YAML: {kind}")),
    }
}

fn size(value: &Value) -> Size {
    let around = |size: Size, inner: Size, key: usize| Size {
        values: size.values + inner.values,
        bytes: size.bytes + inner.bytes + key,
        depth: size.depth.max(inner.depth + 1),
    };
    let one = Size { values: 1, bytes: 0, depth: 0 };
    match value {
        Value::String(text) => Size { bytes: text.len(), ..one },
        Value::Array(items) => items.iter().fold(Size { depth: 1, ..one }, |sum, item| around(sum, size(item), 0)),
        Value::Object(map) => {
            map.iter().fold(Size { depth: 1, ..one }, |sum, (key, value)| around(sum, size(value), key.len()))
        }
        _ => one,
    }
}

pub(super) fn place(line: usize, column: usize) -> Place {
    Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column + 1).unwrap_or(u32::MAX) }
}
