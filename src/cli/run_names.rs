//! The runs that a line being typed can name: those of the place that its words tell. Never says why there are none.

use std::ffi::OsString;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::{ArgMatches, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::failure::Failure;
use super::runtime::block_on;
use super::target::{LATEST, TargetArgs};
use crate::exit::Exit;

/// Whoever types waits no longer than this for an answer of a cluster.
const PATIENCE: Duration = Duration::from_secs(3);
/// Runs that are offered, the latest ones.
const MOST: usize = 100;

/// The names, looked up when they are asked for first.
#[derive(Clone)]
pub(super) struct RunNames {
    line: Arc<[OsString]>,
    names: Arc<OnceLock<Vec<String>>>,
}

impl RunNames {
    /// Those that can stand in this line of words, the program's name first.
    pub(super) fn of(line: &[OsString]) -> Self {
        Self { line: line.into(), names: Arc::default() }
    }

    /// The command line, with the names offered wherever a verb takes a RUN.
    pub(super) fn offered_by(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let is_run = arg.get_value_names().is_some_and(|names| matches!(names, [name] if name.as_str() == "RUN"));
            let names = self.clone();
            if is_run { arg.add(ArgValueCandidates::new(move || names.candidates())) } else { arg }
        });
        command.mut_subcommands(|verb| self.offered_by(verb))
    }

    fn candidates(&self) -> Vec<CompletionCandidate> {
        let names = self.names.get_or_init(|| names(&self.line).unwrap_or_default());
        let latest = (!names.is_empty())
            .then(|| CompletionCandidate::new(LATEST).help(Some("The run that was created last".into())));
        latest.into_iter().chain(names.iter().map(CompletionCandidate::new)).collect()
    }
}

fn names(line: &[OsString]) -> Option<Vec<String>> {
    let matches = super::command().ignore_errors(true).try_get_matches_from(line).ok()?;
    asked(target(&matches)?)
}

/// The flags of the verb that tell where its runs are.
fn target(mut verb: &ArgMatches) -> Option<TargetArgs> {
    while let Some((_, below)) = verb.subcommand() {
        verb = below;
    }
    let knows = |flag: &str| verb.try_contains_id(flag).is_ok();
    if knows("local") && knows("request_timeout") { TargetArgs::from_arg_matches(verb).ok() } else { None }
}

/// Silent where there is no answer.
fn asked(mut target: TargetArgs) -> Option<Vec<String>> {
    target.access.request_timeout = Some(PATIENCE);
    let asking = async {
        let asked =
            tokio::time::timeout(PATIENCE, async { Ok::<_, Failure>(target.backend().await?.names(MOST).await?) });
        asked.await.unwrap_or_else(|_| Err(Failure::new(Exit::TimedOut, "no answer")))
    };
    block_on(asking).ok()
}
