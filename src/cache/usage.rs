//! How full a cache is, and when it will be full.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::contents::{Cache, LIMIT};
use super::entry::Entry;

/// The present rate is that of this time.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Entries of a shorter time tell no rate.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
const DAY: f64 = 86_400.0;

/// How full a cache is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many entries it has.
    pub entries: usize,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many bytes it may hold, where there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The part of the limit that is used, 1 being all of it; of two limits, the one that is nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Bytes a day that are added at present, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_day: Option<u64>,
    /// When it will be full at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
}

/// What counts towards a limit: the bytes of an entry's value, or what it takes of the whole object.
#[derive(Clone, Copy)]
struct Measure {
    of: fn(&Entry) -> u64,
    limit: u64,
}

/// The API server counts values.
const VALUES: Measure = Measure { of: |entry| entry.bytes, limit: LIMIT };
/// etcd counts the object, keys and all. Its `managedFields` do not matter: the API server drops them sooner than the object.
const OBJECT: Measure = Measure { of: |entry| entry.bytes + entry.key.len() as u64 + 8, limit: LIMIT * 3 / 2 };

impl Usage {
    /// How full the cache is now.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn of(cache: &Cache, now: Timestamp) -> Self {
        let limit = cache.limit();
        let measures = limit.map(|_| [VALUES, OBJECT]).into_iter().flatten();
        let full = |measure: &Measure| measure.full_at(cache, now);
        Self {
            entries: cache.entries.len(),
            bytes: cache.bytes(),
            limit,
            share: measures.clone().map(|measure| measure.share(cache)).reduce(f64::max),
            bytes_per_day: VALUES.rate(cache, now).map(|rate| (rate * DAY) as u64),
            full_at: measures.filter_map(|measure| full(&measure)).min(),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
impl Measure {
    fn total(self, cache: &Cache) -> u64 {
        cache.entries.values().map(self.of).sum()
    }

    fn share(self, cache: &Cache) -> f64 {
        self.total(cache) as f64 / self.limit as f64
    }

    /// The growth of the last days in bytes a second; of a younger cache, since its first entry.
    fn rate(self, cache: &Cache, now: Timestamp) -> Option<f64> {
        let dated = || cache.entries.values().filter_map(|entry| Some((entry.created?, (self.of)(entry))));
        let oldest = dated().map(|(created, _)| created).min()?;
        let span = now.duration_since(oldest).min(RECENT);
        if span < SHORTEST {
            return None;
        }
        let recent = dated().filter(|(created, _)| now.duration_since(*created) <= span);
        Some(recent.map(|(_, bytes)| bytes).sum::<u64>() as f64 / span.as_secs_f64())
    }

    fn full_at(self, cache: &Cache, now: Timestamp) -> Option<Timestamp> {
        let rate = self.rate(cache, now).filter(|rate| *rate > 0.0)?;
        let left = self.limit.saturating_sub(self.total(cache)) as f64 / rate;
        now.checked_add(SignedDuration::try_from_secs_f64(left).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::cache::LIMIT;

    const NOW: i64 = 1_000 * 86_400;

    /// A cache whose entries are so many days old, of 1000 bytes each.
    fn usage(days: &[i64]) -> Usage {
        let entry = |day: i64| {
            let created = Timestamp::from_second(NOW - day * 86_400).map(|time| time.to_string());
            let text = json!({"nodeID": "n", "creationTimestamp": created.unwrap_or_default()}).to_string();
            format!("{text}{}", " ".repeat(1000 - text.len()))
        };
        let data: Map<_, _> = days.iter().enumerate().map(|(at, day)| (format!("k{at}"), entry(*day).into())).collect();
        let cache = Cache::of_config_map(&json!({"metadata": {"name": "c"}, "data": data}));
        Usage::of(&cache, Timestamp::from_second(NOW).unwrap_or_default())
    }

    #[test]
    fn the_present_rate_is_that_of_the_last_week() {
        assert_eq!(usage(&[10, 9, 3, 2]).bytes_per_day, Some(2000 / 7));
        assert_eq!(usage(&[2, 1, 0]).bytes_per_day, Some(1500));
        assert_eq!(usage(&[30]).bytes_per_day, Some(0));
        assert_eq!((usage(&[0]).bytes_per_day, usage(&[]).bytes_per_day), (None, None));
    }

    #[test]
    fn at_that_rate_it_will_be_full_one_day() {
        let usage = usage(&[1, 0]);
        assert_eq!((usage.bytes, usage.limit), (2000, Some(LIMIT)));
        let days = usage.full_at.map(|full| (full.as_second() - NOW) / 86_400);
        assert_eq!(days, i64::try_from((LIMIT - 2000) / 2000).ok());
        assert_eq!(super::tests::usage(&[30]).full_at, None);
    }
}
