//! Semantic versions and constraints on them, in the dialect of the Go library that sprig uses.

use std::cmp::Ordering;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &["semver", "semverCompare"];

/// Calls a function of [`NAMES`]. A version is the text that JSON has for it.
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    if name == "semver" {
        arguments.count(1, 1)?;
        return Ok(Version::parse(arguments.text(0)?)?.to_string().into());
    }
    arguments.count(2, 2)?;
    let version = Version::parse(arguments.text(1)?)?;
    satisfies(arguments.text(0)?, &version).map(Value::from)
}

/// What a method of the version yields, `Major()` for one.
pub(in crate::argo::expression) fn method(version: &str, name: &str) -> Option<Value> {
    let version = Version::parse(version).ok()?;
    Some(match name {
        "Major" => version.numbers[0].into(),
        "Minor" => version.numbers[1].into(),
        "Patch" => version.numbers[2].into(),
        "Prerelease" => version.pre.into(),
        "Metadata" => version.metadata.into(),
        "String" => version.to_string().into(),
        _ => return None,
    })
}

const PART: &str = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?";

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| error.to_string())
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    numbers: [u64; 3],
    pre: String,
    metadata: String,
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(formatter, "{major}.{minor}.{patch}")?;
        if !self.pre.is_empty() {
            write!(formatter, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(formatter, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Version {
    fn parse(text: &str) -> Result<Self, String> {
        let pattern = regex(&format!(r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?{PART}$"))?;
        let found = pattern.captures(text).ok_or_else(|| format!("`{text}` is not a semantic version"))?;
        let mut numbers = [0; 3];
        for (index, number) in numbers.iter_mut().enumerate() {
            let digits = found.get(index + 1).map_or("0", |digits| digits.as_str());
            *number = digits.parse().map_err(|_| format!("`{digits}` is too large for a version"))?;
        }
        Ok(Self { numbers, pre: group(&found, 4), metadata: group(&found, 5) })
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

fn group(found: &Captures, index: usize) -> String {
    found.get(index).map_or_else(String::new, |part| part.as_str().to_owned())
}

/// A release comes after all that lead to it; numbers come before words.
fn compare_pre(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match (left.parse::<u64>(), right.parse::<u64>()) {
                (Ok(left), Ok(right)) => left.cmp(&right),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => left.cmp(right),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Where a constraint's version stops being written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Major,
    Minor,
    Patch,
    Nowhere,
}

struct Constraint {
    operator: String,
    version: Version,
    open: Open,
}

const OPERATORS: &str = r"!=|>=|=>|<=|=<|~>|[=<>~^]|";

const PARTIAL: &str = r"v?([0-9xX*]+)(?:\.([0-9xX*]+))?(?:\.([0-9xX*]+))?";

fn satisfies(constraints: &str, version: &Version) -> Result<bool, String> {
    let range = regex(&format!(r"\s*({PARTIAL}{PART})\s+-\s+({PARTIAL}{PART})\s*"))?;
    let constraints = range.replace_all(constraints, ">= $1, <= $7 ");
    let one = format!(r"({OPERATORS})\s*{PARTIAL}{PART}");
    let valid = regex(&format!(r"^\s*(?:{one})\s*(?:(?:\s+|,\s*)(?:{one})\s*)*$"))?;
    let one = regex(&one)?;
    let mut holds = false;
    for alternative in constraints.split("||") {
        let is_blank = alternative.trim().is_empty();
        if !is_blank && !valid.is_match(alternative) {
            return Err(format!("`{alternative}` is not a version constraint"));
        }
        let mut all = true;
        for found in one.captures_iter(alternative) {
            all &= Constraint::read(&found)?.holds(version);
        }
        holds |= all;
    }
    Ok(holds)
}

impl Constraint {
    fn read(found: &Captures) -> Result<Self, String> {
        let written = |index: usize| {
            let number = group(found, index);
            (!number.is_empty() && !matches!(number.as_str(), "x" | "X" | "*")).then_some(number)
        };
        let (major, minor, patch) = (written(2), written(3), written(4));
        let (open, numbers) = match (major, minor, patch) {
            (None, ..) => (Open::Major, "0.0.0".to_owned()),
            (Some(major), None, _) => (Open::Minor, format!("{major}.0.0")),
            (Some(major), Some(minor), None) => (Open::Patch, format!("{major}.{minor}.0")),
            (Some(major), Some(minor), Some(patch)) => (Open::Nowhere, format!("{major}.{minor}.{patch}")),
        };
        let mut version = Version::parse(&numbers)?;
        version.pre = group(found, 5);
        Ok(Self { operator: group(found, 1), version, open })
    }

    fn holds(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        let leads_to_unasked = !version.pre.is_empty() && self.version.pre.is_empty();
        if self.operator == "!=" && self.open == Open::Nowhere {
            return order != Ordering::Equal;
        }
        if leads_to_unasked {
            return false;
        }
        match self.operator.as_str() {
            "" | "=" if self.open == Open::Nowhere => order == Ordering::Equal,
            "!=" => !self.has_written_part(version),
            "" | "=" | "~" | "~>" => order != Ordering::Less && self.is_near(version),
            ">" => self.is_above(version),
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => self.is_at_most(version),
            _ => order != Ordering::Less && self.is_compatible(version),
        }
    }

    /// Whether the version begins with what the constraint writes out.
    fn has_written_part(&self, version: &Version) -> bool {
        let written = match self.open {
            // The library compares the major zero that stands for it.
            Open::Major | Open::Minor => &self.version.numbers[..1],
            Open::Patch => &self.version.numbers[..2],
            Open::Nowhere => &self.version.numbers[..],
        };
        version.numbers.starts_with(written)
    }

    fn is_near(&self, version: &Version) -> bool {
        let is_any = self.version.numbers == [0; 3] && matches!(self.open, Open::Major | Open::Nowhere);
        let length = if self.open == Open::Minor { 1 } else { 2 };
        is_any || version.numbers[..length] == self.version.numbers[..length]
    }

    fn is_above(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers, self.version.numbers);
        match self.open {
            Open::Minor => major > own_major,
            Open::Patch => (major, minor) > (own_major, own_minor),
            Open::Major | Open::Nowhere => version.compare(&self.version) == Ordering::Greater,
        }
    }

    fn is_at_most(&self, version: &Version) -> bool {
        let ([major, minor, _], [own_major, own_minor, _]) = (version.numbers, self.version.numbers);
        match self.open {
            Open::Nowhere => version.compare(&self.version) != Ordering::Greater,
            Open::Minor => major <= own_major,
            Open::Major | Open::Patch => (major, minor) <= (own_major, own_minor),
        }
    }

    /// The caret: the first number that is not zero stays.
    fn is_compatible(&self, version: &Version) -> bool {
        let [major, minor, _] = self.version.numbers;
        let length = match self.open {
            Open::Minor => 1,
            _ if major > 0 => 1,
            Open::Patch => 2,
            _ if minor > 0 => 2,
            _ => 3,
        };
        version.numbers[..length] == self.version.numbers[..length]
    }
}
