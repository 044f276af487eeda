//! What `doctor` found: a line for each check with what to do, or one JSON object.

use std::fmt::Write;

use console::{Style, measure_text_width};
use serde::Serialize;
use serde_json::{Value, json};

use super::tree::printable;

/// No column of text becomes narrower than this.
const NARROWEST: usize = 20;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// All is well.
    Ok,
    /// It could not be looked at, because something before it failed or may not be seen.
    Skipped,
    /// Something works less well, or not for everybody.
    Warning,
    /// Something does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was looked at, in one word or two.
    pub(crate) check: &'static str,
    pub(crate) state: State,
    /// What was found.
    pub(crate) message: String,
    /// What the user can do; none where nothing is to be done.
    pub(crate) advice: Option<String>,
}

impl Check {
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Ok, message: message.into(), advice: None }
    }

    pub(crate) fn skipped(check: &'static str, message: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, message) }
    }

    pub(crate) fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warning, advice: Some(advice.into()), ..Self::ok(check, message) }
    }

    pub(crate) fn error(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Error, advice: Some(advice.into()), ..Self::ok(check, message) }
    }
}

/// Checks of one part of the surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// `cluster` or `machine`.
    pub(crate) name: &'static str,
    pub(crate) checks: Vec<Check>,
}

/// The worst end of a check.
pub(crate) fn worst(parts: &[Part]) -> State {
    parts.iter().flat_map(|part| &part.checks).map(|check| check.state).max().unwrap_or(State::Ok)
}

/// One line a check, and below it what to do.
pub(crate) fn text(parts: &[Part], colour: bool, width: Option<usize>) -> String {
    let checks = || parts.iter().flat_map(|part| &part.checks);
    let names = checks().map(|check| check.check.len()).max().unwrap_or(0);
    let room = width.map(|width| width.saturating_sub(names + 6));
    let mut text = String::new();
    for part in parts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", part.name);
        for Check { check, state, message, advice } in &part.checks {
            let (mark, style) = mark(*state);
            let mark = style.force_styling(colour).apply_to(mark);
            let advice = advice.iter().flat_map(|advice| wrapped(&format!("→ {}", printable(advice)), room));
            let mut lines = wrapped(&printable(message), room).into_iter().chain(advice);
            let _ = writeln!(text, "  {mark} {check:names$}  {}", lines.next().unwrap_or_default());
            for line in lines {
                let _ = writeln!(text, "    {:names$}  {line}", "");
            }
        }
    }
    let count = |state| checks().filter(|check| check.state == state).count();
    let (errors, warnings) = (count(State::Error), count(State::Warning));
    text + &match (errors, warnings) {
        (0, 0) => "all is well\n".to_owned(),
        _ => format!("{}, {}\n", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn counted(number: usize, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// The words in lines of this width; a longer word has a line for itself.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.map(|width| width.max(NARROWEST)) else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| measure_text_width(line) + 1 + measure_text_width(word) <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn mark(state: State) -> (&'static str, Style) {
    match state {
        State::Ok => ("✔", Style::new().green()),
        State::Skipped => ("-", Style::new().dim()),
        State::Warning => ("!", Style::new().yellow()),
        State::Error => ("✖", Style::new().red()),
    }
}

/// All checks as one object.
pub(crate) fn document(parts: &[Part]) -> Value {
    let checks: serde_json::Map<String, Value> =
        parts.iter().map(|part| (part.name.to_owned(), json!(part.checks))).collect();
    json!({"ok": worst(parts) < State::Error, "checks": checks})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_below_what_was_found() {
        let checks = vec![
            Check::ok("git", "git version 2.50"),
            Check::error("disk", "no space is left", "delete runs that have ended"),
        ];
        let parts = [Part { name: "machine", checks }];
        assert_eq!(
            text(&parts, false, None),
            "machine\n  ✔ git   git version 2.50\n  ✖ disk  no space is left\n          → delete runs that have ended\n\
             1 error, 0 warnings\n"
        );
        let narrow = text(&parts, false, Some(30));
        assert!(narrow.contains("\n          → delete runs that\n          have ended\n"), "{narrow}");
        assert_eq!((worst(&parts), &document(&parts)["ok"]), (State::Error, &json!(false)));
        assert_eq!(document(&parts)["checks"]["machine"][1]["state"], "error");
    }
}
