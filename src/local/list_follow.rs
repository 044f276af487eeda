//! All runs of this machine, and then what happens to them, for as long as anybody wants to know.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};

use super::follow::CALM;
use super::record::{Record, RecordError};
use super::watch::Watch;
use crate::argo::identity::ObjectName;

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

/// Tells of each run of a namespace, or of all, then of each change, without end.
pub(crate) fn list_follow(
    root: PathBuf,
    namespace: Option<ObjectName>,
) -> BoxStream<'static, Result<News, RecordError>> {
    let known = HashMap::new();
    let teller = Teller { root, namespace, watch: Watch::new(), known, stage: Stage::Begun, news: VecDeque::new() };
    try_unfold(teller, async |mut teller| Ok(Some((teller.next().await?, teller)))).boxed()
}

enum Stage {
    /// Nothing has been told.
    Begun,
    /// All has been told that there was when it was looked at last.
    Told,
}

struct Teller {
    root: PathBuf,
    namespace: Option<ObjectName>,
    watch: Watch,
    /// By directory, whether the run's process lived when it was told of.
    known: HashMap<PathBuf, bool>,
    stage: Stage,
    news: VecDeque<News>,
}

impl Teller {
    async fn next(&mut self) -> Result<News, RecordError> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            match self.stage {
                Stage::Begun => {
                    self.stage = Stage::Told;
                    self.look(true)?;
                    self.news.push_back(News::Complete);
                }
                Stage::Told => {
                    let changed = self.watch.next(CALM).await;
                    self.look(changed)?;
                }
            }
        }
    }

    /// Looks at all runs; those that go on are news when something has `changed`.
    fn look(&mut self, changed: bool) -> Result<(), RecordError> {
        watch_homes(&self.watch, &self.root, self.namespace.as_ref());
        let records = Record::all(&self.root, self.namespace.as_ref())?;
        for record in &records {
            let directory = record.directory().to_owned();
            let live = record.is_live();
            if live {
                self.watch.add(&directory);
            }
            let before = self.known.insert(directory, live);
            if before != Some(live) || (live && changed) {
                self.news.push_back(News::There(record.clone()));
            }
        }
        if self.known.len() > records.len() {
            let is_there = |directory: &Path| records.iter().any(|record| record.directory() == directory);
            let gone: Vec<PathBuf> = self.known.keys().filter(|directory| !is_there(directory)).cloned().collect();
            for directory in gone {
                self.known.remove(&directory);
                self.news.push_back(News::Gone(directory));
            }
        }
        Ok(())
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
