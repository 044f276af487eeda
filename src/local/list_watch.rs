//! All runs of this machine, and then what happens to them, for as long as anybody wants to know.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::{Record, RecordError};
use super::watch::Watch;
use crate::argo::identity::ObjectName;

/// Changes that come in quick succession are told as one.
const CALM: Duration = Duration::from_millis(100);

/// What happens to runs.
#[derive(Debug)]
pub(crate) enum News {
    /// One is there, or may have changed.
    There(Record),
    /// All that were there at first have been told.
    Complete,
    /// The one in this directory is gone.
    Gone(PathBuf),
}

/// Tells of each run of a namespace, or of all, then of each change, until `take` has seen enough.
pub(crate) async fn list_watch<T>(
    root: &Path,
    namespace: Option<&ObjectName>,
    mut take: impl FnMut(News) -> ControlFlow<T>,
) -> Result<T, RecordError> {
    let mut watch = Watch::new();
    // By directory, whether the run's process lived when it was told of.
    let mut known: HashMap<PathBuf, bool> = HashMap::new();
    let (mut changed, mut complete) = (true, false);
    loop {
        watch_homes(&watch, root, namespace);
        let records = Record::all(root, namespace)?;
        for record in &records {
            let directory = record.directory().to_owned();
            // Looked at first: a process that ends in between has written all it knows.
            let live = record.is_live();
            if live {
                watch.add(&directory);
            }
            let before = known.insert(directory, live);
            let is_news = before.is_none() || before != Some(live) || (live && changed);
            if is_news && let ControlFlow::Break(enough) = take(News::There(record.clone())) {
                return Ok(enough);
            }
        }
        let is_gone = |directory: &PathBuf| records.iter().all(|record| record.directory() != directory);
        let gone: Vec<PathBuf> = if known.len() == records.len() {
            Vec::new()
        } else {
            known.keys().filter(|directory| is_gone(directory)).cloned().collect()
        };
        let mut news: Vec<News> = Vec::new();
        for directory in gone {
            known.remove(&directory);
            news.push(News::Gone(directory));
        }
        if !complete {
            complete = true;
            news.push(News::Complete);
        }
        for news in news {
            if let ControlFlow::Break(enough) = take(news) {
                return Ok(enough);
            }
        }
        changed = watch.next(CALM).await;
    }
}

/// Watches the directories in which runs appear.
fn watch_homes(watch: &Watch, root: &Path, namespace: Option<&ObjectName>) {
    let runs = root.join("runs");
    watch.add(root);
    watch.add(&runs);
    if let Some(namespace) = namespace {
        return watch.add(&runs.join(namespace.as_str()));
    }
    let namespaces = std::fs::read_dir(&runs).into_iter().flatten().flatten();
    namespaces.for_each(|namespace| watch.add(&namespace.path()));
}
