//! Locks as Argo names them: in a spec, in a workflow's status, in the names of those who hold them.

mod holder;
mod name;
mod recorded;

pub(crate) use self::holder::Holder;
pub(crate) use self::name::{LockKind, LockName, LockNameError};
pub(crate) use self::recorded::Recorded;

use super::model::{MutexRef, SemaphoreRef, Synchronization};

impl MutexRef {
    /// The mutex's name, for a workflow of this namespace.
    pub(crate) fn lock(&self, namespace: &str) -> LockName {
        let name = self.name.clone();
        let kind = if self.database { LockKind::Database(name) } else { LockKind::Mutex(name) };
        LockName { namespace: owner(&self.namespace, namespace), kind }
    }
}

impl SemaphoreRef {
    /// The semaphore's name, for a workflow of this namespace; none where the reference names nothing.
    pub(crate) fn lock(&self, namespace: &str) -> Option<LockName> {
        let kind = match (&self.config_map_key_ref, &self.database) {
            (Some(at), _) => LockKind::ConfigMap { name: at.name.clone(), key: at.key.clone() },
            (None, Some(at)) => LockKind::Database(at.key.clone()),
            (None, None) => return None,
        };
        Some(LockName { namespace: owner(&self.namespace, namespace), kind })
    }
}

impl Synchronization {
    /// All that it names, for a workflow of this namespace.
    pub(crate) fn locks(&self, namespace: &str) -> Vec<LockName> {
        let mutexes = self.mutexes.iter().chain(&self.mutex).map(|mutex| mutex.lock(namespace));
        let semaphores = self.semaphores.iter().chain(&self.semaphore);
        mutexes.chain(semaphores.filter_map(|semaphore| semaphore.lock(namespace))).collect()
    }
}

fn owner(named: &str, namespace: &str) -> String {
    if named.is_empty() { namespace.to_owned() } else { named.to_owned() }
}
