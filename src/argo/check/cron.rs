//! The schedule of a CronWorkflow. (validate.CronWorkflow; github.com/robfig/cron, ParseStandard)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::read::{items, text};
use crate::argo::duration;

const WORDS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field of a schedule: its name, its range and the words for its numbers, from the range's beginning.
const FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &MONTHS),
    ("day of the week", 0, 6, &DAYS),
];

pub(super) fn check(checker: &mut Checker<'_>, document: &Value) {
    let at = At { base: 0, pointer: "/spec".to_owned() };
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
}

fn parse(schedule: &str) -> Result<(), String> {
    if schedule.is_empty() {
        return Err("it is empty".to_owned());
    }
    let rest = match schedule.strip_prefix("TZ=").or_else(|| schedule.strip_prefix("CRON_TZ=")) {
        Some(zoned) => zoned.split_once(' ').map(|(_, rest)| rest.trim()).ok_or("a time zone alone is none")?,
        None => schedule,
    };
    if let Some(every) = rest.strip_prefix("@every ") {
        return duration::parse(every).map(|_| ()).map_err(|_| format!("`{every}` is no duration such as 1h30m"));
    }
    if rest.starts_with('@') {
        return if WORDS.contains(&rest) {
            Ok(())
        } else {
            Err(format!("expected one of {}, @every …", WORDS.join(", ")))
        };
    }
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("expected 5 fields, found {}", fields.len()));
    }
    fields.iter().zip(FIELDS).try_for_each(|(text, field)| {
        text.split(',').filter(|part| !part.is_empty()).try_for_each(|part| range(part, field))
    })
}

/// `*`, `3`, `1-5`, each also with `/step`.
fn range(text: &str, (name, least, most, words): (&str, u32, u32, &[&str])) -> Result<(), String> {
    let wrong = || format!("`{text}` is no {name}, expected {least} to {most}");
    let number = |text: &str| -> Result<u32, String> {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        match word {
            Some(index) => Ok(least + u32::try_from(index).unwrap_or_default()),
            None => text.parse().map_err(|_| wrong()),
        }
    };
    let mut parts = text.split('/');
    let (span, step, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if more.is_some() || step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| step > 0)) {
        return Err(wrong());
    }
    if span == "*" || span == "?" {
        return Ok(());
    }
    let mut ends = span.split('-');
    let start = number(ends.next().unwrap_or_default())?;
    let end = ends.next().map(number).transpose()?.unwrap_or(if step.is_some() { most.max(start) } else { start });
    if ends.next().is_some() || start < least || end > most || start > end {
        return Err(wrong());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("* * * * *", true)]
    #[case("*/15 0-6 1,15 jan-MAR mon", true)]
    #[case("5/10 ? * * 0", true)]
    #[case("@every 1h30m", true)]
    #[case("@daily", true)]
    #[case("TZ=Europe/Berlin 0 1 * * *", true)]
    #[case("CRON_TZ=UTC @hourly", true)]
    #[case("", false)]
    #[case("* * * *", false)]
    #[case("0 0 0 * * *", false)]
    #[case("60 * * * *", false)]
    #[case("* * 0 * *", false)]
    #[case("* * * * 7", false)]
    #[case("5-1 * * * *", false)]
    #[case("*/0 * * * *", false)]
    #[case("@every day", false)]
    #[case("@never", false)]
    #[case("a * * * *", false)]
    fn a_schedule_is_read_as_cron_reads_it(#[case] schedule: &str, #[case] legal: bool) {
        assert_eq!(parse(schedule).is_ok(), legal);
    }
}
