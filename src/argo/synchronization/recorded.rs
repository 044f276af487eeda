//! What the status of a workflow records of locks: which it holds and which it waits for.

use serde_json::Value;

use super::{Holder, LockName};

/// The locks that a workflow's status names. What cannot be read is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The locks it holds, each with the holder: itself, or one of its nodes.
    pub(crate) holding: Vec<(LockName, Holder)>,
    /// The locks it waits for, itself or with some of its nodes.
    pub(crate) waiting: Vec<Waiting>,
}

/// A lock that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The lock.
    pub(crate) lock: LockName,
    /// Who held it when the controller looked last; of a mutex the one holder.
    pub(crate) held_by: Vec<Holder>,
}

impl Recorded {
    /// Reads `.status.synchronization`.
    pub(crate) fn of(workflow: &Value) -> Self {
        let mut recorded = Self::default();
        let text = |field: &str| workflow["metadata"][field].as_str().unwrap_or_default();
        let read = |holder: &Value| Holder::read(holder.as_str()?, text("namespace"), text("name"));
        for kind in ["semaphore", "mutex"] {
            let entries = |of: &str| {
                let status = &workflow["status"]["synchronization"][kind];
                status[of].as_array().map(Vec::as_slice).unwrap_or_default()
            };
            let holders = |entry: &Value| -> Vec<Holder> {
                let several = entry["holders"].as_array().into_iter().flatten();
                several.chain(entry.get("holder")).filter_map(read).collect()
            };
            let named = |entry: &Value| entry[kind].as_str().and_then(|name| name.parse::<LockName>().ok());
            for (entry, lock) in entries("holding").iter().filter_map(|entry| Some((entry, named(entry)?))) {
                recorded.holding.extend(holders(entry).into_iter().map(|holder| (lock.clone(), holder)));
            }
            for (entry, lock) in entries("waiting").iter().filter_map(|entry| Some((entry, named(entry)?))) {
                recorded.waiting.push(Waiting { lock, held_by: holders(entry) });
            }
        }
        recorded
    }

    /// The locks that the workflow holds or waits for.
    pub(crate) fn locks(&self) -> impl Iterator<Item = &LockName> {
        self.holding.iter().map(|(lock, _)| lock).chain(self.waiting.iter().map(|waiting| &waiting.lock))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_of_another_form_records_nothing() {
        for status in [
            json!(null),
            json!({"synchronization": null}),
            json!({"synchronization": {"semaphore": {"holding": {}, "waiting": [3, {"semaphore": 4}]}, "mutex": []}}),
            json!({"synchronization": {"mutex": {"holding": [{"mutex": "deploy", "holder": "a"}]}}}),
        ] {
            let workflow = json!({"metadata": {"name": "w", "namespace": "n"}, "status": status});
            assert_eq!(Recorded::of(&workflow), Recorded::default(), "{workflow}");
        }
    }

    #[test]
    fn a_database_lock_stands_under_either_kind() {
        let status = json!({"synchronization": {
            "semaphore": {"holding": [{"semaphore": "n/Database/x", "holders": ["n/w", "n/v/v-1"]}]},
            "mutex": {"waiting": [{"mutex": "n/Database/y"}]},
        }});
        let recorded = Recorded::of(&json!({"metadata": {"name": "w", "namespace": "n"}, "status": status}));
        let holders: Vec<String> = recorded.holding.iter().map(|(lock, holder)| format!("{lock} {holder}")).collect();
        assert_eq!(holders, ["n/Database/x n/w", "n/Database/x n/v/v-1"]);
        assert_eq!(recorded.waiting.len(), 1);
        assert!(recorded.waiting[0].held_by.is_empty());
    }
}
