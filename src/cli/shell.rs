//! `shell`: a shell, or a command, in what a failed task of this machine has left.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use super::failure::Failure;
use super::follow::address;
use super::named_nodes::named_nodes;
use super::runtime::block_on;
use super::target::TargetArgs;
use crate::argo::nodes::path;
use crate::argo::status::Node;
use crate::backend::{Run, Snapshot};
use crate::exit::Exit;
use crate::local::failed_views::FailedView;
use crate::local::orders::NOT_STARTED;
use crate::local::record::Record;
use crate::output::stream::talk;
use crate::output::tree::printable;
use crate::shell::word;

const EXAMPLES: &str = "Examples:
  # Look around where a task of the latest local run failed: its files, variables and inputs
  kubectl runnable shell --local @latest load

  # Run one command there; a script needs no terminal for it
  kubectl runnable shell --local etl-x2k9f load -- ls -l /tmp

  # Where several tasks failed, the last one is meant without NODE
  kubectl runnable shell --local etl-x2k9f

A local run keeps the views of its last failed tasks (submit --keep-failed) until it is deleted; those of a run that
Succeeded are not kept. What is changed there stays for the next shell. With a COMMAND the exit code is that of the command; it
is 126 if the shell or the command cannot be started.";

/// Open a shell in the environment of a failed local task: its files, variables and inputs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a local run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// The id, name, display name or path of a node, or of a node that contains it [default: the last one that failed]
    #[arg(value_name = "NODE")]
    node: Option<String>,

    /// The container whose variables and rights the shell has [default: main]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// A command instead of a shell, with its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    #[command(flatten)]
    target: TargetArgs,
}

/// Ends as the command does; a shell that somebody leaves is no failure, one that cannot be started is.
pub(super) fn run(args: &Args) -> ExitCode {
    match visit(args) {
        Ok(code) if !args.command.is_empty() || code == NOT_STARTED => ExitCode::from(code),
        Ok(_) => Exit::Success.into(),
        Err(failure) => failure.report().into(),
    }
}

fn visit(args: &Args) -> Result<u8, Failure> {
    if args.command.is_empty() && !std::io::stdin().is_terminal() {
        return Err(Failure::usage("a shell needs a terminal").hint("give a command: shell RUN NODE -- COMMAND"));
    }
    let (run, state) = block_on(async {
        let run = args.target.resolve(&args.run).await?;
        let state = run.get().await?;
        Ok((run, state))
    })?;
    let Run::Local(record) = &run else { return Err(elsewhere(&state)) };
    let node = node(args, &run, record, &state)?;
    let path = path(state.nodes.workflow(), &node.name);
    let view = FailedView::open(record, &node.id, &path)?;
    let container = view.container(args.container.as_deref())?;
    if args.command.is_empty() {
        greet(node, &path, view.command_of(&container));
    }
    let ended = view.visit(&container, &args.command)?;
    Ok(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Tool as u8))
}

/// The node that is meant: of those that it stands for, the last one whose view was kept.
fn node<'a>(args: &Args, run: &Run, record: &Record, state: &'a Snapshot) -> Result<&'a Node, Failure> {
    let named = named_nodes(state, args.node.as_deref())?;
    let kept = named.into_iter().filter(|node| FailedView::is_kept(record, &node.id));
    kept.max_by_key(|node| node.finished_at).ok_or_else(|| {
        let what = args.node.as_ref().map_or_else(|| "no task".to_owned(), |name| format!("no task of node {name:?}"));
        let status = address(run).command("status", &[]);
        Failure::new(Exit::NotFound, format!("run {} has kept {what} to look into", state.name())).hint(format!(
            "a run that did not succeed keeps its last failed tasks (submit --keep-failed); {status} shows what failed"
        ))
    })
}

/// Pods have views of their own.
fn elsewhere(state: &Snapshot) -> Failure {
    let namespace = word(state.workflow.namespace());
    Failure::usage(format!("run {} is not of this machine, whose failed tasks shell shows", state.name())).hint(
        format!("kubectl exec -it POD -n {namespace} -- sh enters a pod that runs, kubectl debug one that has ended"),
    )
}

fn greet(node: &Node, path: &str, command: Option<(&[String], bool)>) {
    let message = if node.message.is_empty() { String::new() } else { format!(": {}", printable(&node.message)) };
    talk(format_args!("{} {}{message}", printable(path), node.phase.as_str()));
    if let Some((command, has_script)) = command {
        let words = command.iter().map(|part| word(part)).chain(has_script.then(|| "/argo/staging/script".to_owned()));
        talk(format_args!("it ran: {}", printable(&words.collect::<Vec<_>>().join(" "))));
    }
    talk("you are where it failed, with its files and variables; exit leaves");
}
