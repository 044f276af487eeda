//! The archive: listed page by page, read, deleted from.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::request;
use super::{ArgoServer, ArgoServerError};
use crate::argo::Metadata;
use crate::cluster::kind::Resource;
use crate::cluster::list::name_kind;

/// Workflows a page, where nobody says how many.
const CHUNK: u32 = 200;

/// Which workflows of the archive are listed.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// The namespace; all where it is empty.
    pub(crate) namespace: String,
    /// What the name begins with.
    pub(crate) prefix: Option<String>,
    /// A label selector.
    pub labels: Option<String>,
    /// The whole name.
    pub name: Option<String>,
    /// Those that started later.
    pub(crate) since: Option<Timestamp>,
    /// How many are asked for at a time.
    pub chunk: u32,
}

impl Default for Selection {
    /// All of it.
    fn default() -> Self {
        Self { namespace: String::new(), prefix: None, labels: None, name: None, since: None, chunk: CHUNK }
    }
}

/// What names a workflow of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Archived {
    /// A uid: the archive keeps all workflows that ever had a name.
    Uid(String),
    /// A name, in the connection's namespace.
    Name(String),
}

impl Archived {
    /// A uid is known by its form (isUID in cmd/argo/commands/archive/util.go, v4.1.2).
    pub(crate) fn of(text: &str) -> Self {
        let lengths = text.split('-').map(str::len);
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        if is_hex && lengths.eq([8, 4, 4, 4, 12]) { Self::Uid(text.to_owned()) } else { Self::Name(text.to_owned()) }
    }
}

impl ArgoServer {
    /// Passes what the archive tells of each workflow to `take`, once: no spec but the arguments, and no nodes.
    pub(crate) async fn list(&self, selection: &Selection, mut take: impl FnMut(Value)) -> Result<(), ArgoServerError> {
        // The pages are counted: what is archived meanwhile moves workflows to the next one.
        let mut seen = HashSet::new();
        let mut from = String::new();
        loop {
            let mut list = self.ask(&request::list(selection, &from)).await?;
            let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            for mut item in items {
                if seen.insert(Metadata::of(&item).uid().to_owned()) {
                    name_kind(&mut item, Resource::WORKFLOW);
                    take(item);
                }
            }
            match Metadata::next_page(&list) {
                Some(next) => next.clone_into(&mut from),
                None => return Ok(()),
            }
        }
    }

    /// The names of the first page, the latest first.
    pub(crate) async fn names(&self, selection: &Selection) -> Result<Vec<String>, ArgoServerError> {
        let list = self.ask(&request::list(selection, "")).await?;
        let items = list["items"].as_array().into_iter().flatten();
        Ok(items.map(|item| Metadata::of(item).name().to_owned()).collect())
    }

    /// The whole workflow.
    pub(crate) async fn workflow(&self, archived: &Archived) -> Result<Value, ArgoServerError> {
        let uid = self.uid(archived).await?;
        let mut object = self.ask(&request::get(&uid, &self.namespace)).await.map_err(|error| error.naming(&uid))?;
        name_kind(&mut object, Resource::WORKFLOW);
        Ok(object)
    }

    /// Deletes it from the archive.
    pub(crate) async fn delete(&self, uid: &str) -> Result<(), ArgoServerError> {
        let deleted = self.ask(&request::delete(uid, &self.namespace)).await;
        deleted.map(drop).map_err(|error| error.naming(uid))
    }

    /// The label keys of all workflows of the archive.
    pub(crate) async fn label_keys(&self) -> Result<Vec<String>, ArgoServerError> {
        Ok(texts(&self.ask(&request::label_keys(&self.namespace)).await?))
    }

    /// The values of a label key.
    pub(crate) async fn label_values(&self, key: &str) -> Result<Vec<String>, ArgoServerError> {
        match self.ask(&request::label_values(key, &self.namespace)).await {
            Err(ArgoServerError::Missing { .. }) => Ok(Vec::new()),
            answer => Ok(texts(&answer?)),
        }
    }

    /// The uid of what is named. Argo takes a name for the beginning of one; here a name is a whole name.
    async fn uid(&self, archived: &Archived) -> Result<String, ArgoServerError> {
        let name = match archived {
            Archived::Uid(uid) => return Ok(uid.clone()),
            Archived::Name(name) => name,
        };
        let mut found: Vec<(String, String)> = Vec::new();
        let selection =
            Selection { namespace: self.namespace.clone(), name: Some(name.clone()), ..Selection::default() };
        let take = |object: Value| {
            let metadata = Metadata::of(&object);
            if metadata.name() == name {
                let created = metadata.field("creationTimestamp").and_then(Value::as_str).unwrap_or_default();
                found.push((metadata.uid().to_owned(), created.to_owned()));
            }
        };
        self.list(&selection, take).await?;
        match &found[..] {
            [] => {
                Err(ArgoServerError::Missing { what: format!("workflow {name:?} in namespace {:?}", self.namespace) })
            }
            [(uid, _)] => Ok(uid.clone()),
            several => Err(ArgoServerError::Several {
                name: name.clone(),
                uids: several.iter().map(|(uid, created)| format!("{uid} (created {created})")).collect(),
            }),
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_known_by_its_form() {
        let uid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert_eq!(Archived::of(uid), Archived::Uid(uid.to_owned()));
        for name in ["etl", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"] {
            assert_eq!(Archived::of(name), Archived::Name(name.to_owned()));
        }
    }
}
