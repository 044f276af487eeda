//! The numbers of a withSequence, in Go's printf formats: expandSequence in workflow/controller/operator.go, v4.1.2.
//! Pure.

use std::num::IntErrorKind;

use super::fits;
use super::item::Item;
use crate::argo::model::Sequence;

/// The items of a sequence.
pub(super) fn items(sequence: &Sequence) -> Result<Vec<Item>, String> {
    let number = |text: &Option<String>| text.as_deref().map(whole).transpose();
    let start = number(&sequence.start)?.unwrap_or(0);
    let end = match (number(&sequence.end)?, number(&sequence.count)?) {
        (Some(end), _) => end,
        (None, Some(0)) => return Ok(Vec::new()),
        // A negative count goes down, and past what was asked for: Argo adds it to the start all the same.
        (None, Some(count)) => start.saturating_add(count).saturating_sub(1),
        (None, None) => return Err("neither end nor count was specified in withSequence".to_owned()),
    };
    let count = start.abs_diff(end).saturating_add(1);
    fits("withSequence", count)?;
    // What a format gives is taken for the inside of a JSON string.
    let item = |number: i64| Item::parse(&format!("\"{}\"", formatted(&sequence.format, number)));
    if start <= end { (start..=end).map(item).collect() } else { (end..=start).rev().map(item).collect() }
}

/// (strconv.Atoi)
fn whole(text: &str) -> Result<i64, String> {
    let why = |error: std::num::ParseIntError| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {text:?}: {why}")
    };
    text.parse().map_err(why)
}

const MAX_WIDTH: usize = 1000;

/// A verb of a format with its flags.
#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    /// Of the argument, of which there is one.
    index: Option<usize>,
    letter: char,
}

/// A number in a format of Go's fmt.Sprintf, nonsense such as `%!s(int=1)` included.
fn formatted(format: &str, number: i64) -> String {
    if format.is_empty() {
        return number.to_string();
    }
    let (mut text, mut rest) = (String::new(), format);
    let (mut used, mut by_index) = (false, false);
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(verb) = Verb::read(&mut rest) else {
            text.push_str("%!(NOVERB)");
            continue;
        };
        by_index |= verb.index.is_some();
        match verb.letter {
            '%' => text.push('%'),
            letter if verb.index.is_some_and(|index| index != 1) => {
                text.extend(["%!", &letter.to_string(), "(BADINDEX)"]);
            }
            letter if verb.index.is_none() && used => text.extend(["%!", &letter.to_string(), "(MISSING)"]),
            letter => {
                used = true;
                text.push_str(&verb.print(number).unwrap_or_else(|| format!("%!{letter}(int={number})")));
            }
        }
    }
    text.push_str(rest);
    if !used && !by_index {
        text.extend(["%!(EXTRA int=", &number.to_string(), ")"]);
    }
    text
}

impl Verb {
    fn read(rest: &mut &str) -> Option<Self> {
        let mut verb = Self::default();
        let flags = rest.len() - rest.trim_start_matches(['+', '-', '#', ' ', '0']).len();
        for flag in rest[..flags].chars() {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                _ => verb.zero = true,
            }
        }
        *rest = &rest[flags..];
        verb.width = take_number(rest);
        if let Some(after) = rest.strip_prefix('.') {
            *rest = after;
            verb.precision = Some(take_number(rest));
        }
        if let Some((index, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            verb.index = Some(index.parse().unwrap_or_default());
            *rest = after;
        }
        verb.letter = rest.chars().next()?;
        *rest = &rest[verb.letter.len_utf8()..];
        Some(verb)
    }

    fn print(&self, number: i64) -> Option<String> {
        let (prefix, digits) = match self.letter {
            'd' | 'v' => ("", number.unsigned_abs().to_string()),
            'b' => ("0b", format!("{:b}", number.unsigned_abs())),
            'o' => ("0", format!("{:o}", number.unsigned_abs())),
            'O' => ("0o", format!("{:o}", number.unsigned_abs())),
            'x' => ("0x", format!("{:x}", number.unsigned_abs())),
            'X' => ("0X", format!("{:X}", number.unsigned_abs())),
            'c' => return Some(self.padded(&letter(number).to_string())),
            'q' => return Some(self.padded(&format!("'{}'", letter(number).escape_debug()))),
            'U' => return Some(self.padded(&format!("U+{number:04X}"))),
            'T' => return Some(self.padded("int")),
            _ => return None,
        };
        let sign = match (number < 0, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        let prefix = if self.sharp || self.letter == 'O' { prefix } else { "" };
        let sign = format!("{sign}{prefix}");
        let digits = match self.precision {
            // Go prints nothing at all of a 0 in no digits.
            Some(0) if number == 0 => return Some(" ".repeat(self.width)),
            Some(precision) => format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len()))),
            // The sign takes a place of the width, a prefix does not.
            None if self.zero && !self.minus => {
                let width = self.width.saturating_sub(usize::from(number < 0 || self.plus || self.space));
                format!("{}{digits}", "0".repeat(width.saturating_sub(digits.len())))
            }
            None => digits,
        };
        Some(self.padded(&format!("{sign}{digits}")))
    }

    fn padded(&self, text: &str) -> String {
        let missing = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.minus { format!("{text}{missing}") } else { format!("{missing}{text}") }
    }
}

fn letter(number: i64) -> char {
    u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The number with which the text begins, 0 where there is none, and no more than a name could be long.
fn take_number(rest: &mut &str) -> usize {
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    if number.is_empty() { 0 } else { number.parse().unwrap_or(MAX_WIDTH).min(MAX_WIDTH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(count: Option<&str>, start: Option<&str>, end: Option<&str>, format: &str) -> Result<String, String> {
        items(&Sequence {
            count: count.map(str::to_owned),
            start: start.map(str::to_owned),
            end: end.map(str::to_owned),
            format: format.to_owned(),
        })
        .map(|items| items.iter().map(Item::printed).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_sequence_counts_up_and_down() {
        assert_eq!(list(Some("3"), None, None, ""), Ok("0 1 2".to_owned()));
        assert_eq!(list(Some("2"), Some("9"), None, "x%03d%%"), Ok("x009% x010%".to_owned()));
        assert_eq!(list(None, Some("1"), Some("-1"), "%d"), Ok("1 0 -1".to_owned()));
        assert_eq!(list(Some("0"), None, None, ""), Ok(String::new()));
        assert_eq!(list(Some("1"), Some("255"), None, "%4x"), Ok("  ff".to_owned()));
        assert!(list(None, None, None, "").is_err());
        let error = |count| list(Some(count), None, None, "").unwrap_err();
        assert_eq!(error("x"), "strconv.Atoi: parsing \"x\": invalid syntax");
        assert_eq!(error("99999999999999999999"), "strconv.Atoi: parsing \"99999999999999999999\": value out of range");
        assert_eq!(list(Some("1"), None, None, "%s"), Ok("%!s(int=0)".to_owned()));
        assert!(list(Some("1"), None, None, "\"%d").is_err());
    }

    #[test]
    fn a_negative_count_goes_down_as_in_argo() {
        assert_eq!(list(Some("-2"), None, None, ""), Ok("0 -1 -2 -3".to_owned()));
    }

    #[test]
    fn a_sequence_has_an_end_even_if_nobody_could_wait_for_it() {
        let error = list(None, Some("-9223372036854775808"), Some("9223372036854775807"), "");
        assert!(error.is_err_and(|error| error.contains("more than")));
        assert!(list(Some("9223372036854775807"), Some("5"), None, "").is_err());
    }

    #[test]
    fn formats_are_those_of_go() {
        let cases = [
            ("%c", 97, "a"),
            ("%U", 97, "U+0061"),
            ("%#x", 97, "0x61"),
            ("%#o", 97, "0141"),
            ("%O", 97, "0o141"),
            ("% d", 97, " 97"),
            ("%+d", 97, "+97"),
            ("%5.3d|", 97, "  097|"),
            ("%-5d|", 97, "97   |"),
            ("%05d", 97, "00097"),
            ("%+04d", -2, "-002"),
            ("%v", -2, "-2"),
            ("%08b", 5, "00000101"),
            ("%.0d|", 0, "|"),
            ("n%02X", 11, "n0B"),
            ("%d%%", 7, "7%"),
            ("%q", 97, "'a'"),
            ("%s", 7, "%!s(int=7)"),
            ("%e", 7, "%!e(int=7)"),
            ("%T", 7, "int"),
            ("x", 7, "x%!(EXTRA int=7)"),
            ("%d-%d", 7, "7-%!d(MISSING)"),
            ("%[1]d-%[1]x", 10, "10-a"),
            ("%[2]d", 7, "%!d(BADINDEX)"),
            ("%", 7, "%!(NOVERB)%!(EXTRA int=7)"),
        ];
        for (format, number, expected) in cases {
            assert_eq!(formatted(format, number), expected, "{format}");
        }
    }
}
