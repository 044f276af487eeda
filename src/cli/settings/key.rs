//! The settings by name, and their values.

use std::path::PathBuf;

use crate::argo::check::nearest_of_few;
use crate::argo::identity::ObjectName;
use crate::cli::home;
use crate::cli::values::Namespace;

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Key {
    Backend,
    Namespace,
    Store,
    Worktrees,
    MaxTasks,
    Keep,
    Notify,
}

impl Key {
    pub(in crate::cli) const ALL: [Self; 7] =
        [Self::Backend, Self::Namespace, Self::Store, Self::Worktrees, Self::MaxTasks, Self::Keep, Self::Notify];

    /// The name in the file.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Namespace => "namespace",
            Self::Store => "store",
            Self::Worktrees => "worktrees",
            Self::MaxTasks => "max-tasks",
            Self::Keep => "keep",
            Self::Notify => "notify",
        }
    }

    /// The environment variable that counts more than the file.
    pub(in crate::cli) fn variable(self) -> String {
        format!("RUNNABLE_{}", self.name().to_ascii_uppercase().replace('-', "_"))
    }

    /// The setting of a name, or what the user may have meant.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.into_iter().map(Self::name);
        Self::ALL.into_iter().find(|key| key.name() == name).ok_or_else(|| {
            let plain = name.to_ascii_lowercase().replace('_', "-");
            let same = names().find(|known| *known == plain);
            match same.or_else(|| nearest_of_few(&plain, names())) {
                Some(near) => format!("unknown setting {name:?}: did you mean {near}?"),
                None => format!("unknown setting {name:?}: expected {}", names().collect::<Vec<_>>().join(", ")),
            }
        })
    }
}

pub(super) fn is_local(text: &str) -> Result<bool, String> {
    match text {
        "local" => Ok(true),
        "cluster" => Ok(false),
        _ => Err(format!("backend {text:?}: expected cluster or local")),
    }
}

pub(super) fn namespace(text: &str) -> Result<Option<ObjectName>, String> {
    let Namespace(name) = text.parse().map_err(|why| format!("namespace {text:?}: {why}"))?;
    Ok(name)
}

/// A URL is checked where the store is opened; a path must not depend on the working directory.
pub(super) fn store(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Ok(text.to_owned());
    }
    let path = directory(text)?;
    path.into_os_string().into_string().map_err(|path| format!("{}: expected UTF-8", path.display()))
}

pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    let below_home = text.strip_prefix("~/").and_then(|rest| Some(home::of_user()?.join(rest)));
    let path = below_home.unwrap_or_else(|| PathBuf::from(text));
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(format!("{text:?}: expected an absolute path, or one that begins with ~/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_is_named() {
        assert_eq!(Key::named("max-tasks"), Ok(Key::MaxTasks));
        for (wrong, near) in [("max_tasks", "max-tasks"), ("Namespace", "namespace"), ("worktree", "worktrees")] {
            assert_eq!(Key::named(wrong), Err(format!("unknown setting {wrong:?}: did you mean {near}?")));
        }
        assert!(Key::named("colour").is_err_and(|why| why.ends_with("keep, notify")));
    }

    #[test]
    fn a_path_does_not_depend_on_the_working_directory() {
        assert_eq!(directory("/w"), Ok(PathBuf::from("/w")));
        assert!(directory("w").is_err());
        assert_eq!(store("s3://bucket/prefix"), Ok("s3://bucket/prefix".to_owned()));
    }
}
