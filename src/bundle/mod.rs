//! Objects that a team installs into a namespace: what the pods of its workflows need, and templates to begin with. Pure.
//!
//! Each object is a YAML file in `src/assets`, parsed and then filled field by field; no text is ever put together.

mod asset;
mod component;
mod fill;
mod rights;
mod sensor;
mod setting;

pub(crate) use self::component::Component;
pub(crate) use self::fill::objects;
pub use self::rights::{RIGHTS, Rights, Rule};
pub(crate) use self::setting::{Values, is_size};
use crate::exit::{CommandError, Exit};

/// The label by which an installed object is known as ours, and its value.
pub(crate) const OWNED: (&str, &str) = ("app.kubernetes.io/managed-by", "kubectl-runnable");
/// The label that names the component.
pub(crate) const COMPONENT: &str = "app.kubernetes.io/component";

/// Why there are no objects.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BundleError {
    /// No such component.
    #[error("unknown component {0:?}: expected coderun, cleanup, sensor, semaphores or rbac")]
    Component(String),
    /// No component that is asked for has this setting.
    #[error("{components} has no setting {name:?}")]
    Setting {
        /// The setting.
        name: String,
        /// The components.
        components: String,
    },
    /// A value does not fit.
    #[error("setting {name} is {value:?}: expected {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// No such verb in the table of rights.
    #[error("verb {0:?} needs no rights on a cluster, or does not exist")]
    Verb(String),
    /// A setting has no default.
    #[error("{component} needs the setting {name}: {help}")]
    Required {
        /// The component.
        component: &'static str,
        /// The setting.
        name: &'static str,
        /// What it is.
        help: &'static str,
    },
}

impl CommandError for BundleError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Setting { .. } => Some("kubectl runnable bundle list shows the settings".to_owned()),
            Self::Required { name, .. } => Some(format!("add --set {name}=…")),
            Self::Verb(_) => Some("docs/permissions.md lists the verbs".to_owned()),
            Self::Component(_) | Self::Value { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
