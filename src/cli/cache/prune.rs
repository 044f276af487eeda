//! `cache prune`: removes entries that are old, unused, or of no use.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::consent::ConsentArgs;
use super::given::add_given;
use super::source::{Source, SourceArgs, check_mutable, in_use, provenance_of};
use crate::argo::duration;
use crate::argo::identity::{CacheName, RunId};
use crate::cache::{Cache, Carried, Change, Collected, Conditions, Provenance, Prune};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, carried, document, entries, lines, size};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Show which entries have not been used for a month, then remove them
  kubectl runnable cache prune runnable-k3v9qz --unused 30d --dry-run
  kubectl runnable cache prune runnable-k3v9qz --unused 30d

  # The same in all caches of this machine
  kubectl runnable cache prune --all --local --unused 30d

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
    #[arg(value_name = "NAME", required_unless_present = "all")]
    name: Option<CacheName>,

    /// All caches that cache list shows without -A, one by one
    #[arg(long, conflicts_with = "name")]
    all: bool,

    /// Entries created longer ago than this, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = age)]
    older: Option<SignedDuration>,

    /// Entries not used for longer than this
    #[arg(long, value_name = "DURATION", value_parser = age)]
    unused: Option<SignedDuration>,

    /// Always keep the N most recently used entries of a cache
    #[arg(long, value_name = "N")]
    keep: Option<usize>,

    /// Entries of the run with this id
    #[arg(long, value_name = "ID")]
    run_id: Option<RunId>,

    /// Entries of this template
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// In a store: also remove contents of artifacts that no entry names and that are older than this
    #[arg(long, value_name = "DURATION", value_parser = age, default_value = "24h")]
    grace: SignedDuration,

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

    /// The caches that are meant.
    async fn caches(&self, source: &Source) -> Result<Vec<Cache>, Failure> {
        if let Some(name) = &self.name {
            return Ok(vec![source.cache(name).await?]);
        }
        let mut caches = Vec::new();
        source.each(false, |cache| caches.push(cache)).await?;
        caches.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(caches)
    }

    /// Runs that go on keep their entries in a store; of a cluster only what is orphaned needs a look at workflows.
    async fn provenance(&self, source: &Source, caches: &[Cache]) -> Result<Provenance, Failure> {
        let mut provenance = match source {
            // Who uses the caches is all that is wanted, and no cache is called "".
            Source::Cluster { .. } if !self.orphaned && self.template.is_none() => provenance_of(source, &[]).await?,
            source => source.provenance(caches).await?,
        };
        if !self.files.is_empty() {
            add_given(&mut provenance, &self.files)?;
        }
        Ok(provenance)
    }
}

/// A cache, and what is to go from it.
struct Planned {
    cache: Cache,
    prune: Prune,
}

/// What was done to a cache, or would be.
struct Pruned {
    cache: String,
    carried: Carried,
    in_use: BTreeSet<String>,
    total: usize,
    bytes: u64,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let conditions = args.conditions()?;
    let source = args.source.open().await?;
    let caches = args.caches(&source).await?;
    let provenance = args.provenance(&source, &caches).await?;
    let now = Timestamp::now();
    let mut planned = Vec::new();
    for cache in caches {
        match args.plan(&conditions, &provenance, cache, now) {
            Ok(one) => planned.push(one),
            Err(failure) if args.all => talk(format_args!("note: {}", failure.message())),
            Err(failure) => return Err(failure),
        }
    }

    let goes = planned.iter().any(|one| !one.prune.remove.is_empty());
    if goes && !args.consent.dry_run && !args.consent.given(&question(&planned))? {
        return Ok(ConsentArgs::declined());
    }
    let (mut exit, mut pruned) = (Exit::Success, Vec::new());
    for one in planned {
        match args.carry_out(&source, one, |cache| conditions.prune(cache, &provenance, now).remove).await {
            Ok(one) => pruned.push(one),
            // What was done to the others is told.
            Err(failure) if args.all => exit = exit.max(failure.report()),
            Err(failure) => return Err(failure),
        }
    }
    args.report(&pruned)?;
    collect(args, &source)?;
    Ok(exit)
}

impl Args {
    /// What goes from a cache; refused where that cannot be told or done.
    fn plan(
        &self,
        conditions: &Conditions,
        provenance: &Provenance,
        cache: Cache,
        now: Timestamp,
    ) -> Result<Planned, Failure> {
        if let Some(used) = in_use(provenance, &cache) {
            talk(format_args!("note: {used}"));
        }
        if self.orphaned && provenance.producers(&cache.name, "").is_none() {
            let why = if provenance.templates_missed {
                "orphaned entries cannot be determined: not all workflows and templates can be read".to_owned()
            } else {
                format!("no known template uses cache {}", cache.name)
            };
            return Err(Failure::new(Exit::NotFound, why).hint("give the document that defines the templates with -f"));
        }
        let prune = conditions.prune(&cache, provenance, now);
        if !prune.remove.is_empty() {
            check_mutable(&cache)?;
        }
        Ok(Planned { cache, prune })
    }

    async fn carry_out(
        &self,
        source: &Source,
        Planned { cache, prune }: Planned,
        again: impl Fn(&Cache) -> BTreeSet<String>,
    ) -> Result<Pruned, Failure> {
        let change = Change { remove: prune.remove, ..Change::default() };
        let carried = if self.consent.dry_run || change.is_empty() {
            Carried { done: change.remove.into_iter().collect(), busy: Vec::new() }
        } else {
            let again = |cache: &Cache| Ok(Change { remove: again(cache), ..Change::default() });
            source.carry_out(cache.clone(), &change, again).await?
        };
        let (total, bytes) = (cache.entries.len(), freed(&cache, &carried.done));
        Ok(Pruned { cache: cache.name, carried, in_use: prune.in_use, total, bytes })
    }

    fn report(&self, pruned: &[Pruned]) -> Result<(), Failure> {
        let word = self.consent.done("pruned");
        let changed = || pruned.iter().filter(|one| !one.carried.done.is_empty());
        match (self.output, self.all) {
            (None, false) => pruned.iter().try_for_each(|one| result(carried(&one.carried, &word)))?,
            (None, true) => result(lines(changed().map(|one| format!("{}: {}", one.cache, one.said(&word)))))?,
            (Some(Form::Name), false) => pruned.iter().try_for_each(|one| result(lines(&one.carried.done)))?,
            (Some(Form::Name), true) => result(lines(changed().map(|one| &one.cache)))?,
            (Some(form), all) => {
                let mut told: Vec<Value> = pruned.iter().map(|one| one.value(self.consent.dry_run)).collect();
                let value = if all { json!({ "caches": told }) } else { told.pop().unwrap_or_default() };
                result(document(form, &value).map_err(anyhow::Error::from)?)?;
            }
        }

        let sum = |count: fn(&Pruned) -> usize| pruned.iter().map(count).sum::<usize>();
        let bytes = pruned.iter().map(|one| one.bytes).sum();
        let done = entries(sum(|one| one.carried.done.len()));
        talk(format_args!("{word} {done} of {}, {} freed", sum(|one| one.total), size(bytes)));
        let (busy, in_use) = (sum(|one| one.carried.busy.len()), sum(|one| one.in_use.len()));
        if busy > 0 {
            talk(format_args!("kept {} that changed in the meantime", entries(busy)));
        }
        if in_use > 0 {
            talk(format_args!("kept {} that active runs use", entries(in_use)));
        }
        Ok(())
    }
}

impl Pruned {
    fn said(&self, word: &str) -> String {
        format!("{word} {} of {}, {} freed", entries(self.carried.done.len()), self.total, size(self.bytes))
    }

    fn value(&self, dry_run: bool) -> Value {
        json!({
            "cache": self.cache, "dryRun": dry_run, "pruned": self.carried.done, "bytes": self.bytes,
            "changedMeanwhile": self.carried.busy, "inUse": self.in_use,
        })
    }
}

/// Removes what no entry of the store names.
fn collect(args: &Args, source: &Source) -> Result<(), Failure> {
    let Source::Store(store) = source else { return Ok(()) };
    let Collected { blobs, bytes } = store.collect(args.grace, args.consent.dry_run)?;
    if blobs > 0 {
        let word = args.consent.done("removed");
        talk(format_args!("{word} {} of {blobs} artifacts that no entry names", size(bytes)));
    }
    Ok(())
}

fn freed<'a>(cache: &Cache, keys: impl IntoIterator<Item = &'a String>) -> u64 {
    keys.into_iter().filter_map(|key| cache.entries.get(key)).map(|entry| entry.bytes).sum()
}

fn question(planned: &[Planned]) -> String {
    let going: Vec<&Planned> = planned.iter().filter(|one| !one.prune.remove.is_empty()).collect();
    let number = going.iter().map(|one| one.prune.remove.len()).sum();
    let bytes = going.iter().map(|one| freed(&one.cache, &one.prune.remove)).sum();
    let of = going.iter().map(|one| one.cache.entries.len()).sum::<usize>();
    let caches = match going.as_slice() {
        [one] => format!("cache {}", one.cache.name),
        several => format!("{} caches", several.len()),
    };
    format!("Remove {} ({}) of {of} of {caches}?", entries(number), size(bytes))
}
