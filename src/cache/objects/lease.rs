//! The right to make an entry, for a time: an object that one process creates and renews. No clocks are compared. A lease
//! has ended when its state has not changed for the lease's time by the clock of whoever waits; then one of those who wait
//! takes it, by a conditional replace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{Objects, Version, When};
use crate::blocking::blocking;
use crate::cache::error::CacheError;
use crate::cache::lock::Holder;
use crate::cache::objects::Fault;
use crate::cache::prefix::Stop;

/// How long a lease holds that is not renewed.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(8);
/// How often those who wait look.
const LOOK: Duration = Duration::from_secs(1);
/// So old a renewal may be for the lease to be removed: nobody can have taken it meanwhile.
const FRESH: Duration = Duration::from_secs(10);

/// The document of a lease.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// Whoever holds it, and no other process.
    id: String,
    #[serde(flatten)]
    holder: Holder,
    /// Changes with each renewal, so that the state of the object does.
    renewals: u64,
}

/// A lease that this process holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Arc<Held>,
    renewer: JoinHandle<()>,
}

#[derive(Debug)]
struct Held {
    objects: Objects,
    path: String,
    state: std::sync::Mutex<State>,
    /// Somebody else has taken it.
    lost: AtomicBool,
}

#[derive(Debug)]
struct State {
    document: Document,
    version: Version,
    renewed: Instant,
}

/// The lease that somebody else holds, as this process has seen it.
struct Watched {
    version: Version,
    since: Instant,
}

impl Lease {
    /// Takes the lease; none while somebody else holds it.
    pub(super) fn try_take(objects: &Objects, path: &str) -> Result<Option<Self>, CacheError> {
        attempt(objects, path, &When::Absent)
    }

    /// Waits for the lease; none where `is_needless` says so once it is free.
    pub(super) fn take(
        objects: &Objects,
        path: &str,
        stop: &Stop,
        is_needless: impl Fn() -> Result<bool, CacheError>,
    ) -> Result<Option<Self>, CacheError> {
        let mut watched: Option<Watched> = None;
        loop {
            let now = objects.head(path)?.map(|meta| meta.version);
            let attempted = match (now, &watched) {
                (None, _) if is_needless()? => return Ok(None),
                (None, _) => attempt(objects, path, &When::Absent)?,
                (Some(version), Some(seen)) if seen.version == version => {
                    let expired = seen.since.elapsed() >= LEASE;
                    if expired { attempt(objects, path, &When::Is(version))? } else { None }
                }
                (Some(version), _) => {
                    watched = Some(Watched { version, since: Instant::now() });
                    None
                }
            };
            if attempted.is_some() {
                return Ok(attempted);
            }
            let until = Instant::now() + LOOK;
            while Instant::now() < until {
                stop.check().map_err(|error| stopped(objects, path, &error))?;
                thread::sleep(LOOK / 10);
            }
        }
    }

    /// Who holds the lease at a path.
    pub(super) fn holder(objects: &Objects, path: &str) -> Option<Holder> {
        let (bytes, _) = objects.get(path).ok()??;
        Some(serde_json::from_slice::<Document>(&bytes).ok()?.holder)
    }
}

fn stopped(objects: &Objects, path: &str, error: &std::io::Error) -> CacheError {
    CacheError::Store { object: objects.named(path), source: Fault::new(error.to_string()) }
}

/// Writes the lease; none where somebody else has it.
fn attempt(objects: &Objects, path: &str, when: &When) -> Result<Option<Lease>, CacheError> {
    let document =
        Document { id: format!("{:032x}", rand::random::<u128>()), holder: Holder::this_process(), renewals: 0 };
    if let Some(version) = objects.put(path, text(&document), when)? {
        if let Err(error) = objects.probe(path) {
            let _ = objects.delete(path);
            return Err(error);
        }
        return Ok(Some(Lease::start(objects, path, document, version)));
    }
    // An earlier sending of the request, the answer to which was lost, may have written it.
    let found = objects.get(path)?.filter(|(bytes, _)| is_of(bytes, &document.id));
    Ok(found.map(|(_, meta)| Lease::start(objects, path, document, meta.version)))
}

fn text(document: &Document) -> Vec<u8> {
    serde_json::to_vec(document).expect("its fields are texts and numbers")
}

impl Lease {
    fn start(objects: &Objects, path: &str, document: Document, version: Version) -> Self {
        let state = State { document, version, renewed: Instant::now() };
        let held = Arc::new(Held {
            objects: objects.clone(),
            path: path.to_owned(),
            state: state.into(),
            lost: AtomicBool::new(false),
        });
        let renewing = Arc::clone(&held);
        let renewer = objects.inner.runtime.spawn(async move {
            let mut ticks = interval(RENEW);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let renewing = Arc::clone(&renewing);
                let renewed = blocking(move || renewing.renew()).await;
                if !matches!(renewed, Ok(true)) {
                    break;
                }
            }
        });
        Self { held, renewer }
    }
}

impl Held {
    /// Whether the lease is still this process's. What cannot be renewed now is tried again.
    fn renew(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.document.renewals += 1;
        let begun = Instant::now();
        match self.objects.put(&self.path, text(&state.document), &When::Is(state.version.clone())) {
            Ok(Some(version)) => {
                (state.version, state.renewed) = (version, begun);
                true
            }
            Ok(None) => match self.objects.get(&self.path) {
                // An earlier sending of the request has renewed it.
                Ok(Some((bytes, meta))) if is_of(&bytes, &state.document.id) => {
                    (state.version, state.renewed) = (meta.version, begun);
                    true
                }
                Ok(_) => {
                    self.lost.store(true, Ordering::Relaxed);
                    false
                }
                Err(_) => true,
            },
            Err(_) => true,
        }
    }

    /// Gives the lease back. It is removed only where it was renewed so lately that nobody can have taken it.
    fn release(&self) {
        let is_fresh = || {
            let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            state.renewed.elapsed() < FRESH
        };
        if self.lost.load(Ordering::Relaxed) || !is_fresh() && !self.renew() || !is_fresh() {
            return;
        }
        let _ = self.objects.delete(&self.path);
    }
}

fn is_of(bytes: &[u8], id: &str) -> bool {
    serde_json::from_slice::<Document>(bytes).is_ok_and(|found| found.id == id)
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewer.abort();
        self.held.release();
    }
}
