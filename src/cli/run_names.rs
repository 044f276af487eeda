//! The names of runs for shell completion, from the cluster or directory that the command line selects. An error gives
//! no names and no message.

use std::ffi::OsString;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::{ArgMatches, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::failure::Failure;
use super::runtime::block_on;
use super::target::{LATEST, TargetArgs};
use crate::exit::Exit;

/// The maximum time that completion waits for a cluster.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The maximum number of names, the latest runs first.
const MAX_NAMES: usize = 100;

/// The names, fetched on first use.
#[derive(Clone)]
pub(super) struct RunNames {
    line: Arc<[OsString]>,
    names: Arc<OnceLock<Vec<String>>>,
}

impl RunNames {
    /// The names that can complete these arguments, of which the first is the program's name.
    pub(super) fn of(line: &[OsString]) -> Self {
        Self { line: line.into(), names: Arc::default() }
    }

    /// Adds the names as candidates to every RUN argument of the command.
    pub(super) fn add_to(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let is_run = arg.get_value_names().is_some_and(|names| matches!(names, [name] if name.as_str() == "RUN"));
            let names = self.clone();
            if is_run { arg.add(ArgValueCandidates::new(move || names.candidates())) } else { arg }
        });
        command.mut_subcommands(|verb| self.add_to(verb))
    }

    fn candidates(&self) -> Vec<CompletionCandidate> {
        let names = self.names.get_or_init(|| names(&self.line).unwrap_or_default());
        let latest = (!names.is_empty()).then(|| CompletionCandidate::new(LATEST).help(Some("The latest run".into())));
        latest.into_iter().chain(names.iter().map(CompletionCandidate::new)).collect()
    }
}

fn names(line: &[OsString]) -> Option<Vec<String>> {
    let matches = super::command().ignore_errors(true).try_get_matches_from(line).ok()?;
    fetch(target(&matches)?)
}

/// The flags that select where the verb's runs are.
fn target(mut verb: &ArgMatches) -> Option<TargetArgs> {
    while let Some((_, below)) = verb.subcommand() {
        verb = below;
    }
    let knows = |flag: &str| verb.try_contains_id(flag).is_ok();
    if knows("local") && knows("request_timeout") { TargetArgs::from_arg_matches(verb).ok() } else { None }
}

/// None if there is no answer in time.
fn fetch(mut target: TargetArgs) -> Option<Vec<String>> {
    target.access.request_timeout = Some(TIMEOUT);
    let asking = async {
        let asked =
            tokio::time::timeout(TIMEOUT, async { Ok::<_, Failure>(target.backend().await?.names(MAX_NAMES).await?) });
        asked.await.unwrap_or_else(|_| Err(Failure::new(Exit::TimedOut, "no answer")))
    };
    block_on(asking).ok()
}
