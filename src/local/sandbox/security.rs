//! What the processes of a task may do: the rights that container runtimes give by default, changed as the container's
//! `securityContext` says. Each process gives its own up before its program starts.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::local::task::Security;

/// The default of containerd and Docker, but for MKNOD: no list of devices keeps a task from the host's disks here.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// Takes this thread's other rights away. What it starts as root gets what is left in its bounding set.
pub(super) fn restrict(security: &Security) -> io::Result<()> {
    if security.no_new_privileges {
        set_no_new_privs(true)?;
    }
    let own = capabilities(None)?;
    // An ordinary user without a namespace of his own has none to give up.
    if security.privileged || !own.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    // The keys of a user are those of the host, and what is added to them would stay. Root of a container may set no filter; there
    // the container's own denies them.
    if own.effective.contains(CapabilitySet::SYS_ADMIN) || security.no_new_privileges {
        ::supervisor::deny_keys()?;
    }
    let kept = rights(security);
    for right in CapabilitySet::all().iter().filter(|right| !kept.contains(*right)) {
        // One that this kernel does not know is not there either.
        if capability_is_in_bounding_set(right).unwrap_or(false) {
            remove_capability_from_bounding_set(right)?;
        }
    }
    clear_ambient_capability_set()?;
    let left = CapabilitySets {
        effective: own.effective & kept,
        permitted: own.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, left)?)
}

/// As runtimes do: first what is dropped goes, then what is added comes.
fn rights(security: &Security) -> CapabilitySet {
    let dropped = security.drop.iter().fold(CapabilitySet::empty(), |rights, name| rights | named(name));
    let added = security.add.iter().fold(CapabilitySet::empty(), |rights, name| rights | named(name));
    (DEFAULT - dropped) | added
}

/// The right of a name; none where it is unknown.
fn named(name: &str) -> CapabilitySet {
    let name = name.to_ascii_uppercase();
    match name.strip_prefix("CAP_").unwrap_or(&name) {
        "ALL" => CapabilitySet::from_bits_truncate((1 << 41) - 1),
        name => CapabilitySet::from_name(name).unwrap_or(CapabilitySet::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn security(add: &[&str], drop: &[&str]) -> Security {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Security { add: own(add), drop: own(drop), ..Security::default() }
    }

    #[test]
    fn rights_are_dropped_and_then_added() {
        assert_eq!(rights(&security(&[], &[])), DEFAULT);
        assert_eq!(rights(&security(&["NET_ADMIN"], &["ALL"])), CapabilitySet::NET_ADMIN);
        assert_eq!(rights(&security(&["CAP_CHOWN"], &["chown"])), DEFAULT);
        assert_eq!(rights(&security(&["UNKNOWN"], &["KILL"])), DEFAULT - CapabilitySet::KILL);
        assert!(
            rights(&security(&["ALL"], &[])).contains(CapabilitySet::SYS_ADMIN | CapabilitySet::CHECKPOINT_RESTORE)
        );
        assert!(!DEFAULT.intersects(CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_PTRACE | CapabilitySet::MKNOD));
    }

    #[test]
    fn a_thread_gives_up_its_own_rights_alone() -> io::Result<()> {
        let before = capabilities(None)?;
        let restricted = || restrict(&security(&[], &["ALL"])).and_then(|()| Ok(capabilities(None)?));
        let inside = std::thread::spawn(restricted).join().map_err(|_| io::Error::other("panicked"))??;
        assert_eq!((inside.permitted, capabilities(None)?), (CapabilitySet::empty(), before));
        Ok(())
    }

    /// As root of a container is, whose runtime gives it the usual rights.
    #[test]
    fn who_administers_no_namespace_restricts_itself_all_the_same() -> io::Result<()> {
        let restricted = || {
            let own = capabilities(None)?;
            let effective = own.effective - CapabilitySet::SYS_ADMIN;
            set_capabilities(None, CapabilitySets { effective, ..own })?;
            restrict(&security(&[], &["ALL"])).and_then(|()| Ok(capabilities(None)?.permitted))
        };
        let left = std::thread::spawn(restricted).join().map_err(|_| io::Error::other("panicked"))??;
        assert_eq!(left, CapabilitySet::empty());
        Ok(())
    }
}
