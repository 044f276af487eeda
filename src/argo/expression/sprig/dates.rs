//! Dates that are given: to these, seconds since 1970 and what `toDate` yields, a clock adds nothing.
//!
//! A time is the text that JSON has for it. Where sprig would take anything else for the current time, it is refused.

use serde_json::Value;

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::golang;
use crate::argo::expression::gotime::{self, Moment, RFC3339_NANO};
use crate::argo::expression::operators::{Numeric, Outcome};

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "date",
    "date_in_zone",
    "dateInZone",
    "date_modify",
    "dateModify",
    "must_date_modify",
    "mustDateModify",
    "duration",
    "durationRound",
    "htmlDate",
    "htmlDateInZone",
    "mustToDate",
    "toDate",
    "unixEpoch",
];

const HTML: &str = "2006-01-02";

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    let most = match name {
        "date_in_zone" | "dateInZone" => 3,
        "htmlDate" | "unixEpoch" | "duration" | "durationRound" => 1,
        _ => 2,
    };
    arguments.count(most, most)?;
    match name {
        "date" => formatted(arguments.text(0)?, arguments.any(1)?, "UTC"),
        "date_in_zone" | "dateInZone" => formatted(arguments.text(0)?, arguments.any(1)?, arguments.text(2)?),
        "htmlDate" => formatted(HTML, arguments.any(0)?, "UTC"),
        "htmlDateInZone" => formatted(HTML, arguments.any(0)?, arguments.text(1)?),
        "toDate" => {
            let moment = Moment::parse(arguments.text(0)?, arguments.text(1)?);
            Ok(value(moment.unwrap_or_else(Moment::zero)))
        }
        "mustToDate" => {
            let (layout, text) = (arguments.text(0)?, arguments.text(1)?);
            let moment = Moment::parse(layout, text);
            moment.map(value).ok_or_else(|| format!("{text:?} is not a time in the layout {layout:?}"))
        }
        "unixEpoch" => {
            let seconds = moment(arguments.any(0)?)?.seconds();
            seconds.map(|seconds| seconds.to_string().into()).ok_or_else(out_of_range)
        }
        "duration" => Ok(duration(arguments.any(0)?).into()),
        "durationRound" => Ok(rounded(arguments.any(0)?).into()),
        _ => {
            let moment = moment(arguments.any(1)?)?;
            let Some(nanoseconds) = gotime::parse_duration(arguments.text(0)?) else {
                let is_strict = name.starts_with("must");
                return if is_strict { Err("the duration is invalid".to_owned()) } else { Ok(value(moment)) };
            };
            moment.later(nanoseconds).map(value).ok_or_else(out_of_range)
        }
    }
}

fn out_of_range() -> String {
    "the time is out of range".to_owned()
}

fn value(moment: Moment) -> Value {
    moment.format(RFC3339_NANO).into()
}

fn moment(value: &Value) -> Result<Moment, String> {
    let moment = match (value, Numeric::of(value)) {
        (_, Some(Numeric::Integer(seconds))) => Moment::from_seconds(seconds),
        (Value::String(text), _) => Moment::parse(RFC3339_NANO, text),
        // `workflow.creationTimestamp` is the map of its forms; a controller takes the current time for it.
        (Value::Object(forms), _) => {
            forms.get("RFC3339").and_then(Value::as_str).and_then(|text| Moment::parse(RFC3339_NANO, text))
        }
        _ => None,
    };
    let shown = golang::display(value);
    moment.ok_or_else(|| format!("`{shown}` is not a time, and the current one is not available outside the cluster"))
}

fn formatted(layout: &str, date: &Value, zone: &str) -> Outcome {
    if !matches!(zone, "" | "UTC" | "Local" | "Etc/UTC" | "GMT") {
        return Err(format!("time zone `{zone}` is not available here"));
    }
    let moment = moment(date)?.in_utc().ok_or_else(out_of_range)?;
    Ok(moment.format(layout).into())
}

fn duration(value: &Value) -> String {
    let seconds = match value {
        Value::String(text) => text.parse::<i64>().unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    };
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, minutes) => format!("{sign}{minutes}m{rest}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{rest}s"),
    }
}

/// The duration in its largest unit.
fn rounded(value: &Value) -> String {
    let nanoseconds = match value {
        Value::String(text) => gotime::parse_duration(text).unwrap_or(0),
        other => other.as_i64().unwrap_or(0),
    };
    let seconds = nanoseconds.unsigned_abs() / 1_000_000_000;
    let is_over = |unit: u64| nanoseconds.unsigned_abs() > unit * 1_000_000_000;
    let units = [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    match units.into_iter().find(|(unit, _)| is_over(*unit)) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => "0s".to_owned(),
    }
}
