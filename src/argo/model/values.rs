//! What templates take and give.

use serde::Deserialize;
use serde_json::Value;

use super::{Artifact, text};

/// Parameters and artifacts that a template takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Inputs {
    /// Its parameters.
    pub(crate) parameters: Vec<Parameter>,
    /// Its artifacts.
    pub(crate) artifacts: Vec<Artifact>,
}

/// Parameters and artifacts that a template gives.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Outputs {
    /// Its parameters.
    pub(crate) parameters: Vec<Parameter>,
    /// Its artifacts.
    pub(crate) artifacts: Vec<Artifact>,
}

/// Values for a template's inputs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Arguments {
    /// By name, in order.
    pub(crate) parameters: Vec<Parameter>,
    /// By name, in order.
    pub(crate) artifacts: Vec<Artifact>,
}

/// A named value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// Its value as text.
    #[serde(deserialize_with = "text")]
    pub(crate) value: Option<String>,
    /// Taken when no value is given.
    #[serde(deserialize_with = "text")]
    pub(crate) default: Option<String>,
    /// Where the value comes from.
    pub(crate) value_from: Option<ValueFrom>,
    /// The name under which an output is known in the whole workflow.
    pub(crate) global_name: Option<String>,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ValueFrom {
    /// A file of the container.
    pub(crate) path: Option<String>,
    /// A reference to another parameter, as a tag.
    pub(crate) parameter: Option<String>,
    /// An expression.
    pub(crate) expression: Option<String>,
    /// A key of a ConfigMap.
    pub(crate) config_map_key_ref: Option<KeyRef>,
    /// Given by whoever resumes a suspended node.
    pub(crate) supplied: Option<Value>,
    /// Taken when the source gives nothing.
    #[serde(deserialize_with = "text")]
    pub(crate) default: Option<String>,
}

/// A key of a ConfigMap or Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct KeyRef {
    /// The object's name.
    pub(crate) name: String,
    /// The key in its data.
    pub(crate) key: String,
    /// Whether it may be missing.
    pub(crate) optional: bool,
}
