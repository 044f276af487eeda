//! Types of flag values: each value is checked once, here.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, ValueEnum};

use crate::argo::duration;
use crate::argo::identity::{IdentityError, ObjectName};
use crate::cluster::{TemplateKind, TemplateKindError};
use crate::output::format::{Format, ObjectFormat};

/// The maximum length of a namespace, a label's value, and a label's or annotation's name.
const MAX_LENGTH: usize = 63;

/// `--from KIND/NAME`.
#[derive(Debug, Clone)]
pub(super) struct FromKind {
    pub(super) kind: TemplateKind,
    pub(super) name: ObjectName,
}

impl FromStr for FromKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').ok_or("expected KIND/NAME, such as workflowtemplate/etl")?;
        let kind = kind.parse().map_err(|error: TemplateKindError| error.to_string())?;
        let name = name.parse().map_err(|error: IdentityError| error.to_string())?;
        Ok(Self { kind, name })
    }
}

/// `-n`: a namespace; as in kubectl, an empty value means none.
#[derive(Debug, Clone)]
pub(super) struct Namespace(pub(super) Option<ObjectName>);

impl FromStr for Namespace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        match text.parse() {
            Ok(name) if text.len() <= MAX_LENGTH && !text.contains('.') => Ok(Self(Some(name))),
            _ => Err(format!(
                "expected at most {MAX_LENGTH} lower-case letters, digits or '-', beginning and ending with a letter or digit"
            )),
        }
    }
}

/// `-p NAME=VALUE`.
#[derive(Debug, Clone)]
pub(super) struct ParameterPair(pub(super) String, pub(super) String);

impl FromStr for ParameterPair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        pair.map(|(name, value)| Self(name.to_owned(), value.to_owned())).ok_or("expected NAME=VALUE")
    }
}

/// `--artifact NAME=PATH`.
#[derive(Debug, Clone)]
pub(super) struct ArtifactPair(pub(super) String, pub(super) PathBuf);

impl FromStr for ArtifactPair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        match text.split_once('=') {
            Some((name, path)) if is_name(name) && !path.is_empty() => Ok(Self(name.to_owned(), path.into())),
            _ => Err("expected NAME=PATH, with letters, digits, '-' and '_' in NAME"),
        }
    }
}

/// A label: a key, and a value of at most 63 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone)]
pub(super) struct LabelPair(pub(super) String, pub(super) String);

impl FromStr for LabelPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = metadata(text)?;
        if value.is_empty() || is_label(value) {
            Ok(Self(key.to_owned(), value.to_owned()))
        } else {
            Err(format!(
                "label value {value:?}: expected at most {MAX_LENGTH} letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"
            ))
        }
    }
}

/// An annotation: a key, and any value.
#[derive(Debug, Clone)]
pub(super) struct AnnotationPair(pub(super) String, pub(super) String);

impl FromStr for AnnotationPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = metadata(text)?;
        Ok(Self(key.to_owned(), value.to_owned()))
    }
}

/// `KEY=VALUE` with a legal Kubernetes key: `name` or `domain/name`.
fn metadata(text: &str) -> Result<(&str, &str), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let (domain, name) = key.split_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    if is_label(name) && domain.is_none_or(|domain| domain.parse::<ObjectName>().is_ok()) {
        Ok((key, value))
    } else {
        Err(format!(
            "key {key:?}: expected NAME or DOMAIN/NAME, where NAME has at most {MAX_LENGTH} letters, digits, '-', '_' or '.'"
        ))
    }
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= MAX_LENGTH
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && is_edge(bytes.first())
        && is_edge(bytes.last())
}

/// `--generate-name`: the beginning of a legal name.
#[derive(Debug, Clone)]
pub(super) struct NamePrefix(pub(super) String);

impl FromStr for NamePrefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if !text.is_empty() && format!("{text}0").parse::<ObjectName>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected lower-case letters, digits, '-' or '.', beginning with a letter or digit")
        }
    }
}

/// A duration above 0, such as that of `--timeout`.
pub(super) fn span(text: &str) -> Result<std::time::Duration, String> {
    let duration = duration::parse(text).map_err(|error| error.to_string())?;
    let duration = std::time::Duration::try_from(duration).ok().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("invalid duration {text:?}: expected a duration above 0"))
}

/// `-o` of verbs that do not print workflows, with the help texts of `name`, `json` and `wide`.
pub(super) fn formats(
    name: &'static str,
    json: &'static str,
    wide: &'static str,
) -> impl TypedValueParser<Value = Format> {
    let help = |format: &Format| match format {
        Format::Name => name,
        Format::Json => json,
        Format::Yaml => "The same as YAML",
        Format::Wide => wide,
    };
    let described = |format: &Format| Some(PossibleValue::help(format.to_possible_value()?, help(format)));
    let values: Vec<PossibleValue> = Format::value_variants().iter().filter_map(described).collect();
    PossibleValuesParser::new(values).try_map(|text| <Format as ValueEnum>::from_str(&text, false))
}

/// `-o` of verbs that print workflows: kubectl's formats.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectFormats;

impl TypedValueParser for ObjectFormats {
    type Value = ObjectFormat;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<ObjectFormat, clap::Error> {
        let parser = clap::builder::NonEmptyStringValueParser::new();
        parser.try_map(|text| text.parse::<ObjectFormat>()).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let plain = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let more = [
            PossibleValue::new("jsonpath=")
                .help("Values by kubectl's JSONPath template, such as jsonpath={.metadata.name}"),
            PossibleValue::new("custom-columns=")
                .help("A table, such as custom-columns=NAME:.metadata.name,PHASE:.status.phase"),
        ];
        Some(Box::new(plain.chain(more)))
    }
}

/// `--max-tasks`.
pub(super) fn max_tasks(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| format!("expected a number from 1 to {}", u16::MAX))
}

/// `--priority`.
pub(super) fn priority(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("expected a whole number from {} to {}", i32::MIN, i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_rules_of_kubernetes() {
        for legal in ["a=b", "a=", "example.org/a-b.c_d=B.2"] {
            assert!(legal.parse::<LabelPair>().is_ok(), "{legal}");
        }
        let long = format!("{}=v", "k".repeat(64));
        for illegal in ["a", "=b", "a b=c", "-a=b", "A_B/a=b", "a/b/c=d", "a=b/c", "a=-b", &long] {
            assert!(illegal.parse::<LabelPair>().is_err(), "{illegal}");
        }
        assert!("a=any {text}".parse::<AnnotationPair>().is_ok());
        assert!("a b=c".parse::<AnnotationPair>().is_err());
    }

    #[test]
    fn a_namespace_is_a_dns_label_or_none() {
        assert!(matches!("".parse(), Ok(Namespace(None))));
        assert!(matches!("team-a".parse(), Ok(Namespace(Some(name))) if name.as_str() == "team-a"));
        for illegal in ["Team", "a.b", "-a", "a_b", &"a".repeat(64)] {
            assert!(illegal.parse::<Namespace>().is_err(), "{illegal}");
        }
    }

    #[test]
    fn a_value_may_contain_equals_signs() {
        let pair = "query=a=b".parse::<ParameterPair>();
        assert!(matches!(pair, Ok(ParameterPair(name, value)) if name == "query" && value == "a=b"));
        assert!("=x".parse::<ParameterPair>().is_err());
    }

    #[test]
    fn a_time_is_above_zero() {
        assert_eq!(span("1h30m"), Ok(std::time::Duration::from_mins(90)));
        for illegal in ["0", "0s", "-5s", "5x", ""] {
            assert!(span(illegal).is_err(), "{illegal}");
        }
    }
}
