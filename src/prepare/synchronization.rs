//! The locks that the whole workflow takes, beside those that the document names.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::catalogue::Templates;
use super::warnings::Notice;
use super::{PrepareError, object_field};
use crate::argo::model::Synchronization;
use crate::argo::synchronization::{LockKind, LockName};
use crate::argo::template::Template;
use crate::argo::template::text;
use crate::argo::workflow_spec::templates_of;

/// Locks to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    /// Semaphores, each by its ConfigMap and key.
    pub(crate) semaphores: Vec<(String, String)>,
    /// Mutexes.
    pub(crate) mutexes: Vec<String>,
    /// How they are written.
    pub(crate) form: LockForm,
}

/// How a version of Argo has locks written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LockForm {
    /// `semaphores` and `mutexes`: from 3.6 on.
    #[default]
    Plural,
    /// `semaphore` or `mutex`: before 3.6, where a workflow takes one lock.
    Singular,
}

impl LockForm {
    /// The form that a cluster's definition of workflows takes, by the fields of `spec.synchronization` that it knows;
    /// where it does not tell, that of the newer versions.
    pub(crate) fn of_fields(fields: Option<&[String]>) -> Self {
        let knows = |field: &str| fields.is_some_and(|fields| fields.iter().any(|known| known == field));
        if knows("semaphore") && !knows("semaphores") { Self::Singular } else { Self::Plural }
    }
}

impl Locks {
    /// The `synchronization` of a workflow that takes these and no others.
    pub(crate) fn written(&self) -> Value {
        let semaphores = self.semaphores.iter();
        let semaphores = semaphores.map(|(name, key)| json!({"configMapKeyRef": {"name": name, "key": key}}));
        let mutexes = self.mutexes.iter().map(|name| json!({"name": name}));
        let mut written = Map::new();
        let mut write = |singular: &str, plural: &str, items: Vec<Value>| match (self.form, items.first()) {
            (_, None) => None,
            (LockForm::Singular, Some(first)) => written.insert(singular.to_owned(), first.clone()),
            (LockForm::Plural, Some(_)) => written.insert(plural.to_owned(), Value::Array(items)),
        };
        write("semaphore", "semaphores", semaphores.collect());
        write("mutex", "mutexes", mutexes.collect());
        Value::Object(written)
    }

    fn names(&self, namespace: &str) -> Vec<LockName> {
        let semaphores = self.semaphores.iter().map(|(name, key)| LockName::semaphore(namespace, name, key));
        let mutex = |name: &String| LockName { namespace: namespace.to_owned(), kind: LockKind::Mutex(name.clone()) };
        semaphores.chain(self.mutexes.iter().map(mutex)).collect()
    }
}

/// Adds the locks to the spec of a workflow. What the document names stays as it is written; a lock that it names
/// already is not named twice.
pub(super) fn apply(
    spec: &mut Map<String, Value>,
    locks: &Locks,
    templates: &Templates,
    namespace: Option<&str>,
    notices: &mut Vec<Notice>,
) -> Result<(), PrepareError> {
    if *locks == (Locks { form: locks.form, ..Locks::default() }) {
        return Ok(());
    }
    let here = namespace.unwrap_or_default();
    inherit(spec, templates, namespace, notices)?;
    let path = "spec.synchronization";
    let synchronization = object_field(spec, "synchronization", path)?;
    let known = view(&Value::Object(synchronization.clone()), path)?.locks(here);
    let new = locks.only(|lock| !known.contains(lock), here);
    let names = new.names(here);
    if locks.form == LockForm::Singular && !names.is_empty() && known.len() + names.len() > 1 {
        let names = known.iter().chain(&names).map(|lock| lock.kind.to_string()).collect();
        return Err(PrepareError::OneLock { locks: names });
    }
    if let Value::Object(written) = new.written() {
        for (field, value) in written {
            match (synchronization.entry(&field).or_insert(Value::Null), value) {
                (Value::Array(items), Value::Array(more)) => items.extend(more),
                (absent, value) => *absent = value,
            }
        }
    }
    if synchronization.is_empty() {
        spec.shift_remove("synchronization");
    }
    within_itself(spec, &locks.names(here), here, notices)
}

impl Locks {
    fn only(&self, wanted: impl Fn(&LockName) -> bool, namespace: &str) -> Self {
        let mut seen = Vec::new();
        let mut take = |lock: LockName| {
            wanted(&lock) && !seen.contains(&lock) && {
                seen.push(lock);
                true
            }
        };
        let semaphores = self.semaphores.iter().filter(|(name, key)| take(LockName::semaphore(namespace, name, key)));
        let semaphores = semaphores.cloned().collect();
        let mutex = |name: &String| LockName { namespace: namespace.to_owned(), kind: LockKind::Mutex(name.clone()) };
        let mutexes = self.mutexes.iter().filter(|name| take(mutex(name))).cloned().collect();
        Self { semaphores, mutexes, form: self.form }
    }
}

/// The controller takes a list of the workflow's in the place of the referenced template's: what that one names must
/// stand in the workflow too.
fn inherit(
    spec: &mut Map<String, Value>,
    templates: &Templates,
    namespace: Option<&str>,
    notices: &mut Vec<Notice>,
) -> Result<(), PrepareError> {
    let Some(reference) = spec.get("workflowTemplateRef").filter(|reference| reference.is_object()) else {
        return Ok(());
    };
    let cluster_scope = reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false);
    let name = text(reference, "name").to_owned();
    let Some(object) = templates.find(&name, cluster_scope, namespace) else {
        notices.push(Notice::LocksUnknown { name });
        return Ok(());
    };
    let inherited = object.pointer("/spec/synchronization").and_then(Value::as_object).cloned().unwrap_or_default();
    let own = object_field(spec, "synchronization", "spec.synchronization")?;
    for (field, value) in inherited {
        own.entry(field).or_insert(value);
    }
    Ok(())
}

/// A template that takes the workflow's own lock waits for it forever: a node is another holder than its workflow.
fn within_itself(
    spec: &Map<String, Value>,
    locks: &[LockName],
    namespace: &str,
    notices: &mut Vec<Notice>,
) -> Result<(), PrepareError> {
    for template in templates_of(spec).map(Template::value) {
        let Some(synchronization) = template.get("synchronization").filter(|value| value.is_object()) else { continue };
        let taken = view(synchronization, "synchronization of a template")?.locks(namespace);
        let Some(lock) = locks.iter().find(|lock| taken.contains(lock)) else { continue };
        let (template, name) = (text(template, "name").to_owned(), lock.kind.to_string());
        match lock.kind {
            LockKind::Mutex(_) => return Err(PrepareError::LockWithinItself { template, lock: name }),
            _ => notices.push(Notice::LockWithinItself { template, lock: name }),
        }
    }
    Ok(())
}

fn view(synchronization: &Value, path: &str) -> Result<Synchronization, PrepareError> {
    Synchronization::deserialize(synchronization)
        .map_err(|_| PrepareError::Form { field: path.to_owned(), expected: "locks as Argo writes them" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks(semaphores: &[&str], mutexes: &[&str], form: LockForm) -> Locks {
        let semaphores = semaphores.iter().map(|key| ("workflow-semaphores".to_owned(), (*key).to_owned())).collect();
        Locks { semaphores, mutexes: mutexes.iter().map(ToString::to_string).collect(), form }
    }

    fn applied(spec: Value, locks: &Locks, templates: &Templates) -> Result<(Value, Vec<Notice>), PrepareError> {
        let Value::Object(mut spec) = spec else { unreachable!() };
        let mut notices = Vec::new();
        apply(&mut spec, locks, templates, Some("ci"), &mut notices)?;
        let first = spec.clone();
        apply(&mut spec, locks, templates, Some("ci"), &mut Vec::new())?;
        assert_eq!(spec, first, "applied twice");
        Ok((spec.get("synchronization").cloned().unwrap_or_default(), notices))
    }

    fn at(key: &str) -> Value {
        json!({"configMapKeyRef": {"name": "workflow-semaphores", "key": key}})
    }

    #[test]
    fn the_form_is_what_the_cluster_knows() {
        let form =
            |fields: &[&str]| LockForm::of_fields(Some(&fields.iter().map(ToString::to_string).collect::<Vec<_>>()));
        assert_eq!(form(&["mutex", "semaphore"]), LockForm::Singular);
        assert_eq!(form(&["mutex", "mutexes", "semaphore", "semaphores"]), LockForm::Plural);
        assert_eq!((form(&["mutexes", "semaphores"]), LockForm::of_fields(None)), (LockForm::Plural, LockForm::Plural));
    }

    #[test]
    fn locks_are_added_to_those_of_the_document() {
        let spec = json!({"synchronization": {"mutexes": [{"name": "own"}], "semaphores": [at("k")]}});
        let asked = locks(&["k", "l", "l"], &["deploy", "own"], LockForm::Plural);
        let written = applied(spec, &asked, &Templates::default()).unwrap().0;
        let expected = json!({"mutexes": [{"name": "own"}, {"name": "deploy"}], "semaphores": [at("k"), at("l")]});
        assert_eq!(written, expected);
        let none = applied(json!({}), &locks(&[], &[], LockForm::Plural), &Templates::default()).unwrap().0;
        assert_eq!(none, Value::Null);
    }

    #[test]
    fn a_lock_of_another_namespace_or_of_a_database_is_another_lock() {
        let spec = json!({"synchronization": {"mutexes": [{"name": "m", "namespace": "other"}, {"name": "m", "database": true}, {"name": "n", "namespace": "ci"}]}});
        let written = applied(spec, &locks(&[], &["m", "n"], LockForm::Plural), &Templates::default()).unwrap().0;
        assert_eq!(written["mutexes"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn what_is_written_in_the_singular_stays_so() {
        let spec = json!({"synchronization": {"semaphore": at("k")}});
        let written = applied(spec, &locks(&["k", "l"], &[], LockForm::Plural), &Templates::default()).unwrap().0;
        assert_eq!(written, json!({"semaphore": at("k"), "semaphores": [at("l")]}));
    }

    #[test]
    fn before_3_6_a_workflow_takes_one_lock() {
        let one = |spec, semaphores: &[&str], mutexes: &[&str]| {
            applied(spec, &locks(semaphores, mutexes, LockForm::Singular), &Templates::default())
        };
        assert_eq!(one(json!({}), &["k"], &[]).unwrap().0, json!({"semaphore": at("k")}));
        assert_eq!(one(json!({}), &[], &["m"]).unwrap().0, json!({"mutex": {"name": "m"}}));
        let same = json!({"synchronization": {"mutex": {"name": "m"}}});
        assert_eq!(one(same.clone(), &[], &["m"]).unwrap().0, same["synchronization"]);
        for (spec, semaphores, mutexes) in
            [(same, &["k"][..], &[][..]), (json!({}), &["k"], &["m"]), (json!({}), &[], &["m", "n"])]
        {
            assert!(matches!(one(spec, semaphores, mutexes), Err(PrepareError::OneLock { .. })));
        }
    }

    #[test]
    fn the_locks_of_a_referenced_template_are_kept() {
        let template = json!({"kind": "WorkflowTemplate", "metadata": {"name": "t", "namespace": "ci"}, "spec": {"synchronization": {"semaphores": [at("own")]}}});
        let spec = json!({"workflowTemplateRef": {"name": "t"}});
        let asked = locks(&["k"], &["m"], LockForm::Plural);
        let (written, notices) = applied(spec.clone(), &asked, &[template].into_iter().collect()).unwrap();
        assert_eq!(
            (written, notices),
            (json!({"semaphores": [at("own"), at("k")], "mutexes": [{"name": "m"}]}), vec![])
        );
        let (_, notices) = applied(spec, &asked, &Templates::default()).unwrap();
        assert_eq!(notices, [Notice::LocksUnknown { name: "t".to_owned() }]);
    }

    #[test]
    fn a_template_that_takes_its_workflow_s_mutex_is_refused() {
        let spec = |lock: Value| json!({"templates": [{"name": "a"}, {"name": "deploy", "synchronization": lock}]});
        let asked = locks(&["k"], &["m"], LockForm::Plural);
        let mutex = applied(spec(json!({"mutexes": [{"name": "m"}]})), &asked, &Templates::default());
        let expected = PrepareError::LockWithinItself { template: "deploy".to_owned(), lock: "Mutex/m".to_owned() };
        assert_eq!(mutex, Err(expected));
        let (_, notices) = applied(spec(json!({"semaphore": at("k")})), &asked, &Templates::default()).unwrap();
        assert!(matches!(&notices[..], [Notice::LockWithinItself { template, .. }] if template == "deploy"));
    }

    #[test]
    fn another_form_is_refused() {
        for synchronization in [json!("x"), json!({"mutexes": {}}), json!({"semaphores": [3]})] {
            let spec = json!({"synchronization": synchronization});
            let applied = applied(spec, &locks(&[], &["m"], LockForm::Plural), &Templates::default());
            assert!(matches!(applied, Err(PrepareError::Form { .. })));
        }
    }
}
