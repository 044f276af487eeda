//! Times in the layouts of Go's `time` package, where the layout is an example of the time it means.
//!
//! No clock is read and no time zone looked up: a time without an offset is in UTC, which is also what is local.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, tz::TimeZone};

/// The layout in which JSON writes a time.
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// A time of day on a date, and how many seconds it is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    civil: DateTime,
    ahead: i32,
}

impl Moment {
    /// The time so many seconds after the beginning of 1970.
    pub(super) fn from_seconds(seconds: i64) -> Option<Self> {
        let timestamp = jiff::Timestamp::from_second(seconds).ok()?;
        let civil = timestamp.to_zoned(TimeZone::UTC).datetime();
        Some(Self { civil, ahead: 0 })
    }

    /// What Go has for a time that could not be parsed.
    pub(super) fn zero() -> Self {
        let civil = Date::ZERO.saturating_add(jiff::Span::new().years(1));
        Self { civil: civil.to_datetime(Time::MIN), ahead: 0 }
    }

    /// The seconds since the beginning of 1970.
    pub(super) fn seconds(self) -> Option<i64> {
        let timestamp = self.civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(timestamp.as_second() - i64::from(self.ahead))
    }

    /// The same time in UTC.
    pub(super) fn in_utc(self) -> Option<Self> {
        let civil = self.civil.checked_sub(SignedDuration::from_secs(self.ahead.into())).ok()?;
        Some(Self { civil, ahead: 0 })
    }

    /// The time so many nanoseconds later.
    pub(super) fn later(self, nanoseconds: i64) -> Option<Self> {
        let civil = self.civil.checked_add(SignedDuration::from_nanos(nanoseconds)).ok()?;
        Some(Self { civil, ..self })
    }

    /// Reads a time written in the layout.
    pub(super) fn parse(layout: &str, text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text, fields: Fields::default() };
        let mut layout = layout;
        while let Some((before, chunk, after)) = next_chunk(layout) {
            reader.literal(before)?;
            reader.chunk(chunk, after)?;
            layout = after;
        }
        reader.literal(layout)?;
        if !reader.rest.is_empty() {
            return None;
        }
        reader.fields.moment()
    }

    /// Writes the time in the layout.
    pub(super) fn format(self, layout: &str) -> String {
        let mut text = String::new();
        let mut layout = layout;
        while let Some((before, chunk, after)) = next_chunk(layout) {
            text.push_str(before);
            text.push_str(&self.written(chunk));
            layout = after;
        }
        text.push_str(layout);
        text
    }

    fn written(self, chunk: &str) -> String {
        let (civil, month, day) = (self.civil, index(self.civil.month()), self.civil.day());
        let hour12 = (civil.hour() + 11) % 12 + 1;
        match chunk {
            "2006" => format!("{:04}", civil.year()),
            "06" => format!("{:02}", civil.year().rem_euclid(100)),
            "January" => MONTHS[month - 1].to_owned(),
            "Jan" => MONTHS[month - 1][..3].to_owned(),
            "01" => format!("{month:02}"),
            "1" => month.to_string(),
            "Monday" => self.weekday().to_owned(),
            "Mon" => self.weekday()[..3].to_owned(),
            "02" => format!("{day:02}"),
            "_2" => format!("{day:2}"),
            "2" => day.to_string(),
            "002" => format!("{:03}", civil.day_of_year()),
            "15" => format!("{:02}", civil.hour()),
            "03" => format!("{hour12:02}"),
            "3" => hour12.to_string(),
            "04" => format!("{:02}", civil.minute()),
            "4" => civil.minute().to_string(),
            "05" => format!("{:02}", civil.second()),
            "5" => civil.second().to_string(),
            "PM" => if civil.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "pm" => if civil.hour() < 12 { "am" } else { "pm" }.to_owned(),
            _ if chunk.starts_with(['.', ',']) => self.fraction(chunk),
            _ => self.zone(chunk),
        }
    }

    fn weekday(self) -> &'static str {
        WEEKDAYS[index(self.civil.weekday().to_sunday_zero_offset())]
    }

    fn fraction(self, chunk: &str) -> String {
        let digits = format!("{:09}", self.civil.subsec_nanosecond());
        let digits = digits.get(..chunk.len() - 1).unwrap_or(&digits);
        let digits = if chunk.ends_with('9') { digits.trim_end_matches('0') } else { digits };
        if digits.is_empty() { String::new() } else { format!("{}{digits}", &chunk[..1]) }
    }

    fn zone(self, chunk: &str) -> String {
        if self.ahead == 0 && (chunk.starts_with('Z') || chunk == "MST") {
            return if chunk == "MST" { "UTC" } else { "Z" }.to_owned();
        }
        let sign = if self.ahead < 0 { '-' } else { '+' };
        let minutes = self.ahead.abs() / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        match chunk {
            "-07:00" | "Z07:00" => format!("{sign}{hours:02}:{minutes:02}"),
            "-07" | "Z07" => format!("{sign}{hours:02}"),
            "MST" if minutes == 0 => format!("{sign}{hours:02}"),
            _ => format!("{sign}{hours:02}{minutes:02}"),
        }
    }
}

fn index(number: i8) -> usize {
    usize::try_from(number).unwrap_or(0)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What in a layout stands for a part of the time; of two that fit, the one that comes first here is meant.
const CHUNKS: [&str; 31] = [
    "January", "Jan", "Monday", "Mon", "MST", "2006", "-07:00", "-0700", "-07", "Z07:00", "Z0700", "Z07", "002", "01",
    "02", "03", "04", "05", "06", "15", "PM", "pm", "_2", "1", "2", "3", "4", "5", ".", ",", "_2006",
];

/// Cuts a layout into what stands before its first chunk, that chunk, and the rest.
fn next_chunk(layout: &str) -> Option<(&str, &str, &str)> {
    let mut skip = 0;
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        if at < skip {
            continue;
        }
        // Before a year the underscore is itself.
        if rest.starts_with("_2006") {
            skip = at + 1;
            continue;
        }
        let length = CHUNKS.iter().find(|chunk| rest.starts_with(**chunk)).and_then(|chunk| extent(chunk, rest));
        if let Some(length) = length {
            return Some((&layout[..at], &rest[..length], &rest[length..]));
        }
    }
    None
}

/// How far a chunk goes, if it is one: a fraction goes on with its digits, and a short name is not part of a word.
fn extent(chunk: &str, rest: &str) -> Option<usize> {
    match chunk {
        "." | "," => {
            let digit = rest.as_bytes().get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
            let length = 1 + rest[1..].bytes().take_while(|byte| byte == digit).count();
            let goes_on = rest.as_bytes().get(length).is_some_and(u8::is_ascii_digit);
            (!goes_on).then_some(length)
        }
        "Jan" | "Mon" => {
            let is_word = rest.as_bytes().get(3).is_some_and(u8::is_ascii_lowercase);
            (!is_word).then_some(3)
        }
        chunk => Some(chunk.len()),
    }
}

#[derive(Default)]
struct Fields {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    is_afternoon: Option<bool>,
    ahead: i32,
}

impl Fields {
    fn moment(self) -> Option<Moment> {
        let date = Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?;
        let hour = match self.is_afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        Some(Moment { civil: date.to_datetime(time), ahead: self.ahead })
    }
}

struct Reader<'t> {
    rest: &'t str,
    fields: Fields,
}

impl Reader<'_> {
    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Takes digits, at least and at most so many.
    fn number(&mut self, least: usize, most: usize) -> Option<i32> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return None;
        }
        let number = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(number)
    }

    fn small(&mut self, least: usize) -> Option<i8> {
        i8::try_from(self.number(least, 2)?).ok()
    }

    /// Takes one of the names, whole or its first letters, in any case.
    fn name(&mut self, names: &[&str], is_short: bool) -> Option<usize> {
        for (index, name) in names.iter().enumerate() {
            let name = if is_short { &name[..3] } else { name };
            let start = self.rest.get(..name.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Some(index);
            }
        }
        None
    }

    fn chunk(&mut self, chunk: &str, after: &str) -> Option<()> {
        match chunk {
            "2006" => self.fields.year = i16::try_from(self.number(4, 4)?).ok()?,
            "06" => {
                let year = self.number(2, 2)?;
                self.fields.year = i16::try_from(if year >= 69 { 1900 + year } else { 2000 + year }).ok()?;
            }
            "January" | "Jan" => {
                let month = self.name(&MONTHS, chunk == "Jan")?;
                self.fields.month = i8::try_from(month + 1).ok();
            }
            "Monday" | "Mon" => {
                self.name(&WEEKDAYS, chunk == "Mon")?;
            }
            "01" => self.fields.month = Some(self.small(2)?),
            "1" => self.fields.month = Some(self.small(1)?),
            "02" => self.fields.day = Some(self.small(2)?),
            "_2" | "2" => {
                self.rest = self.rest.strip_prefix(' ').filter(|_| chunk == "_2").unwrap_or(self.rest);
                self.fields.day = Some(self.small(1)?);
            }
            "15" | "03" => self.fields.hour = self.small(2)?,
            "3" => self.fields.hour = self.small(1)?,
            "04" => self.fields.minute = self.small(2)?,
            "4" => self.fields.minute = self.small(1)?,
            "05" | "5" => {
                self.fields.second = self.small(if chunk == "05" { 2 } else { 1 })?;
                let has_own_fraction = next_chunk(after)
                    .is_some_and(|(before, chunk, _)| before.is_empty() && chunk.starts_with(['.', ',']));
                if !has_own_fraction {
                    self.fraction(None);
                }
            }
            "PM" | "pm" => {
                let half = self.name(&["AM ", "PM "].map(str::trim_end), false)?;
                self.fields.is_afternoon = Some(half == 1);
            }
            _ if chunk.starts_with(['.', ',']) => {
                let digits = if chunk.ends_with('0') { Some(chunk.len() - 1) } else { None };
                if !self.fraction(digits) && digits.is_some() {
                    return None;
                }
            }
            _ => self.zone(chunk)?,
        }
        Some(())
    }

    /// Takes a fraction of a second, if there is one, of so many digits.
    fn fraction(&mut self, digits: Option<usize>) -> bool {
        let Some(rest) = self.rest.strip_prefix(['.', ',']) else {
            return false;
        };
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || digits.is_some_and(|digits| digits != length) {
            return false;
        }
        let nanoseconds = format!("{:0<9}", &rest[..length.min(9)]);
        self.fields.nanosecond = nanoseconds.parse().unwrap_or(0);
        self.rest = &rest[length..];
        true
    }

    fn zone(&mut self, chunk: &str) -> Option<()> {
        if chunk == "MST" {
            let length = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
            self.rest = &self.rest[length..];
            return (3..=4).contains(&length).then_some(());
        }
        if chunk.starts_with('Z')
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            return Some(());
        }
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = self.number(2, 2)?;
        if chunk.contains(':') {
            self.literal(":")?;
        }
        let minutes = if chunk.ends_with("00") { self.number(2, 2)? } else { 0 };
        self.fields.ahead = sign * (hours * 60 + minutes) * 60;
        (hours <= 24 && minutes < 60).then_some(())
    }
}

/// Reads a duration such as `-1.5h` or `1h15m30s` as nanoseconds.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let length = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number * nanoseconds_of(&rest[..length])?;
        rest = &rest[length..];
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range has been checked")]
    (total < 9.2e18).then_some((sign * total) as i64)
}

fn nanoseconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => return None,
    })
}
