//! `--semaphore` and `--mutex`: the locks that the workflows take, and the limits that must be there before they do.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::args::{Args, DryRun};
use crate::argo::Metadata;
use crate::cli::failure::Failure;
use crate::cli::semaphore::{carry_out, warn_of_shared};
use crate::cluster::Cluster;
use crate::local::given::Limits;
use crate::locks::{Edit, EditRequest, KeyArgument, KeyError, Limit, PlannedEdit};
use crate::output::stream::talk;
use crate::prepare::{LockForm, Locks, Prepared};

/// The limit of a semaphore for which none is given.
const LIMIT: u32 = 1;

/// `--semaphore KEY|OWNER/REPO@REF[=LIMIT]`.
#[derive(Debug, Clone)]
pub(super) struct SemaphoreArg {
    named: KeyArgument,
    limit: Option<u32>,
}

impl SemaphoreArg {
    /// The limit where there is none yet.
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT)
    }
}

impl FromStr for SemaphoreArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, limit) = match text.rsplit_once('=') {
            Some((name, limit)) => (name, Some(limit)),
            None => (text, None),
        };
        let number = |text: &str| {
            let number = text.parse().ok().filter(|&number: &u32| number > 0);
            number.ok_or_else(|| format!("limit {text:?}: expected a whole number from 1 to {}", u32::MAX))
        };
        let named = name.parse().map_err(|error: KeyError| error.to_string())?;
        Ok(Self { named, limit: limit.map(number).transpose()? })
    }
}

/// `--mutex`.
pub(super) fn mutex(text: &str) -> Result<String, &'static str> {
    let plain = |next: char| !next.is_control() && !next.is_whitespace();
    if !text.is_empty() && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("expected a name without spaces")
    }
}

/// `--parallelism`.
pub(super) fn parallelism(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| format!("expected a number from 1 to {}", u32::MAX))
}

/// What the flags ask for.
pub(super) fn of(args: &Args, form: LockForm) -> Locks {
    let config_map = args.workflow.semaphore_configmap.to_string();
    let semaphores = args.workflow.semaphores.iter();
    let semaphores = semaphores.map(|semaphore| (config_map.clone(), semaphore.named.key.to_string())).collect();
    Locks { semaphores, mutexes: args.workflow.mutexes.clone(), form }
}

/// The limits that a run of this machine goes by where the documents give none.
pub(super) fn limits(args: &Args) -> Option<Limits> {
    let semaphores = &args.workflow.semaphores;
    let of_keys = semaphores.iter().map(|semaphore| (semaphore.named.key.to_string(), semaphore.limit())).collect();
    let config_map = args.workflow.semaphore_configmap.to_string();
    (!semaphores.is_empty()).then_some(Limits { config_map, of_keys })
}

/// How the cluster has locks written, where some are asked for.
pub(super) async fn form(cluster: &Cluster, args: &Args) -> LockForm {
    if args.workflow.semaphores.is_empty() && args.workflow.mutexes.is_empty() {
        return LockForm::Plural;
    }
    LockForm::of_fields(cluster.lock_fields().await.as_deref())
}

/// Makes sure that each semaphore has a limit in the namespace of each workflow. One that is there is left as it is.
pub(super) async fn ensure(args: &Args, cluster: &Cluster, prepared: &[Prepared]) -> Result<(), Failure> {
    let namespace = |prepared: &Prepared| {
        Metadata::of(&prepared.workflow).own_namespace().unwrap_or(cluster.namespace()).to_owned()
    };
    let namespaces: BTreeSet<String> = prepared.iter().map(namespace).collect();
    for home in namespaces.iter().map(|namespace| cluster.within(namespace)) {
        for semaphore in &args.workflow.semaphores {
            let request = EditRequest {
                config_map: args.workflow.semaphore_configmap.as_str(),
                key: &semaphore.named.key,
                branch: semaphore.named.branch.as_ref(),
                edit: Edit::Ensure(semaphore.limit()),
            };
            let planned = carry_out(&home, &request, args.dry_run == DryRun::Server).await?;
            if !args.quiet {
                warn_of_shared(&request, &planned);
                tell(semaphore, &planned);
            }
        }
    }
    Ok(())
}

fn tell(semaphore: &SemaphoreArg, planned: &PlannedEdit) {
    let key = &semaphore.named.key;
    let asked = semaphore.limit.map(i64::from);
    match (&planned.old, &planned.drained) {
        (_, Some(_)) => {
            talk(format_args!("warning: semaphore {key} is drained: the workflow waits until that is undone"));
        }
        (Limit::MissingKey, _) => talk(format_args!("semaphore {key}: limit {} (new)", semaphore.limit())),
        (Limit::Of(limit), _) if *limit < 1 => {
            talk(format_args!("warning: semaphore {key} has the limit {limit}, with which Argo may fail the workflow"));
        }
        (Limit::Of(limit), _) if asked.is_some_and(|asked| asked != *limit) => {
            talk(format_args!("note: semaphore {key} keeps its limit {limit}; semaphore set changes it"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semaphore_is_a_key_or_a_branch_and_perhaps_a_limit() {
        for (text, key, limit) in [
            ("k", "k", None),
            ("k=3", "k", Some(3)),
            ("exampleorg/sample@main", "exampleorg-sample-main", None),
            ("exampleorg/sample@refs/tags/v1=2", "exampleorg-sample-v1", Some(2)),
            ("exampleorg/sample", "exampleorg-sample-main", None),
        ] {
            let read: SemaphoreArg = text.parse().unwrap();
            assert_eq!((read.named.key.as_str(), read.limit), (key, limit), "{text}");
        }
        for illegal in ["", "=1", "k=0", "k=-1", "k=x", "k=", "a b", "/x@y"] {
            assert!(illegal.parse::<SemaphoreArg>().is_err(), "{illegal:?}");
        }
    }
}
