//! What was done to entries, a line each.

use std::fmt::Display;

use serde::Serialize;

use super::lines;
use crate::cache::{Carried, LeftOuts};
use crate::output::tree::printable;

/// An entry that was left out, for scripts.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOutLine<'a> {
    /// Its key.
    pub(crate) key: &'a str,
    /// Why.
    #[serde(flatten)]
    pub(crate) why: &'a crate::cache::LeftOut,
}

/// A line for each entry that something was done to.
pub(crate) fn carried(carried: &Carried, done: impl Display) -> String {
    lines(carried.done.iter().map(|key| format!("{key} {done}")))
}

/// The entries that were left out, those of one reason on one line: the first few of them by name.
pub(crate) fn left_out(left_out: &LeftOuts) -> Vec<String> {
    const NAMED: usize = 3;
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (key, why) in left_out {
        let why = why.to_string();
        match groups.iter_mut().find(|(known, _)| *known == why) {
            Some((_, keys)) => keys.push(key),
            None => groups.push((why, vec![key])),
        }
    }
    let line = |(why, keys): (String, Vec<&str>)| {
        let more = keys.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let named: Vec<String> = keys.iter().take(NAMED).map(|key| printable(key)).collect();
        format!("left out {}{more}: {}", named.join(", "), printable(&why))
    };
    groups.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::LeftOut;

    #[test]
    fn what_is_left_out_is_told_by_its_reason() {
        let keys = ["a", "b", "c", "d", "e"].map(|key| (key.to_owned(), LeftOut::Same));
        let mut outs: LeftOuts = keys.into_iter().collect();
        outs.insert("z".to_owned(), LeftOut::Unusable);
        assert_eq!(
            left_out(&outs),
            ["left out a, b, c and 2 more: it is there already", "left out z: no node could use it"]
        );
    }
}
