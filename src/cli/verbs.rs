//! The verbs as clap knows them: all of them, or one alone. All of them have thousands of flags and texts, which take longer to
//! put together than most verbs take.

use clap::{Args as _, CommandFactory, Parser, Subcommand};

use super::{
    archive, bundle, cache, completion, config, cp, cron, delete, doctor, exec, graph, lint, list, logs, node, open,
    progress, report, resume, retry, semaphore, shell, status, stop, submit, suspend, template, terminate, version,
    wait, watch, worktree,
};

#[derive(Debug, Parser)]
#[command(
    name = completion::PROGRAM,
    version,
    about = "Make Argo Workflows runs retryable, memoized and isolated, on a cluster or on this machine",
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 success, 1 the tool or the API failed, 2 bad usage or an invalid document, \
3 the workflow Failed, 4 the workflow Errored, 5 timed out waiting, 6 not found, 7 conflict, 130 interrupted."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The flags of all verbs.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// Log requests, runs, nodes and cache look-ups to standard error, and name each template that is not memoized; -vv
    /// logs everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(super) verbose: u8,
}

/// Declares the verbs, and how clap knows one of them alone.
macro_rules! verbs {
    ($($(#[$attribute:meta])* $name:ident($arguments:ty) $verb:literal,)*) => {
        #[derive(Debug, Subcommand)]
        pub(super) enum Command {
            $($(#[$attribute])* #[command(name = $verb)] $name($arguments),)*
        }

        impl Command {
            /// A verb by its name.
            fn verb(name: &str) -> Option<clap::Command> {
                match name {
                    $($verb => Some(<$arguments>::augment_args(clap::Command::new($verb))),)*
                    _ => None,
                }
            }
        }
    };
}

verbs! {
    Submit(Box<submit::Args>) "submit",
    Retry(Box<retry::Args>) "retry",
    Lint(lint::Args) "lint",
    List(list::Args) "list",
    Status(status::Args) "status",
    Wait(wait::Args) "wait",
    Watch(watch::Args) "watch",
    Progress(progress::Args) "progress",
    Logs(logs::Args) "logs",
    Shell(shell::Args) "shell",
    Report(report::Args) "report",
    Graph(graph::Args) "graph",
    Cp(cp::Args) "cp",
    Open(open::Args) "open",
    Suspend(suspend::Args) "suspend",
    Resume(resume::Args) "resume",
    Stop(stop::Args) "stop",
    #[command(visible_alias = "cancel")]
    Terminate(terminate::Args) "terminate",
    Delete(delete::Args) "delete",
    Node(node::Args) "node",
    Template(template::Args) "template",
    ClusterTemplate(template::ClusterArgs) "cluster-template",
    Cron(cron::Args) "cron",
    Archive(Box<archive::Args>) "archive",
    Cache(Box<cache::Args>) "cache",
    Exec(Box<exec::Args>) "exec",
    Semaphore(semaphore::Args) "semaphore",
    Worktree(worktree::Args) "worktree",
    Bundle(bundle::Args) "bundle",
    Config(config::Args) "config",
    Doctor(doctor::Args) "doctor",
    Completion(completion::Args) "completion",
    Version(version::Args) "version",
}

impl Command {
    pub(super) fn needs_no_settings(&self) -> bool {
        match self {
            Self::Config(args) => matches!(args.command, config::Command::Path(_)),
            Self::Completion(_) | Self::Version(_) => true,
            _ => false,
        }
    }
}

/// The command line with all verbs.
pub(super) fn whole() -> clap::Command {
    Cli::command().bin_name("kubectl runnable")
}

/// The command line as far as it matters where this is its first word: with one verb, or with all.
pub(super) fn beginning_with(word: Option<&str>) -> clap::Command {
    let Some(verb) = word.and_then(Command::verb) else { return whole() };
    let root = clap::Command::new(completion::PROGRAM).subcommand_required(true);
    Global::augment_args(root).subcommand(verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_alone_has_the_flags_and_the_help_that_it_has_beside_the_others() {
        let mut whole = whole();
        whole.build();
        for verb in whole.get_subcommands().filter(|verb| verb.get_name() != "help") {
            let mut alone = beginning_with(Some(verb.get_name())).bin_name("kubectl runnable");
            alone.build();
            let verbs: Vec<&str> = alone.get_subcommands().map(clap::Command::get_name).collect();
            assert_eq!(verbs, [verb.get_name(), "help"]);
            let found = alone.find_subcommand(verb.get_name()).map(|verb| verb.clone().render_long_help().to_string());
            assert_eq!(found, Some(verb.clone().render_long_help().to_string()));
        }
    }

    #[test]
    fn other_words_have_all_verbs() {
        for word in [None, Some("cancel"), Some("-v"), Some("help"), Some("subm")] {
            assert!(beginning_with(word).find_subcommand("submit").is_some(), "{word:?}");
        }
    }
}
