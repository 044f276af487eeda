//! The user's defaults for flags: a file, and environment variables that count more. Both are checked as a whole before a
//! command begins; a flag counts more than either.

mod file;
mod key;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::builder::ArgPredicate;
use clap::{Arg, Command};
use http::Uri;

pub(super) use self::key::Key;
use super::failure::Failure;
use super::home;
use crate::argo::identity::ObjectName;
use crate::local::keep::{Keep, KeepError};

/// Defaults that hold for this process.
static LOADED: OnceLock<Settings> = OnceLock::new();
/// Those of a process that has loaded none.
static NONE: Settings = Settings {
    chosen: Vec::new(),
    local: None,
    namespace: None,
    store: None,
    worktrees: None,
    max_tasks: None,
    keep: None,
    notify: None,
};

/// What the file and the environment say.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Each setting as it was written, in the order of `Key::ALL`.
    chosen: Vec<Chosen>,
    pub(super) local: Option<bool>,
    pub(super) namespace: Option<ObjectName>,
    pub(super) store: Option<String>,
    pub(super) worktrees: Option<PathBuf>,
    pub(super) max_tasks: Option<u16>,
    pub(super) keep: Option<Keep>,
    pub(super) notify: Option<Uri>,
}

/// One setting that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) key: Key,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its variable.
    Environment,
    /// The file.
    File,
}

/// The settings of this process; none before they are loaded.
pub(super) fn settings() -> &'static Settings {
    LOADED.get().unwrap_or(&NONE)
}

/// Makes these the settings of this process.
pub(super) fn hold(settings: Settings) {
    // Only `run` calls it, once.
    let _ = LOADED.set(settings);
}

impl Settings {
    /// Reads the file and the environment.
    pub(super) fn load() -> Result<Self, Failure> {
        let mut settings = Self::default();
        let file = home::config().map(|path| file::read(&path)).transpose()?.unwrap_or_default();
        for key in Key::ALL {
            let variable = std::env::var_os(key.variable()).filter(|value| !value.is_empty());
            let chosen = match variable {
                Some(value) => Some((value.to_string_lossy().into_owned(), Origin::Environment)),
                None => file.get(key).map(|text| (text.to_owned(), Origin::File)),
            };
            let Some((text, origin)) = chosen else { continue };
            settings.set(key, &text).map_err(|why| refused(&key.variable(), &why))?;
            settings.chosen.push(Chosen { key, text, origin });
        }
        Ok(settings)
    }

    /// The setting as it was written.
    pub(super) fn chosen(&self, key: Key) -> Option<&Chosen> {
        self.chosen.iter().find(|chosen| chosen.key == key)
    }

    fn set(&mut self, key: Key, text: &str) -> Result<(), String> {
        match key {
            Key::Backend => self.local = Some(key::is_local(text)?),
            Key::Namespace => self.namespace = key::namespace(text)?,
            Key::Store => self.store = Some(key::store(text)?),
            Key::Worktrees => self.worktrees = Some(key::directory(text)?),
            Key::MaxTasks => self.max_tasks = Some(super::values::max_tasks(text)?),
            Key::Keep => self.keep = Some(text.parse().map_err(|error: KeepError| error.to_string())?),
            Key::Notify => self.notify = Some(super::notify::url(text)?),
        }
        Ok(())
    }

    /// The command with the setting `backend` as the default of `--local`. Flags that contradict `--local` mean the
    /// cluster.
    pub(super) fn add_to(&self, command: Command) -> Command {
        if self.local != Some(true) {
            return command;
        }
        let contrary = contrary_to_local(&command);
        let has_local = command.get_arguments().any(|arg| arg.get_id() == LOCAL);
        let command = if has_local {
            command.mut_arg(LOCAL, |local| {
                let elsewhere = contrary.iter().map(|id| (id.clone(), ArgPredicate::IsPresent, Some("false")));
                local.default_value_ifs(elsewhere).default_value("true")
            })
        } else {
            command
        };
        command.mut_subcommands(|verb| self.add_to(verb))
    }
}

const LOCAL: &str = "local";

/// The flags that cannot be given together with `--local`.
fn contrary_to_local(command: &Command) -> Vec<clap::Id> {
    let Some(local) = command.get_arguments().find(|arg| arg.get_id() == LOCAL) else { return Vec::new() };
    let own = command.get_arg_conflicts_with(local);
    let is_contrary = |arg: &&Arg| {
        let others = || command.get_arg_conflicts_with(arg);
        own.iter().any(|other| other.get_id() == arg.get_id()) || others().iter().any(|other| other.get_id() == LOCAL)
    };
    command.get_arguments().filter(is_contrary).map(|arg| arg.get_id().clone()).collect()
}

fn refused(what: &impl Display, why: &str) -> Failure {
    let names = Key::ALL.map(Key::name).join(", ");
    Failure::usage(format!("{what}: {why}"))
        .hint(format!("the settings are {names}; docs/configuration.md describes them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(settings: &Settings, words: &[&str]) -> Option<bool> {
        let command = settings.add_to(crate::cli::command());
        let matches = command.try_get_matches_from([&["kubectl-runnable"], words].concat()).ok()?;
        matches.subcommand()?.1.get_one::<bool>(LOCAL).copied()
    }

    #[test]
    fn a_flag_counts_more_than_the_backend_that_is_set() {
        let here = Settings { local: Some(true), ..Settings::default() };
        assert_eq!(local(&Settings::default(), &["status", "etl"]), Some(false));
        assert_eq!(local(&here, &["status", "etl"]), Some(true));
        for cluster in [&["--local=false"][..], &["--context", "c"], &["--as", "me"]] {
            assert_eq!(local(&here, &[&["status", "etl"], cluster].concat()), Some(false), "{cluster:?}");
        }
        assert_eq!(local(&here, &["submit", "f", "--owner", "deployment/x"]), Some(false));
        assert_eq!(local(&here, &["submit", "f", "--max-tasks", "3"]), Some(true));
    }
}
