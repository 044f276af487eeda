//! Output artifacts that name a key of their own. In the run's store they lie below `WORKFLOW/POD/ARTIFACT` like all others,
//! where no two can meet; who asks for the own key is shown that. Of two with the same own key the later one counts, as in a
//! store of objects. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use crate::argo::model::{Artifact, Template};
use crate::argo::status::Outputs;
use crate::local::errand::Elsewhere;

/// What lies at each own key.
#[derive(Debug, Default)]
pub(super) struct OwnKeys(BTreeMap<String, Stored>);

#[derive(Debug)]
struct Stored {
    /// The key in the run's store.
    key: String,
    /// In a store of objects it would be one object, packed, and not the files of a directory.
    packed: bool,
}

impl OwnKeys {
    /// Notes the outputs of a node whose template gives them keys.
    pub(super) fn note(&mut self, template: &Template, outputs: &Outputs) {
        for artifact in &template.outputs.artifacts {
            let Some(own) = artifact.key_of_run() else { continue };
            let stored = outputs.artifacts.iter().find(|stored| stored["name"] == artifact.name.as_str());
            if let Some(key) = stored.and_then(|stored| stored["s3"]["key"].as_str()) {
                let packed = artifact.archive.as_ref().is_none_or(|archive| archive.get("none").is_none());
                self.0.insert(own.trim_matches('/').to_owned(), Stored { key: key.to_owned(), packed });
            }
        }
    }

    /// The template with the run's keys in its inputs.
    pub(super) fn resolved<'t>(&self, template: &'t Template) -> Cow<'t, Template> {
        let is_own = |artifact: &Artifact| artifact.key_of_run().is_some_and(|key| self.find(key).is_some());
        if self.0.is_empty() || !template.inputs.artifacts.iter().any(is_own) {
            return Cow::Borrowed(template);
        }
        let mut template = template.clone();
        for artifact in &mut template.inputs.artifacts {
            if let Some(key) = artifact.key_of_run().and_then(|key| self.find(key)) {
                artifact.s3 = Some(json!({"key": key}));
            }
        }
        Cow::Owned(template)
    }

    /// The run's key of what lies at an own key, or of a file below it.
    fn find(&self, key: &str) -> Option<String> {
        let key = key.trim_matches('/');
        if let Some(stored) = self.0.get(key) {
            return Some(stored.key.clone());
        }
        let above = key.match_indices('/').rev().find_map(|(at, _)| Some((at, self.0.get(&key[..at])?)));
        above.filter(|(_, stored)| !stored.packed).map(|(at, stored)| format!("{}{}", stored.key, &key[at..]))
    }

    /// What is listed by other keys than those where it lies, for a list of what is below a key.
    pub(super) fn below(&self, key: &str) -> Vec<Elsewhere> {
        let key = key.trim_matches('/');
        let is_below = |own: &str| {
            key.is_empty() || own.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let elsewhere = |(own, stored): (&String, &Stored)| Elsewhere {
            shown: is_below(own).then(|| own.clone()),
            key: stored.key.clone(),
            packed: stored.packed,
        };
        self.0.iter().map(elsewhere).collect()
    }
}
