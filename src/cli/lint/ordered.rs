//! Work on many items by several threads, its outcomes in the order of the items.

use std::sync::mpsc::sync_channel;
use std::thread;

use crate::cli::failure::Failure;
use crate::exit::Exit;

/// So many outcomes of a thread may wait for those before them: memory does not grow with the number of items.
const WAITING: usize = 8;
/// As much as the first thread of a process has.
const STACK: usize = 8 * 1024 * 1024;

/// Does the work for each item, and hands over the outcomes in order. Ends with the first failure to take one.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    if threads < 2 {
        return items.iter().try_for_each(|item| take(work(item)));
    }
    let work = &work;
    thread::scope(|scope| {
        let mut outcomes = Vec::new();
        for first in 0..threads {
            let (sender, receiver) = sync_channel(WAITING);
            // Nobody takes what is left after a failure.
            let share = move || {
                let mut share = items.iter().skip(first).step_by(threads);
                share.try_for_each(|item| sender.send(work(item))).unwrap_or_default();
            };
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, share)
                .map_err(|error| Failure::new(Exit::Tool, format!("cannot start a thread: {error}")))?;
            outcomes.push(receiver);
        }
        for index in 0..items.len() {
            // A thread that panics sends nothing more, and the scope panics in turn.
            let Ok(outcome) = outcomes[index % threads].recv() else { break };
            take(outcome)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_order_until_one_is_refused() {
        let items: Vec<usize> = (0..1000).collect();
        let mut seen = Vec::new();
        let taken = in_order(
            &items,
            |item| item * 2,
            |outcome| {
                seen.push(outcome);
                if outcome < 1000 { Ok(()) } else { Err(Failure::usage("full")) }
            },
        );
        assert!(taken.is_err());
        assert_eq!(seen, (0..=500).map(|item| item * 2).collect::<Vec<_>>());
        assert!(in_order(&[1], |item| *item, |_| Ok(())).is_ok());
    }
}
