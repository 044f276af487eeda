//! One file for each verb: its arguments, its help with examples, and a short `run`. Errors become exit codes only
//! here.

mod access;
mod cache;
mod check;
mod completion;
mod delete;
mod failure;
mod files;
mod follow;
mod follow_up;
mod generate;
mod handle;
mod home;
mod launch;
mod lint;
mod list;
mod log;
mod logs;
mod notify;
mod place;
mod progress;
mod prompt;
mod report;
mod resume;
mod retry;
mod room;
mod run_names;
mod runtime;
mod semaphore;
mod signals;
mod status;
mod steer;
mod stop;
mod submit;
mod suspend;
mod target;
mod terminate;
mod values;
mod wait;
mod watch;
mod worktree;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::failure::Failure;
use crate::exit::Exit;
use crate::git;
use crate::local::sandbox;
use crate::output::stream::{result, stderr_colors, stdout_colors, talk};

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
struct Cli {
    /// Log requests, runs, nodes and cache look-ups to standard error, and name each template that is not memoized; -vv
    /// logs everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Submit(Box<submit::Args>),
    Retry(Box<retry::Args>),
    Lint(lint::Args),
    List(list::Args),
    Status(status::Args),
    Wait(wait::Args),
    Watch(watch::Args),
    Progress(progress::Args),
    Logs(logs::Args),
    Suspend(suspend::Args),
    Resume(resume::Args),
    Stop(stop::Args),
    #[command(visible_alias = "cancel")]
    Terminate(terminate::Args),
    Delete(delete::Args),
    Cache(Box<cache::Args>),
    Semaphore(semaphore::Args),
    Worktree(worktree::Args),
    Completion(completion::Args),
}

/// Runs the command that the process arguments name.
pub fn run() -> Exit {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    match arguments.next() {
        Some(first) if first == sandbox::VERB => return sandbox::task_entry(arguments),
        Some(first) if first == git::VERB => {
            return git::git_entry(arguments).unwrap_or_else(|error| Failure::from(error).report());
        }
        Some(first) if first == completion::COMPLETE => {
            return completion::complete(arguments).unwrap_or_else(|failure| failure.report());
        }
        _ => {}
    }

    let matches = match command().bin_name(invocation(&program)).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return print_clap_error(&error),
    };

    place::note(&matches);
    let verbosity = matches.get_count("verbose");
    log::start(verbosity);
    let outcome = match Cli::from_arg_matches(&matches) {
        Ok(Cli { command: Command::Submit(mut args), verbose }) => {
            args.verbose = verbose > 0;
            submit::run(&args)
        }
        Ok(Cli { command: Command::Retry(args), .. }) => retry::run(&args),
        Ok(Cli { command: Command::Lint(args), .. }) => lint::run(&args),
        Ok(Cli { command: Command::List(args), .. }) => list::run(&args),
        Ok(Cli { command: Command::Status(args), .. }) => status::run(&args),
        Ok(Cli { command: Command::Wait(args), .. }) => wait::run(&args),
        Ok(Cli { command: Command::Watch(args), .. }) => watch::run(&args),
        Ok(Cli { command: Command::Progress(args), .. }) => progress::run(&args),
        Ok(Cli { command: Command::Logs(args), .. }) => logs::run(&args),
        Ok(Cli { command: Command::Suspend(args), .. }) => suspend::run(&args),
        Ok(Cli { command: Command::Resume(args), .. }) => resume::run(args),
        Ok(Cli { command: Command::Stop(args), .. }) => stop::run(&args),
        Ok(Cli { command: Command::Terminate(args), .. }) => terminate::run(&args),
        Ok(Cli { command: Command::Delete(args), .. }) => delete::run(&args),
        Ok(Cli { command: Command::Cache(args), .. }) => cache::run(&args),
        Ok(Cli { command: Command::Semaphore(args), .. }) => semaphore::run(&args),
        Ok(Cli { command: Command::Worktree(args), .. }) => worktree::run(&args),
        Ok(Cli { command: Command::Completion(args), .. }) => completion::run(&args),
        Err(error) => Err(Failure::usage(error.to_string())),
    };

    outcome.unwrap_or_else(|failure| failure.report())
}

/// Prints help, the version, or an error in the arguments. Clap itself would print colours into a pipe if
/// `CLICOLOR_FORCE` is set.
fn print_clap_error(error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        let text = if stderr_colors() { text.ansi().to_string() } else { text.to_string() };
        talk(text.trim_end());
        return Exit::Usage;
    }
    let written = if stdout_colors() { result(text.ansi()) } else { result(text) };
    written.map_or_else(|error| Failure::from(error).report(), |()| Exit::Success)
}

/// The command line as clap knows it, from which completions and the reference are generated.
pub fn command() -> clap::Command {
    Cli::command().bin_name("kubectl runnable")
}

/// The command's name in help: kubectl runs a plugin as `kubectl-NAME`.
fn invocation(program: &std::ffi::OsStr) -> String {
    let name = std::path::Path::new(program).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match name.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {plugin}"),
        None => name,
    }
}
