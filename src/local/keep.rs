//! How much of the runs of this machine is kept: all, unless there is a limit. Then the oldest go first, and never the
//! newest, one that goes on, or the latest attempt of a run that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;

/// A limit for all runs and caches together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Keep {
    /// How many runs.
    pub(crate) runs: Option<usize>,
    /// How many bytes.
    pub(crate) bytes: Option<u64>,
}

/// The text is no limit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?}: expected a number of runs, a size or both, such as 20, 5GB or 20,5GB")]
pub(crate) struct KeepError(String);

/// A size's units. Without a unit a number counts runs.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        let wrong = || KeepError(text.to_owned());
        let mut keep = Self::default();
        for part in text.split(',').map(str::trim) {
            let unit = UNITS.iter().find_map(|(unit, bytes)| Some((part.strip_suffix(unit)?, *bytes)));
            match unit {
                None if keep.runs.is_none() => keep.runs = Some(part.parse().map_err(|_| wrong())?),
                Some((number, unit)) if keep.bytes.is_none() => {
                    let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
                    keep.bytes = Some(number.checked_mul(unit).ok_or_else(wrong)?);
                }
                _ => return Err(wrong()),
            }
        }
        Ok(keep)
    }
}

/// A run of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptRun {
    /// The id of the run that it is an attempt of, or what tells it from all others.
    pub(crate) run_id: String,
    /// The number of the attempt.
    pub(crate) attempt: u32,
    /// When it was created.
    pub(crate) created: Option<Timestamp>,
    /// Whether it has succeeded.
    pub(crate) succeeded: bool,
    /// Whether its process lives.
    pub(crate) goes_on: bool,
    /// The bytes of its directory.
    pub(crate) bytes: u64,
    /// The caches that it names.
    pub(crate) caches: BTreeSet<String>,
}

impl Keep {
    /// The places of the runs that go; `caches` are the bytes of each cache, which goes with the last run that names it.
    pub(crate) fn surplus(self, runs: &[KeptRun], caches: &BTreeMap<String, u64>) -> Vec<usize> {
        let mut latest: BTreeMap<&str, (u32, usize)> = BTreeMap::new();
        for (place, run) in runs.iter().enumerate() {
            let last = latest.entry(&run.run_id).or_insert((run.attempt, place));
            *last = (*last).max((run.attempt, place));
        }
        let newest = (0..runs.len()).max_by_key(|&place| (runs[place].created, place));
        let stays = |place: usize| {
            let run = &runs[place];
            let is_latest = latest.get(run.run_id.as_str()).is_some_and(|(_, last)| *last == place);
            run.goes_on || (is_latest && !run.succeeded) || newest == Some(place)
        };
        let mut oldest: Vec<usize> = (0..runs.len()).filter(|&place| !stays(place)).collect();
        oldest.sort_by_key(|&place| (runs[place].created, place));

        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        for cache in runs.iter().flat_map(|run| &run.caches) {
            *users.entry(cache).or_default() += 1;
        }
        let mut left = runs.len();
        let mut bytes = runs.iter().map(|run| run.bytes).sum::<u64>() + caches.values().sum::<u64>();
        let mut gone = Vec::new();
        for place in oldest {
            let is_over = self.runs.is_some_and(|most| left > most) || self.bytes.is_some_and(|most| bytes > most);
            if !is_over {
                break;
            }
            left -= 1;
            bytes = bytes.saturating_sub(runs[place].bytes);
            for cache in &runs[place].caches {
                let others = users.entry(cache).or_insert(1);
                *others -= 1;
                if *others == 0 {
                    bytes = bytes.saturating_sub(caches.get(cache).copied().unwrap_or_default());
                }
            }
            gone.push(place);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_runs_bytes_or_both() {
        let keep = |text: &str| text.parse::<Keep>().ok().map(|keep| (keep.runs, keep.bytes));
        assert_eq!(keep("20"), Some((Some(20), None)));
        assert_eq!(keep("5GB"), Some((None, Some(5_000_000_000))));
        assert_eq!(keep("20, 1 MiB"), Some((Some(20), Some(1 << 20))));
        assert_eq!(keep("512B"), Some((None, Some(512))));
        for odd in ["", "GB", "-1", "1.5GB", "5 apples", "1,2", "1GB,2GB", "99999999999TB"] {
            assert_eq!(keep(odd), None, "{odd}");
        }
    }

    /// Runs of one attempt each, of ten bytes, the first one the oldest; those in upper case have failed.
    fn runs(names: &str) -> Vec<KeptRun> {
        let run = |(second, name): (usize, char)| KeptRun {
            run_id: name.to_string(),
            attempt: 1,
            created: i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok()),
            succeeded: name.is_lowercase(),
            bytes: 10,
            caches: [name.to_lowercase().to_string()].into(),
            ..KeptRun::default()
        };
        names.chars().enumerate().map(run).collect()
    }

    fn gone(keep: &str, runs: &[KeptRun], caches: &[(&str, u64)]) -> Vec<usize> {
        let caches = caches.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect();
        keep.parse::<Keep>().map(|keep| keep.surplus(runs, &caches)).unwrap_or_default()
    }

    #[test]
    fn the_oldest_go_first_and_never_one_that_failed_last() {
        assert_eq!(gone("2", &runs("abcd"), &[]), [0, 1]);
        assert_eq!(gone("2", &runs("AbCd"), &[]), [1], "two that failed and the newest stay");
        assert_eq!(gone("0", &runs("ab"), &[]), [0], "the newest stays");
        assert_eq!(gone("9", &runs("abcd"), &[]), [] as [usize; 0]);
        let mut again = runs("Aab");
        again[1].run_id = "A".to_owned();
        again[1].attempt = 2;
        assert_eq!(gone("1", &again, &[]), [0, 1], "it failed, and its last attempt did not");
        let mut busy = runs("abc");
        busy[0].goes_on = true;
        assert_eq!(gone("1", &busy, &[]), [1]);
    }

    #[test]
    fn bytes_are_those_of_runs_and_of_the_caches_that_go_with_them() {
        let caches = [("a", 100), ("b", 5)];
        assert_eq!(gone("140B", &runs("abc"), &caches), [] as [usize; 0]);
        assert_eq!(gone("134B", &runs("abc"), &caches), [0]);
        let mut shared = runs("abc");
        shared[2].caches = ["a".to_owned()].into();
        assert_eq!(gone("60B", &shared, &caches), [0, 1], "the newest run still names the cache");
    }
}
