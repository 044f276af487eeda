//! Which arguments have values that are known only when the line is completed: names of runs, nodes, caches and other
//! objects. Each list is fetched on first use. An error gives no names and no message.

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use clap::{Arg, ArgMatches, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::{documents, known};
use crate::argo::identity::CacheName;
use crate::cli::settings::Settings;
use crate::cli::target::LATEST;
use crate::cli::values::{FromKind, Namespace, ParameterPair};

/// What the value of an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    Run,
    Node,
    /// A workflow of argo-server's archive.
    Archived,
    Cache,
    Context,
    Namespace,
    /// `KIND/NAME` of a template or a schedule of the cluster.
    From,
    /// A template in the files on the line.
    Template,
    /// A parameter of the workflows in the files on the line.
    Parameter,
}

impl What {
    fn of(arg: &Arg) -> Option<Self> {
        let value_name = match arg.get_value_names() {
            Some([name]) => name.as_str(),
            _ => "",
        };
        let is = |wanted: TypeId| arg.get_value_parser().type_id() == wanted;
        match value_name {
            "RUN" => Some(Self::Run),
            "NODE" => Some(Self::Node),
            "ARCHIVED" => Some(Self::Archived),
            "TEMPLATE" => Some(Self::Template),
            _ if arg.get_id() == "context" => Some(Self::Context),
            _ if is(TypeId::of::<CacheName>()) => Some(Self::Cache),
            _ if is(TypeId::of::<Namespace>()) => Some(Self::Namespace),
            _ if is(TypeId::of::<FromKind>()) => Some(Self::From),
            _ if is(TypeId::of::<ParameterPair>()) => Some(Self::Parameter),
            _ => None,
        }
    }
}

/// Names, each with a word about it.
pub(super) type Names = Vec<(String, Option<&'static str>)>;

/// The values that can complete one line.
#[derive(Clone)]
pub(super) struct Candidates {
    line: Arc<[OsString]>,
    found: Arc<Mutex<HashMap<What, Names>>>,
}

impl Candidates {
    /// The values that can complete these arguments, of which the first is the program's name.
    pub(super) fn of(line: &[OsString]) -> Self {
        Self { line: line.into(), found: Arc::default() }
    }

    /// Adds the values to the arguments of the command and of the commands below it.
    pub(super) fn add_to(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let Some(what) = What::of(&arg) else { return arg };
            let values = self.clone();
            arg.add(ArgValueCandidates::new(move || values.candidates(what)))
        });
        command.mut_subcommands(|verb| self.add_to(verb))
    }

    fn candidates(&self, what: What) -> Vec<CompletionCandidate> {
        // A thread that panicked has told of it.
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let names = found.entry(what).or_insert_with(|| self.names(what).unwrap_or_default());
        let latest = (what == What::Run && !names.is_empty()).then_some((LATEST.to_owned(), Some("The latest run")));
        let all = latest.iter().chain(names.iter());
        all.map(|(name, help)| CompletionCandidate::new(name).help(help.map(Into::into))).collect()
    }

    fn names(&self, what: What) -> Option<Names> {
        // Settings that cannot be read are the next command's to tell of.
        let settings = Settings::load().unwrap_or_default();
        let command = settings.add_to(crate::cli::command());
        crate::cli::settings::hold(settings);
        // A parameter that is being typed is not given yet.
        let typed = usize::from(what == What::Parameter);
        let line = &self.line[..self.line.len() - typed];
        let matches = command.ignore_errors(true).try_get_matches_from(line.iter()).ok()?;
        let verb = deepest(&matches);
        match what {
            What::Template => documents::templates(verb),
            What::Parameter => documents::parameters(verb),
            _ => known::names(what, verb),
        }
    }
}

/// The matches of the verb at the end of the commands.
fn deepest(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    matches
}
