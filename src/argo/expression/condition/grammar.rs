//! Which token may follow which. (govaluate, lexerState.go)

use super::token::Token;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prefix,
    Numeric,
    Boolean,
    String,
    Pattern,
    Time,
    Variable,
    Accessor,
    Comparator,
    Logical,
    Modifier,
    Ternary,
    Separator,
    Clause,
    ClauseClose,
}

impl Kind {
    pub(super) const fn is_operator(self) -> bool {
        matches!(
            self,
            Self::Prefix | Self::Comparator | Self::Logical | Self::Modifier | Self::Ternary | Self::Separator
        )
    }

    /// Whether a condition may end with it.
    const fn ends(self) -> bool {
        !self.is_operator() && !matches!(self, Self::Clause)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Prefix => "PREFIX",
            Self::Numeric => "NUMERIC",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Pattern => "PATTERN",
            Self::Time => "TIME",
            Self::Variable => "VARIABLE",
            Self::Accessor => "ACCESSOR",
            Self::Comparator => "COMPARATOR",
            Self::Logical => "LOGICALOP",
            Self::Modifier => "MODIFIER",
            Self::Ternary => "TERNARY",
            Self::Separator => "SEPARATOR",
            Self::Clause => "CLAUSE",
            Self::ClauseClose => "CLAUSE_CLOSE",
        }
    }
}

/// Whether a token of a kind may come after one of another, or at the beginning.
pub(super) fn may_follow(before: Option<Kind>, next: Kind) -> bool {
    use Kind::{
        Accessor, Boolean, Clause, ClauseClose, Comparator, Logical, Modifier, Numeric, Pattern, Prefix, Separator,
        String, Ternary, Time, Variable,
    };
    let begins_operand = matches!(next, Prefix | Numeric | Boolean | Variable | Accessor | Clause);
    let joins = matches!(next, Modifier | Comparator | Logical | ClauseClose | Separator);
    match before {
        None | Some(Separator) => begins_operand || matches!(next, String | Time),
        Some(Clause | Comparator) => begins_operand || matches!(next, String | Pattern | Time | ClauseClose),
        Some(Logical) => begins_operand || matches!(next, String | Time | ClauseClose),
        Some(Modifier) => begins_operand || matches!(next, String | ClauseClose),
        Some(Prefix) => matches!(next, Numeric | Boolean | Variable | Accessor | Clause | ClauseClose),
        Some(Ternary) => begins_operand || matches!(next, String | Time | Separator),
        Some(Numeric | Boolean | String | Variable) => joins || next == Ternary,
        Some(Time | Pattern) => joins,
        Some(Accessor) => joins || matches!(next, Ternary | Clause),
        Some(ClauseClose) => joins || matches!(next, Ternary | Numeric | Boolean | Variable | String | Time | Clause),
    }
}

/// Why tokens make no condition. (checkBalance, checkExpressionSyntax)
pub(super) fn check(tokens: &[Token]) -> Result<(), String> {
    let count = |kind| tokens.iter().filter(|token| token.kind == kind).count();
    if count(Kind::Clause) != count(Kind::ClauseClose) {
        return Err("Unbalanced parenthesis".to_owned());
    }
    let mut last: Option<&Token> = None;
    for token in tokens {
        if !may_follow(last.map(|last| last.kind), token.kind) {
            return Err(misplaced(last, token));
        }
        last = Some(token);
    }
    if last.is_some_and(|last| last.kind.ends()) { Ok(()) } else { Err("Unexpected end of expression".to_owned()) }
}

fn misplaced(last: Option<&Token>, token: &Token) -> String {
    let (kind, shown) = last.map_or(("UNKNOWN", "<nil>"), |last| (last.kind.name(), last.shown.as_str()));
    if last.is_some_and(|last| last.kind == Kind::Variable) && token.kind == Kind::Clause {
        return format!("Undefined function {shown}");
    }
    format!("Cannot transition token types from {kind} [{shown}] to {} [{}]", token.kind.name(), token.shown)
}
