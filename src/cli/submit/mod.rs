//! `submit`: prepares workflows and creates them on a cluster, or runs them on this machine.

pub(super) mod again;
mod args;
mod check;
mod cluster;
mod local;
mod locks;
mod owner;
mod request;
mod subject;

pub(super) use self::args::Args;
use self::args::DryRun;
use self::request::Request;
use super::failure::Failure;
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::stream;

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    agree(args)?;
    let request = Request::read(args)?;
    if args.dry_run == DryRun::Client {
        let format = args.output.filter(|format| *format != Format::Wide).unwrap_or(Format::Yaml);
        stream::result(rendered(format, &request.objects()?))?;
        return Ok(Exit::Success);
    }
    request.has_workflow()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(async {
        if args.local { local::run(args, request).await } else { cluster::run(args, request).await }
    });
    runtime.shutdown_background();
    outcome
}

/// Refuses flags that contradict each other.
fn agree(args: &Args) -> Result<(), Failure> {
    args.follow_up.agree(args.local)?;
    if args.local && args.dry_run == DryRun::Server {
        return Err(
            Failure::usage("--dry-run=server asks a cluster, which --local does without").hint("use --dry-run=client")
        );
    }
    if args.follow_up.handle.is_some() && args.dry_run != DryRun::None {
        return Err(Failure::usage("--handle needs a run, and --dry-run makes none").hint("leave one of them out"));
    }
    if args.workflow.owner.is_some() && args.dry_run == DryRun::Client {
        return Err(Failure::usage("--owner is looked up on the cluster, which --dry-run=client does without")
            .hint("use --dry-run=server"));
    }
    let for_caches = [("--cache-name", args.run.cache_name.is_some()), ("--max-age", args.run.max_age.is_some())];
    match for_caches.into_iter().find(|&(_, given)| given && !args.memoizes()) {
        Some((flag, _)) => Err(Failure::usage(format!("{flag} is for memoization, which is off"))
            .hint(format!("use --memoize=auto, or leave {flag} out"))),
        None => Ok(()),
    }
}
