//! Word of changes in directories, from the kernel: nothing is asked again and again.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::inotify::Inotify;

/// The death of a process makes no sound, and not every file system tells of changes: a look is due this often.
const PULSE: Duration = Duration::from_secs(1);

/// What is heard of a directory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Changes {
    /// All that happens to what is in it.
    All,
    /// The next write to a file in it, and no more.
    NextWrite,
}

/// Hears of changes in directories.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: Option<Arc<Inotify>>,
    changed: mpsc::Receiver<()>,
}

impl Watch {
    /// Hears of nothing yet. Where the kernel tells nothing, the pulse alone beats.
    pub(super) fn new() -> Self {
        let (tell, changed) = mpsc::channel(1);
        let inotify = Inotify::new().ok().map(Arc::new);
        if let Some(kernel) = inotify.clone() {
            // Ends with the first change that nobody takes, or with the process.
            thread::spawn(move || while kernel.changed().is_ok() && tell.blocking_send(()).is_ok() {});
        }
        Self { inotify, changed }
    }

    /// Watches a directory too, once; one that is not there yet is found when it is made.
    pub(super) fn add(&self, directory: &Path) {
        if let Some(kernel) = &self.inotify {
            // Where no more may be watched the pulse still beats.
            let _ = kernel.add(directory, Changes::All);
        }
    }

    /// Waits for a change, and gathers those that follow in quick succession; false where nothing is known
    /// to have changed.
    pub(super) async fn next(&mut self, gather: Duration) -> bool {
        match tokio::time::timeout(PULSE, self.changed.recv()).await {
            Ok(Some(())) => {
                tokio::time::sleep(gather).await;
                while self.changed.try_recv().is_ok() {}
                true
            }
            Ok(None) => {
                tokio::time::sleep(PULSE).await;
                true
            }
            Err(_) => false,
        }
    }
}
