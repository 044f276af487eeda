//! The first names of a long list, for a message.

use std::fmt;

/// How many names a message shows.
const SHOWN: usize = 3;

/// The first names, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Examples {
    shown: Vec<String>,
    total: usize,
}

impl Examples {
    pub(super) fn of(mut all: Vec<String>) -> Self {
        let total = all.len();
        all.truncate(SHOWN);
        Self { shown: all, total }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn add(&mut self, more: Self) {
        self.total += more.total;
        self.shown.extend(more.shown);
        self.shown.truncate(SHOWN);
    }
}

impl fmt::Display for Examples {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown.join(", "))?;
        match self.total - self.shown.len() {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_named_and_the_others_counted() {
        let of = |names: &[&str]| Examples::of(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(of(&["a"]).to_string(), "a");
        let mut many = of(&["a", "b"]);
        many.add(of(&["c", "d", "e"]));
        assert_eq!(many.to_string(), "a, b, c and 2 more");
        assert!(of(&[]).is_empty() && !many.is_empty());
    }
}
