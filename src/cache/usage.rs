//! How full a cache is, and when it will be full.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::contents::{Cache, LIMIT};
use super::entry::Entry;

/// The present rate is that of this time.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Entries of a shorter time tell no rate.
const SHORTEST: SignedDuration = SignedDuration::from_hours(24);
/// Nor do fewer entries.
const FEWEST: usize = 10;
const DAY: f64 = 86_400.0;

/// How full a cache is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    /// How many entries it has.
    pub(crate) entries: usize,
    /// How many bytes its values take.
    pub(crate) bytes: u64,
    /// How many bytes it may hold, where there is a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    /// The part of the limit that is used, 1 being all of it; of two limits, the one that is nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<f64>,
    /// Bytes a day that are added at present, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_day: Option<u64>,
    /// When it will be full at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) full_at: Option<Timestamp>,
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
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate of growth is small and positive"
    )]
    pub(crate) fn of(cache: &Cache, now: Timestamp) -> Self {
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

#[expect(clippy::cast_precision_loss, reason = "a cache holds few bytes and entries")]
impl Measure {
    fn total(self, cache: &Cache) -> u64 {
        cache.entries.values().map(self.of).sum::<u64>() + cache.object.binary
    }

    fn share(self, cache: &Cache) -> f64 {
        self.total(cache) as f64 / self.limit as f64
    }

    /// The growth of the last week in bytes a second; of a younger cache, since it was made. None where there is too little
    /// to say it from: less than a day, fewer than ten entries, or only one half of the time in which any were made, as
    /// after a single run.
    fn rate(self, cache: &Cache, now: Timestamp) -> Option<f64> {
        let dated = || cache.entries.values().filter_map(|entry| Some((entry.created?, (self.of)(entry))));
        let begun = cache.object.created.or_else(|| dated().map(|(created, _)| created).min())?;
        let span = now.duration_since(begun).min(RECENT);
        if span < SHORTEST {
            return None;
        }
        let (mut bytes, mut halves) = (0, [0, 0]);
        for (created, taken) in dated() {
            let age = now.duration_since(created);
            if age <= span {
                bytes += taken;
                halves[usize::from(age * 2 <= span)] += 1;
            }
        }
        let still = span == RECENT && halves == [0, 0];
        let enough = halves[0] + halves[1] >= FEWEST && !halves.contains(&0);
        (still || enough).then(|| bytes as f64 / span.as_secs_f64())
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
    const HOUR: i64 = 3600;

    fn ago(hours: i64) -> String {
        Timestamp::from_second(NOW - hours * HOUR).unwrap_or_default().to_string()
    }

    /// A cache whose object and entries are so many hours old, the entries of 1000 bytes each.
    fn usage(object: Option<i64>, entries: impl IntoIterator<Item = i64>) -> Usage {
        let entry = |hours: i64| {
            let text = json!({"nodeID": "n", "creationTimestamp": ago(hours)}).to_string();
            format!("{text}{}", " ".repeat(1000 - text.len()))
        };
        let entries = entries.into_iter().enumerate();
        let data: Map<_, _> = entries.map(|(at, hours)| (format!("k{at}"), entry(hours).into())).collect();
        let metadata = json!({"name": "c", "creationTimestamp": object.map(ago)});
        let cache = Cache::of_config_map(&json!({"metadata": metadata, "data": data}));
        Usage::of(&cache, Timestamp::from_second(NOW).unwrap_or_default())
    }

    /// The rate of a cache without an age of its own in entries a day.
    fn rate(entries: impl IntoIterator<Item = i64>) -> Option<u64> {
        usage(None, entries).bytes_per_day.map(|bytes| bytes / 1000)
    }

    #[test]
    fn the_present_rate_is_that_of_the_last_week() {
        assert_eq!(rate((0..100).map(|day| day * 12)), Some(2), "two a day, for fifty days");
        assert_eq!(rate((0..12).map(|at| at * 4)), Some(12 * 24 / 44), "since the first");
        assert_eq!(rate([30 * 24]), Some(0), "nothing in the last week");
    }

    #[test]
    fn too_little_tells_no_rate() {
        assert_eq!(rate([]), None);
        assert_eq!(rate(0..20), None, "less than a day");
        assert_eq!(rate((0..9).map(|at| at * 4)), None, "fewer than ten");
        assert_eq!(rate(std::iter::repeat_n(30, 50)), None, "one run, a day ago");
        assert_eq!(rate(std::iter::repeat_n(2, 50).chain([200])), None, "one run this week");
    }

    #[test]
    fn the_age_of_the_object_counts() {
        let per_day = |object, entries: &[i64]| {
            usage(Some(object), entries.iter().copied()).bytes_per_day.map(|bytes| bytes / 1000)
        };
        let hourly: Vec<i64> = (0..48).collect();
        assert_eq!(per_day(48, &hourly), Some(24));
        assert_eq!(per_day(30 * 24, &hourly), None, "all are young in an old cache: created again, or cleaned up");
        assert_eq!(per_day(12, &[100; 50]), None, "imported just now");
        assert_eq!(per_day(48, &[[100; 50].as_slice(), &hourly].concat()), Some(24), "what was imported is no growth");
    }

    #[test]
    fn at_that_rate_it_will_be_full_one_day() {
        let half = usage(None, (0..48).map(|at| at / 2));
        assert_eq!((half.bytes, half.limit, half.full_at), (48_000, Some(LIMIT), None), "less than a day");
        let full = usage(None, (0..50).map(|at| at / 2));
        let days = full.full_at.map(|at| (at.as_second() - NOW) / 86_400);
        assert_eq!(days, i64::try_from((LIMIT - 50_000) / 50_000).ok());
        assert_eq!(usage(None, [30 * 24]).full_at, None);
    }
}
