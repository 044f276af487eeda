//! Durations as Argo reads them: those of Go (`1h30m`, `500ms`), and in most places also a bare number of seconds or days.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

/// A duration that Go's `time.ParseDuration` accepts, kept as it was written. Argo reads `maxAge` so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GoDuration(String);

/// The text is no duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum DurationError {
    /// Go cannot read it.
    #[error("invalid duration {0:?}: expected numbers with units ns, us, ms, s, m or h, such as 24h or 1h30m")]
    Go(String),
    /// Argo cannot read it.
    #[error(
        "invalid duration {0:?}: expected a number of seconds, or numbers with units such as 30s, 10m, 1h30m or 2d"
    )]
    Argo(String),
}

impl GoDuration {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let legal = unsigned == "0" || (!unsigned.contains('d') && of_units(unsigned).is_some());
        if legal { Ok(Self(text.to_owned())) } else { Err(DurationError::Go(text.to_owned())) }
    }
}

/// A duration; a bare number is seconds.
pub(crate) fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    let seconds = text.parse::<u32>().ok().map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
    seconds.or_else(|| of_units(text)).ok_or_else(|| DurationError::Argo(text.to_owned()))
}

/// The sum of one or more `<digits>[.<digits>]<unit>`.
fn of_units(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut total = None;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = SignedDuration::try_from_secs_f64(number * seconds).ok()?;
        total = Some(total.unwrap_or(SignedDuration::ZERO).checked_add(part)?);
        rest = &rest[letters..];
    }
    total
}

/// A duration for people, in its two largest units: `10 seconds`, `1 minute 30 seconds`.
pub(crate) fn human(duration: SignedDuration) -> String {
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in units {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s_or_seconds_or_days() {
        for (text, milliseconds) in
            [("10", 10_000), ("10s", 10_000), ("1h30m", 5_400_000), ("1.5s", 1_500), ("250ms", 250), ("1d", 86_400_000)]
        {
            assert_eq!(parse(text), Ok(SignedDuration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "10 s", "1y", "-5s", "1.2.3s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_go_reads_is_a_go_duration() {
        for legal in ["0", "24h", "1h30m", "1.5h", ".5s", "-1s", "100ms", "1µs"] {
            assert_eq!(legal.parse::<GoDuration>().map(|duration| duration.to_string()), Ok(legal.to_owned()));
        }
        for illegal in ["", "10", "7d", "h", "1.2.3s", "1 h", "-", "1h30"] {
            assert!(illegal.parse::<GoDuration>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn people_read_two_units() {
        assert_eq!(human(SignedDuration::from_secs(90_061)), "1 day 1 hour");
        assert_eq!(human(SignedDuration::from_millis(200)), "0 seconds");
    }
}
