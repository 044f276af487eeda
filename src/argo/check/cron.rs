//! The schedule of a CronWorkflow. (validate.CronWorkflow)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::nearest::nearest;
use super::read::{items, text};
use super::zones;
use crate::argo::schedule::Schedule;

pub(super) fn check(checker: &mut Checker<'_>, document: &Value) {
    let at = At { base: 0, pointer: "/spec".to_owned() };
    checker.schedules_of_definitions(document, &at);
    let old = document.pointer("/spec").map(|spec| text(spec, "schedule")).unwrap_or_default();
    let schedules = items(document, &["spec", "schedules"]);
    if schedules.is_empty() && old.is_empty() {
        checker.error(Rule::Cron, &at, "a CronWorkflow has at least one of `schedules`");
    }
    for (index, schedule) in schedules.iter().enumerate() {
        let schedule = schedule.as_str().unwrap_or_default();
        if let Err(why) = parse(schedule) {
            let place = at.field("schedules").index(index);
            checker.error(Rule::Cron, &place, format!("schedule `{schedule}` cannot be read: {why}"));
        }
    }
    if !old.is_empty()
        && let Err(why) = parse(old)
    {
        checker.error(Rule::Cron, &at.field("schedule"), format!("schedule `{old}` cannot be read: {why}"));
    }
    for (index, schedule) in schedules.iter().enumerate() {
        let schedule = schedule.as_str().unwrap_or_default();
        if never_comes(schedule) {
            let place = at.field("schedules").index(index);
            checker.warn(
                Rule::Cron,
                &place,
                format!("schedule `{schedule}` never comes: no such month has the day"),
                None,
            );
        }
    }
    let zone = document.pointer("/spec").map(|spec| text(spec, "timezone")).unwrap_or_default();
    if !zones::is_known(zone) {
        let near = nearest(zone, zones::names()).map(|near| format!("did you mean `{near}`?"));
        let hint = near.or_else(|| Some("write a name such as Europe/Berlin".to_owned()));
        checker.error_with(Rule::Cron, &at.field("timezone"), format!("`{zone}` is no time zone"), hint);
    }
}

impl Checker<'_> {
    /// The definitions take less than cron does: no time zone in front, whole numbers, nothing round it.
    fn schedules_of_definitions(&mut self, document: &Value, at: &At) {
        for (index, schedule) in items(document, &["spec", "schedules"]).iter().enumerate() {
            let schedule = schedule.as_str().unwrap_or_default();
            if parse(schedule).is_err() || is_defined(schedule) {
                continue;
            }
            let place = at.field("schedules").index(index);
            let (message, hint) = if schedule.contains("TZ=") {
                (
                    "a schedule has no time zone of its own: clusters refuse it",
                    "write `timezone: …` beside the schedules",
                )
            } else {
                (
                    "clusters refuse this form of a schedule",
                    "write five fields, or @every with whole numbers such as 1h30m",
                )
            };
            if self.options.definitions_count() {
                self.error_with(Rule::Cron, &place, message, Some(hint.to_owned()));
            } else {
                self.warn(Rule::Cron, &place, message, Some(hint));
            }
        }
    }
}

/// Whether the pattern of the definitions takes a schedule that cron can read.
fn is_defined(schedule: &str) -> bool {
    if let Some(every) = schedule.strip_prefix("@every") {
        let span = every.trim_start();
        return span.starts_with(|one: char| one.is_ascii_digit()) && !span.contains(['.', ' ']);
    }
    let is_field = |one: char| one.is_ascii_alphanumeric() || "*,/?-".contains(one);
    // The pattern forgets the other word for @yearly.
    schedule.starts_with('@') && schedule != "@annually"
        || schedule.trim() == schedule && schedule.chars().all(|one| is_field(one) || one.is_whitespace())
}

/// Whether the days of a schedule are in none of its months. Days of the week come in each.
fn never_comes(schedule: &str) -> bool {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [_, _, days, months, week] = fields.as_slice() else { return false };
    if parse(schedule).is_err() || !matches!(*week, "*" | "?") {
        return false;
    }
    let least = days.split(',').filter_map(|part| part.split(['-', '/']).next()?.parse::<u32>().ok());
    let (Some(least), false) = (least.min(), days.contains(['*', '?'])) else { return false };
    let months: Vec<&str> = months.split(',').collect();
    // February has at most 29 days, and four months have 30.
    let most = months.iter().map(|month| match month.to_ascii_lowercase().as_str() {
        "2" | "feb" => 29,
        "4" | "apr" | "6" | "jun" | "9" | "sep" | "11" | "nov" => 30,
        _ => 31,
    });
    most.max().is_some_and(|most| least > most)
}

/// Reads a schedule; a time zone in it must be one that Go knows.
fn parse(schedule: &str) -> Result<(), String> {
    let read = Schedule::read(schedule)?;
    let zone = read.zone("");
    if zones::is_known(zone) { Ok(()) } else { Err(format!("`{zone}` is no time zone")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_zone_of_a_schedule_must_be_known() {
        assert_eq!(parse("TZ=Europe/Berlin 0 1 * * *"), Ok(()));
        assert_eq!(parse("TZ=Europe/Berln 0 1 * * *"), Err("`Europe/Berln` is no time zone".to_owned()));
    }

    #[test]
    fn the_definitions_take_fewer_forms() {
        for taken in ["0 1 * * mon-fri", "@daily", "@every 1h30m"] {
            assert!(is_defined(taken), "{taken}");
        }
        for refused in ["TZ=UTC 0 1 * * *", "CRON_TZ=UTC @daily", " 0 1 * * *", "@every 1.5h", "@annually"] {
            assert!(parse(refused).is_ok() && !is_defined(refused), "{refused}");
        }
    }

    #[test]
    fn a_day_that_no_month_has_never_comes() {
        for never in ["0 0 30 2 *", "0 0 31 4,jun *", "0 0 30-31 FEB ?"] {
            assert!(never_comes(never), "{never}");
        }
        for comes in
            ["0 0 29 2 *", "0 0 31 * *", "0 0 30 2 mon", "0 0 1,31 2 *", "0 0 31 2-3 *", "0 0 */31 2 *", "@daily"]
        {
            assert!(!never_comes(comes), "{comes}");
        }
    }
}
