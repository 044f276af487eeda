//! The numbers of the attempts that were made with a cache, by run: they are remembered where the entries are, so that
//! no number is given twice when the runs themselves are deleted.

use serde_json::{Map, Value};

/// The annotation of a ConfigMap that holds them. A controller that saves an entry keeps it.
pub(crate) const ANNOTATION: &str = "kubectl-runnable/attempts";
/// Annotations have a limit (256 KiB): so many runs are remembered, those that were noted last.
const MOST: usize = 1000;

/// The highest number by the run's id; the run that was noted last comes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttemptNumbers(Map<String, Value>);

impl AttemptNumbers {
    /// Reads them; a text of another form holds none.
    pub(crate) fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// The highest number of a run.
    pub(crate) fn of(&self, run_id: &str) -> Option<u32> {
        self.0.get(run_id)?.as_u64()?.try_into().ok()
    }

    /// The numbers with that of one more attempt; none where they know it.
    pub(crate) fn with(&self, run_id: &str, number: u32) -> Option<Self> {
        if self.of(run_id).is_some_and(|known| known >= number) {
            return None;
        }
        let mut numbers = self.0.clone();
        numbers.shift_remove(run_id);
        while numbers.len() >= MOST {
            let Some(first) = numbers.keys().next().cloned() else { break };
            numbers.shift_remove(&first);
        }
        numbers.insert(run_id.to_owned(), number.into());
        Some(Self(numbers))
    }

    /// The text that is read again.
    pub(crate) fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_is_kept() {
        let numbers =
            AttemptNumbers::default().with("r1", 3).and_then(|numbers| numbers.with("r2", 2)).unwrap_or_default();
        let read = AttemptNumbers::read(&numbers.text());
        assert_eq!((&read, read.of("r1"), read.of("r3")), (&numbers, Some(3), None));
        assert_eq!((numbers.with("r1", 3), numbers.with("r1", 2)), (None, None));
        for odd in ["", "[]", "null", "{\"r1\": \"x\"}", "{\"r1\": -1}"] {
            assert_eq!(AttemptNumbers::read(odd).of("r1"), None, "{odd}");
        }
    }

    #[test]
    fn the_runs_that_were_noted_last_are_remembered() {
        let mut numbers = AttemptNumbers::default();
        for run in 0..=MOST {
            numbers = numbers.with(&format!("r{run}"), 2).unwrap_or_default();
        }
        assert_eq!((numbers.of("r0"), numbers.of("r1"), numbers.of("r1000")), (None, Some(2), Some(2)));
    }
}
