//! One template: mounts, environment, working directory and init container.

use serde_json::{Map, Value, json};

use super::worktree::{INIT_CONTAINER, Security, init_container, path};
use super::{Checkout, Isolation, TreeScope, VOLUME, Volume, Writer};
use crate::argo::template::{field, field_mut, list, text};
use crate::prepare::{LockForm, Locks, PrepareError, list_field, object_field};

/// A new volume belongs to root. Given to this group, an image that runs as somebody else can write it too.
const FS_GROUP: u32 = 65532;
/// The mutex of a worktree that all pods of a run share; the same in each attempt.
const MUTEX: &str = "tree-{{workflow.parameters.run_id}}";

/// Gives the pods of a template the volume, and a worktree in it.
pub(super) fn isolate(template: &mut Value, writer: Writer<'_>) -> Result<(), PrepareError> {
    let Writer { isolation, lock_form, pod_context } = writer;
    let name = text(template, "name").to_owned();
    if list(field(template, "volumes")).iter().any(|volume| text(volume, "name") == VOLUME) {
        return Err(PrepareError::VolumeTaken { volume: VOLUME });
    }
    let mount = Mount { isolation, template: &name };
    let mut context = None;
    for container in ["container", "script"] {
        if let Some(fields) = field_mut(template, container).and_then(Value::as_object_mut) {
            mount.add_to(fields)?;
            mount.environment(fields)?;
            context = context.or_else(|| fields.get("securityContext").cloned());
        }
    }
    if let Some(set) = field_mut(template, "containerSet").and_then(Value::as_object_mut) {
        mount.add_to(set)?;
        for container in set.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(fields) = container.as_object_mut() {
                mount.environment(fields)?;
                context = context.or_else(|| fields.get("securityContext").cloned());
            }
        }
    }
    let (Some(checkout), Some(fields)) = (&isolation.checkout, template.as_object_mut()) else { return Ok(()) };
    let own_context = fields.get("securityContext").filter(|context| context.is_object()).cloned();
    let of_pod = own_context.as_ref().or(pod_context);
    let security =
        Security { context: context.as_ref(), names_user: names_user(context.as_ref()) || names_user(of_pod) };
    add_init_container(fields, init_container(isolation, checkout, security))?;
    if of_pod.is_none() && isolation.volume != Volume::EmptyDir {
        fields.insert("securityContext".to_owned(), json!({"fsGroup": FS_GROUP}));
    }
    if checkout.tree == TreeScope::Run {
        serialise(fields, &name, lock_form)?;
    }
    Ok(())
}

/// Whether a security context says as whom containers run.
fn names_user(context: Option<&Value>) -> bool {
    context.and_then(|context| context.get("runAsUser")).is_some_and(Value::is_number)
}

/// Before the user's own, which may want to see the files.
fn add_init_container(template: &mut Map<String, Value>, container: Value) -> Result<(), PrepareError> {
    let containers = list_field(template, "initContainers")?;
    containers.retain(|own| text(own, "name") != INIT_CONTAINER);
    containers.insert(0, container);
    Ok(())
}

/// Lets the pods of a run use their worktree one after another.
fn serialise(template: &mut Map<String, Value>, name: &str, form: LockForm) -> Result<(), PrepareError> {
    let locks = Locks { mutexes: vec![MUTEX.to_owned()], form, ..Locks::default() };
    let Value::Object(written) = locks.written() else { return Ok(()) };
    let synchronization = object_field(template, "synchronization", "synchronization of a template")?;
    for (field, value) in written {
        match (synchronization.entry(&field).or_insert(Value::Null), value) {
            (own, value) if own.is_null() => *own = value,
            (Value::Array(own), Value::Array(more)) => {
                let new: Vec<Value> = more.into_iter().filter(|lock| !own.contains(lock)).collect();
                own.extend(new);
            }
            (own, value) if *own == value => {}
            _ => {
                let locks = vec![format!("the mutex of template {name:?}"), format!("mutex {MUTEX}")];
                return Err(PrepareError::OneLock { locks });
            }
        }
    }
    Ok(())
}

/// The volume in the containers of one template.
struct Mount<'a> {
    isolation: &'a Isolation,
    template: &'a str,
}

impl Mount<'_> {
    /// Mounts the volume into a container, or into all of a set.
    fn add_to(&self, holder: &mut Map<String, Value>) -> Result<(), PrepareError> {
        let directory = self.isolation.work_dir.as_str();
        let mounts = list_field(holder, "volumeMounts")?;
        let at_same_path = mounts.iter().find(|mount| text(mount, "mountPath").trim_end_matches('/') == directory);
        match at_same_path {
            Some(own) if text(own, "name") == VOLUME => {}
            Some(_) => {
                return Err(PrepareError::MountTaken {
                    template: self.template.to_owned(),
                    path: directory.to_owned(),
                });
            }
            None => mounts.push(json!({"name": VOLUME, "mountPath": directory})),
        }
        Ok(())
    }

    /// Tells a container where its files are. What the user has set is kept.
    fn environment(&self, container: &mut Map<String, Value>) -> Result<(), PrepareError> {
        let checkout = self.isolation.checkout.as_ref();
        let directory = checkout
            .map_or_else(|| self.isolation.work_dir.clone(), |checkout: &Checkout| path(self.isolation, checkout));
        let env = list_field(container, "env")?;
        if !has(env, "WORKSPACE") {
            env.push(json!({"name": "WORKSPACE", "value": directory}));
        }
        if checkout.is_none() {
            return Ok(());
        }
        // Git refuses a directory of another user. This list of settings is counted, so that one of the user's stays alone.
        if !has(env, "GIT_CONFIG_COUNT") {
            env.extend([
                json!({"name": "GIT_CONFIG_COUNT", "value": "1"}),
                json!({"name": "GIT_CONFIG_KEY_0", "value": "safe.directory"}),
                json!({"name": "GIT_CONFIG_VALUE_0", "value": directory}),
            ]);
        }
        if container.get("workingDir").is_none_or(|own| own.as_str().is_none_or(str::is_empty)) {
            container.insert("workingDir".to_owned(), json!(directory));
        }
        Ok(())
    }
}

/// Whether a variable is set.
fn has(env: &[Value], name: &str) -> bool {
    env.iter().any(|entry| text(entry, "name") == name)
}
