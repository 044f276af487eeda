//! `--ignore`: findings that are left out.

use std::str::FromStr;

use regex::Regex;

use crate::argo::check::Rule;

/// A rule by its name, or else a pattern of messages.
#[derive(Debug, Clone)]
pub(super) enum Ignored {
    Rule(Rule),
    Pattern(Regex),
}

impl FromStr for Ignored {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rule) = Rule::of_id(text) {
            return Ok(Self::Rule(rule));
        }
        // An empty pattern is in every message.
        if text.is_empty() {
            return Err("expected the name of a rule, or a regular expression".to_owned());
        }
        Regex::new(text)
            .map(Self::Pattern)
            .map_err(|error| format!("{text:?} is no rule and no regular expression: {error}"))
    }
}

impl Ignored {
    /// Whether a finding of that rule with that message is left out.
    pub(super) fn covers(&self, rule: &str, message: &str) -> bool {
        match self {
            Self::Rule(ignored) => ignored.id() == rule,
            Self::Pattern(pattern) => pattern.is_match(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_and_anything_else_is_a_pattern_of_messages() {
        let ignored = |text: &str, rule: &str, message: &str| {
            text.parse::<Ignored>().map(|ignored| ignored.covers(rule, message)).ok()
        };
        assert_eq!(ignored("tag", "tag", "x"), Some(true));
        assert_eq!(ignored("tag", "variable", "a tag"), Some(false), "the name of a rule is no pattern");
        assert_eq!(ignored("template `a.*` does not", "unknown-template", "template `ab` does not exist"), Some(true));
        assert_eq!(ignored("^exist", "unknown-template", "template `ab` does not exist"), Some(false));
        assert_eq!(ignored("(", "tag", ""), None);
        assert_eq!(ignored("", "tag", ""), None);
    }
}
