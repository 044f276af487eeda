//! One file for each verb: its arguments, its help with examples, and a short `run`. Errors become exit codes only
//! here.

mod access;
mod archive;
mod bring;
mod bundle;
mod cache;
mod check;
mod completion;
mod config;
mod cp;
mod cron;
mod delete;
mod doctor;
mod exec;
mod failure;
mod files;
mod follow;
mod follow_up;
mod generate;
mod gone;
mod graph;
mod handle;
mod home;
mod isolation;
mod known_calls;
mod launch;
mod lint;
mod list;
mod log;
mod logs;
mod manifests;
mod named_nodes;
mod node;
mod node_filter;
mod notify;
mod open;
mod place;
mod pointers;
mod progress;
mod prompt;
mod report;
mod resume;
mod retry;
mod room;
mod runtime;
mod selection;
mod semaphore;
mod settings;
mod shell;
mod signals;
mod status;
mod steer;
mod stop;
mod store;
mod stub;
mod submit;
mod suspend;
mod target;
mod template;
mod terminate;
mod url;
mod values;
mod verbs;
mod version;
mod view;
mod wait;
mod watch;
mod worktree;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::FromArgMatches;

use self::failure::Failure;
use self::settings::Settings;
use self::verbs::{Cli, Command};
use crate::exit::Exit;
use crate::git;
use crate::local::{orders, sandbox};
use crate::output::stream::{result, stderr_colors, stdout_colors, talk};

/// Runs the command that the process arguments name.
pub fn run() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let first = arguments.next();
    match &first {
        Some(first) if first == orders::VERB => return sandbox::task_entry(arguments),
        Some(first) if first == git::VERB => {
            return git::git_entry(arguments).unwrap_or_else(|error| Failure::from(error).report()).into();
        }
        Some(first) if first == bring::VERB => {
            return bring::bring(arguments).unwrap_or_else(|failure| failure.report()).into();
        }
        Some(first) if first == completion::COMPLETE => {
            return completion::complete(arguments).unwrap_or_else(|failure| failure.report()).into();
        }
        Some(first) if (first == "--version" || first == "-V") && arguments.next().is_none() => {
            return version::print().unwrap_or_else(|failure| failure.report()).into();
        }
        _ => {}
    }

    let (settings, refused) = match Settings::load() {
        Ok(settings) => (settings, None),
        Err(failure) => (Settings::default(), Some(failure)),
    };
    let command = verbs::beginning_with(first.as_deref().and_then(OsStr::to_str));
    let matches = match settings.add_to(command).bin_name(invocation(&program)).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return print_clap_error(error).into(),
    };
    settings::hold(settings);

    place::note(&matches);
    let verbosity = matches.get_count("verbose");
    log::start(verbosity);
    let cli = Cli::from_arg_matches(&matches);
    // What mends the settings works without them.
    if let (Some(failure), Ok(Cli { command, .. })) = (&refused, &cli)
        && !command.needs_no_settings()
    {
        return failure.report().into();
    }
    // They end as the command does that they run.
    match &cli {
        Ok(Cli { command: Command::Exec(args), .. }) => return exec::run(args),
        Ok(Cli { command: Command::Shell(args), .. }) => return shell::run(args),
        _ => {}
    }
    let outcome = cli.map_err(|error| Failure::usage(error.to_string())).and_then(carry_out);
    outcome.unwrap_or_else(|failure| failure.report()).into()
}

fn carry_out(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Submit(mut args) => {
            args.verbose = cli.global.verbose > 0;
            submit::run(&args)
        }
        Command::Retry(args) => retry::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::List(args) => list::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Wait(args) => wait::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Progress(args) => progress::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Cp(args) => cp::run(&args),
        Command::Open(args) => open::run(&args),
        Command::Suspend(args) => suspend::run(&args),
        Command::Resume(args) => resume::run(args),
        Command::Stop(args) => stop::run(&args),
        Command::Terminate(args) => terminate::run(&args),
        Command::Delete(args) => delete::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Template(args) => template::run(&args),
        Command::ClusterTemplate(args) => template::run_cluster(&args),
        Command::Cron(args) => cron::run(&args),
        Command::Archive(args) => archive::run(*args),
        Command::Cache(args) => cache::run(&args),
        Command::Exec(_) | Command::Shell(_) => unreachable!("no verb is made of these, and they have been run"),
        Command::Semaphore(args) => semaphore::run(&args),
        Command::Worktree(args) => worktree::run(&args),
        Command::Bundle(args) => bundle::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Version(args) => version::run(&args),
        Command::Completion(args) => completion::run(&args),
    }
}

/// Runs a verb that is a part of another one, by its words.
fn run_words(words: impl IntoIterator<Item = OsString>) -> Result<Exit, Failure> {
    let words = std::iter::once(completion::PROGRAM.into()).chain(words);
    let command = settings::settings().add_to(command());
    match command.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => carry_out(cli),
        Err(error) => Ok(print_clap_error(error)),
    }
}

/// Prints help, the version, or an error in the arguments. Clap itself would print colours into a pipe if
/// `CLICOLOR_FORCE` is set.
fn print_clap_error(error: clap::Error) -> Exit {
    let error = pointers::without_misleading_tips(error);
    let text = error.render();
    if error.use_stderr() {
        let text = if stderr_colors() { text.ansi().to_string() } else { text.to_string() };
        let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(pointer) = pointers::pointer(&error, &words) {
            let first = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            return Failure::usage(first.trim_start_matches("error: ")).hint(pointer).report();
        }
        talk(text.trim_end());
        return Exit::Usage;
    }
    let written = if stdout_colors() { result(text.ansi()) } else { result(text) };
    written.map_or_else(|error| Failure::from(error).report(), |()| Exit::Success)
}

/// The command line as clap knows it, from which completions and the reference are generated.
pub fn command() -> clap::Command {
    verbs::whole()
}

/// The command's name in help: kubectl runs a plugin as `kubectl-NAME`.
fn invocation(program: &OsStr) -> String {
    let name = std::path::Path::new(program).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match name.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {plugin}"),
        None => name,
    }
}
