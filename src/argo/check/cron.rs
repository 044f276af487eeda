//! The schedule of a CronWorkflow. (validate.CronWorkflow)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{items, text};
use crate::argo::schedule::Schedule;

pub(super) fn check(checker: &mut Checker<'_>, document: &Value) {
    let at = At { base: 0, pointer: "/spec".to_owned() };
    let old = document.pointer("/spec").map(|spec| text(spec, "schedule")).unwrap_or_default();
    let schedules = items(document, &["spec", "schedules"]);
    if schedules.is_empty() && old.is_empty() {
        checker.error(Rule::Cron, &at, "a CronWorkflow has at least one of `schedules`");
    }
    for (index, schedule) in schedules.iter().enumerate() {
        let schedule = schedule.as_str().unwrap_or_default();
        if let Err(why) = Schedule::read(schedule) {
            let place = at.field("schedules").index(index);
            checker.error(Rule::Cron, &place, format!("schedule `{schedule}` cannot be read: {why}"));
        }
    }
    if !old.is_empty()
        && let Err(why) = Schedule::read(old)
    {
        checker.error(Rule::Cron, &at.field("schedule"), format!("schedule `{old}` cannot be read: {why}"));
    }
}
