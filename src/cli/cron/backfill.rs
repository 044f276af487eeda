//! `cron backfill`: a workflow for each time at which a schedule fell due.

use std::ffi::OsString;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::argo::identity::{ObjectName, RunId};
use crate::argo::schedule::Schedule;
use crate::argo::template::text;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cluster::{Cluster, TemplateKind};
use crate::exit::Exit;
use crate::output::stream::{result, talk};
use crate::output::templates::schedules_of;

/// Submit a workflow for each time at which the schedule fell due between two times
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Show the times, then submit the workflows one after another
  kubectl runnable cron backfill nightly --start 2026-11-01 --end 2026-11-05 --dry-run
  kubectl runnable cron backfill nightly --start 2026-11-01 --end 2026-11-05

  # All at once, with the time in a parameter of your own
  kubectl runnable cron backfill nightly --start 2026-11-21T00:00:00Z --parallel --argname date

Each workflow has a name and a run id of its own, made of the backfill's name and its time: the same command again, after an
interruption, submits only those that are not there yet. Without --parallel they hold a mutex, so that one runs at a time.")]
pub(super) struct BackfillArgs {
    /// The CronWorkflow's name
    #[arg(value_name = "NAME")]
    cron: ObjectName,

    /// The time after which it begins, such as 2026-11-21 or 2026-11-21T09:30:00Z; a date begins at midnight UTC
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Timestamp,

    /// The last time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    end: Option<Timestamp>,

    /// Let the workflows run at the same time
    #[arg(long)]
    parallel: bool,

    /// The parameter that gets the time
    #[arg(long, value_name = "NAME", default_value = "cronScheduleTime")]
    argname: String,

    /// Maximum number of workflows to submit
    #[arg(long, value_name = "N", default_value_t = 1000)]
    maxworkflowcount: usize,

    /// The backfill's name, which is part of the names of its workflows
    #[arg(long, value_name = "NAME", default_value = "backfill")]
    name: ObjectName,

    /// Only print the times
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    access: AccessArgs,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse()
        .ok()
        .or_else(day)
        .ok_or_else(|| "expected a time such as 2026-11-21 or 2026-11-21T09:30:00Z".to_owned())
}

pub(super) fn run(args: &BackfillArgs) -> Result<Exit, Failure> {
    let cron = block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        Ok(cluster.template(TemplateKind::CronWorkflow, args.cron.as_str()).await?)
    })?;
    let times = times(&cron, args.start, args.end.unwrap_or_else(Timestamp::now), args.maxworkflowcount)?;
    if times.is_empty() {
        talk("the schedule does not fall due between these times");
        return Ok(Exit::Success);
    }
    if args.dry_run {
        let lines: Vec<String> = times.iter().map(ToString::to_string).collect();
        result(lines.join("\n") + "\n")?;
        return Ok(Exit::Success);
    }
    let mut exit = Exit::Success;
    for time in times {
        match crate::cli::run_words(args.words(time)?) {
            Ok(Exit::Success) => {}
            Ok(worse) => exit = exit.max(worse),
            // What is wrong with one is wrong with all.
            Err(failure) => return Err(failure.in_context(format!("the workflow of {time}"))),
        }
    }
    Ok(exit)
}

impl BackfillArgs {
    /// The words by which the workflow of one time is submitted.
    fn words(&self, time: Timestamp) -> Result<Vec<OsString>, Failure> {
        let second = time.as_second();
        let name: ObjectName = format!("{}-{}-{second}", self.cron, self.name).parse()?;
        let run_id: RunId = format!("{}-{second}", self.name.as_str().replace('.', "-")).parse()?;
        let mut flags = vec![
            "submit".to_owned(),
            format!("--from=cronworkflow/{}", self.cron),
            format!("--scheduled-time={time}"),
            format!("--parameter={}={time}", self.argname),
            format!("--name={name}"),
            format!("--run-id={run_id}"),
            format!("--labels=workflows.argoproj.io/cron-workflow-backfill={}", self.cron),
        ];
        if !self.parallel {
            flags.push(format!("--mutex={}-{}", self.cron, self.name));
        }
        Ok(flags.into_iter().map(OsString::from).chain(self.access.words()).collect())
    }
}

/// The times after `start` and up to `end` at which one of the schedules falls due.
fn times(cron: &Value, start: Timestamp, end: Timestamp, most: usize) -> Result<Vec<Timestamp>, Failure> {
    let spec = &cron["spec"];
    let mut times = Vec::new();
    for written in schedules_of(spec) {
        let schedule = Schedule::read(written).map_err(|why| Failure::usage(format!("schedule {written:?}: {why}")))?;
        let name = schedule.zone(text(spec, "timezone"));
        let zone = TimeZone::get(name).map_err(|_| Failure::usage(format!("unknown time zone {name:?}")))?;
        let mut last = start;
        while let Some(next) = schedule.next(last, &zone) {
            if next > end {
                break;
            }
            times.push(next);
            last = next;
            if times.len() > most {
                return Err(Failure::usage(format!(
                    "the schedule falls due more than {most} times between these times"
                ))
                .hint("raise --maxworkflowcount, or begin later"));
            }
        }
    }
    times.sort_unstable();
    times.dedup();
    Ok(times)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_times_of_all_schedules_count_once() {
        let cron = json!({"spec": {"schedules": ["0 1 * * *", "0 1,2 * * *"]}});
        let [start, end] = ["2026-11-21", "2026-11-23"].map(|text| time(text).unwrap_or_default());
        let found = times(&cron, start, end, 10).unwrap_or_default();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["2026-11-21T01:00:00Z", "2026-11-21T02:00:00Z", "2026-11-22T01:00:00Z", "2026-11-22T02:00:00Z"]
        );
        assert!(times(&cron, start, end, 3).is_err());
        assert!(time("yesterday").is_err());
    }
}
