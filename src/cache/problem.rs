//! What is the matter with a cache and its entries: what makes nodes fail, and what can never be used.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::contents::{Cache, LABEL, LABEL_VALUE};
use super::entry::{Entry, State};
use super::home::Homes;
use super::provenance::Provenance;
use super::usage::Usage;
use crate::argo::duration;

/// From this share of its limit a cache is nearly full.
const NEARLY_FULL: f64 = 0.8;

/// What is the matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "camelCase")]
pub(crate) enum Problem {
    /// The ConfigMap lacks the label of a cache.
    NotLabelled {
        /// The label's value, when it has another one.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// No controller is known to look for caches in its namespace.
    WrongNamespace {
        /// The namespaces where controllers look.
        controllers: Vec<String>,
    },
    /// It may not be changed.
    Immutable,
    /// It has binary data.
    Binary {
        /// How many bytes.
        bytes: u64,
    },
    /// It has nearly reached its limit.
    NearlyFull {
        /// Its share of the limit in percent.
        percent: u64,
    },
    /// The entry's key can never be looked up.
    IllegalKey,
    /// The entry holds nothing.
    Null,
    /// The entry names no node.
    NoNode,
    /// Another version of this tool wrote the entry.
    OtherVersion,
    /// The entry is none.
    Malformed {
        /// Why.
        why: String,
    },
    /// Nodes of several templates name the entry.
    Shared {
        /// The templates.
        templates: Vec<String>,
    },
    /// No template can produce the key.
    Orphaned,
    /// Artifacts of the entry were deleted.
    ArtifactsGone {
        /// Their names.
        names: Vec<String>,
    },
    /// The entry is older than its template allows.
    Expired {
        /// The template's `maxAge`.
        max_age: String,
    },
}

/// What is known of the surroundings of caches.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// What workflows and templates tell.
    pub provenance: &'a Provenance,
    /// What tells where controllers look for caches.
    pub homes: &'a Homes,
    /// The present.
    pub now: Timestamp,
}

impl Cache {
    /// What is the matter with the cache as a whole.
    pub(crate) fn problems(&self, around: Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.is_labelled() {
            problems.push(Problem::NotLabelled { value: self.object.label.clone() });
        }
        let controllers = around.homes.elsewhere(self);
        if !controllers.is_empty() {
            problems.push(Problem::WrongNamespace { controllers });
        }
        if self.object.immutable {
            problems.push(Problem::Immutable);
        }
        if self.object.binary > 0 {
            problems.push(Problem::Binary { bytes: self.object.binary });
        }
        let share = Usage::of(self, around.now).share.unwrap_or_default();
        if share >= NEARLY_FULL {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share is small and positive"
            )]
            problems.push(Problem::NearlyFull { percent: (share * 100.0) as u64 });
        }
        problems
    }

    /// What is the matter with one of its entries.
    pub(crate) fn problems_of(&self, entry: &Entry, around: Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !entry.is_legal() {
            problems.push(Problem::IllegalKey);
        }
        match &entry.state {
            State::Whole => problems.extend(self.problems_of_whole(entry, around)),
            State::Null => problems.push(Problem::Null),
            State::NoNode => problems.push(Problem::NoNode),
            State::OtherVersion => problems.push(Problem::OtherVersion),
            State::Malformed(why) => problems.push(Problem::Malformed { why: why.clone() }),
        }
        problems
    }

    fn problems_of_whole(&self, entry: &Entry, around: Surroundings<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let gone = around.provenance.deleted(&self.name, entry);
        if !gone.is_empty() && entry.kept.is_empty() {
            problems.push(Problem::ArtifactsGone { names: gone });
        }
        let templates = around.provenance.sharing(&self.name, &entry.key);
        if templates.len() > 1 {
            problems.push(Problem::Shared { templates: templates.into_iter().map(str::to_owned).collect() });
        }
        if let Some(producers) = around.provenance.producers(&self.name, &entry.key) {
            let limits: Vec<&str> = producers.iter().map(|producer| producer.max_age.as_str()).collect();
            if producers.is_empty() {
                problems.push(Problem::Orphaned);
            } else if let Some(max_age) = expired(entry, &limits, around.now) {
                problems.push(Problem::Expired { max_age });
            }
        }
        problems
    }
}

/// The longest of the limits, when the entry is older than all of them.
fn expired(entry: &Entry, limits: &[&str], now: Timestamp) -> Option<String> {
    let parsed = limits.iter().map(|text| Some((duration::parse(text).ok()?, *text)));
    let (longest, text) = parsed.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    let age = entry.created.map_or(SignedDuration::MAX, |created| now.duration_since(created));
    (age > longest).then(|| text.to_owned())
}

impl Problem {
    /// What can be done about it; `--fix` for what this tool fixes itself.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::NotLabelled { .. } => "--fix sets the label",
            Self::WrongNamespace { .. } => "export it, and import it into the controller's namespace",
            Self::Immutable => "delete it; the controller makes a new one",
            Self::Binary { .. } => "caches have none; delete the ConfigMap if nothing else uses it",
            Self::NearlyFull { .. } => "prune it: a full cache turns nodes that succeeded into Errors",
            Self::IllegalKey | Self::Null | Self::NoNode | Self::Malformed { .. } | Self::ArtifactsGone { .. } => {
                "--fix removes it"
            }
            Self::Shared { .. } => {
                "each gets the outputs of whichever finished first: name the template in the key, or let submit write it"
            }
            Self::Orphaned => "prune --orphaned removes it",
            Self::OtherVersion => "use that version of this tool",
            Self::Expired { .. } => "it is replaced when its node runs next; prune --older removes it",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLabelled { value: Some(value) } => {
                write!(formatter, "its label {LABEL} is {value:?}, not {LABEL_VALUE:?}: nodes that use it end in Error")
            }
            Self::NotLabelled { value: None } => {
                write!(formatter, "it lacks the label {LABEL}={LABEL_VALUE}: nodes that use it end in Error")
            }
            Self::WrongNamespace { controllers } => {
                write!(
                    formatter,
                    "no controller is known to look for it here: they keep their caches in {}",
                    controllers.join(", ")
                )
            }
            Self::Immutable => {
                formatter.write_str("it is immutable: nodes that hit or would save an entry end in Error")
            }
            Self::Binary { bytes } => write!(formatter, "{bytes} bytes of binary data count towards its limit"),
            Self::NearlyFull { percent } => write!(formatter, "{percent}% of its 1 MiB are used"),
            Self::IllegalKey => formatter.write_str("illegal key: it is never looked up"),
            Self::Null => formatter.write_str("holds nothing: it never hits"),
            Self::NoNode => formatter.write_str("names no node: it never hits"),
            Self::OtherVersion => formatter.write_str("another version of this tool wrote it"),
            Self::Malformed { why } => write!(formatter, "malformed: {why}"),
            Self::Shared { templates } => write!(formatter, "shared by the templates {}", templates.join(", ")),
            Self::Orphaned => formatter.write_str("no template can produce its key any more"),
            Self::ArtifactsGone { names } => write!(formatter, "artifacts are gone: {}", names.join(", ")),
            Self::Expired { max_age } => write!(formatter, "older than the maxAge {max_age} of its template"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cache(labels: &Value, data: &Value) -> Cache {
        Cache::of_config_map(&json!({"metadata": {"name": "c", "namespace": "ci", "labels": labels}, "data": data}))
    }

    fn text(extra: &str) -> String {
        format!(r#"{{"nodeID":"wf-1","creationTimestamp":"2026-11-21T08:00:00Z"{extra}}}"#)
    }

    fn problems(cache: &Cache, provenance: &Provenance, controllers: &[&str]) -> Vec<String> {
        let leases = controllers.iter().map(|name| (*name).to_owned()).collect();
        let homes = Homes { leases, ..Homes::default() };
        let now = "2026-11-21T10:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let around = Surroundings { provenance, homes: &homes, now };
        let own = cache.problems(around).into_iter();
        let all = own.chain(cache.entries.values().flat_map(|entry| cache.problems_of(entry, around)));
        let name = |problem| serde_json::to_value::<Problem>(problem).unwrap_or_default()["problem"].clone();
        all.map(name).filter_map(|problem| problem.as_str().map(str::to_owned)).collect()
    }

    #[test]
    fn a_cache_of_the_controllers_own_has_nothing_the_matter() {
        let sound = cache(&json!({LABEL: LABEL_VALUE}), &json!({"a-b": text("")}));
        assert_eq!(problems(&sound, &Provenance::default(), &["ci"]), [""; 0]);
        assert_eq!(problems(&sound, &Provenance::default(), &[]), [""; 0]);
    }

    #[test]
    fn what_is_wrong_with_the_object_is_named() {
        let mut odd = cache(&json!({LABEL: "Parameter"}), &json!({"a": text("")}));
        odd.object.immutable = true;
        odd.object.binary = 1;
        assert_eq!(
            problems(&odd, &Provenance::default(), &["argo"]),
            ["notLabelled", "wrongNamespace", "immutable", "binary"]
        );
        let full = cache(&json!({LABEL: LABEL_VALUE}), &json!({"a": text(&" ".repeat(900_000))}));
        assert_eq!(problems(&full, &Provenance::default(), &[]), ["nearlyFull"]);
    }

    #[test]
    fn what_is_wrong_with_entries_is_named() {
        let data = json!({"a_b": text(""), "b": "null", "c": "{}", "d": "{", "e": text(r#","outputs":7"#)});
        let broken = cache(&json!({LABEL: LABEL_VALUE}), &data);
        assert_eq!(
            problems(&broken, &Provenance::default(), &[]),
            ["illegalKey", "null", "noNode", "malformed", "malformed"]
        );
    }

    #[test]
    fn what_only_workflows_can_tell_is_named() {
        let mut provenance = Provenance::default();
        let node = |id: &str, template: &str, key: &str| {
            json!({"id": id, "name": "wf.a", "displayName": "a", "type": "Pod", "phase": "Succeeded",
                "templateName": template, "memoizationStatus": {"hit": false, "key": key, "cacheName": "c"},
                "outputs": {"artifacts": [{"name": "x", "deleted": true}]}})
        };
        let memoize = |key: &str, max_age: &str| json!({"name": "load", "memoize": {"key": key, "maxAge": max_age, "cache": {"configMap": {"name": "c"}}}});
        provenance.add_workflow(&json!({
            "metadata": {"name": "wf"},
            "spec": {"templates": [memoize("old-{{x}}", "1h"), memoize("fresh-{{x}}", "3h"), memoize("r1", "")]},
            "status": {"nodes": {"wf-1": node("wf-1", "load", "r1"), "wf-2": node("wf-2", "save", "r1")}},
        }));
        let data = json!({"fresh-1": text(""), "old-1": text(""), "other-1": text(""), "r1": text("")});
        let known = cache(&json!({LABEL: LABEL_VALUE}), &data);
        assert_eq!(problems(&known, &provenance, &[]), ["expired", "orphaned", "artifactsGone", "shared"]);
    }
}
