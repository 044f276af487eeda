//! Caches as a table, a line a cache.

use jiff::Timestamp;

use super::{ago, percent, size};
use crate::cache::{Overview, Place};
use crate::output::table::Table;

/// The table of caches in their order.
pub(crate) fn list(caches: &[Overview], now: Timestamp, width: Option<usize>) -> String {
    let header = ["NAME", "PLACE", "ENTRIES", "SIZE", "FULL", "FULL IN", "USED", "PROBLEMS"];
    let mut table = Table::new(header).sparing(&["PLACE", "USED", "FULL IN", "FULL", "SIZE"]);
    for cache in caches {
        let place = match &cache.place {
            Place::ConfigMap { namespace } => namespace.clone(),
            Place::Store { path } => path.display().to_string(),
        };
        table.row([
            cache.name.clone(),
            place,
            cache.usage.entries.to_string(),
            size(cache.usage.bytes),
            cache.usage.share.map(percent).unwrap_or_default(),
            cache.usage.full_at.map(|full| until(full, now)).unwrap_or_default(),
            ago(cache.last_hit_at, now),
            if cache.problems == 0 { String::new() } else { cache.problems.to_string() },
        ]);
    }
    table.text(width)
}

/// How long it is until then; what is years away is not told to the day.
pub(super) fn until(time: Timestamp, now: Timestamp) -> String {
    let days = time.duration_since(now).as_secs() / 86_400;
    match days {
        ..0 => "now".to_owned(),
        0..2 => super::super::list::age(time.duration_since(now)),
        2..730 => format!("{days}d"),
        _ => format!("{}y", days / 365),
    }
}
