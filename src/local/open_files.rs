//! How many files this process may hold open: the usual soft limit is meant for programs that wait with `select`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a task needs at most: its orders, its outcome, and what starting it takes.
const A_TASK: u64 = 4;
/// What a run needs beside its tasks.
const A_RUN: u64 = 128;

/// Raises the soft limit as far as it goes; the limit that there was, which tasks keep, if it could be raised.
pub(crate) fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let before = limit.current.filter(|&current| limit.maximum.is_none_or(|maximum| current < maximum))?;
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok()?;
    Some(before)
}

/// Gives this process, and what it starts, the limit back.
pub(crate) fn restore(before: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // More files than before harm nobody.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(before), maximum });
}

/// As many of these tasks as may go on at once.
pub(crate) fn fitting(tasks: usize) -> usize {
    fitting_in(tasks, getrlimit(Resource::Nofile).maximum)
}

fn fitting_in(tasks: usize, maximum: Option<u64>) -> usize {
    let Some(maximum) = maximum else { return tasks };
    let most = maximum.saturating_sub(A_RUN) / A_TASK;
    tasks.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_tasks_go_on_at_once_where_few_files_may_be_open() {
        assert_eq!(fitting_in(450, None), 450);
        assert_eq!(fitting_in(450, Some(1 << 20)), 450);
        assert_eq!(fitting_in(450, Some(1024)), 224);
        assert_eq!(fitting_in(450, Some(20)), 1);
    }
}
