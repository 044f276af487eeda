//! `cache prune`: removes entries that are old, unused, or of no use.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::consent::ConsentArgs;
use super::given::add_given;
use super::source::{Source, SourceArgs, check_mutable, in_use, provenance_of};
use crate::argo::duration;
use crate::argo::identity::{CacheName, RunId};
use crate::cache::{Cache, Carried, Change, Conditions, Provenance, Prune};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, carried, document, entries, lines, size};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Show which entries have not been used for a month, then remove them
  kubectl runnable cache prune runnable-k3v9qz --unused 30d --dry-run
  kubectl runnable cache prune runnable-k3v9qz --unused 30d

  # Keep the 500 most recently used entries
  kubectl runnable cache prune runnable-k3v9qz --keep 500

  # Entries of one run and one template
  kubectl runnable cache prune runnable-k3v9qz --run-id nightly-001 --template load

  # On this machine: entries that no template of the edited document can produce any more
  kubectl runnable cache prune runnable-k3v9qz --local --orphaned -f etl.yaml

An entry is removed only if it matches every condition. On a terminal prune asks for confirmation. An entry that is hit in
the meantime is checked against the conditions again. On this machine, entries of active runs are kept.";

/// Remove entries that are old, unused, or can no longer be used
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The cache's name
    #[arg(value_name = "NAME")]
    name: CacheName,

    /// Entries created longer ago than this, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = age)]
    older: Option<SignedDuration>,

    /// Entries not used for longer than this
    #[arg(long, value_name = "DURATION", value_parser = age)]
    unused: Option<SignedDuration>,

    /// Always keep the N most recently used entries
    #[arg(long, value_name = "N")]
    keep: Option<usize>,

    /// Entries of the run with this id
    #[arg(long, value_name = "ID")]
    run_id: Option<RunId>,

    /// Entries of this template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// Entries that no template of a live workflow, or of the files, can produce any more
    #[arg(long)]
    orphaned: bool,

    /// With --orphaned: use the templates of these documents instead of the live ones
    #[arg(short = 'f', long = "file", value_name = "FILE", requires = "orphaned")]
    files: Vec<PathBuf>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    consent: ConsentArgs,

    #[command(flatten)]
    source: SourceArgs,
}

fn age(text: &str) -> Result<SignedDuration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

impl Args {
    fn conditions(&self) -> Result<Conditions, Failure> {
        let conditions = Conditions {
            older: self.older,
            unused: self.unused,
            keep: self.keep,
            run_id: self.run_id.as_ref().map(RunId::to_string),
            template: self.template.clone(),
            orphaned: self.orphaned,
            ..Conditions::default()
        };
        if conditions.is_empty() {
            return Err(Failure::usage(
                "no condition is given: use --older, --unused, --keep, --run-id, --template or --orphaned",
            )
            .hint("kubectl runnable cache delete removes a whole cache"));
        }
        Ok(conditions)
    }

    /// Runs that go on keep their entries in a store; of a cluster only what is orphaned needs a look at workflows.
    async fn provenance(&self, source: &Source, cache: &Cache) -> Result<Provenance, Failure> {
        let mut provenance = match source {
            // Who uses the cache is all that is wanted, and no cache is called "".
            Source::Cluster { .. } if !self.orphaned && self.template.is_none() => provenance_of(source, &[]).await?,
            source => source.provenance([cache]).await?,
        };
        if !self.files.is_empty() {
            add_given(&mut provenance, &self.files)?;
        }
        Ok(provenance)
    }
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let conditions = args.conditions()?;
    let source = args.source.open().await?;
    let cache = source.cache(&args.name).await?;
    let provenance = args.provenance(&source, &cache).await?;
    if let Some(used) = in_use(&provenance, &cache) {
        talk(format_args!("note: {used}"));
    }
    if args.orphaned && provenance.producers(&cache.name, "").is_none() {
        let why = if provenance.templates_missed {
            "orphaned entries cannot be determined: not all workflows and templates can be read".to_owned()
        } else {
            format!("no known template uses cache {}", cache.name)
        };
        return Err(Failure::new(Exit::NotFound, why).hint("give the document that defines the templates with -f"));
    }
    let now = Timestamp::now();
    let prune = conditions.prune(&cache, &provenance, now);
    let change = Change { remove: prune.remove.clone(), ..Change::default() };
    if !change.is_empty() {
        check_mutable(&cache)?;
    }
    let question = format!("Remove {} of cache {}?", said(&cache, &prune), args.name);
    let (total, bytes) = (cache.entries.len(), freed(&cache, &prune.remove));
    if args.consent.dry_run || change.is_empty() {
        return report(
            args,
            &Carried { done: change.remove.into_iter().collect(), busy: Vec::new() },
            &prune,
            total,
            bytes,
        );
    }
    if !args.consent.given(&question)? {
        return Ok(ConsentArgs::declined());
    }
    let again = |cache: &Cache| {
        let remove = conditions.prune(cache, &provenance, now).remove;
        Ok(Change { remove, ..Change::default() })
    };
    let seen = cache.clone();
    let carried = source.carry_out(cache, &change, again).await?;
    let bytes = freed(&seen, &carried.done);
    report(args, &carried, &prune, total, bytes)
}

fn freed<'a>(cache: &Cache, keys: impl IntoIterator<Item = &'a String>) -> u64 {
    keys.into_iter().filter_map(|key| cache.entries.get(key)).map(|entry| entry.bytes).sum()
}

fn said(cache: &Cache, prune: &Prune) -> String {
    format!("{} ({}) of {}", entries(prune.remove.len()), size(freed(cache, &prune.remove)), cache.entries.len())
}

fn report(args: &Args, done: &Carried, prune: &Prune, total: usize, bytes: u64) -> Result<Exit, Failure> {
    match args.output {
        None => result(carried(done, args.consent.done("pruned")))?,
        Some(Form::Name) => result(lines(&done.done))?,
        Some(form) => {
            let value = json!({
                "cache": args.name.as_str(), "dryRun": args.consent.dry_run, "pruned": done.done, "bytes": bytes,
                "changedMeanwhile": done.busy, "inUse": prune.in_use,
            });
            result(document(form, &value).map_err(anyhow::Error::from)?)?;
        }
    }
    let word = args.consent.done("pruned");
    talk(format_args!("{word} {} of {total}, {} freed", entries(done.done.len()), size(bytes)));
    if !done.busy.is_empty() {
        talk(format_args!("kept {} that changed in the meantime", entries(done.busy.len())));
    }
    if !prune.in_use.is_empty() {
        talk(format_args!("kept {} that active runs use", entries(prune.in_use.len())));
    }
    Ok(Exit::Success)
}
