//! `semaphore wait`: waits until a place of a lock is free. Takes nothing.

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::get::is_absent;
use super::lock_argument::LockArgs;
use super::lookup::NOT_COMPLETED;
use super::{ConfigMapArgs, local};
use crate::argo::Metadata;
use crate::argo::synchronization::{LockKind, LockName};
use crate::backend::Backend;
use crate::cli::failure::Failure;
use crate::cli::runtime::{block_on, until_interrupted};
use crate::cli::target::TargetArgs;
use crate::cli::values::span;
use crate::cluster::{Cluster, ClusterError, News, Selection};
use crate::exit::Exit;
use crate::locks::{Limits, Lock, LockTable};
use crate::output::locks::name;
use crate::output::stream::{result, talk};

/// The number of workflows per page.
const CHUNK: u32 = 500;
/// The time between two looks at the locks of this machine: nothing tells that a file is no longer locked.
const PAUSE: Duration = Duration::from_millis(100);

const EXAMPLES: &str = "Examples:
  # Wait until a run of the branch could start at once
  kubectl runnable semaphore wait exampleorg/sample@main

  # Give up after ten minutes
  kubectl runnable semaphore wait Mutex/deploy --timeout 10m

  # Wait for a lock of this machine's runs
  kubectl runnable semaphore wait exampleorg/sample@main --local

Nothing is taken: another run may take the place before yours. To take it, submit a workflow with --semaphore, which waits in the \
queue by itself.

Exit codes: 0 a place is free and nobody waits for it, 5 --timeout passed, 6 the semaphore has no limit.";

/// Wait until a place of a semaphore or mutex is free and its queue is empty
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    lock: LockArgs,

    /// Stop waiting after this time (exit code 5)
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    timeout: Option<Duration>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.lock.named()?;
    block_on(async {
        let backend = args.target.backend().await?;
        let name = wanted
            .lock(backend.namespace(), args.config_map.name.as_str())
            .map_err(|error| Failure::usage(error.to_string()))?;
        let waiting = async {
            let lock = match &backend {
                Backend::Cluster(cluster) => args.until_free(&cluster.within(&name.namespace), &name).await?,
                Backend::Local { root, .. } => args.until_free_here(root, &name).await,
            };
            let lock =
                lock.map_or_else(|| name.kind.to_string(), |lock| self::name(&lock, args.config_map.name.as_str()));
            result(format_args!("{lock}: a place is free\n"))?;
            Ok(Exit::Success)
        };
        let limited = async {
            let done = tokio::time::timeout(args.timeout.unwrap_or(Duration::MAX), waiting).await;
            done.unwrap_or_else(|_| {
                let after = args.timeout.unwrap_or_default();
                Err(Failure::new(Exit::TimedOut, format!("no place of {} is free after {after:?}", name.kind))
                    .hint(format!("kubectl runnable semaphore get {} shows who holds it", name.kind)))
            })
        };
        Box::pin(until_interrupted(limited, "nothing was taken")).await
    })
}

impl Args {
    /// Waits on a cluster: for a change of a workflow or of the limit.
    async fn until_free(&self, cluster: &Cluster, name: &LockName) -> Result<Option<Lock>, Failure> {
        let mut table = LockTable::default();
        let mut news = self.news(cluster).await?;
        let mut told = None;
        loop {
            let version = self.read_limit(cluster, name, &mut table).await?;
            let changed = async {
                match (&name.kind, &version) {
                    (LockKind::ConfigMap { name, .. }, Some(version)) => {
                        cluster.config_map_changed(name, version).await
                    }
                    _ => std::future::pending().await,
                }
            };
            tokio::pin!(changed);
            loop {
                let lock = table.lock(name.clone());
                if table.is_complete() && is_free(&lock)? {
                    return Ok(Some(lock));
                }
                if table.is_complete() {
                    self.tell(&lock, &mut told);
                }
                tokio::select! {
                    next = news.try_next() => match next? {
                        Some(News::There(workflow)) => table.add(&workflow),
                        Some(News::Complete) => table.complete(),
                        Some(News::Gone(_, Some(last))) => table.remove(&last),
                        Some(News::Gone(_, None)) => {
                            // Which one went while the server was away is not known: all are read again.
                            table = LockTable::default();
                            news = self.news(cluster).await?;
                            break;
                        }
                        None => return Ok(None),
                    },
                    changed = &mut changed => {
                        changed?;
                        break;
                    }
                }
            }
        }
    }

    /// The workflows that may hold the lock: of all namespaces, or where the user may not list those, of its own.
    async fn news(&self, cluster: &Cluster) -> Result<BoxStream<'static, Result<News, ClusterError>>, Failure> {
        let labels = Some(NOT_COMPLETED.to_owned());
        let everywhere = Selection { all_namespaces: true, labels, chunk: CHUNK, ..Selection::default() };
        let probe = Selection { metadata_only: true, chunk: 1, ..everywhere.clone() };
        let all_namespaces = match cluster.may_list(&probe).await {
            Ok(may) => may,
            Err(error) => return Err(error.into()),
        };
        if !all_namespaces && !self.quiet {
            talk(format_args!(
                "warning: holders in other namespaces than {:?} are not seen without permission to list all workflows",
                cluster.namespace()
            ));
        }
        Ok(cluster.list_follow(Selection { all_namespaces, ..everywhere }))
    }

    /// Reads the limit; the version of its ConfigMap, if there is one.
    async fn read_limit(
        &self,
        cluster: &Cluster,
        name: &LockName,
        table: &mut LockTable,
    ) -> Result<Option<String>, Failure> {
        let LockKind::ConfigMap { name: map, .. } = &name.kind else { return Ok(None) };
        let Some(config_map) = cluster.config_map(map).await? else {
            table.add_missing_limits((name.namespace.clone(), map.clone()));
            return Ok(None);
        };
        table.add_limits(&name.namespace, &Limits::of(&config_map)?);
        Ok(Some(Metadata::of(&config_map).resource_version().to_owned()))
    }

    /// Waits on this machine.
    async fn until_free_here(&self, root: &Path, name: &LockName) -> Option<Lock> {
        let mut told = None;
        loop {
            let lock = local::find(root, name)?;
            if has_place(&lock) {
                return Some(lock);
            }
            self.tell(&lock, &mut told);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Says what is waited for, once for each state.
    fn tell(&self, lock: &Lock, told: &mut Option<(usize, usize)>) {
        let now = (lock.holders.len(), lock.queue.len());
        if *told == Some(now) || self.quiet {
            return;
        }
        *told = Some(now);
        let holders: Vec<String> = lock.holders.iter().take(3).map(|holding| holding.holder.to_string()).collect();
        let by = if holders.is_empty() { String::new() } else { format!(" by {}", holders.join(", ")) };
        let name = name(lock, self.config_map.name.as_str());
        talk(format_args!("waiting for {name}: {} held{by}, {} waiting", now.0, now.1));
    }
}

/// Whether a run could take the lock at once. One without a limit will never be free.
fn is_free(lock: &Lock) -> Result<bool, Failure> {
    if lock.name.is_semaphore() && is_absent(lock) {
        let message = format!("{} does not exist in namespace {:?}", lock.name.kind, lock.name.namespace);
        return Err(Failure::new(Exit::NotFound, message)
            .hint("kubectl runnable semaphore list shows the existing ones; semaphore set creates one"));
    }
    Ok(has_place(lock))
}

fn has_place(lock: &Lock) -> bool {
    let held = i64::try_from(lock.holders.len()).unwrap_or(i64::MAX);
    // Of a lock in a database the limit is not known: it is free when nobody holds it.
    lock.queue.is_empty() && lock.drained.is_none() && held < lock.limit.number().unwrap_or(1)
}
