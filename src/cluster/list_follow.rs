//! All workflows of a selection, or other objects, and then what happens to them, for as long as anybody wants to know.

use std::collections::{HashMap, HashSet, VecDeque};

use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::list::{Pages, Selection, label_query, name_kind};
use super::request::Verb;
use super::watch::{Event, PAUSE, Patience, Watch};
use super::{Cluster, ClusterError};

/// What happens to workflows, or other objects.
#[derive(Debug)]
pub enum News {
    /// One is there, or has changed.
    There(Value),
    /// All that were there at first have been told.
    Complete,
    /// The one with this uid is gone, in its last state where that was seen.
    Gone(String, Option<Value>),
}

impl Cluster {
    /// Tells of each workflow, then of each change, without end: through ends of watches, broken connections and
    /// restarts of the server, each state once.
    pub fn list_follow(&self, selection: Selection) -> BoxStream<'static, Result<News, ClusterError>> {
        self.follow_objects(Resource::WORKFLOW, selection)
    }

    /// The same for objects of any kind.
    pub(super) fn follow_objects(
        &self,
        resource: Resource,
        selection: Selection,
    ) -> BoxStream<'static, Result<News, ClusterError>> {
        let (cluster, patience) = (self.clone(), Patience::new(self.patience));
        let stage = Stage::list(resource, &selection);
        let (known, news) = (HashMap::new(), VecDeque::new());
        let teller = Teller { cluster, resource, selection, patience, stage, rested: None, known, news };
        try_unfold(teller, async |mut teller| Ok(Some((teller.next().await?, teller)))).boxed()
    }
}

/// Where the telling stands.
enum Stage {
    /// The list is read, page by page; the uids that it has so far.
    Listing(Pages, HashSet<String>),
    /// A watch is to be opened from this version on.
    Behind(String),
    /// A watch tells of changes.
    Watching(Watch, Instant),
}

impl Stage {
    fn list(resource: Resource, selection: &Selection) -> Self {
        Self::Listing(Pages::new(resource, selection), HashSet::new())
    }
}

struct Teller {
    cluster: Cluster,
    resource: Resource,
    selection: Selection,
    patience: Patience,
    stage: Stage,
    /// The server is not asked again before this time.
    rested: Option<Instant>,
    /// Those that are there, by uid, with the versions that were told.
    known: HashMap<String, String>,
    news: VecDeque<News>,
}

impl Teller {
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

    /// Reads a page of them; after the last one, those that are not there any more are gone.
    async fn list(&mut self, mut pages: Pages, mut there: HashSet<String>) -> Result<(), ClusterError> {
        if let Some(rested) = self.rested.take() {
            tokio::time::sleep_until(rested).await;
        }
        let page = match pages.next(&self.cluster, &self.selection).await {
            Ok(page) => page,
            Err(error) if self.patience.bears(&error) => {
                // The stage is a new list already.
                self.rested = Some(Instant::now() + PAUSE);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(page) = page {
            there.extend(page.iter().map(|object| text(object, "uid")));
            for object in page {
                self.tell(object);
            }
            self.stage = Stage::Listing(pages, there);
            return Ok(());
        }

        let gone: Vec<String> = self.known.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
        self.known.retain(|uid, _| there.contains(uid));
        self.news.extend(gone.into_iter().map(|uid| News::Gone(uid, None)));
        if !self.patience.began() {
            self.news.push_back(News::Complete);
        }
        self.patience.heard();
        self.stage = Stage::Behind(pages.version);
        Ok(())
    }

    async fn open(&mut self, version: String) -> Result<(), ClusterError> {
        let began = Instant::now();
        self.rested = Some(began + PAUSE);
        let call = self.selection.call(&self.cluster, self.resource, Verb::Watch);
        if let Some(watch) = self.cluster.open_watch(&call, &label_query(&self.selection), version).await? {
            self.stage = Stage::Watching(watch, began);
        }
        Ok(())
    }

    async fn watch(&mut self, mut watch: Watch, began: Instant) {
        match watch.next().await {
            Event::Changed(object) => self.tell(object),
            Event::Deleted(mut object) => {
                name_kind(&mut object, self.resource);
                let uid = text(&object, "uid");
                self.known.remove(&uid);
                self.news.push_back(News::Gone(uid, Some(object)));
            }
            // A watch that lasted is followed by another. After one that did not, the list shows whether the server is away.
            Event::Lost(last) if began.elapsed() >= PAUSE => {
                self.patience.heard();
                self.stage = Stage::Behind(last);
                return;
            }
            Event::Lost(_) | Event::Expired => return,
        }
        self.stage = Stage::Watching(watch, began);
    }

    fn tell(&mut self, mut object: Value) {
        let version = text(&object, "resourceVersion");
        if self.known.insert(text(&object, "uid"), version.clone()) != Some(version) {
            name_kind(&mut object, self.resource);
            self.news.push_back(News::There(object));
        }
    }
}

fn text(object: &Value, field: &str) -> String {
    object["metadata"][field].as_str().unwrap_or_default().to_owned()
}
