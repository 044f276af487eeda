//! `cache inspect`: what a cache holds, how full it is, what is the matter; and fixing it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::consent::ConsentArgs;
use super::given::add_given;
use super::source::{Source, SourceArgs, check_mutable};
use crate::argo::identity::CacheName;
use crate::cache::{Cache, Carried, Change, Provenance, Report, Surroundings, caches_of, keys_of};
use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::cache::{Form, document, entries, inspection, lines};
use crate::output::stream::{result, stdout_width, talk};
use crate::report::summary::Summary;

const EXAMPLES: &str = "Examples:
  # What a cache holds
  kubectl runnable cache inspect runnable-k3v9qz

  # The entries that a run has left or used
  kubectl runnable cache inspect --workflow etl-x2k9f
  kubectl runnable cache inspect --handle run.json

  # All caches of this machine, and those of another store
  kubectl runnable cache inspect --local
  kubectl runnable cache inspect --store file:///srv/runs

  # Remove what no node can use, and set a label that is missing
  kubectl runnable cache inspect runnable-k3v9qz --fix --dry-run
  kubectl runnable cache inspect runnable-k3v9qz --fix

  # Which entries the edited document can no longer produce
  kubectl runnable cache inspect runnable-k3v9qz -f etl.yaml

Values of outputs are shown with --values only, those that look like secrets masked; -o json has them as they are.";

/// Show the entries of a cache, where they came from, and their problems
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The cache's name
    #[arg(value_name = "NAME", conflicts_with_all = ["workflow", "handle"])]
    name: Option<CacheName>,

    /// The caches of this run, and only the entries that it made or used
    #[arg(long, value_name = "RUN", conflicts_with = "handle")]
    workflow: Option<String>,

    /// The same for the run of a handle file (submit --handle)
    #[arg(long, value_name = "FILE")]
    handle: Option<PathBuf>,

    /// Show the values of outputs
    #[arg(long)]
    values: bool,

    /// Fix what can be fixed: set the label, remove entries that no node can use
    #[arg(long)]
    fix: bool,

    /// Do not read workflows; the output then does not show where entries came from
    #[arg(long)]
    no_runs: bool,

    /// Documents whose templates are used, instead of the live ones, to tell what can still be produced
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Form>,

    #[command(flatten)]
    consent: ConsentArgs,

    #[command(flatten)]
    source: SourceArgs,
}

/// The caches that are meant; of their entries, where that is said, only these: of each the cache and the key.
struct Subject {
    source: Source,
    caches: Vec<Cache>,
    only: Option<Only>,
}

struct Only {
    keys: BTreeSet<(String, String)>,
    run_id: Option<String>,
}

pub(super) async fn run(args: &Args) -> Result<Exit, Failure> {
    let mut subject = subject(args).await?;
    let mut provenance =
        if args.no_runs { Provenance::default() } else { subject.source.provenance(&subject.caches).await? };
    if !args.files.is_empty() {
        add_given(&mut provenance, &args.files)?;
    }
    let homes = subject.source.homes().await;
    let around = Surroundings { provenance: &provenance, homes: &homes, now: Timestamp::now() };
    if args.fix {
        return fix(args, subject, around).await;
    }
    let only = subject.only.take();
    let wanted = |cache: &str, entry: &crate::cache::Entry| {
        only.as_ref().is_none_or(|only| {
            only.keys.contains(&(cache.to_owned(), entry.key.clone()))
                || only.run_id.as_ref().is_some_and(|run_id| entry.is_of_run(run_id))
        })
    };
    let report = |cache: &Cache| Report::of(cache, around, args.values, |entry| wanted(&cache.name, entry));
    let reports: Vec<Report> = subject.caches.iter().map(report).collect();
    match args.output {
        None => {
            let texts: Vec<String> =
                reports.iter().map(|report| inspection(report, around.now, stdout_width())).collect();
            result(texts.join("\n"))?;
        }
        Some(Form::Name) => {
            result(lines(reports.iter().flat_map(|report| &report.entries).map(|row| &row.key)))?;
        }
        Some(form) => result(document(form, &json!({ "caches": reports })).map_err(anyhow::Error::from)?)?,
    }
    Ok(Exit::Success)
}

async fn subject(args: &Args) -> Result<Subject, Failure> {
    if let Some(run) = args.run() {
        return of_run(args, &run).await;
    }
    let source = args.source.open().await?;
    let caches = match &args.name {
        Some(name) => vec![source.cache(name).await?],
        None if matches!(source, Source::Store(_)) => {
            let mut caches = Vec::new();
            source.each(false, |cache| caches.push(cache)).await?;
            caches
        }
        None => {
            return Err(Failure::usage("name a cache, or a run with --workflow or --handle")
                .hint("kubectl runnable cache list shows the caches there are"));
        }
    };
    if caches.is_empty() {
        talk("no caches");
    }
    Ok(Subject { source, caches, only: None })
}

async fn of_run(args: &Args, run: &str) -> Result<Subject, Failure> {
    let run = args.source.target.resolve(run).await?;
    let source = args.source.beside(&run)?;
    let found = run.get().await?;
    let summary: Summary = found.summary();
    let workflow: &Value = found.workflow.value();
    let names = caches_of(workflow);
    let mut caches = Vec::new();
    for name in names.iter().filter_map(|name| name.parse::<CacheName>().ok()) {
        match source.find(&name).await? {
            Some(cache) => caches.push(cache),
            None => talk(format_args!("note: cache {name} does not exist (yet)")),
        }
    }
    if caches.is_empty() {
        let why = if names.is_empty() { "none of its templates is memoized" } else { "its cache does not exist" };
        return Err(Failure::new(Exit::NotFound, format!("no cache of run {}: {why}", summary.name)));
    }
    let only = Only { keys: keys_of(workflow), run_id: summary.run_id };
    Ok(Subject { source, caches, only: Some(only) })
}

impl Args {
    fn run(&self) -> Option<String> {
        let path = |handle: &PathBuf| {
            // Without a directory it could be a name.
            let plain = handle.components().count() == 1;
            if plain { Path::new(".").join(handle) } else { handle.clone() }.display().to_string()
        };
        self.workflow.clone().or_else(|| self.handle.as_ref().map(path))
    }
}

/// What was fixed of a cache, or would be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fixed {
    cache: String,
    labelled: bool,
    removed: Vec<String>,
    changed_meanwhile: Vec<String>,
}

async fn fix(args: &Args, subject: Subject, around: Surroundings<'_>) -> Result<Exit, Failure> {
    let mut broken = Vec::new();
    for cache in subject.caches {
        let change = Change::fix(&cache, around);
        if change.is_empty() {
            talk(format_args!("cache {}: nothing to repair", cache.name));
            continue;
        }
        check_mutable(&cache)?;
        broken.push((cache, change));
    }
    // Nothing is changed before all of it is agreed to.
    for (cache, change) in broken.iter().filter(|_| !args.consent.dry_run) {
        if !args.consent.given(&format!("{}: repair cache {}?", said(change), cache.name))? {
            return Ok(ConsentArgs::declined());
        }
    }
    let mut fixed = Vec::new();
    let mut outcome = Ok(Exit::Success);
    for (cache, change) in broken {
        let (name, labelled) = (cache.name.clone(), change.label);
        let carried = if args.consent.dry_run {
            Ok(Carried { done: change.remove.into_iter().collect(), busy: Vec::new() })
        } else {
            subject.source.carry_out(cache, &change, |cache| Ok(Change::fix(cache, around))).await
        };
        match carried {
            Ok(Carried { done, busy }) => {
                fixed.push(Fixed { cache: name, labelled, removed: done, changed_meanwhile: busy });
            }
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    // What was done is told, also when not all was.
    tell(args, &fixed)?;
    outcome
}

fn tell(args: &Args, fixed: &[Fixed]) -> Result<(), Failure> {
    let left: usize = fixed.iter().map(|one| one.changed_meanwhile.len()).sum();
    if left > 0 {
        talk(format_args!("kept {} that changed in the meantime", entries(left)));
    }
    let removed = |one: &'_ Fixed| one.removed.clone();
    match args.output {
        None => {
            let label = |one: &Fixed| one.labelled.then(|| format!("{} {}", one.cache, args.consent.done("labelled")));
            let line = |key: String| format!("{key} {}", args.consent.done("removed"));
            result(lines(
                fixed.iter().flat_map(|one| label(one).into_iter().chain(removed(one).into_iter().map(line))),
            ))?;
        }
        Some(Form::Name) => result(lines(fixed.iter().flat_map(removed)))?,
        Some(form) => {
            let value = json!({ "dryRun": args.consent.dry_run, "mended": fixed });
            result(document(form, &value).map_err(anyhow::Error::from)?)?;
        }
    }
    Ok(())
}

fn said(change: &Change) -> String {
    let label = change.label.then(|| "the label is set".to_owned());
    let removed = (!change.remove.is_empty()).then(|| {
        let one = if change.remove.len() == 1 { "goes" } else { "go" };
        format!("{} {one}", entries(change.remove.len()))
    });
    label.into_iter().chain(removed).collect::<Vec<_>>().join(", ")
}
