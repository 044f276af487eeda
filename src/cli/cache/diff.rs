//! `cache diff`: how two caches differ, or two attempts in what they asked the cache for.

use super::source::SourceArgs;
use crate::argo::identity::CacheName;
use crate::cache::{Cache, CacheDifference, attempts};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, attempts as nodes, difference, document, entries, lines};
use crate::output::stream::{result, stdout_width, talk};

use super::source::Source;

const EXAMPLES: &str = "Examples:
  # Entries that only one of two caches has
  kubectl runnable cache diff runnable-k3v9qz runnable-p0d2aa

  # Two attempts, node by node: cached or not, and how their keys differ
  kubectl runnable cache diff etl-x2k9f etl-7hq2b

Names are looked up as caches first; --workflow makes them names of runs.";

/// Compare two caches, or two attempts of a run
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A cache, or a run: its name, @latest, or a file written by submit --handle
    #[arg(value_name = "A")]
    first: String,

    /// The cache or run to compare with
    #[arg(value_name = "B")]
    second: String,

    /// Treat both names as runs
    #[arg(long)]
    workflow: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    source: SourceArgs,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let caches = if args.workflow { None } else { caches(args).await? };
    match caches {
        Some((first, second)) => of_caches(args, &first, &second),
        None => of_runs(args).await,
    }
}

/// The caches of the names; none where there is neither.
async fn caches(args: &Args) -> Result<Option<(Cache, Cache)>, Failure> {
    let (Ok(first), Ok(second)) = (args.first.parse::<CacheName>(), args.second.parse::<CacheName>()) else {
        return Ok(None);
    };
    let source: Source = args.source.open().await?;
    Ok(match (source.find(&first).await?, source.find(&second).await?) {
        (Some(_), Some(_)) => Some((source.cache(&first).await?, source.cache(&second).await?)),
        (Some(_), None) => return Err(source.missing(&second)),
        (None, Some(_)) => return Err(source.missing(&first)),
        (None, None) => None,
    })
}

fn of_caches(args: &Args, first: &Cache, second: &Cache) -> Result<Exit, Failure> {
    let compared = CacheDifference::of(first, second);
    match args.output {
        None => {
            result(difference(&compared))?;
            talk(format_args!("{} are equal in both", entries(compared.same)));
        }
        Some(Form::Name) => {
            let changed = compared.changed.iter().map(|changed| &changed.key);
            let keys = compared.only_first.iter().chain(&compared.only_second).chain(changed);
            result(lines(keys))?;
        }
        Some(form) => result(document(form, &compared).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}

async fn of_runs(args: &Args) -> Result<Exit, Failure> {
    let workflow = async |run: &str| Ok::<_, Failure>(args.source.target.resolve(run).await?.get().await?);
    let first = workflow(&args.first).await?;
    let second = workflow(&args.second).await?;
    let compared = attempts(first.workflow.value(), second.workflow.value());
    match args.output {
        None if compared.is_empty() => talk("neither run has used a cache"),
        None => result(nodes(&compared, stdout_width()))?,
        Some(Form::Name) => result(lines(compared.iter().map(|node| &node.node)))?,
        Some(form) => result(document(form, &compared).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}
