//! Settings: what a component lets its installer choose, each checked once.

use std::collections::BTreeMap;

use super::{BundleError, Component};
use crate::argo::duration::GoDuration;
use crate::argo::identity::ObjectName;

/// Something that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its value if none is given; without one it has to be given.
    pub(crate) default: Option<&'static str>,
    /// What a value looks like.
    pub(super) form: Form,
    /// What it is, in a few words.
    pub(crate) help: &'static str,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Name,
    OptionalName,
    OptionalImage,
    /// Any text without a tag of Argo's.
    Text,
    OptionalText,
    Number,
    Boolean,
    Size,
    Duration,
    Server,
    OptionalServer,
    /// Names of repositories, separated by commas.
    Repositories,
    /// An owner on a forge.
    Owner,
}

impl Form {
    fn expected(self) -> &'static str {
        match self {
            Self::Name | Self::OptionalName => "the name of an object",
            Self::OptionalImage => "an image such as example.org/tools:v1",
            Self::Text => "a text without {{",
            Self::OptionalText => "a text without {{, or none",
            Self::Number => "a whole number from 1 on",
            Self::Boolean => "true or false",
            Self::Size => "a size such as 10Gi",
            Self::Duration => "a duration such as 168h",
            Self::Server => "the address of a forge such as https://github.com",
            Self::OptionalServer => "an address such as https://hooks.example.org, or none",
            Self::Repositories => "names of repositories, separated by commas",
            Self::Owner => "letters, digits, '-', '_', '.' or '/'",
        }
    }

    fn takes(self, value: &str) -> bool {
        let is_name = |text: &str| text.parse::<ObjectName>().is_ok();
        let plain = |more: &'static str| move |next: char| next.is_ascii_alphanumeric() || more.contains(next);
        match self {
            Self::Name => is_name(value),
            Self::OptionalName => value.is_empty() || is_name(value),
            Self::OptionalImage => value.chars().all(plain("-_./:@")),
            Self::Text => !value.is_empty() && !value.contains("{{"),
            Self::OptionalText => !value.contains("{{"),
            Self::Number => value.parse::<u32>().is_ok_and(|number| number > 0),
            Self::Boolean => ["true", "false"].contains(&value),
            Self::Size => is_size(value),
            Self::Duration => value.parse::<GoDuration>().is_ok(),
            Self::OptionalServer => value.is_empty() || Self::Server.takes(value),
            Self::Repositories => value.split(',').all(|name| !name.is_empty() && name.chars().all(plain("-_."))),
            Self::Owner => !value.is_empty() && value.chars().all(plain("-_./")),
            Self::Server => {
                let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
                rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain("-_./:")))
            }
        }
    }
}

/// Whether a text is a quantity of bytes.
pub(crate) fn is_size(text: &str) -> bool {
    let number = text.trim_end_matches(|next: char| next.is_ascii_alphabetic());
    let units = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let plain = number.starts_with(|next: char| next.is_ascii_digit())
        && number.chars().all(|next| next.is_ascii_digit() || next == '.');
    plain && number.parse::<f64>().is_ok_and(|number| number > 0.0) && units.contains(&&text[number.len()..])
}

/// The settings of one component, complete and checked.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// The image with this program; empty where the component needs none.
    pub(crate) image: String,
    /// The namespace of the objects, where it is known.
    pub(crate) namespace: Option<String>,
    values: BTreeMap<&'static str, String>,
}

impl Values {
    /// The values of a component: of what is given those that it has.
    pub(crate) fn of(component: Component, given: &[(String, String)]) -> Result<Self, BundleError> {
        let mut values = BTreeMap::new();
        for setting in component.settings() {
            let own = given.iter().rev().find(|(name, _)| name == setting.name).map(|(_, value)| value.as_str());
            let Some(value) = own.or(setting.default) else {
                return Err(BundleError::Required {
                    component: component.name(),
                    name: setting.name,
                    help: setting.help,
                });
            };
            if !setting.form.takes(value) {
                let (value, expected) = (value.to_owned(), setting.form.expected());
                return Err(BundleError::Value { name: setting.name, value, expected });
            }
            values.insert(setting.name, value.to_owned());
        }
        Ok(Self { image: String::new(), namespace: None, values })
    }

    /// Refuses a setting that none of the components has.
    pub(crate) fn known(components: &[Component], given: &[(String, String)]) -> Result<(), BundleError> {
        let has =
            |name: &str| components.iter().any(|component| component.settings().iter().any(|own| own.name == name));
        match given.iter().find(|(name, _)| !has(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let components = components.iter().map(|component| component.name()).collect::<Vec<_>>().join(", ");
                Err(BundleError::Setting { name: name.clone(), components })
            }
        }
    }

    /// A value; empty where none was given and none is needed.
    pub(super) fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> u32 {
        self.get(name).parse().unwrap_or(1)
    }
}
