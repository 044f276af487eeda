//! Durations as Go writes them: `1h30m`, `500ms`. There is no unit for days.

use std::fmt;
use std::str::FromStr;

/// A duration that Go's `time.ParseDuration` accepts, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GoDuration(String);

/// The text is no Go duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid duration {0:?}: expected numbers with units ns, us, ms, s, m or h, such as 24h or 1h30m")]
pub struct DurationError(String);

impl GoDuration {
    /// The text.
    pub fn as_str(&self) -> &str {
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
        if unsigned == "0" || is_duration(unsigned) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DurationError(text.to_owned()))
        }
    }
}

/// Whether `text` is one or more of `<digits>[.<digits>]<unit>`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let unit = after.find(|next: char| next.is_ascii_digit() || next == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit);
        let is_number = digits.matches('.').count() <= 1 && digits.contains(|digit: char| digit.is_ascii_digit());
        if !is_number || !matches!(unit, "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h") {
            return false;
        }
        rest = next;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_go_reads_is_a_duration() {
        for legal in ["0", "24h", "1h30m", "1.5h", ".5s", "-1s", "100ms", "1µs"] {
            assert!(legal.parse::<GoDuration>().is_ok(), "{legal}");
        }
        for illegal in ["", "1d", "1", "h", "1h30", "1..5s", ".s", "1 h", "+"] {
            assert!(illegal.parse::<GoDuration>().is_err(), "{illegal}");
        }
    }
}
