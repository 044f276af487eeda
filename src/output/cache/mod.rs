//! Caches for people and for scripts: one form for ConfigMaps and stores of manifests.

mod change;
mod compare;
mod inspect;
mod list;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub(crate) use self::change::{LeftOutLine, carried, left_out};
pub(crate) use self::compare::{attempts, difference, explanation, run_table};
pub use self::inspect::inspection;
pub(crate) use self::list::list;
use super::list::age;
use super::tree::printable;
use crate::argo::document::to_yaml_documents;

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Names of caches, or keys of entries, a line each.
    Name,
    /// One JSON document.
    Json,
    /// The same as YAML.
    Yaml,
}

/// A document as JSON or YAML.
pub(crate) fn document(form: Form, value: &impl Serialize) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    Ok(if form == Form::Yaml { to_yaml_documents(&[value]) } else { format!("{value:#}\n") })
}

/// Names or keys, a line each.
pub(crate) fn lines(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for name in names {
        text += &printable(name.as_ref());
        text.push('\n');
    }
    text
}

/// How long ago something was.
fn ago(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map(|time| age(now.duration_since(time))).unwrap_or_default()
}

fn seconds(age_seconds: Option<i64>) -> String {
    age_seconds.map(|seconds| age(SignedDuration::from_secs(seconds))).unwrap_or_default()
}

/// A number of bytes in the largest unit of which there is at least one.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

/// A share in percent: small ones are not nothing.
fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "<1%".to_owned() } else { format!("{:.0}%", share * 100.0) }
}

/// `1 entry`, `2 entries`.
pub(crate) fn entries(number: usize) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shares_are_told_in_few_digits() {
        assert_eq!([0, 1023, 1536, 3 << 20].map(size), ["0 B", "1023 B", "1.5 KiB", "3.0 MiB"]);
        assert_eq!([0.0, 0.001, 0.5, 1.2].map(percent), ["0%", "<1%", "50%", "120%"]);
        assert_eq!((entries(1), entries(0)), ("1 entry".to_owned(), "0 entries".to_owned()));
    }
}
