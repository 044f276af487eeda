//! Answers of the threads that look for entries, gathered for the engine: it handles many at once, with one write to the
//! journal. None waits for another one that takes long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::scheduler::{Event, Found, NodeIndex};

/// So many are handed over together.
const MANY: usize = 64;
/// The longest that one waits for others.
const SOON: Duration = Duration::from_millis(2);

/// Answers on their way to the engine.
#[derive(Debug)]
pub(super) struct Answers {
    gathered: Mutex<Gathered>,
    sender: mpsc::UnboundedSender<Vec<Event>>,
}

#[derive(Debug, Default)]
struct Gathered {
    events: Vec<Event>,
    /// When the first of them came.
    since: Option<Instant>,
}

impl Answers {
    /// The answers, and what the engine gets of them.
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Vec<Event>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self { gathered: Mutex::default(), sender }), receiver)
    }

    /// Adds an answer. Who has no other work next hands over what is gathered.
    pub(super) fn add(&self, node: NodeIndex, found: Found) {
        let mut gathered = self.lock();
        let since = *gathered.since.get_or_insert_with(Instant::now);
        gathered.events.push(Event::Found(node, found));
        if gathered.events.len() >= MANY || since.elapsed() >= SOON {
            self.send(&mut gathered);
        }
    }

    /// Hands over what is gathered.
    pub(super) fn hand_over(&self) {
        self.send(&mut self.lock());
    }

    fn send(&self, gathered: &mut Gathered) {
        let Gathered { events, .. } = std::mem::take(gathered);
        if !events.is_empty() {
            // The receiver lives as long as the run.
            let _ = self.sender.send(events);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_together_and_none_waits_for_a_late_one() {
        let node = NodeIndex::at(0);
        let (answers, mut received) = Answers::new();
        (1..MANY).for_each(|_| answers.add(node, Found::Miss));
        assert!(received.try_recv().is_err());
        answers.add(node, Found::Miss);
        assert_eq!(received.try_recv().map(|events| events.len()), Ok(MANY));
        answers.hand_over();
        assert!(received.try_recv().is_err(), "nothing is gathered");
        answers.add(node, Found::Miss);
        answers.hand_over();
        assert_eq!(received.try_recv().map(|events| events.len()), Ok(1));
    }
}
