//! All workflows of a selection, and then what happens to them, for as long as anybody wants to know.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::list::{Selection, label_query, name_kind};
use super::request::Verb;
use super::watch::{Ended, Event, PAUSE, Patience};
use super::{Cluster, ClusterError};

/// What happens to workflows.
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
    /// Tells of each workflow, then of each change, until `take` has seen enough: through ends of watches, broken
    /// connections and restarts of the server, each state once.
    pub async fn list_watch<T>(
        &self,
        selection: &Selection,
        take: impl FnMut(News) -> ControlFlow<T>,
    ) -> Result<T, ClusterError> {
        let mut teller = Teller { cluster: self, selection, take, known: HashMap::new() };
        let mut patience = Patience::new(self.patience);
        loop {
            let began = Instant::now();
            match teller.list(patience.began()).await {
                Ok(ControlFlow::Break(enough)) => return Ok(enough),
                Ok(ControlFlow::Continue(version)) => {
                    patience.heard();
                    if let Some(enough) = teller.watch(version, &mut patience).await? {
                        return Ok(enough);
                    }
                }
                Err(error) if patience.bears(&error) => {}
                Err(error) => return Err(error),
            }
            if began.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

struct Teller<'a, F> {
    cluster: &'a Cluster,
    selection: &'a Selection,
    take: F,
    /// The workflows that are there, by uid, with the versions that were told.
    known: HashMap<String, String>,
}

impl<F: FnMut(News) -> ControlFlow<T>, T> Teller<'_, F> {
    /// Reads all workflows and tells what is new; gives the version of the list.
    async fn list(&mut self, again: bool) -> Result<ControlFlow<T, String>, ClusterError> {
        let mut there = HashSet::new();
        let mut enough = None;
        let (cluster, selection) = (self.cluster, self.selection);
        let version = cluster
            .list(selection, |workflow| {
                there.insert(text(&workflow, "uid"));
                if enough.is_none()
                    && let ControlFlow::Break(seen) = self.tell(workflow)
                {
                    enough = Some(seen);
                }
            })
            .await?;
        let gone: Vec<String> = self.known.keys().filter(|uid| !there.contains(*uid)).cloned().collect();
        let mut news: Vec<News> = gone.into_iter().map(|uid| News::Gone(uid, None)).collect();
        if !again {
            news.push(News::Complete);
        }
        self.known.retain(|uid, _| there.contains(uid));
        for news in news {
            if enough.is_none()
                && let ControlFlow::Break(seen) = (self.take)(news)
            {
                enough = Some(seen);
            }
        }
        Ok(enough.map_or(ControlFlow::Continue(version), ControlFlow::Break))
    }

    /// Watches from a version on, watch after watch, until there is nothing for it but to list anew.
    async fn watch(&mut self, mut version: String, patience: &mut Patience) -> Result<Option<T>, ClusterError> {
        let (cluster, selection) = (self.cluster, self.selection);
        let call = selection.call(cluster, Resource::WORKFLOW, Verb::Watch);
        let query = label_query(selection);
        loop {
            let began = Instant::now();
            let watched = cluster.watch(&call, &query, version, |event| match event {
                Event::Changed(workflow) => self.tell(workflow),
                Event::Deleted(mut workflow) => {
                    name_kind(&mut workflow, Resource::WORKFLOW);
                    let uid = text(&workflow, "uid");
                    self.known.remove(&uid);
                    (self.take)(News::Gone(uid, Some(workflow)))
                }
            });
            match watched.await? {
                Ended::Enough(enough) => return Ok(Some(enough)),
                Ended::Expired => return Ok(None),
                // One that did not last: whether the server is away shows when it is asked.
                Ended::Lost(_) if began.elapsed() < PAUSE => return Ok(None),
                Ended::Lost(last) => {
                    patience.heard();
                    version = last;
                }
            }
        }
    }

    fn tell(&mut self, mut workflow: Value) -> ControlFlow<T> {
        let version = text(&workflow, "resourceVersion");
        if self.known.insert(text(&workflow, "uid"), version.clone()) == Some(version) {
            return ControlFlow::Continue(());
        }
        name_kind(&mut workflow, Resource::WORKFLOW);
        (self.take)(News::There(workflow))
    }
}

fn text(workflow: &Value, field: &str) -> String {
    workflow["metadata"][field].as_str().unwrap_or_default().to_owned()
}
