//! Plans the edit of one semaphore's limit for the current ConfigMap.

use serde_json::{Value, json};

use super::limits::{ANNOTATION, Drained, Limit, LimitError, Limits, Note};
use super::{Branch, Key};
use crate::argo::Metadata;

/// Branches are recorded only up to this size: the API server accepts 256 KiB for all annotations together.
const MAX_ANNOTATIONS: usize = 128 * 1024;
/// The limit of a drained semaphore: the workflow of the drain is the only holder.
const DRAINED_LIMIT: u32 = 1;

/// An edit of a semaphore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit<'a> {
    /// Set the limit; ends a drain.
    Set(u32),
    /// Set the limit unless there is one.
    Ensure(u32),
    /// Drain it with the workflow of this name.
    Drain(&'a str),
    /// Restore the limit from before the drain.
    Undrain,
    /// Delete it.
    Delete,
}

/// An edit of one key of a ConfigMap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EditRequest<'a> {
    /// The ConfigMap.
    pub(crate) config_map: &'a str,
    /// The key.
    pub(crate) key: &'a Key,
    /// The branch from which the key is derived.
    pub(crate) branch: Option<&'a Branch>,
    /// The edit.
    pub(crate) edit: Edit<'a>,
}

/// The plan for an edit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedEdit {
    /// The request to send.
    pub(crate) change: Change,
    /// The limit before.
    pub(crate) old: Limit,
    /// The limit after.
    pub(crate) new: Limit,
    /// The drain that was active before.
    pub(crate) drained: Option<Drained>,
    /// Other branches with the same key.
    pub(crate) shared_with: Vec<String>,
}

/// The request to the API server that applies an edit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// There is nothing to do.
    Nothing,
    /// A ConfigMap to create.
    Create(Value),
    /// A merge patch for the state that was read.
    Patch(Value),
}

impl EditRequest<'_> {
    /// Plans the edit for the current ConfigMap; `None` if it does not exist.
    pub(crate) fn plan(&self, config_map: Option<&Value>) -> Result<PlannedEdit, LimitError> {
        let absent = json!({"metadata": {"name": self.config_map}});
        let limits = Limits::of(config_map.unwrap_or(&absent))?;
        let old = limits.limit(self.key.as_str());
        let drained = limits.drained(self.key.as_str()).cloned();

        let after = self.after(&old, drained.as_ref())?;
        let names = limits.branches(self.key.as_str()).iter();
        let shared_with = self.branch.map(|branch| names.filter(|name| !branch.is(name)).cloned().collect());

        let new = after.clone().unwrap_or(old.clone());
        let change = match after {
            None => Change::Nothing,
            Some(_) if limits.config_map["immutable"] == true => {
                return Err(LimitError::Immutable(limits.name().to_owned()));
            }
            Some(limit) => self.change(&limits, config_map, &limit),
        };
        Ok(PlannedEdit { change, old, new, drained, shared_with: shared_with.unwrap_or_default() })
    }

    /// The limit after the edit; `None` if nothing changes.
    fn after(&self, old: &Limit, drained: Option<&Drained>) -> Result<Option<Limit>, LimitError> {
        let of = |limit: u32| Limit::Of(limit.into());
        let not_a_limit = |value: String| {
            let (config_map, key) = (self.config_map.to_owned(), self.key.to_string());
            Err(LimitError::NotALimit { config_map, key, value })
        };
        let absent = || LimitError::Absent { config_map: self.config_map.to_owned(), key: self.key.to_string() };
        match (self.edit, old) {
            (Edit::Delete | Edit::Drain(_) | Edit::Undrain, Limit::MissingKey) => Err(absent()),
            (Edit::Delete, _) => Ok(Some(Limit::MissingKey)),
            (_, Limit::Malformed(value)) => not_a_limit(value.clone()),
            (Edit::Set(limit), old) if *old == of(limit) && drained.is_none() => Ok(None),
            (Edit::Set(limit), _) | (Edit::Ensure(limit), Limit::MissingKey) => Ok(Some(of(limit))),
            (Edit::Ensure(_), _) => Ok(None),
            (Edit::Drain(_), _) if drained.is_some() && *old == of(DRAINED_LIMIT) => Ok(None),
            (Edit::Drain(_), Limit::Of(limit)) if *limit < 1 => not_a_limit(limit.to_string()),
            (Edit::Drain(_), _) => Ok(Some(of(DRAINED_LIMIT))),
            (Edit::Undrain, _) => match drained {
                Some(drained) => Ok(Some(of(drained.limit.max(1)))),
                None => Err(LimitError::NotDrained(self.key.to_string())),
            },
        }
    }

    fn change(&self, limits: &Limits<'_>, config_map: Option<&Value>, limit: &Limit) -> Change {
        let mut notes = limits.notes.clone();
        let mut note = notes.remove(self.key.as_str()).unwrap_or_default();
        match self.edit {
            Edit::Drain(workflow) => {
                let former = note.drained.map(|drained| drained.limit);
                let former = former.or_else(|| limits.limit(self.key.as_str()).number()?.try_into().ok());
                note.drained = Some(Drained { limit: former.unwrap_or(DRAINED_LIMIT), workflow: workflow.to_owned() });
            }
            _ => note.drained = None,
        }

        let room = Metadata::of(limits.config_map).annotations().map_or(0, |all| json!(all).to_string().len())
            < MAX_ANNOTATIONS;
        if let Some(branch) = self.branch.filter(|branch| room && !note.branches.iter().any(|name| branch.is(name))) {
            note.branches.push(branch.to_string());
        }
        if self.edit != Edit::Delete && note != Note::default() {
            notes.insert(self.key.to_string(), note);
        }

        let annotation = (!notes.is_empty()).then(|| json!(notes).to_string());
        let value = limit.number().map(|limit| limit.to_string());
        match config_map {
            None => {
                let labels = json!({"app.kubernetes.io/managed-by": "kubectl-runnable"});
                let mut metadata = json!({"name": self.config_map, "labels": labels});
                if let Some(annotation) = annotation {
                    metadata["annotations"] = json!({ANNOTATION: annotation});
                }
                Change::Create(json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {self.key.as_str(): value},
                }))
            }
            Some(live) => {
                let mut metadata = json!({"resourceVersion": Metadata::of(live).field("resourceVersion")});
                if Metadata::of(limits.config_map).annotation(ANNOTATION) != annotation.as_deref() {
                    metadata["annotations"] = json!({ANNOTATION: annotation});
                }
                let mut patch = json!({"metadata": metadata, "data": {self.key.as_str(): value}});
                if value.is_none() && live["binaryData"].get(self.key.as_str()).is_some() {
                    patch["binaryData"] = json!({self.key.as_str(): null});
                }
                Change::Patch(patch)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn config_map(data: impl Serialize) -> Value {
        json!({"metadata": {"name": "workflow-semaphores", "resourceVersion": "7"}, "data": data})
    }

    fn plan(config_map: Option<&Value>, edit: Edit<'_>) -> Result<PlannedEdit, LimitError> {
        let key = "k".parse().unwrap();
        EditRequest { config_map: "workflow-semaphores", key: &key, branch: None, edit }.plan(config_map)
    }

    /// The ConfigMap on the API server after the change.
    fn changed(config_map: Option<&Value>, edit: Edit<'_>) -> Value {
        match plan(config_map, edit).unwrap().change {
            Change::Nothing => config_map.cloned().unwrap_or_default(),
            Change::Create(object) => object,
            Change::Patch(patch) => {
                let mut object = config_map.cloned().unwrap_or_default();
                merge(&mut object, &patch);
                object
            }
        }
    }

    fn merge(object: &mut Value, patch: &Value) {
        let Some(fields) = patch.as_object() else { return patch.clone_into(object) };
        if !object.is_object() {
            *object = json!({});
        }
        let object = object.as_object_mut().unwrap();
        for (name, value) in fields {
            if value.is_null() {
                object.shift_remove(name);
            } else {
                merge(object.entry(name).or_insert(Value::Null), value);
            }
        }
    }

    #[test]
    fn a_missing_config_map_is_created_with_the_one_key() {
        let planned = plan(None, Edit::Set(3)).unwrap();
        let Change::Create(object) = planned.change else { panic!("{planned:?}") };
        assert_eq!((&object["metadata"]["name"], &object["data"]), (&json!("workflow-semaphores"), &json!({"k": "3"})));
        assert_eq!((planned.old, planned.new), (Limit::MissingKey, Limit::Of(3)));
    }

    #[test]
    fn one_key_is_patched_into_the_state_that_was_read() {
        let live = config_map(json!({"other": "5", "k": "1"}));
        let planned = plan(Some(&live), Edit::Set(3)).unwrap();
        assert_eq!(planned.change, Change::Patch(json!({"metadata": {"resourceVersion": "7"}, "data": {"k": "3"}})));
        assert_eq!((planned.old, planned.new), (Limit::Of(1), Limit::Of(3)));
        assert_eq!(plan(Some(&live), Edit::Set(1)).unwrap().change, Change::Nothing);
    }

    #[test]
    fn ensuring_never_resets_a_limit() {
        let live = config_map(json!({"k": "9"}));
        let planned = plan(Some(&live), Edit::Ensure(1)).unwrap();
        assert_eq!((planned.change, planned.new), (Change::Nothing, Limit::Of(9)));
        assert_eq!(changed(Some(&config_map(json!({}))), Edit::Ensure(2))["data"], json!({"k": "2"}));
    }

    #[test]
    fn undrain_restores_the_former_limit() {
        let live = config_map(json!({"k": "4", "other": "1"}));
        let drained = changed(Some(&live), Edit::Drain("drain-k"));
        assert_eq!(drained["data"], json!({"k": "1", "other": "1"}));
        let limits = Limits::of(&drained).unwrap();
        assert_eq!(limits.drained("k"), Some(&Drained { limit: 4, workflow: "drain-k".to_owned() }));
        assert_eq!(changed(Some(&drained), Edit::Drain("drain-k")), drained, "a second drain changes nothing");
        assert_eq!(changed(Some(&drained), Edit::Ensure(9)), drained);
        let undrained = changed(Some(&drained), Edit::Undrain);
        assert_eq!(undrained["data"]["k"], "4");
        assert_eq!(Limits::of(&undrained).unwrap().drained("k"), None);
        assert_eq!(changed(Some(&drained), Edit::Set(1))["metadata"].get("annotations"), Some(&json!({})));
        assert_eq!(plan(Some(&undrained), Edit::Undrain), Err(LimitError::NotDrained("k".to_owned())));
    }

    #[test]
    fn a_limit_raised_by_hand_during_a_drain_is_lowered_again() {
        let mut drained = changed(Some(&config_map(json!({"k": "4"}))), Edit::Drain("drain-k"));
        drained["data"]["k"] = json!("6");
        let again = changed(Some(&drained), Edit::Drain("drain-k"));
        assert_eq!((&again["data"]["k"], Limits::of(&again).unwrap().drained("k").unwrap().limit), (&json!("1"), 4));
    }

    #[test]
    fn foreign_config_maps_and_values_are_refused() {
        let mut cache = config_map(json!({"k": "{}"}));
        cache["metadata"]["labels"] = json!({"workflows.argoproj.io/configmap-type": "Cache"});
        assert!(matches!(plan(Some(&cache), Edit::Set(1)), Err(LimitError::Cache(_))));
        assert!(matches!(plan(Some(&cache), Edit::Delete), Err(LimitError::Cache(_))));
        let mut immutable = config_map(json!({"k": "1"}));
        immutable["immutable"] = json!(true);
        assert!(matches!(plan(Some(&immutable), Edit::Set(2)), Err(LimitError::Immutable(_))));
        assert_eq!(plan(Some(&immutable), Edit::Ensure(2)).map(|planned| planned.change), Ok(Change::Nothing));
        for value in ["five", "", " 1", "1.0"] {
            let live = config_map(json!({"k": value}));
            for edit in [Edit::Set(1), Edit::Ensure(1), Edit::Drain("d")] {
                assert!(matches!(plan(Some(&live), edit), Err(LimitError::NotALimit { .. })), "{value:?}");
            }
            assert_eq!(changed(Some(&live), Edit::Delete)["data"], json!({}));
        }
        let mut binary = config_map(json!(null));
        binary["binaryData"] = json!({"k": "AA=="});
        assert!(matches!(plan(Some(&binary), Edit::Set(1)), Err(LimitError::NotALimit { .. })));
        assert_eq!(changed(Some(&binary), Edit::Delete)["binaryData"], json!({}));
        assert!(matches!(
            plan(Some(&config_map(json!({"k": "0"}))), Edit::Drain("d")),
            Err(LimitError::NotALimit { .. })
        ));
    }

    #[test]
    fn a_missing_semaphore_cannot_be_drained_or_deleted() {
        for edit in [Edit::Drain("d"), Edit::Undrain, Edit::Delete] {
            assert!(matches!(plan(None, edit), Err(LimitError::Absent { .. })), "{edit:?}");
        }
    }

    #[test]
    fn branches_that_share_a_key_are_listed() {
        let [one, other]: [Branch; 2] = ["a-b/c@main", "a/b-c@main"].map(|text| text.parse().unwrap());
        let key = one.key().unwrap();
        let request = |branch| EditRequest { config_map: "s", key: &key, branch: Some(branch), edit: Edit::Set(1) };
        let Change::Create(first) = request(&one).plan(None).unwrap().change else { panic!() };
        assert_eq!(request(&one).plan(Some(&first)).unwrap().shared_with, [""; 0]);
        assert_eq!(request(&other).plan(Some(&first)).unwrap().shared_with, ["a-b/c@main"]);
    }

    /// `data` without the edited key.
    fn others(object: &Value) -> Value {
        let mut data = object["data"].clone();
        data.as_object_mut().unwrap().shift_remove("k");
        data
    }

    proptest! {
        #[test]
        fn other_keys_and_their_notes_are_never_touched(
            limits in proptest::collection::btree_map("[a-m]", 1..9_u32, 0..6),
            edits in proptest::collection::vec(0..5_u8, 1..12),
        ) {
            let data: BTreeMap<_, _> = limits.iter().map(|(key, limit)| (key, limit.to_string())).collect();
            let mut live = config_map(json!(data));
            let annotations = json!({ANNOTATION: r#"{"z":{"branches":["o/r@x"]}}"#, "own": "1"});
            live["metadata"]["annotations"] = annotations;
            let before = live.clone();
            for edit in edits {
                let all = [Edit::Set(3), Edit::Ensure(2), Edit::Drain("d"), Edit::Undrain, Edit::Delete];
                let edit = all[usize::from(edit)];
                if plan(Some(&live), edit).is_ok() {
                    live = changed(Some(&live), edit);
                }
            }
            let noted = Limits::of(&live).map(|limits| limits.branches("z").to_vec());
            prop_assert_eq!(noted, Ok(vec!["o/r@x".to_owned()]));
            prop_assert_eq!(&live["metadata"]["annotations"]["own"], "1");
            prop_assert_eq!(others(&live), others(&before));
        }
    }
}
