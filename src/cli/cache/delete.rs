//! `cache delete`: whole caches, or single entries of one.

use serde_json::json;

use super::consent::ConsentArgs;
use super::source::{Deleted, Source, SourceArgs, check_mutable, in_use};
use crate::argo::identity::CacheName;
use crate::cache::{Cache, Change};
use crate::cli::failure::Failure;
use crate::cluster::{Attempt, revise};
use crate::exit::Exit;
use crate::output::cache::{Form, document, entries, lines, size};
use crate::output::stream::{result, talk};
use crate::output::tree::printable;

const EXAMPLES: &str = "Examples:
  # A cache with all its entries
  kubectl runnable cache delete runnable-k3v9qz

  # One entry: its node runs again
  kubectl runnable cache delete runnable-k3v9qz --key load-0123456789abcdef-nightly-001-fedcba9876543210

  # A cache of this machine, without confirmation
  kubectl runnable cache delete runnable-k3v9qz --local --yes

On a terminal it asks for confirmation. A cache that active runs use is not deleted (exit code 7) unless --force is given;
the same applies to a cache that is used between the question and the deletion.";

/// Delete caches, or single entries of one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The caches' names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<CacheName>,

    /// Delete only the entry of this key
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,

    /// Also delete caches that active runs use
    #[arg(long)]
    force: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    consent: ConsentArgs,

    #[command(flatten)]
    source: SourceArgs,
}

/// What was done, or would be.
#[derive(Debug, Default)]
struct Done {
    /// The caches or entries that were deleted.
    names: Vec<String>,
    /// What is left in the place of a cache and does not belong to it.
    left: Vec<String>,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    if !args.keys.is_empty() && args.names.len() > 1 {
        return Err(Failure::usage("--key deletes entries of one cache, and several are named"));
    }
    let source = args.source.open().await?;
    let mut caches = Vec::new();
    for name in &args.names {
        caches.push(source.cache(name).await?);
    }
    let mut done = Done::default();
    let outcome = match caches.pop() {
        Some(cache) if !args.keys.is_empty() => of_keys(args, &source, cache, &mut done).await,
        last => whole(args, &source, caches.into_iter().chain(last).collect(), &mut done).await,
    };
    // What was done is told, also when not all was.
    match args.output {
        None => {
            result(lines(done.names.iter().map(|name| format!("{name} {}", args.consent.done("deleted")))))?;
        }
        Some(Form::Name) => result(lines(&done.names))?,
        Some(form) => {
            let value = json!({ "dryRun": args.consent.dry_run, "deleted": done.names, "left": done.left });
            result(document(form, &value).map_err(anyhow::Error::from)?)?;
        }
    }
    outcome
}

async fn of_keys(args: &Args, source: &Source, cache: Cache, done: &mut Done) -> Result<Exit, Failure> {
    if let Some(key) = args.keys.iter().find(|key| !cache.entries.contains_key(*key)) {
        return Err(Failure::new(Exit::NotFound, format!("cache {} has no entry {key:?}", cache.name)));
    }
    check_mutable(&cache)?;
    let change = Change { remove: args.keys.iter().cloned().collect(), ..Change::default() };
    if args.consent.dry_run {
        done.names.extend(change.remove);
        return Ok(Exit::Success);
    }
    if !args.consent.given(&format!("Delete {} of cache {}?", entries(change.remove.len()), cache.name))? {
        return Ok(ConsentArgs::declined());
    }
    let seen = cache.clone();
    // An entry that was used or created again since then is another one than was asked about.
    let again = |now: &Cache| {
        let same = |key: &&String| args.force || now.entries.get(*key) == seen.entries.get(*key);
        let remove = args.keys.iter().filter(same).filter(|key| now.entries.contains_key(*key)).cloned().collect();
        Ok(Change { remove, ..Change::default() })
    };
    let carried = source.carry_out(cache, &change, again).await?;
    done.names.extend(carried.done);
    match carried.busy.first() {
        None => Ok(Exit::Success),
        Some(key) => {
            Err(Failure::new(Exit::Conflict, format!("entry {key} was used in the meantime and was not deleted"))
                .hint("run the command again, or add --force"))
        }
    }
}

async fn whole(args: &Args, source: &Source, caches: Vec<Cache>, done: &mut Done) -> Result<Exit, Failure> {
    if !args.force {
        let provenance = source.provenance(&caches).await?;
        for cache in &caches {
            if let Some(message) = in_use(&provenance, cache) {
                return Err(Failure::new(Exit::Conflict, message).hint("wait until it has ended, or add --force"));
            }
        }
        if !provenance.complete {
            talk("note: not all workflows can be read: an active one may use this cache");
        }
    }
    if args.consent.dry_run {
        done.names.extend(caches.into_iter().map(|cache| cache.name));
        return Ok(Exit::Success);
    }
    // Nothing goes before all of it is agreed to.
    for cache in &caches {
        let held = format!("{}, {}", entries(cache.entries.len()), size(cache.bytes()));
        if !args.consent.given(&format!("Delete cache {} in {} ({held})?", cache.name, cache.place))? {
            return Ok(ConsentArgs::declined());
        }
    }
    for cache in caches {
        let name = cache.name.clone();
        done.left.extend(delete(args, source, cache).await?);
        done.names.push(name);
    }
    Ok(Exit::Success)
}

/// Deletes the cache, unless it is used or filled meanwhile; gives what is left in its place and does not belong to it.
async fn delete(args: &Args, source: &Source, mut cache: Cache) -> Result<Vec<String>, Failure> {
    let what = format!("cache {} in {}", cache.name, cache.place);
    let name = cache.name.parse()?;
    revise(&what, async |_| {
        match source.delete(&cache).await? {
            Deleted::Whole => return Ok(Attempt::Settled(Vec::new())),
            Deleted::But(left) => {
                let left: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
                let named = printable(&left.join(", "));
                talk(format_args!("note: files that do not belong to cache {} were kept: {named}", cache.name));
                return Ok(Attempt::Settled(left));
            }
            Deleted::Changed => {}
        }
        let Some(now) = source.find(&name).await? else { return Ok(Attempt::Settled(Vec::new())) };
        if !args.force && now.entries != cache.entries {
            if matches!(source, Source::Store(_)) {
                talk("entries that a run is writing or has just used were kept");
            }
            return Err(Failure::new(Exit::Conflict, format!("{what} was used in the meantime"))
                .hint("run the command again, or add --force"));
        }
        if matches!(source, Source::Store(_)) && now.entries == cache.entries {
            // Whoever makes an entry holds it until its node has ended.
            talk(format_args!("note: entries of cache {} that a run is writing were kept", cache.name));
            return Ok(Attempt::Settled(Vec::new()));
        }
        // Only what stands beside the entries was changed.
        cache = now;
        Ok(Attempt::Stale { perhaps_ours: false })
    })
    .await
}
