//! `when`: conditions in govaluate's language, after the tags in them have been replaced.
//!
//! A word that is not quoted is a string, as Argo makes it, so that `{{x}} == yes` needs no quotes. Messages are Argo's and
//! govaluate's, for they become those of nodes. (workflow/controller/steps.go, shouldExecute)

mod grammar;
mod parser;
mod token;
mod value;

use thiserror::Error;

use self::value::Value;

/// Why a condition neither holds nor does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConditionError {
    #[error("Invalid 'when' expression '{condition}': {reason}{}", advice(.reason))]
    Invalid { condition: String, reason: String },
    /// A word may stand where a string may not.
    #[error("Failed to parse 'when' expression '{condition}': {reason}")]
    Word { condition: String, reason: String },
    #[error("Failed to evaluate 'when' expresion '{condition}': {reason}")]
    Evaluation { condition: String, reason: String },
    #[error("Expected boolean evaluation for '{condition}'. Got {value}")]
    NotBoolean { condition: String, value: String },
}

fn advice(reason: &str) -> &'static str {
    if reason.contains("Invalid token") { r#" (hint: try wrapping the affected expression in quotes ("))"# } else { "" }
}

/// Whether a condition holds. An empty one does.
pub(crate) fn when(text: &str) -> Result<bool, ConditionError> {
    if text.is_empty() {
        return Ok(true);
    }
    let condition = || text.to_owned();
    let invalid = |reason| ConditionError::Invalid { condition: condition(), reason };
    let mut tokens = token::tokens(text).map_err(invalid)?;
    grammar::check(&tokens).map_err(invalid)?;
    token::compile(&mut tokens);
    grammar::check(&tokens).map_err(|reason| ConditionError::Word { condition: condition(), reason })?;
    let node = parser::parse(&tokens).map_err(invalid)?;
    match value::value(&node) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(ConditionError::NotBoolean { condition: condition(), value: other.shown() }),
        Err(reason) => Err(ConditionError::Evaluation { condition: condition(), reason }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("foo == foo", true)]
    #[case("foo != foo", false)]
    #[case("'ref/branch/master' == \"ref/branch/master\"", true)]
    #[case("1/2 == 0.5", true)]
    #[case("a < b", true)]
    #[case("1 <= 0", false)]
    #[case("(foo == bar) || (foo == foo)", true)]
    #[case("(1 > 0) && (11 < 2)", false)]
    #[case("Error in (Failed, Error)", true)]
    #[case("!(Succeeded in (Failed, Error))", true)]
    #[case("true", true)]
    #[case("false", false)]
    #[case("!false && true == true", true)]
    #[case("10 - 5 - 3 == 2", true)]
    #[case("'abc' =~ '^a'", true)]
    #[case("-1 < 0", true)]
    #[case("[some text] == 'some text'", true)]
    fn conditions_hold_or_not(#[case] text: &str, #[case] holds: bool) {
        assert_eq!(when(text), Ok(holds));
    }

    #[rstest]
    #[case("my-value == my-value")]
    #[case("a.b == a.b")]
    #[case("a ==")]
    #[case("(a == b")]
    #[case("a == b)")]
    #[case("a b")]
    #[case("'a")]
    fn what_is_no_condition_is_refused(#[case] text: &str) {
        assert!(matches!(when(text), Err(ConditionError::Invalid { .. } | ConditionError::Evaluation { .. })));
    }

    #[test]
    fn a_condition_has_to_be_true_or_false() {
        let error = when("1 + 1").unwrap_err();
        assert_eq!(error.to_string(), "Expected boolean evaluation for '1 + 1'. Got 2");
    }
}
