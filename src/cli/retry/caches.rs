//! The caches of a run: what a plan can count on, the entries that are removed for it, the numbers of attempts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::argo::identity::CacheName;
use crate::argo::status::MemoizationStatus;
use crate::argo::{Nodes, Workflow};
use crate::backend::{Backend, BackendError, Run};
use crate::cache::{Cache, Change, Entry, LABEL, LABEL_VALUE, Place, State, Store, caches_of};
use crate::cli::cache::{Source, check_mutable};
use crate::cli::failure::Failure;
use crate::cli::place::here;
use crate::exit::Exit;
use crate::local::due::{Due, DueEntry};
use crate::output::stream::talk;
use crate::prepare::{self, is_of_any_run, is_prepared_key};
use crate::retry::{Entries, EntryName, Kept};

/// The caches of a run, as they were read.
pub(in crate::cli) struct Caches {
    /// The places that they are in, each with those that were found there.
    places: Vec<(Source, Vec<Cache>)>,
    /// Why one of them cannot be read.
    unread: Option<Failure>,
    /// The entries that the run owes them, where it was killed on this machine.
    due: Option<Due>,
}

/// What of the caches is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Part {
    /// All of them, for a plan.
    Entries,
    /// The numbers of attempts; what costs little beside them.
    Numbers,
}

impl Caches {
    /// Reads the caches that these workflows name. The places after the first are stores that pods use: a plan that cannot
    /// read them knows nothing, so that they have to be reached.
    pub(in crate::cli) async fn read(sources: Vec<Source>, workflows: &[&Value], part: Part) -> Result<Self, Failure> {
        let names: BTreeSet<String> = workflows.iter().copied().flat_map(caches_of).collect();
        let names: Vec<CacheName> = names.into_iter().filter_map(|name| name.parse().ok()).collect();
        let run_ids: Vec<&str> = workflows.iter().filter_map(|workflow| Workflow::view(workflow).run_id()).collect();
        let may_answer = |key: &str| is_of_any_run(key) || run_ids.iter().any(|run_id| is_prepared_key(key, run_id));
        let (mut places, mut unread) = (Vec::new(), None);
        for source in sources.into_iter().map(Source::remembering) {
            let mut found = Vec::new();
            for name in &names {
                let cache = match part {
                    // Pods ask for keys that submit has written, and for no others.
                    Part::Entries if !places.is_empty() => source.find_of(name, may_answer).await,
                    Part::Entries => source.find(name).await,
                    Part::Numbers => source.find_without_entries(name).await,
                };
                match cache {
                    Ok(cache) => found.extend(cache),
                    Err(failure) if failure.exit() == Exit::Tool && places.is_empty() => {
                        unread = Some(failure.in_context(format!("cache {name} cannot be read")));
                    }
                    Err(failure) => return Err(failure),
                }
            }
            found.iter().for_each(warn);
            places.push((source, found));
        }
        Ok(Self { places, unread, due: None })
    }

    /// None, where they are not needed and cannot be read.
    pub(super) fn unread(source: Source, why: Failure) -> Self {
        Self { places: vec![(source, Vec::new())], unread: Some(why), due: None }
    }

    /// The same with what a run owes them.
    pub(in crate::cli) fn with_due(self, backend: &Backend, run: &Workflow) -> Result<Self, Failure> {
        let due = match backend.run_of(run)? {
            Run::Local(record) => Some(Due::of(&record, run).map_err(BackendError::from)?),
            Run::Cluster { .. } => None,
        };
        Ok(Self { due, ..self })
    }

    /// Forgets the entries but for those that are to be removed: there may be very many, and the plan is made.
    pub(super) fn forget_but(&mut self, removes: &BTreeSet<EntryName>) {
        for cache in self.places.iter_mut().flat_map(|(_, found)| found) {
            let name = &cache.name;
            cache.entries.retain(|key, _| removes.contains(&EntryName { cache: name.clone(), key: key.clone() }));
        }
    }

    fn found(&self) -> impl Iterator<Item = &Cache> {
        self.places.iter().flat_map(|(_, found)| found)
    }

    /// The store that they are in, where it is none of a cluster.
    pub(in crate::cli) fn store(&self) -> Option<&Store> {
        match self.places.first() {
            Some((Source::Store(store), _)) => Some(store),
            Some((Source::Cluster { .. }, _)) | None => None,
        }
    }

    /// What they hold. Where one cannot be read, what succeeded is expected to have left its entry.
    /// Those of programs of the host count, or those of containers in their images (`in_images`), or all if that is not said.
    /// The nodes of the run are asked for where they say what should be there.
    pub(in crate::cli) fn entries<'n>(&self, live: impl FnOnce() -> &'n Nodes, in_images: Option<bool>) -> Entries {
        if let Some(failure) = &self.unread {
            talk(format_args!("note: the plan says what should be in the cache: {}", failure.message()));
            return Entries::expected(live());
        }
        let fits = |entry: &Entry| {
            let made_in_images = entry.maker.as_ref().map(|maker| maker.in_images);
            made_in_images.zip(in_images).is_none_or(|(made, wanted)| made == wanted)
        };
        let known = |cache: &Cache| {
            let name = cache.name.clone();
            let usable: Vec<&Entry> = cache.entries.values().filter(|entry| entry.is_usable() && fits(entry)).collect();
            usable.into_iter().map(move |entry| ((name.clone(), entry.key.clone()), kept(entry))).collect::<Vec<_>>()
        };
        let mut entries: Entries = self.found().flat_map(known).collect();
        self.found().for_each(|cache| add_faults(cache, &mut entries));
        let due = self.due.iter().flat_map(Due::entries);
        let due = due.filter(|(_, due)| in_images.is_none_or(|wanted| due.is_in_images() == wanted));
        for (status, DueEntry { node, .. }) in due {
            let kept = Kept { created: node.finished_at, outputs: node.outputs.clone(), node_id: node.id.clone() };
            entries.expect(&status.cache_name, &status.key, kept);
        }
        entries
    }

    /// The numbers of attempts that they remember of a run.
    pub(super) fn numbers<'a>(&'a self, run_id: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.found().filter_map(move |cache| cache.object.attempts.of(run_id))
    }

    /// Refuses to remove entries of a cache that cannot be read or changed.
    pub(super) fn can_remove(&self, entries: &BTreeSet<EntryName>) -> Result<(), Failure> {
        if let Some(failure) = self.unread.as_ref().filter(|_| !entries.is_empty()) {
            let message = format!("entries of what is to run again cannot be removed: {}", failure.message());
            return Err(Failure::new(failure.exit(), message));
        }
        self.holding(entries).into_iter().try_for_each(|(_, cache, _)| check_mutable(cache))
    }

    /// Does what must be done before the attempt begins: makes the entries that the run owes, but for these, which are removed.
    pub(in crate::cli) async fn make_way(&self, removes: &BTreeSet<EntryName>) -> Result<(), Failure> {
        let stays = |status: &MemoizationStatus| {
            let name = EntryName { cache: status.cache_name.clone(), key: status.key.clone() };
            !removes.contains(&name)
        };
        if let Some((due, store)) = self.due.as_ref().zip(self.store()) {
            due.make(store, stays)?;
        }
        self.remove(removes).await
    }

    /// Removes these entries and no others. One that was used or made in the meantime goes too: it would still be hit.
    async fn remove(&self, entries: &BTreeSet<EntryName>) -> Result<(), Failure> {
        for (source, cache, keys) in self.holding(entries) {
            let name = cache.name.parse()?;
            let mut seen = Some(cache.clone());
            for _ in 0..TRIES {
                let Some(cache) = seen.take() else { break };
                let present = |cache: &Cache| {
                    let remove = keys.iter().filter(|key| cache.entries.contains_key(**key));
                    Change { remove: remove.map(|key| (*key).to_owned()).collect(), ..Change::default() }
                };
                let agreed = present(&cache);
                let carried = source.carry_out(cache, &agreed, |now| Ok(present(now))).await?;
                let Some(busy) = carried.busy.first() else { break };
                seen = source.find(&name).await?.filter(|now| now.entries.contains_key(busy));
            }
            if let Some(cache) = seen {
                let message = format!("entries of cache {} are in use by another run", cache.name);
                return Err(Failure::new(Exit::Conflict, message).hint("wait for its end"));
            }
        }
        Ok(())
    }

    /// Remembers the number of an attempt that was created, where its cache is there. That it cannot is told and no failure: the
    /// attempt itself tells its number until it is deleted.
    pub(in crate::cli) async fn note(&self, run: &prepare::Run, number: u32) {
        let (Some(name), Some(run_id)) = (&run.cache_name, &run.run_id) else { return };
        let holds = |place: &&(Source, Vec<Cache>)| place.1.iter().any(|cache| cache.name == name.as_str());
        let place = self.places.iter().find(holds).or(self.places.first());
        let Some((source, _)) = place else { return };
        if let Err(failure) = source.note(name, run_id.as_str(), number).await {
            talk(format_args!("warning: cache {name} does not remember attempt {number}: {}", failure.message()));
        }
    }

    /// The caches that hold some of the entries, each with its place and their keys.
    fn holding<'a>(&'a self, entries: &'a BTreeSet<EntryName>) -> Vec<(&'a Source, &'a Cache, Vec<&'a str>)> {
        let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in entries {
            keys.entry(&entry.cache).or_default().push(&entry.key);
        }
        let caches = self.places.iter().flat_map(|(source, found)| found.iter().map(move |cache| (source, cache)));
        let held = caches.filter_map(|(source, cache)| {
            let keys = keys.get(cache.name.as_str())?.iter().filter(|key| cache.entries.contains_key(**key));
            Some((source, cache, keys.copied().collect::<Vec<_>>()))
        });
        held.filter(|(.., keys)| !keys.is_empty()).collect()
    }
}

/// How often entries are removed that a run of this machine uses at the same instant.
const TRIES: usize = 5;

fn kept(entry: &Entry) -> Kept {
    let outputs = Option::deserialize(&entry.outputs).unwrap_or_default();
    Kept { created: entry.created, outputs, node_id: entry.node_id.clone() }
}

/// Notes which look-ups end a node in Error (workflow/controller/cache/configmap_cache.go, load, v4.1.2): a controller refuses
/// a ConfigMap without the label and an entry that is no JSON of one, and it writes the time of each hit.
fn add_faults(cache: &Cache, entries: &mut Entries) {
    let Place::ConfigMap { .. } = cache.place else { return };
    if !cache.is_labelled() {
        entries.add_fault(&cache.name, None, format!("cache {} lacks the label {LABEL}={LABEL_VALUE}", cache.name));
    }
    for entry in cache.entries.values() {
        let message = match (&entry.state, cache.object.immutable) {
            (State::Malformed(_), _) => format!("its entry in cache {} is malformed", cache.name),
            (_, true) => format!("cache {} is immutable", cache.name),
            _ => continue,
        };
        entries.add_fault(&cache.name, Some(&entry.key), message);
    }
}

/// Says what of a cache would end nodes of the next attempt in Error.
fn warn(cache: &Cache) {
    let Place::ConfigMap { .. } = cache.place else { return };
    let name = &cache.name;
    let broken = cache.entries.values().filter(|entry| matches!(entry.state, State::Malformed(_))).count();
    let (what, remedy) = match (cache.object.immutable, cache.is_labelled(), broken) {
        (true, ..) => (
            "is immutable: nodes that hit an entry, or would save one, end in Error".to_owned(),
            format!("delete {name}"),
        ),
        (_, false, _) => (
            format!("lacks the label {LABEL}={LABEL_VALUE}: nodes that use it end in Error"),
            format!("inspect {name} --fix"),
        ),
        (_, true, 0) => return,
        (_, true, broken) => {
            (format!("has {broken} malformed entries, whose nodes end in Error"), format!("inspect {name} --fix"))
        }
    };
    talk(here(&format!("warning: cache {name} {what}; kubectl runnable cache {remedy} fixes it")));
}
