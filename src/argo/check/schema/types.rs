//! Argo's types by name, each read from a table when it is first asked for.

use std::sync::{LazyLock, OnceLock};

use hashbrown::HashMap;

use crate::argo::check::version::Version;

const TABLE: &str = include_str!("types.txt");

static TYPES: LazyLock<Types> = LazyLock::new(|| Types::find(TABLE));

/// The type of that name.
pub(super) fn named(name: &str) -> Option<&'static Type> {
    TYPES.numbers.get(name).map(|number| numbered(*number))
}

/// The number of the type of that name.
#[cfg(test)]
pub(super) fn number(name: &str) -> Option<usize> {
    TYPES.numbers.get(name).copied()
}

/// The type of that number.
pub(super) fn numbered(number: usize) -> &'static Type {
    let (fields, read) = &TYPES.all[number];
    read.get_or_init(|| Type::read(fields, &TYPES.numbers))
}

struct Types {
    numbers: HashMap<&'static str, usize>,
    /// The text of each type's fields, and the type once it is read.
    all: Vec<(&'static str, OnceLock<Type>)>,
}

/// An object with known fields.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) fields: HashMap<&'static str, Field>,
}

/// A field of a type.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// The version it came with, unless it is older than all that are told apart.
    pub(super) since: Option<Version>,
    /// The last version that has it.
    pub(super) until: Option<Version>,
    pub(super) shape: Shape,
    pub(super) bound: Bound,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    Text,
    Truth,
    Integer,
    /// One of 32 bits.
    SmallInteger,
    Number,
    /// What Kubernetes calls a quantity.
    Quantity,
    Time,
    /// What Argo makes a text of, whichever scalar it is.
    Scalar,
    IntegerOrText,
    Type(usize),
    List(Box<Shape>),
    Map(Box<Shape>),
}

/// What a value of the right shape keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    None,
    Words(Vec<&'static str>),
    /// Of the number, the items or the characters.
    Range(Option<i64>, Option<i64>),
}

impl Types {
    fn find(table: &'static str) -> Self {
        let entries = entries(table);
        let numbers = entries.iter().enumerate().map(|(number, (name, _))| (*name, number)).collect();
        Self { numbers, all: entries.into_iter().map(|(_, fields)| (fields, OnceLock::new())).collect() }
    }
}

impl Type {
    /// The fields of a type with those that it takes over, which stand behind its own.
    fn read(text: &'static str, numbers: &HashMap<&'static str, usize>) -> Self {
        let own = fields(text).filter(|field| !field.starts_with('+')).map(|field| Field::read(field, numbers));
        let mut known: HashMap<_, _> = own.map(|field| (field.name, field)).collect();
        for base in fields(text).filter_map(|field| field.strip_prefix('+')) {
            for (name, field) in &numbered(numbers[base]).fields {
                known.entry(*name).or_insert_with(|| field.clone());
            }
        }
        Self { fields: known }
    }
}

/// The types of the table with the text of their fields; a line that is indented continues the one above.
fn entries(table: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in table.split_inclusive('\n') {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([table.len()]);
    let entry = |(start, end): (usize, usize)| table[start..end].split_once(':').unwrap_or((&table[start..end], ""));
    starts.iter().copied().zip(ends).map(entry).collect()
}

fn fields(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(',').map(str::trim).filter(|field| !field.is_empty())
}

impl Field {
    fn read(text: &'static str, numbers: &HashMap<&'static str, usize>) -> Self {
        let mut words = text.split_whitespace();
        let name = words.next().unwrap_or_default();
        let required = name.ends_with('!');
        let (name, versions) = name.trim_end_matches('!').split_once('@').unwrap_or((name.trim_end_matches('!'), ""));
        let until = versions.strip_prefix('-').and_then(|version| version.parse().ok());
        let since = versions.parse().ok();
        let shape = Shape::read(words.next().unwrap_or_default(), numbers);
        Self { name, required, since, until, shape, bound: Bound::read(words.next()) }
    }

    /// Whether a version has the field.
    pub(super) fn is_of(&self, version: Version) -> bool {
        self.since.is_none_or(|since| since <= version) && self.until.is_none_or(|until| version <= until)
    }
}

impl Shape {
    fn read(text: &str, numbers: &HashMap<&'static str, usize>) -> Self {
        if let Some(item) = text.strip_prefix("[]") {
            return Self::List(Box::new(Self::read(item, numbers)));
        }
        if let Some(item) = text.strip_prefix("{}") {
            return Self::Map(Box::new(Self::read(item, numbers)));
        }
        match text {
            "text" => Self::Text,
            "bool" => Self::Truth,
            "int" => Self::Integer,
            "int32" => Self::SmallInteger,
            "number" => Self::Number,
            "quantity" => Self::Quantity,
            "time" => Self::Time,
            "scalar" => Self::Scalar,
            "int|text" => Self::IntegerOrText,
            name => numbers.get(name).map_or(Self::Any, |number| Self::Type(*number)),
        }
    }
}

impl Bound {
    fn read(text: Option<&'static str>) -> Self {
        match text {
            None => Self::None,
            Some(text) => match text.split_once("..") {
                Some((least, most)) => Self::Range(least.parse().ok(), most.parse().ok()),
                None => Self::Words(text.split('|').map(|word| if word == "''" { "" } else { word }).collect()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        const WORDS: [&str; 10] =
            ["any", "text", "bool", "int", "int32", "number", "quantity", "time", "scalar", "int|text"];
        let entries = entries(TABLE);
        let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
        for (name, text) in &entries {
            for field in fields(text) {
                let kind = field.strip_prefix('+').or_else(|| field.split_whitespace().nth(1)).unwrap_or_default();
                let kind = kind.trim_start_matches(['[', ']', '{', '}']);
                assert!(WORDS.contains(&kind) || names.contains(&kind), "{name}: {field}");
            }
        }
        assert!(names.len() > 150);
    }

    #[test]
    fn a_type_takes_over_the_fields_of_another() {
        let script = named("ScriptTemplate").map(|script| &script.fields).expect("the type is there");
        assert!(script.contains_key("source") && script.contains_key("image"));
        let paths = named("ArtifactPaths").map(|paths| &paths.fields).expect("the type is there");
        assert!(paths.contains_key("s3") && paths["name"].required);
    }

    #[test]
    fn a_field_knows_its_versions_and_bounds() {
        let synchronization = &named("Synchronization").expect("the type is there").fields;
        let of = |field: &str, version: &str| synchronization[field].is_of(version.parse().expect("a version"));
        assert!(of("mutex", "3.7") && !of("mutex", "4.0") && !of("mutexes", "3.5") && of("mutexes", "3.6"));
        let gauge = &named("Gauge").expect("the type is there").fields;
        assert_eq!(gauge["operation"].bound, Bound::Words(vec!["Set", "Add", "Sub"]));
        assert_eq!(gauge["value"].bound, Bound::Range(Some(1), Some(256)));
    }
}
