//! A run as the manifests of its calls tell of it, without the run itself: a manifest is the proof that its node has
//! succeeded. An error of the store is never taken for a call that is not complete.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::handle::address_of;
use super::store::{self, StoreUrl};
use crate::argo::identity::CacheName;
use crate::cache::{CacheKey, Store, StoreAddress};
use crate::exit::Exit;
use crate::handle::{Handle, KnownNodes, Place};
use crate::report::progress::{ByManifests, Progress};
use crate::report::run_state::RunState;

type Prefix = (CacheName, CacheKey);

/// The prefixes of a run's calls, and the store of their manifests.
pub(super) struct Manifests {
    name: String,
    namespace: String,
    store: Store,
    /// By the paths of the calls, and whether a manifest was seen: what has succeeded stays so.
    calls: BTreeMap<String, (Prefix, bool)>,
    whole: Option<(Prefix, bool)>,
    partial: bool,
}

impl Manifests {
    /// The calls that a handle tells of, in its store or in the one that is named.
    pub(super) fn of_handle(handle: &Handle, named: Option<&StoreUrl>) -> Result<Self, Failure> {
        let Some(nodes) = &handle.nodes else {
            return Err(Failure::usage(format!("the handle of {} tells of no calls", handle.name))
                .hint("an older version of this tool wrote it; the run's name finds them while the run is there"));
        };
        let address = match (named, &handle.cache_store) {
            (Some(named), _) => named.address()?.clone(),
            (None, Some(store)) => address_of(store)?,
            (None, None) => return Err(Failure::usage(no_store(&handle.name)).hint(NAME_ONE)),
        };
        Self::new((&handle.name, &handle.namespace), nodes, &address)
    }

    /// The calls of a run, in the store at an address.
    pub(super) fn new(run: (&str, &str), nodes: &KnownNodes, address: &StoreAddress) -> Result<Self, Failure> {
        let store = store::open(address, true)?;
        if let Some(root) = store.root().filter(|root| !root.is_dir()) {
            let message = format!("there is no store of manifests at {} on this machine", root.display());
            return Err(Failure::new(Exit::Tool, message).hint(NAME_ONE));
        }
        let mut calls = BTreeMap::new();
        for (path, written) in &nodes.prefixes {
            if let Some(written) = written {
                calls.insert(path.clone(), (prefix(written)?, false));
            }
        }
        let whole = nodes.whole.as_deref().map(prefix).transpose()?.map(|prefix| (prefix, false));
        let partial = nodes.partial || calls.len() < nodes.prefixes.len();
        let (name, namespace) = run;
        Ok(Self { name: name.to_owned(), namespace: namespace.to_owned(), store, calls, whole, partial })
    }

    /// The store.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Looks for the manifests that were not there yet.
    pub(super) fn look(&mut self) -> Result<Progress, Failure> {
        let calls = self.calls.values_mut().chain(&mut self.whole).filter(|(_, there)| !there);
        let (wanted, marks): (Vec<Prefix>, Vec<&mut bool>) =
            calls.map(|(prefix, there)| (prefix.clone(), there)).unzip();
        for (found, mark) in self.store.exist(&wanted).into_iter().zip(marks) {
            *mark = found?;
        }
        Ok(ByManifests {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            store: self.store.to_string(),
            calls: self.calls.iter().map(|(path, (_, there))| (path.clone(), *there)).collect(),
            whole: self.whole.as_ref().is_some_and(|(_, there)| *there),
            partial: self.partial,
        }
        .into())
    }

    /// What the manifests say of a run that cannot be read any more; none where they do not decide it. A workflow that a
    /// cluster does not have goes no further; a run of another machine may.
    pub(super) fn state(&self, progress: &Progress, place: Place) -> Result<Option<RunState>, Failure> {
        if progress.is_complete {
            return Ok(Some(RunState::Success));
        }
        let missing: Vec<Prefix> =
            self.calls.values().filter(|(_, there)| !there).map(|(prefix, _)| prefix.clone()).collect();
        for failed in self.store.have_failed(&missing) {
            if failed? {
                return Ok(Some(RunState::Failure));
            }
        }
        Ok(match (place, progress.completed) {
            (Place::Local, 0) => Some(RunState::Pending),
            (Place::Local, _) => Some(RunState::Running),
            (Place::Cluster, _) => (!missing.is_empty()).then_some(RunState::Failure),
        })
    }
}

const NAME_ONE: &str = "name it with --store";

fn no_store(name: &str) -> String {
    format!("the run {name} has no store of manifests: its cache is a ConfigMap of the cluster")
}

/// `<cache>/<key>`.
fn prefix(text: &str) -> Result<Prefix, Failure> {
    let invalid = || Failure::usage(format!("not a run handle: invalid prefix {text:?}"));
    let (cache, key) = text.split_once('/').ok_or_else(invalid)?;
    Ok((cache.parse().map_err(|_| invalid())?, key.parse().map_err(|_| invalid())?))
}
