//! `semaphore set`: sets the limit of a semaphore, or drains it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BranchArgs, ConfigMapArgs, carry_out, drain, no_key, warn_of_shared};
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::{formats, span};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::{Change, Edit, EditRequest, KeyArgument, Limit, PlannedEdit, drain_name};
use crate::output::format::{Format, rendered};
use crate::output::locks::limit;
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # Allow three concurrent runs of a branch; the controller admits waiting runs when it notices the new limit
  kubectl runnable semaphore set --owner exampleorg --repo sample --ref refs/heads/main 3
  kubectl runnable semaphore set exampleorg/sample@main 3

  # Use the semaphore's key instead of the branch
  kubectl runnable semaphore set exampleorg-sample-main 3

  # Set a limit only if there is none yet
  kubectl runnable semaphore set exampleorg-sample-main 1 --if-absent

  # Admit no new holders, wait until all have left, and restore the former limit later
  kubectl runnable semaphore set exampleorg-sample-main --drain --wait
  kubectl runnable semaphore set exampleorg-sample-main --undrain

A limit is at least 1: a controller that starts with a limit of 0 fails every workflow that requests the semaphore. --drain \
lowers the limit to 1 and creates a workflow of the highest priority that becomes the only holder; it needs no pod. Waiting \
workflows keep their positions in the queue.";

/// Set the limit of a semaphore
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, override_usage = "kubectl runnable semaphore set [OPTIONS] KEY|OWNER/REPO@REF LIMIT
       kubectl runnable semaphore set [OPTIONS] --owner OWNER --repo REPO [--ref REF] LIMIT
       kubectl runnable semaphore set [OPTIONS] KEY|OWNER/REPO@REF --drain|--undrain")]
pub(super) struct Args {
    /// The semaphore, by its key or its branch, and the maximum number of holders
    #[arg(value_names = ["KEY", "LIMIT"], num_args = 0..=2, allow_negative_numbers = true)]
    words: Vec<String>,

    #[command(flatten)]
    branch: BranchArgs,

    /// Set the limit only if there is none yet
    #[arg(long)]
    if_absent: bool,

    /// Admit no new holders; current holders finish
    #[arg(long, conflicts_with_all = ["if_absent", "undrain"])]
    drain: bool,

    /// Undo --drain: restore the former limit, or set LIMIT
    #[arg(long, conflicts_with = "if_absent")]
    undrain: bool,

    /// With --drain, wait until all current holders have left
    #[arg(long, requires = "drain")]
    wait: bool,

    /// Stop waiting after this time (exit code 5); the drain continues
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true, requires = "wait")]
    timeout: Option<Duration>,

    /// Only show what would be done; the cluster validates the request
    #[arg(long)]
    dry_run: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The key",
        "An object with namespace, configMap, key, old, new, drained and sharedWith",
        "The line, as without -o",
    ))]
    output: Option<Format>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (named, limit) = args.named()?;
    let config_map = args.config_map.name.as_str();
    let drain = drain_name(config_map, &named.key);
    let edit = args.edit(limit, &drain)?;
    let request = EditRequest { config_map, key: &named.key, branch: named.branch.as_ref(), edit };
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        if args.drain {
            let drain = drain::Drain { request, wait: args.wait, timeout: args.timeout, quiet: args.quiet };
            let print_result = |planned: &PlannedEdit| args.print_result(&cluster, &request, planned);
            return Box::pin(drain.begin(&cluster, args.dry_run, print_result)).await;
        }

        if matches!(edit, Edit::Set(_) | Edit::Undrain) {
            drain::end(&cluster, &request, args.dry_run).await?;
        }
        let planned = carry_out(&cluster, &request, args.dry_run).await?;
        args.print_result(&cluster, &request, &planned)?;
        Ok(Exit::Success)
    })
}

impl Args {
    /// The semaphore, and the limit if given.
    fn named(&self) -> Result<(KeyArgument, Option<&str>), Failure> {
        let mut words = self.words.iter().map(String::as_str);
        let named = match self.branch.named()? {
            Some(named) => named,
            None => words.next().ok_or_else(no_key)?.parse()?,
        };
        let limit = words.next();
        match words.next() {
            Some(more) => {
                Err(Failure::usage(format!("unexpected argument {more:?}"))
                    .hint("give either KEY or the branch, not both"))
            }
            None => Ok((named, limit)),
        }
    }

    fn edit<'a>(&self, limit: Option<&str>, drain: &'a str) -> Result<Edit<'a>, Failure> {
        let number = limit.map(|text| text.parse::<u32>().map_err(|_| invalid_limit(text))).transpose()?;
        match (self.drain, self.undrain, number) {
            (true, _, None | Some(0)) => Ok(Edit::Drain(drain)),
            (true, _, Some(limit)) => Err(Failure::usage(format!("--drain takes no limit: unexpected {limit}"))
                .hint("remove LIMIT; --undrain restores the former limit")),
            (_, true, None) => Ok(Edit::Undrain),
            (_, _, Some(0)) => Err(Failure::usage(
                "Argo does not accept a limit of 0: a controller that starts with it fails every workflow that requests the semaphore",
            )
            .hint("use --drain to admit no new holders; --undrain reverts it")),
            (_, _, Some(limit)) if self.if_absent => Ok(Edit::Ensure(limit)),
            (_, _, Some(limit)) => Ok(Edit::Set(limit)),
            (_, _, None) => Err(Failure::usage("no limit given").hint("give a number of at least 1, or --drain")),
        }
    }

    /// Prints the result.
    fn print_result(&self, cluster: &Cluster, request: &EditRequest<'_>, planned: &PlannedEdit) -> Result<(), Failure> {
        if !self.quiet {
            warn_of_shared(request, planned);
        }
        match self.output {
            None | Some(Format::Wide) => result(line(request, planned, self.dry_run))?,
            Some(Format::Name) => result(format_args!("{}\n", request.key))?,
            Some(format) => result(rendered(format, &[document(cluster, request, planned)]))?,
        }
        Ok(())
    }
}

fn invalid_limit(text: &str) -> Failure {
    Failure::usage(format!("invalid limit {text:?}: expected a whole number from 1 to {}", u32::MAX))
}

fn line(request: &EditRequest<'_>, planned: &PlannedEdit, dry_run: bool) -> String {
    let old = match &planned.drained {
        Some(drained) => format!("drained ({} before)", drained.limit),
        None if planned.old == Limit::MissingKey => "none".to_owned(),
        None => limit(&planned.old),
    };
    let new = if matches!(request.edit, Edit::Drain(_)) { "drained".to_owned() } else { limit(&planned.new) };
    let end = if dry_run { " (server dry run)" } else { "" };
    let unchanged = planned.change == Change::Nothing;
    let change = if unchanged { format!("{old} (unchanged)") } else { format!("{old} → {new}") };
    format!("semaphore {}: {change}{end}\n", request.key)
}

fn document(cluster: &Cluster, request: &EditRequest<'_>, planned: &PlannedEdit) -> Value {
    json!({
        "namespace": cluster.namespace(),
        "configMap": request.config_map,
        "key": request.key,
        "old": planned.old.number(),
        "new": planned.new.number(),
        "drained": matches!(request.edit, Edit::Drain(_)),
        "sharedWith": planned.shared_with,
    })
}
