//! The functions Argo adds to the language: its own, and sprig's under `sprig.`.

use serde_json::Value;

use super::arguments::Arguments;
use super::operators::Outcome;
use super::{golang, jsonpath, sprig, standard};

const OWN: [&str; 4] = ["asInt", "asFloat", "jsonpath", "toJson"];

/// Whether the name is one that Argo adds to the environment.
pub(super) fn is_environment(name: &str) -> bool {
    name == "sprig" || OWN.contains(&name)
}

/// A function of the environment.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    Own(&'static str),
    Sprig(sprig::Function),
}

impl Function {
    /// The function that a path names.
    pub(super) fn named<S: AsRef<str>>(path: &[S]) -> Option<Self> {
        match path {
            [name] => OWN.iter().find(|own| **own == name.as_ref()).map(|own| Self::Own(own)),
            [root, name] if root.as_ref() == "sprig" => sprig::Function::named(name.as_ref()).map(Self::Sprig),
            _ => None,
        }
    }

    pub(super) fn call(self, values: &[Value]) -> Outcome {
        let arguments = Arguments::with_zeros(values);
        match self {
            Self::Sprig(function) => function.call(arguments),
            Self::Own("jsonpath") => {
                arguments.count(2, 2)?;
                let document = golang::from_json(arguments.text(0)?)?;
                jsonpath::query(arguments.text(1)?, &document)
            }
            Self::Own(name) => {
                arguments.count(1, 1)?;
                let value = arguments.any(0)?;
                match name {
                    "asInt" => standard::to_integer(value),
                    "asFloat" => standard::to_float(value),
                    _ => Ok(golang::json(value).into()),
                }
            }
        }
    }
}
