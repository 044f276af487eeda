//! Which of several submits of one key makes the run (`submit --debounce`).
//!
//! A key has a Lease, which reserves the name of a workflow. Whoever writes it first makes the workflow; all others find the
//! name and go by it. A Lease is only ever replaced in the version that was read, so two submits never reserve two names for
//! one time. Whoever finds the name reserved and no workflow under it creates it: a submit that was killed between the two
//! requests costs nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::argo::Metadata;
use crate::exit::{CommandError, Exit};

/// The label of all Leases of this kind, as a selector too.
pub(crate) const DEBOUNCE: &str = "kubectl-runnable/debounce=true";
const LABEL: &str = "kubectl-runnable/debounce";
const KEY: &str = "kubectl-runnable/debounce-key";
const WORKFLOW: &str = "kubectl-runnable/debounce-workflow";
const WAITER: &str = "kubectl-runnable/debounce-waiter";
/// A Lease that nobody has written for this long is deleted.
const IDLE: Duration = Duration::from_hours(24);

/// A name that is reserved for a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// What the submits have in common.
    pub(crate) key: String,
    /// The workflow's name.
    pub(crate) workflow: String,
    /// When it was reserved.
    pub(crate) since: Timestamp,
    /// For how long whoever reserved it goes by it.
    pub(crate) period: Duration,
    /// The name for the workflow that waits until this one has ended.
    pub(crate) waiter: Option<String>,
}

/// A Lease that cannot be gone by.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum ReservationError {
    /// It says nothing of a reservation.
    #[error("Lease {0:?} is no reservation of submit --debounce")]
    Malformed(String),
    /// It is another key's.
    #[error("Lease {lease:?} belongs to the key {key:?}")]
    OtherKey {
        /// The Lease.
        lease: String,
        /// Its key.
        key: String,
    },
}

impl CommandError for ReservationError {
    fn exit(&self) -> Exit {
        Exit::Conflict
    }

    fn hint(&self) -> Option<String> {
        Some("delete it, or use another --debounce-key".to_owned())
    }
}

/// What to do where a run of the key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDuplicate {
    /// Take that run for one's own.
    Reuse,
    /// Make none.
    Fail,
    /// End it and make another.
    Replace,
    /// Make another when it has ended.
    Queue,
}

/// What became of a run whose name is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has looked.
    Unknown,
    /// It is not there yet.
    Missing,
    /// It did not appear in the time that a creation takes.
    Abandoned,
    /// It goes on.
    Live,
    /// It has ended.
    Ended,
}

/// One submit of a key.
#[derive(Debug, Clone)]
pub(crate) struct Submit {
    /// What it has in common with others.
    pub(crate) key: String,
    /// The name of the workflow, if it makes one.
    pub(crate) workflow: String,
    /// For how long a run counts as the one that it would make.
    pub(crate) period: Duration,
    /// What becomes of it where such a run is there.
    pub(crate) on_duplicate: OnDuplicate,
}

/// What a submit does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this reservation over the one that was read, and look again.
    Write(Reservation),
    /// Create the workflow: its name is reserved.
    Create,
    /// Create the workflow under this name. If it is there already, it is the duplicate.
    Join(String),
    /// End the run of this name, and look again.
    End(String),
    /// Wait until the run of this name is there, and look again.
    Appear(String),
    /// Wait until the run of this name has ended, and look again.
    Await(String),
    /// Give up: the run of this name goes before.
    Superseded(String),
}

impl Submit {
    /// The step at a time by the clock that also dates reservations. `queued`: it has been the waiter.
    pub(crate) fn step(&self, seen: Option<&Reservation>, now: Timestamp, run: Standing, queued: bool) -> Step {
        let Some(seen) = seen else { return self.reserve(now) };
        if seen.workflow == self.workflow {
            return Step::Create;
        }
        let waits = seen.waiter.as_deref() == Some(self.workflow.as_str());
        if waits {
            return if run == Standing::Live { Step::Await(seen.workflow.clone()) } else { self.reserve(now) };
        }
        if queued {
            return Step::Superseded(seen.waiter.as_ref().unwrap_or(&seen.workflow).clone());
        }

        // While another waits, the queue is in use, however long ago the run was made.
        let is_in_use = self.on_duplicate == OnDuplicate::Queue && seen.waiter.is_some() && run == Standing::Live;
        if !self.counts(seen, now) && !is_in_use {
            return self.reserve(now);
        }
        let name = seen.workflow.clone();
        match (self.on_duplicate, run) {
            (OnDuplicate::Reuse | OnDuplicate::Fail, _) | (_, Standing::Abandoned) => Step::Join(name),
            (_, Standing::Missing | Standing::Unknown) => Step::Appear(name),
            (_, Standing::Ended) => self.reserve(now),
            (OnDuplicate::Replace, Standing::Live) => Step::End(name),
            (OnDuplicate::Queue, Standing::Live) => {
                Step::Write(Reservation { waiter: Some(self.workflow.clone()), ..seen.clone() })
            }
        }
    }

    /// Whether what becomes of the reserved run matters for the step.
    pub(crate) fn looks_at_the_run(&self) -> bool {
        matches!(self.on_duplicate, OnDuplicate::Replace | OnDuplicate::Queue)
    }

    fn reserve(&self, now: Timestamp) -> Step {
        Step::Write(Reservation {
            key: self.key.clone(),
            workflow: self.workflow.clone(),
            since: now,
            period: self.period,
            waiter: None,
        })
    }

    /// Whether the reserved run is recent enough. One from the future is: the clocks of two servers differ.
    fn counts(&self, seen: &Reservation, now: Timestamp) -> bool {
        let age = Duration::try_from(now.duration_since(seen.since)).unwrap_or_default();
        age < self.period
    }
}

impl Reservation {
    /// Reads a Lease of the key.
    pub(crate) fn of(lease: &Value, key: &str) -> Result<Self, ReservationError> {
        let metadata = Metadata::of(lease);
        let malformed = || ReservationError::Malformed(metadata.name().to_owned());
        let own = metadata.annotation(KEY).ok_or_else(malformed)?;
        if own != key {
            return Err(ReservationError::OtherKey { lease: metadata.name().to_owned(), key: own.to_owned() });
        }
        let spec = &lease["spec"];
        let since = spec["acquireTime"].as_str().and_then(|time| time.parse().ok()).ok_or_else(malformed)?;
        Ok(Self {
            key: own.to_owned(),
            workflow: metadata.annotation(WORKFLOW).filter(|name| !name.is_empty()).ok_or_else(malformed)?.to_owned(),
            since,
            period: Duration::from_secs(spec["leaseDurationSeconds"].as_u64().ok_or_else(malformed)?),
            waiter: metadata.annotation(WAITER).map(str::to_owned),
        })
    }

    /// The Lease, as it replaces the one that was read.
    pub(crate) fn lease(&self, before: Option<&Value>) -> Value {
        let mut annotations = json!({KEY: self.key, WORKFLOW: self.workflow});
        if let Some(waiter) = &self.waiter {
            annotations[WAITER] = json!(waiter);
        }
        let mut metadata =
            json!({"name": lease_name(&self.key), "labels": {LABEL: "true"}, "annotations": annotations});
        if let Some(before) = before.map(Metadata::of) {
            metadata["uid"] = json!(before.uid());
            metadata["resourceVersion"] = json!(before.resource_version());
        }
        // Leases want a time with exactly six digits behind the second (MicroTime in k8s.io/apimachinery, v0.34).
        let time = self.since.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.workflow, "leaseDurationSeconds": self.period.as_secs().max(1),
                "acquireTime": time, "renewTime": time,
            },
        })
    }
}

/// The name of a key's Lease.
pub(crate) fn lease_name(key: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(key).into();
    let hex: Vec<String> = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("debounce-{}", hex.concat())
}

/// Whether a Lease has been without use for a day.
pub(crate) fn is_idle(lease: &Value, now: Timestamp) -> bool {
    let spec = &lease["spec"];
    let since = spec["renewTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let period = Duration::from_secs(spec["leaseDurationSeconds"].as_u64().unwrap_or_default());
    let age = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok()).unwrap_or_default();
    age >= IDLE.saturating_add(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn submit(workflow: &str, on_duplicate: OnDuplicate) -> Submit {
        Submit { key: "k".into(), workflow: workflow.into(), period: Duration::from_secs(15), on_duplicate }
    }

    fn reserved(workflow: &str, seconds_ago: i64, waiter: Option<&str>) -> Reservation {
        Reservation {
            key: "k".into(),
            workflow: workflow.into(),
            since: Timestamp::from_second(-seconds_ago).unwrap(),
            period: Duration::from_secs(15),
            waiter: waiter.map(str::to_owned),
        }
    }

    fn own(name: &str) -> Step {
        Step::Write(reserved(name, 0, None))
    }

    #[test]
    fn the_first_reserves_and_then_creates() {
        let first = submit("a", OnDuplicate::Fail);
        assert_eq!(first.step(None, NOW, Standing::Unknown, false), own("a"));
        let seen = reserved("a", 3, None);
        assert_eq!(first.step(Some(&seen), NOW, Standing::Unknown, false), Step::Create);
    }

    #[test]
    fn a_run_counts_for_the_period_of_who_asks() {
        let next = submit("b", OnDuplicate::Reuse);
        for (seconds_ago, step) in
            [(-2, Step::Join("a".into())), (0, Step::Join("a".into())), (14, Step::Join("a".into())), (15, own("b"))]
        {
            let seen = reserved("a", seconds_ago, None);
            assert_eq!(next.step(Some(&seen), NOW, Standing::Unknown, false), step, "{seconds_ago}");
        }
        let patient = Submit { period: Duration::from_mins(1), ..next };
        let seen = reserved("a", 59, None);
        assert_eq!(patient.step(Some(&seen), NOW, Standing::Unknown, false), Step::Join("a".into()));
    }

    #[test]
    fn a_replacement_ends_what_goes_on_and_takes_the_place_of_what_never_came() {
        let next = submit("b", OnDuplicate::Replace);
        let seen = reserved("a", 3, None);
        for (run, step) in [
            (Standing::Missing, Step::Appear("a".into())),
            (Standing::Abandoned, Step::Join("a".into())),
            (Standing::Live, Step::End("a".into())),
            (Standing::Ended, own("b")),
        ] {
            assert_eq!(next.step(Some(&seen), NOW, run, false), step, "{run:?}");
        }
    }

    #[test]
    fn the_latest_waits_and_the_one_before_gives_up() {
        let (second, third) = (submit("b", OnDuplicate::Queue), submit("c", OnDuplicate::Queue));
        let seen = reserved("a", 3, None);
        let queued = Reservation { waiter: Some("b".into()), ..seen.clone() };
        assert_eq!(second.step(Some(&seen), NOW, Standing::Live, false), Step::Write(queued.clone()));
        assert_eq!(second.step(Some(&queued), NOW, Standing::Live, true), Step::Await("a".into()));
        let again = Reservation { waiter: Some("c".into()), ..seen };
        assert_eq!(third.step(Some(&queued), NOW, Standing::Live, false), Step::Write(again.clone()));
        assert_eq!(second.step(Some(&again), NOW, Standing::Live, true), Step::Superseded("c".into()));
        assert_eq!(third.step(Some(&again), NOW, Standing::Ended, true), own("c"));
        assert_eq!(third.step(Some(&again), NOW, Standing::Missing, true), own("c"), "it was deleted");
    }

    #[test]
    fn a_queue_in_use_outlasts_the_period() {
        let third = submit("c", OnDuplicate::Queue);
        let seen = reserved("a", 100, Some("b"));
        let queued = Reservation { waiter: Some("c".into()), ..seen.clone() };
        assert_eq!(third.step(Some(&seen), NOW, Standing::Live, false), Step::Write(queued));
        assert_eq!(third.step(Some(&seen), NOW, Standing::Ended, false), own("c"));
        let plain = submit("c", OnDuplicate::Reuse);
        assert_eq!(plain.step(Some(&seen), NOW, Standing::Live, false), own("c"));
        // Whoever waited finds the name of a later run.
        let later = reserved("c", 1, None);
        assert_eq!(
            submit("b", OnDuplicate::Queue).step(Some(&later), NOW, Standing::Live, true),
            Step::Superseded("c".into())
        );
    }

    #[test]
    fn a_lease_holds_a_reservation() {
        let written = Reservation { since: NOW, ..reserved("a", 0, Some("b")) };
        let lease = written.lease(None);
        assert_eq!(lease["spec"]["acquireTime"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(Reservation::of(&lease, "k"), Ok(written.clone()));
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "7"}});
        let next = Reservation { waiter: None, ..written }.lease(Some(&live));
        assert_eq!((&next["metadata"]["uid"], &next["metadata"]["resourceVersion"]), (&json!("u"), &json!("7")));
        assert!(next["metadata"]["annotations"].get(WAITER).is_none());
        let name = lease_name("k");
        assert_eq!(
            Reservation::of(&lease, "other"),
            Err(ReservationError::OtherKey { lease: name.clone(), key: "k".into() })
        );
        let foreign = json!({"metadata": {"name": name}, "spec": {}});
        assert_eq!(Reservation::of(&foreign, "k"), Err(ReservationError::Malformed(name)));
    }

    #[test]
    fn a_lease_is_idle_after_a_day() {
        let lease = |seconds_ago| reserved("a", seconds_ago, None).lease(None);
        assert!(!is_idle(&lease(86_400), NOW) && is_idle(&lease(86_415), NOW));
        assert!(!is_idle(&json!({}), NOW));
    }

    #[test]
    fn names_of_leases_are_legal_and_differ() {
        let names = ["", "a", "ci/a/main", &"k".repeat(500)].map(lease_name);
        assert!(names.iter().all(|name| name.len() == 41 && name.parse::<crate::argo::identity::ObjectName>().is_ok()));
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    }
}
