//! `cache import`: entries of a file into a cache.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use super::consent::ConsentArgs;
use super::source::{FULL, Source, SourceArgs, check_mutable, in_use};
use crate::argo::identity::CacheName;
use crate::cache::{Cache, Change, File, LIMIT, Overfull, Usage};
use crate::cli::failure::Failure;
use crate::cli::files;
use crate::exit::Exit;
use crate::output::cache::{Form, LeftOutLine, carried, document, entries, left_out, lines, size};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Into the cache of the same name, which is created if it does not exist
  kubectl runnable cache import cache.json

  # Into another one, in the namespace of the controller
  kubectl runnable cache import cache.json --into runnable-p0d2aa --cache-namespace argo

  # Show what would be imported and what would be skipped
  kubectl runnable cache import cache.json --dry-run

Existing entries that are as new or newer are kept unless --overwrite is given. If the entries do not fit into 1 MiB, nothing
is imported. A ConfigMap that active runs use is not created (exit code 7) unless --force is given: their nodes may fail
meanwhile. Entries with artifacts in the object store of a cluster cannot be imported into a store of this machine.";

/// Import the entries of a file into a cache
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file that cache export wrote; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The cache; the default is the cache named in the file
    #[arg(long, value_name = "NAME")]
    into: Option<CacheName>,

    /// Also replace existing entries that are as new or newer
    #[arg(long)]
    overwrite: bool,

    /// Create the ConfigMap even if active runs use the cache
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

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let text = files::read(&args.file)?;
    let file = File::read(&text.text).map_err(|error| {
        Failure::usage(format!("{}: {error}", text.name)).hint("expected a file that cache export wrote")
    })?;
    let name = match &args.into {
        Some(name) => name.clone(),
        None => file.cache.parse().map_err(|error| Failure::usage(format!("{}: cache: {error}", text.name)))?,
    };
    let source = args.source.open().await?;
    let cache = source.find_or_empty(&name).await?;
    check_mutable(&cache)?;
    args.agree_with_users(&source, &cache).await?;
    let now = Timestamp::now();
    let (change, outs) = decide(&file, &cache, args.overwrite, now)?;
    let place = cache.place.clone();
    let replaces = change.set.keys().filter(|key| cache.entries.contains_key(*key)).count();
    let question = format!("Replace {} of cache {name}?", entries(replaces));
    if Usage::of(&change.after(&cache), now).share > Some(1.0) {
        talk(format_args!(
            "warning: with their keys, the entries of cache {name} would exceed what the API server usually accepts"
        ));
    }
    let done = if args.consent.dry_run {
        change.set.keys().cloned().collect()
    } else if args.overwrite && replaces > 0 && !args.consent.given(&question)? {
        return Ok(ConsentArgs::declined());
    } else {
        let again = |cache: &Cache| decide(&file, cache, args.overwrite, now).map(|(change, _)| change);
        let done = source.carry_out(cache, &change, again).await?;
        if !done.busy.is_empty() {
            talk(format_args!("kept {} that changed in the meantime", entries(done.busy.len())));
        }
        done.done
    };
    let done = crate::cache::Carried { done, busy: Vec::new() };
    match args.output {
        None => result(carried(&done, args.consent.done("imported")))?,
        Some(Form::Name) => result(lines(&done.done))?,
        Some(form) => {
            let outs: Vec<LeftOutLine<'_>> = outs.iter().map(|(key, why)| LeftOutLine { key, why }).collect();
            let value = json!({
                "cache": name.as_str(), "place": place, "dryRun": args.consent.dry_run, "imported": done.done, "leftOut": outs,
            });
            result(document(form, &value).map_err(anyhow::Error::from)?)?;
        }
    }
    left_out(&outs).into_iter().for_each(talk);
    let word = args.consent.done("imported");
    talk(format_args!("{word} {} of {} into cache {name} in {place}", entries(done.done.len()), file.entries.len()));
    Ok(Exit::Success)
}

impl Args {
    /// Names an active run that uses the cache. One whose controller has just found no ConfigMap fails when there is one
    /// as it creates its own (cacheconfigmap.go, Save, v4.1.2).
    async fn agree_with_users(&self, source: &Source, cache: &Cache) -> Result<(), Failure> {
        let provenance = source.provenance([cache]).await?;
        let Some(message) = in_use(&provenance, cache) else { return Ok(()) };
        let creates = matches!(source, Source::Cluster { .. }) && cache.object.uid.is_empty();
        if creates && !self.force {
            let message = format!("{message}, whose nodes may fail while the ConfigMap is created");
            return Err(Failure::new(Exit::Conflict, message).hint("wait until it has ended, or add --force"));
        }
        talk(format_args!("note: {message}"));
        Ok(())
    }
}

fn decide(
    file: &File,
    cache: &Cache,
    overwrite: bool,
    now: Timestamp,
) -> Result<(Change, crate::cache::LeftOuts), Failure> {
    file.import(cache, overwrite, now).map_err(|Overfull { bytes }| {
        let message = format!(
            "cache {} in {} would be full: its entries would take {}, and a ConfigMap holds {}; nothing was changed",
            cache.name,
            cache.place,
            size(bytes),
            size(LIMIT)
        );
        Failure::new(Exit::Usage, message).hint(FULL)
    })
}
