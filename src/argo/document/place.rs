//! Where the fields of a document stand: a tree as flat as its text, found again by JSON pointer.

use std::borrow::Cow;

use serde_json::Value;

/// The most that is shown of a key or a name.
const MAX_SHOWN_CHARACTERS: usize = 100;

/// A line and a column in a text, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub(crate) line: u32,
    /// The column.
    pub(crate) column: u32,
}

/// The places of a value and all below it, the parent before its children.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Vec<Spot>);

/// One value: 16 bytes, because a document may hold millions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The hash of the key it stands under; two keys of one object that share it only share a line in a message.
    key: u32,
    /// The number of spots of this value, itself included.
    size: u32,
    place: Place,
}

impl Spot {
    pub(super) const fn new(key: u32, place: Place) -> Self {
        Self { key, size: 1, place }
    }
}

/// The hash by which a key is found again.
pub(super) fn key_hash(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Places {
    pub(super) fn push(&mut self, spot: Spot) -> usize {
        self.0.push(spot);
        self.0.len() - 1
    }

    /// Ends the value that began at this index.
    pub(super) fn close(&mut self, start: usize) {
        self.0[start].size = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
    }

    /// The places of the value that began at this index.
    pub(super) fn since(&self, start: usize) -> &[Spot] {
        &self.0[start..]
    }

    /// Appends a copied value under another key; its own place becomes where the copy was asked for.
    pub(super) fn graft(&mut self, spots: &[Spot], at: Spot) -> usize {
        let start = self.0.len();
        self.0.extend_from_slice(spots);
        if let Some(root) = self.0.get_mut(start) {
            root.key = at.key;
            root.place = at.place;
        }
        start
    }

    /// Makes the children of the value that began at this index its parent's.
    pub(super) fn dissolve(&mut self, start: usize) {
        self.0.remove(start);
    }

    /// The latest entry of this key among the children of the value at an index.
    pub(super) fn entry(&self, parent: usize, key: &str) -> Option<Place> {
        self.latest(parent, self.0.len(), key_hash(key)).map(|index| self.0[index].place)
    }

    /// The places of one field's value.
    pub(super) fn child(&self, key: &str) -> Self {
        self.latest(0, self.0.len(), key_hash(key)).map(|index| self.subtree(index)).unwrap_or_default()
    }

    /// The places of each item of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> + '_ {
        self.children(0, self.0.len()).map(|index| self.subtree(index))
    }

    /// The place of the field, or else of the nearest one around it.
    pub(super) fn nearest(&self, value: &Value, pointer: &str) -> Option<Place> {
        let mut index = 0;
        let mut place = self.0.first()?.place;
        let mut value = Some(value);
        for segment in segments(pointer) {
            let end = self.end(index);
            let is_list = value.is_some_and(Value::is_array);
            let position = if is_list { segment.parse::<usize>().ok() } else { None };
            let found = match position {
                Some(position) => self.children(index, end).nth(position),
                None => self.latest(index, end, key_hash(&segment)),
            };
            let Some(found) = found else { break };
            value = value.and_then(|value| match position {
                Some(position) => value.get(position),
                None => value.get(&segment),
            });
            index = found;
            place = self.0[found].place;
        }
        Some(place)
    }

    fn subtree(&self, index: usize) -> Self {
        Self(self.0[index..self.end(index)].to_vec())
    }

    fn end(&self, index: usize) -> usize {
        (index + self.0[index].size as usize).min(self.0.len())
    }

    fn latest(&self, parent: usize, end: usize, key: u32) -> Option<usize> {
        self.children(parent, end).filter(|index| self.0[*index].key == key).last()
    }

    fn children(&self, parent: usize, end: usize) -> impl Iterator<Item = usize> + '_ {
        let first = Some(parent + 1).filter(|index| *index < end);
        std::iter::successors(first, move |index| Some(self.end(*index)).filter(|next| *next < end))
    }
}

/// The offset at which a line begins, if the text has that many.
pub(super) fn start_of_line(text: &str, line: u32) -> Option<usize> {
    match line {
        0 => None,
        1 => Some(0),
        _ => text.match_indices('\n').nth(line as usize - 2).map(|(offset, _)| offset + 1),
    }
}

/// The segments of a JSON pointer, unescaped.
pub(super) fn segments(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
}

/// Appends a segment to a JSON pointer.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + segment.len());
    joined.push_str(pointer);
    joined.push('/');
    if segment.contains(['~', '/']) {
        joined.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    } else {
        joined.push_str(segment);
    }
    joined
}

/// A JSON pointer as a user writes the path of a field: `spec.templates[2].container`.
pub(super) fn field_path(pointer: &str) -> String {
    segments(pointer).fold(String::new(), |path, segment| {
        let segment = shortened(&segment);
        let is_index = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        match () {
            () if is_index => format!("{path}[{segment}]"),
            () if !is_word || segment.is_empty() => format!("{path}[{segment:?}]"),
            () if path.is_empty() => segment.into_owned(),
            () => format!("{path}.{segment}"),
        }
    })
}

/// A word of a document, short enough for a message and safe for a terminal.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    let short = text.char_indices().nth(MAX_SHOWN_CHARACTERS).map(|(end, _)| format!("{}…", &text[..end]));
    match short {
        Some(short) => Cow::Owned(short.replace(char::is_control, "�")),
        None if text.contains(char::is_control) => Cow::Owned(text.replace(char::is_control, "�")),
        None => Cow::Borrowed(text),
    }
}
