//! Waiting for room: other tasks end, and with them processes that the user may then start again.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long a task waits before it is an error that there is no room.
const LONGEST: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Starts a process, again while the kernel says that there are too many.
pub(super) fn wait_for_room<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        match start() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < LONGEST => {
                thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_starts_once_there_is_room() -> io::Result<()> {
        let mut left = 2;
        let started = wait_for_room(|| {
            left -= 1;
            if left == 0 { Ok("started") } else { Err(io::ErrorKind::WouldBlock.into()) }
        })?;
        assert_eq!(started, "started");
        let refused = wait_for_room(|| Err::<(), _>(io::ErrorKind::PermissionDenied.into()));
        assert!(refused.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
        Ok(())
    }
}
