//! Splits a condition into tokens, by the rules of govaluate (parsing.go).

use super::grammar::{Kind, may_follow};
use super::value::{Value, from_integer};
use crate::argo::expression::gotime::{Moment, RFC3339_NANO};

/// A token of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// What it is worth; of an operator, its text.
    pub(super) value: Value,
    /// How govaluate writes it in a message.
    pub(super) shown: String,
}

impl Token {
    fn new(kind: Kind, value: Value) -> Self {
        Self { kind, shown: value.shown(), value }
    }

    fn operator(kind: Kind, text: &str) -> Self {
        Self::new(kind, Value::Text(text.to_owned()))
    }

    /// The text of an operator of one of these kinds.
    pub(super) fn is_operator(&self, texts: &[&str]) -> Option<&str> {
        match &self.value {
            Value::Text(text) if self.kind.is_operator() && texts.contains(&text.as_str()) => Some(text),
            _ => None,
        }
    }
}

const SYMBOLS: [(Kind, &[&str]); 4] = [
    (Kind::Modifier, &["+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<"]),
    (Kind::Logical, &["&&", "||"]),
    (Kind::Comparator, &["==", "!=", ">", ">=", "<", "<=", "=~", "!~"]),
    (Kind::Ternary, &["?", ":", "??"]),
];
const PREFIXES: [&str; 3] = ["-", "!", "~"];

/// The tokens of a condition.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(c) = lexer.peek() {
        if c.is_whitespace() {
            lexer.next();
            continue;
        }
        let before = tokens.last().map(|token| token.kind);
        tokens.push(lexer.token(c, may_follow(before, Kind::Prefix))?);
    }
    Ok(tokens)
}

/// Words become strings, and strings behind `=~` and `!~` patterns. (steps.go, shouldExecute; parsing.go, optimizeTokens)
pub(super) fn compile(tokens: &mut [Token]) {
    for index in 0..tokens.len() {
        let matched = index > 0 && tokens[index - 1].is_operator(&["=~", "!~"]).is_some();
        let kind = &mut tokens[index].kind;
        match *kind {
            Kind::String if matched => *kind = Kind::Pattern,
            Kind::Variable => *kind = Kind::String,
            _ => {}
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads while the condition holds; a backslash takes the next character as it is.
    fn take(&mut self, spaces: bool, holds: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek() {
            if c == '\\' {
                self.next();
                taken.extend(self.next());
                continue;
            }
            if !holds(c) || (c.is_whitespace() && !spaces) {
                break;
            }
            taken.push(c);
            self.next();
        }
        taken
    }

    fn token(&mut self, c: char, may_be_prefix: bool) -> Result<Token, String> {
        match c {
            '0'..='9' | '.' => self.number(),
            ',' => {
                self.next();
                Ok(Token::operator(Kind::Separator, ","))
            }
            '[' => {
                self.next();
                let name = self.take(true, |c| c != ']');
                self.next().ok_or("Unclosed parameter bracket")?;
                Ok(Token::new(Kind::Variable, Value::Text(name)))
            }
            '\'' | '"' => {
                self.next();
                // Either quote ends a string, whichever began it.
                let text = self.take(true, |c| c != '\'' && c != '"');
                self.next().ok_or("Unclosed string literal")?;
                Ok(quoted(text))
            }
            '(' | ')' => {
                self.next();
                let kind = if c == '(' { Kind::Clause } else { Kind::ClauseClose };
                // A rune, which Go prints as its number.
                Ok(Token { kind, value: Value::Nil, shown: u32::from(c).to_string() })
            }
            _ if c.is_alphabetic() => self.word(),
            _ => self.symbol(may_be_prefix),
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        if let Some(hex) = self.text[self.at..].strip_prefix("0x") {
            let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let digits = &hex[..length];
            let number = u64::from_str_radix(digits, 16)
                .map_err(|_| format!("Unable to parse hex value '{digits}' to uint64\n"))?;
            self.at += 2 + length;
            #[expect(clippy::cast_precision_loss, reason = "every number of a condition is a float")]
            return Ok(Token::new(Kind::Numeric, Value::Number(number as f64)));
        }
        let digits = self.take(false, |c| c.is_ascii_digit() || c == '.');
        let number = digits.parse().map_err(|_| format!("Unable to parse numeric value '{digits}' to float64\n"))?;
        Ok(Token::new(Kind::Numeric, Value::Number(number)))
    }

    fn word(&mut self) -> Result<Token, String> {
        let word = self.take(false, |c| c.is_alphanumeric() || c == '_' || c == '.');
        Ok(match word.as_str() {
            "true" => Token::new(Kind::Boolean, Value::Bool(true)),
            "false" => Token::new(Kind::Boolean, Value::Bool(false)),
            "in" | "IN" => Token::operator(Kind::Comparator, "in"),
            _ if word.contains('.') => return accessor(&word),
            _ => Token::new(Kind::Variable, Value::Text(word)),
        })
    }

    fn symbol(&mut self, may_be_prefix: bool) -> Result<Token, String> {
        let symbol = self.take(false, |c| !c.is_alphanumeric() && !"()[]'\"".contains(c));
        if may_be_prefix && PREFIXES.contains(&symbol.as_str()) {
            return Ok(Token::operator(Kind::Prefix, &symbol));
        }
        match SYMBOLS.iter().find(|(_, symbols)| symbols.contains(&symbol.as_str())) {
            Some((kind, _)) => Ok(Token::operator(*kind, &symbol)),
            None => Err(format!("Invalid token: '{symbol}'")),
        }
    }
}

/// A text with a dot reads a field of an object, of which a condition has none.
fn accessor(word: &str) -> Result<Token, String> {
    if word.ends_with('.') {
        return Err(format!("Hanging accessor on token '{word}'"));
    }
    let names: Vec<&str> = word.split('.').collect();
    let is_exported = |name: &&str| name.chars().next().is_none_or(|first| first.to_uppercase().eq([first]));
    match names.iter().skip(1).find(|name| !is_exported(name)) {
        Some(name) => Err(format!("Unable to access unexported field '{name}' in token '{word}'")),
        None => Ok(Token {
            kind: Kind::Accessor,
            value: Value::Text(names.first().map(|name| (*name).to_owned()).unwrap_or_default()),
            shown: format!("[{}]", names.join(" ")),
        }),
    }
}

/// A string that looks like a time is compared as the seconds it stands for.
fn quoted(text: String) -> Token {
    let moment = TIMES.iter().find_map(|layout| Moment::parse(layout, &text));
    let seconds = moment.and_then(|moment| Some((moment, moment.seconds()?)));
    match seconds {
        Some((moment, seconds)) => Token {
            kind: Kind::Time,
            value: Value::Number(from_integer(seconds)),
            shown: moment.format("2006-01-02 15:04:05.999999999 -0700 MST"),
        },
        None => Token::new(Kind::String, Value::Text(text)),
    }
}

/// The layouts in which a quoted string is a time.
const TIMES: [&str; 14] = [
    "Mon Jan _2 15:04:05 2006",
    "Mon Jan _2 15:04:05 MST 2006",
    "Mon Jan 02 15:04:05 -0700 2006",
    "3:04PM",
    "2006-01-02T15:04:05Z07:00",
    RFC3339_NANO,
    "2006-01-02",
    "2006-01-02 15:04",
    "2006-01-02 15:04:05",
    "2006-01-02 15:04:05-07:00",
    "2006-01-02T15Z0700",
    "2006-01-02T15:04Z0700",
    "2006-01-02T15:04:05Z0700",
    "2006-01-02T15:04:05.999999999Z0700",
];
