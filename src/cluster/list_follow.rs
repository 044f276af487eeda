//! Lists the workflows (or other objects) of a selection and then follows their changes without end.

use std::collections::{HashMap, HashSet, VecDeque};

use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::list::{Pages, Selection, label_query, name_kind};
use super::request::Verb;
use super::watch::{Event, OutageLimit, PAUSE, Watch};
use super::{Cluster, ClusterError};
use crate::argo::Metadata;

/// A change of a followed object.
#[derive(Debug)]
pub enum News {
    /// An object exists, or has changed.
    There(Value),
    /// All objects that existed at first have been yielded.
    Complete,
    /// The object with this uid is gone; with its last state, if that was seen.
    Gone(String, Option<Value>),
}

impl Cluster {
    /// Yields each workflow, then each change, without end: across ends of watches, broken connections and restarts of
    /// the server, and each state only once.
    pub fn list_follow(&self, selection: Selection) -> BoxStream<'static, Result<News, ClusterError>> {
        self.follow_objects(Resource::WORKFLOW, selection)
    }

    /// The same for objects of any kind.
    pub(super) fn follow_objects(
        &self,
        resource: Resource,
        selection: Selection,
    ) -> BoxStream<'static, Result<News, ClusterError>> {
        let (cluster, outage) = (self.clone(), OutageLimit::new(self.patience));
        let stage = Stage::list(resource, &selection);
        let (known, news) = (HashMap::new(), VecDeque::new());
        let follower = ListFollower { cluster, resource, selection, outage, stage, not_before: None, known, news };
        try_unfold(follower, async |mut follower| Ok(Some((follower.next().await?, follower)))).boxed()
    }
}

/// The state of following.
enum Stage {
    /// The list is being read; the uids on its pages so far.
    Listing(Pages, HashSet<String>),
    /// A watch must be opened at this version.
    Behind(String),
    /// A watch is open since this time.
    Watching(Watch, Instant),
}

impl Stage {
    fn list(resource: Resource, selection: &Selection) -> Self {
        Self::Listing(Pages::new(resource, selection), HashSet::new())
    }
}

struct ListFollower {
    cluster: Cluster,
    resource: Resource,
    selection: Selection,
    outage: OutageLimit,
    stage: Stage,
    /// Send no request before this time.
    not_before: Option<Instant>,
    /// The existing objects by uid, with the last yielded version.
    known: HashMap<String, String>,
    news: VecDeque<News>,
}

impl ListFollower {
    async fn next(&mut self) -> Result<News, ClusterError> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            match std::mem::replace(&mut self.stage, Stage::list(self.resource, &self.selection)) {
                Stage::Listing(pages, there) => self.list(pages, there).await?,
                Stage::Behind(version) => self.open(version).await?,
                Stage::Watching(watch, began) => self.watch(watch, began).await,
            }
        }
    }

    /// Reads a page; after the last one, known objects that were not listed are gone.
    async fn list(&mut self, mut pages: Pages, mut there: HashSet<String>) -> Result<(), ClusterError> {
        if let Some(not_before) = self.not_before.take() {
            tokio::time::sleep_until(not_before).await;
        }
        let page = match pages.next(&self.cluster, &self.selection).await {
            Ok(page) => page,
            Err(error) if self.outage.allows_retry(&error) => {
                // `self.stage` is already a new list.
                self.not_before = Some(Instant::now() + PAUSE);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(page) = page {
            there.extend(page.iter().map(|object| Metadata::of(object).uid().to_owned()));
            for object in page {
                self.add(object);
            }
            self.stage = Stage::Listing(pages, there);
            return Ok(());
        }

        let gone: Vec<String> = self.known.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
        self.known.retain(|uid, _| there.contains(uid));
        self.news.extend(gone.into_iter().map(|uid| News::Gone(uid, None)));
        if !self.outage.has_answered() {
            self.news.push_back(News::Complete);
        }
        self.outage.answered();
        self.stage = Stage::Behind(pages.version);
        Ok(())
    }

    async fn open(&mut self, version: String) -> Result<(), ClusterError> {
        let began = Instant::now();
        self.not_before = Some(began + PAUSE);
        let call = self.selection.call(&self.cluster, self.resource, Verb::Watch);
        if let Some(watch) = self.cluster.open_watch(&call, &label_query(&self.selection), version).await? {
            self.stage = Stage::Watching(watch, began);
        }
        Ok(())
    }

    async fn watch(&mut self, mut watch: Watch, began: Instant) {
        match watch.next().await {
            Event::Changed(object) => self.add(object),
            Event::Deleted(mut object) => {
                name_kind(&mut object, self.resource);
                let uid = Metadata::of(&object).uid().to_owned();
                self.known.remove(&uid);
                self.news.push_back(News::Gone(uid, Some(object)));
            }
            // After a watch that lasted, open another one. After one that ended at once, list again: this shows whether
            // the server is unavailable.
            Event::Lost(last) if began.elapsed() >= PAUSE => {
                self.outage.answered();
                self.stage = Stage::Behind(last);
                return;
            }
            Event::Lost(_) | Event::Expired => return,
        }
        self.stage = Stage::Watching(watch, began);
    }

    fn add(&mut self, mut object: Value) {
        let version = Metadata::of(&object).resource_version().to_owned();
        if self.known.insert(Metadata::of(&object).uid().to_owned(), version.clone()) != Some(version) {
            name_kind(&mut object, self.resource);
            self.news.push_back(News::There(object));
        }
    }
}
