//! All runs of a backend, and what happens to them.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;

use super::{Backend, BackendError, Run, Snapshot};
use crate::argo::Workflow;
use crate::argo::label_selector::LabelSelector;
use crate::cluster::{self, Selection};
use crate::local::list_follow::{self, list_follow};
use crate::local::record::{Record, RecordError};

/// Workflows a page, where nobody says how many.
const CHUNK: u32 = 200;

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListSelection {
    /// Those of all namespaces.
    pub(crate) all_namespaces: bool,
    /// Those with these labels.
    pub(crate) labels: Option<LabelSelector>,
    /// What is wanted of each.
    pub(crate) detail: Detail,
    /// How many are asked of a server at a time.
    pub(crate) chunk: u32,
    /// A run of this machine that is known already and is not read again.
    pub(crate) known: Option<String>,
}

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All of it.
    #[default]
    Whole,
    /// All but its nodes; a cluster sends them all the same.
    WithoutNodes,
    /// Its metadata; a run of this machine is read without its nodes.
    Metadata,
}

/// What happens to runs.
pub(crate) enum News {
    /// One is there, or may have changed.
    There {
        /// What tells it from all others.
        key: String,
        /// What it is now.
        snapshot: Snapshot,
    },
    /// One is there that cannot be read.
    Unreadable(Record, RecordError),
    /// All that were there at first have been told.
    Complete,
    /// The one with this key is gone, in its last state where that was seen.
    Gone(String, Option<Value>),
}

impl Backend {
    /// Gives each run to `take`, in no order. One that cannot be read does not hide the others.
    pub(crate) async fn list(
        &self,
        selection: &ListSelection,
        mut take: impl FnMut(Run, Result<Snapshot, RecordError>),
    ) -> Result<(), BackendError> {
        match self {
            Self::Cluster(cluster) => {
                let listing = cluster
                    .list(&selection.of_cluster(), |workflow| {
                        take(Run::of_workflow(cluster, Workflow::view(&workflow)), Ok(Snapshot::from(workflow)));
                    })
                    .await;
                listing?;
            }
            Self::Local { root, namespace } => {
                for record in Record::all(root, (!selection.all_namespaces).then_some(namespace))? {
                    if selection.known.as_deref() == Some(record.name()) && record.namespace() == namespace.as_str() {
                        continue;
                    }
                    let snapshot = match selection.detail {
                        Detail::Whole => Snapshot::of_record(&record),
                        Detail::WithoutNodes | Detail::Metadata => Snapshot::head_of(&record),
                    };
                    if snapshot.as_ref().map_or(true, |snapshot| selection.has_labels(snapshot)) {
                        take(Run::Local(record), snapshot);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells of each run, then of each change, without end.
    pub(crate) fn list_follow(&self, selection: &ListSelection) -> BoxStream<'static, Result<News, BackendError>> {
        match self {
            Self::Cluster(cluster) => {
                let news = cluster.list_follow(selection.of_cluster()).map_ok(|news| match news {
                    cluster::News::There(workflow) => {
                        let key = Workflow::view(&workflow).uid().to_owned();
                        News::There { key, snapshot: workflow.into() }
                    }
                    cluster::News::Complete => News::Complete,
                    cluster::News::Gone(uid, last) => News::Gone(uid, last),
                });
                news.map_err(BackendError::from).boxed()
            }
            Self::Local { root, namespace } => {
                let namespace = (!selection.all_namespaces).then(|| namespace.clone());
                let news = list_follow(root.clone(), namespace).map_ok(|news| match news {
                    list_follow::News::There(record) => match Snapshot::of_record(&record) {
                        Ok(snapshot) => News::There { key: record.directory().display().to_string(), snapshot },
                        Err(error) => News::Unreadable(record, error),
                    },
                    list_follow::News::Complete => News::Complete,
                    list_follow::News::Gone(directory) => News::Gone(directory.display().to_string(), None),
                });
                let selection = selection.clone();
                let wanted = move |news: &Result<News, RecordError>| match news {
                    Ok(News::There { snapshot, .. }) => selection.has_labels(snapshot),
                    _ => true,
                };
                news.filter(move |news| std::future::ready(wanted(news))).map_err(BackendError::from).boxed()
            }
        }
    }
}

impl ListSelection {
    /// Those of the backend's namespace with these labels.
    pub(crate) fn with(labels: Option<LabelSelector>) -> Self {
        Self { labels, chunk: CHUNK, ..Self::default() }
    }

    fn of_cluster(&self) -> Selection {
        Selection {
            all_namespaces: self.all_namespaces,
            labels: self.labels.as_ref().map(|labels| labels.as_str().to_owned()),
            chunk: self.chunk,
            metadata_only: self.detail == Detail::Metadata,
            ..Selection::default()
        }
    }

    /// What a server does by itself.
    fn has_labels(&self, snapshot: &Snapshot) -> bool {
        self.labels.as_ref().is_none_or(|labels| labels.matches(snapshot.workflow.value()))
    }
}
