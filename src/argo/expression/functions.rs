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

/// Whether the path is such a name alone.
pub(super) fn is_environment_root(path: &[&str]) -> bool {
    matches!(path, [name] if is_environment(name))
}

/// Whether the path names a function.
pub(super) fn is_function(path: &[&str]) -> bool {
    match path {
        [name] => OWN.contains(name),
        ["sprig", name] => sprig::is_function(name),
        _ => false,
    }
}

/// Calls the function that the path names.
pub(super) fn call(path: &[&str], values: &[Value]) -> Outcome {
    let arguments = Arguments::with_zeros(values);
    match path {
        ["asInt"] => {
            arguments.count(1, 1)?;
            standard::to_integer(arguments.any(0)?)
        }
        ["asFloat"] => {
            arguments.count(1, 1)?;
            standard::to_float(arguments.any(0)?)
        }
        ["toJson"] => {
            arguments.count(1, 1)?;
            Ok(golang::json(arguments.any(0)?).into())
        }
        ["jsonpath"] => {
            arguments.count(2, 2)?;
            let document = golang::from_json(arguments.text(0)?)?;
            jsonpath::query(arguments.text(1)?, &document)
        }
        ["sprig", name] => sprig::call(name, arguments),
        _ => Err("no such function".to_owned()),
    }
}
