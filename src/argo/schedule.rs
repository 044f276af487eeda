//! Schedules of CronWorkflows: what they may say, and when they fall due. (github.com/robfig/cron v3, ParseStandard and
//! SpecSchedule.Next)

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::duration;

/// Words for whole schedules.
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
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
/// A time that does not come within so many years never comes (SpecSchedule.Next).
const YEARS: i16 = 5;

/// When something falls due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The time zone that the schedule itself names.
    zone: Option<String>,
    times: Times,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Times {
    /// At these minutes, hours, days of the month, months and days of the week, as bits.
    At([u64; 5], Days),
    /// So long after the time before.
    Every(SignedDuration),
}

/// How the two fields of days count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Days {
    /// One of them is `*`: a day has to fit both.
    Both,
    /// Both name days: a day has to fit one of them.
    Either,
}

impl Schedule {
    /// Reads a schedule, with what is wrong with it.
    pub(crate) fn read(schedule: &str) -> Result<Self, String> {
        if schedule.is_empty() {
            return Err("it is empty".to_owned());
        }
        let (zone, rest) = match schedule.strip_prefix("TZ=").or_else(|| schedule.strip_prefix("CRON_TZ=")) {
            Some(zoned) => {
                let (zone, rest) = zoned.split_once(' ').ok_or("a time zone alone is none")?;
                (Some(zone.to_owned()), rest.trim())
            }
            None => (None, schedule),
        };
        Ok(Self { zone, times: Times::read(rest)? })
    }

    /// The time zone that counts: the one that the schedule names, else this one, else UTC.
    pub(crate) fn zone<'a>(&'a self, of_object: &'a str) -> &'a str {
        let zone = self.zone.as_deref().unwrap_or(of_object);
        if zone.is_empty() { "UTC" } else { zone }
    }

    /// The first time after this one.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.times {
            // At least a second, and from whole seconds (ConstantDelaySchedule).
            Times::Every(every) => {
                let every = (*every).max(SignedDuration::from_secs(1));
                let whole = Timestamp::from_second(after.as_second()).unwrap_or(after);
                whole.checked_add(SignedDuration::from_secs(every.as_secs())).ok()
            }
            Times::At(fields, days) => next_of(fields, *days, after, zone),
        }
    }
}

impl Times {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(every) = text.strip_prefix("@every ") {
            let read = duration::parse(every).map(Self::Every);
            return read.map_err(|_| format!("`{every}` is no duration such as 1h30m"));
        }
        if text.starts_with('@') {
            let word = WORDS.iter().find(|(word, _)| *word == text);
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            let (_, fields) = word.ok_or_else(|| format!("expected one of {}, @every …", words.join(", ")))?;
            return Self::read(fields);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(format!("expected 5 fields, found {}", fields.len()));
        }
        let mut bits = [0; 5];
        for ((bits, text), field) in bits.iter_mut().zip(&fields).zip(FIELDS) {
            for part in text.split(',').filter(|part| !part.is_empty()) {
                *bits |= range(part, field)?;
            }
        }
        let is_star = |text: &str| text.split(',').any(|part| matches!(part, "*" | "?" | "*/1" | "?/1"));
        let days = if is_star(fields[2]) || is_star(fields[4]) { Days::Both } else { Days::Either };
        Ok(Self::At(bits, days))
    }
}

/// The numbers of `*`, `3`, `1-5`, each also with `/step`, as bits.
fn range(text: &str, (name, least, most, words): (&str, u32, u32, &[&str])) -> Result<u64, String> {
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
    let has_step = step.is_some();
    let step = step.map_or(Some(1), |step| step.parse().ok().filter(|&step: &usize| step > 0)).ok_or_else(wrong)?;
    if more.is_some() {
        return Err(wrong());
    }
    let (start, end) = if span == "*" || span == "?" {
        (least, most)
    } else {
        let mut ends = span.split('-');
        let start = number(ends.next().unwrap_or_default())?;
        let end = ends.next().map(number).transpose()?.unwrap_or(if has_step { most.max(start) } else { start });
        if ends.next().is_some() || start < least || end > most || start > end {
            return Err(wrong());
        }
        (start, end)
    };
    Ok((start..=end).step_by(step).fold(0, |bits, number| bits | 1 << number))
}

/// The first minute after the time that fits all fields. A time that a change of clocks leaves out does not come, and one
/// that it repeats comes twice.
fn next_of(fields: &[u64; 5], days: Days, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let fits = |field: usize, number: i8| u32::try_from(number).is_ok_and(|number| fields[field] & 1 << number != 0);
    let seconds = |count: i64| SignedDuration::from_secs(count);
    let mut time = Timestamp::from_second((after.as_second().div_euclid(60) + 1) * 60).ok()?;
    let last = zone.to_datetime(time).year() + YEARS;
    loop {
        let shown = zone.to_datetime(time);
        if shown.year() > last {
            return None;
        }
        let (of_month, of_week) = (fits(2, shown.day()), fits(4, shown.weekday().to_sunday_zero_offset()));
        let is_day = if days == Days::Both { of_month && of_week } else { of_month || of_week };
        let begin = |day: DateTime| zone.to_timestamp(day.start_of_day()).ok();
        time = if !fits(3, shown.month()) {
            begin(shown.first_of_month().checked_add(1.month()).ok()?)?
        } else if !is_day {
            begin(shown.checked_add(1.day()).ok()?)?
        } else if !fits(1, shown.hour()) {
            time.checked_add(seconds(60 * (60 - i64::from(shown.minute())))).ok()?
        } else if !fits(0, shown.minute()) {
            time.checked_add(seconds(60)).ok()?
        } else {
            return Some(time);
        };
    }
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
        assert_eq!(Schedule::read(schedule).is_ok(), legal);
    }

    /// The expectations of robfig/cron's own TestNext (spec_test.go), as far as they have five fields, and some of ours.
    #[rstest]
    #[case("0/15 * * * *", "2012-07-09T14:45:00Z", "2012-07-09T15:00:00Z")]
    #[case("20-35/15 * * * *", "2012-07-09T15:45:00Z", "2012-07-09T16:20:00Z")]
    #[case("*/15 1-2 * * *", "2012-07-09T23:46:00Z", "2012-07-10T01:00:00Z")]
    #[case("0 0 9 apr-oct ?", "2012-07-09T23:35:00Z", "2012-08-09T00:00:00Z")]
    #[case("0 0 1 apr,aug,oct mon", "2012-07-09T23:35:00Z", "2012-08-01T00:00:00Z")]
    #[case("0 0 29 feb ?", "2012-07-09T23:35:00Z", "2016-02-29T00:00:00Z")]
    #[case("0 0 * feb mon", "2012-07-09T23:35:00Z", "2013-02-04T00:00:00Z")]
    #[case("59 23 31 dec *", "2012-12-31T23:59:45Z", "2013-12-31T23:59:00Z")]
    #[case("@every 90s", "2012-07-09T14:45:00Z", "2012-07-09T14:46:30Z")]
    #[case("TZ=Europe/Berlin 0 1 * * *", "2026-07-01T00:00:00Z", "2026-07-01T23:00:00Z")]
    #[case("TZ=America/New_York 0 * * * ?", "2012-11-04T05:00:00Z", "2012-11-04T06:00:00Z")]
    #[case("TZ=America/New_York 30 2 11 mar ?", "2012-03-11T05:00:00Z", "2013-03-11T06:30:00Z")]
    fn the_next_time_is_that_of_cron(#[case] schedule: &str, #[case] after: &str, #[case] next: &str) {
        let schedule = Schedule::read(schedule).unwrap();
        let zone = TimeZone::get(schedule.zone("")).unwrap();
        let found = schedule.next(after.parse().unwrap(), &zone);
        assert_eq!(found.map(|time| time.to_string()).as_deref(), Some(next));
    }

    #[test]
    fn a_time_that_never_comes_is_none() {
        let never = Schedule::read("0 0 30 feb ?").unwrap();
        assert_eq!(never.next(Timestamp::UNIX_EPOCH, &TimeZone::UTC), None);
        let daily = Schedule::read("@daily").unwrap();
        assert_eq!((daily.zone(""), daily.zone("Europe/Berlin")), ("UTC", "Europe/Berlin"));
    }
}
