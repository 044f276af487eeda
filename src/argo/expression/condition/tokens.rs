//! Splits a condition into tokens, by the rules of govaluate.

use super::{Value, from_integer};
use crate::argo::expression::Fault;
use crate::argo::expression::gotime::{Moment, RFC3339_NANO};

/// A token of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Value(Value),
    /// Of a prefix operator, the text begins with `prefix`.
    Operator(String),
    Open,
    Close,
}

const OPERATORS: [&str; 25] = [
    "==", "!=", ">", ">=", "<", "<=", "=~", "!~", "&&", "||", "+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<",
    "?", ":", "??", ",",
];

const PREFIXES: [&str; 3] = ["-", "!", "~"];

/// The tokens of a condition and where they begin.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    while let Some(c) = lexer.peek() {
        let at = lexer.at;
        if c.is_whitespace() {
            lexer.next();
            continue;
        }
        let before = tokens.last().map(|(_, token)| token);
        tokens.push((at, lexer.token(c, may_be_prefix(before))?));
    }
    Ok(tokens)
}

fn may_be_prefix(before: Option<&Token>) -> bool {
    match before {
        None | Some(Token::Open) => true,
        Some(Token::Operator(operator)) => !operator.starts_with("prefix"),
        Some(Token::Value(_) | Token::Close) => false,
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

    fn token(&mut self, c: char, may_be_prefix: bool) -> Result<Token, Fault> {
        let at = self.at;
        match c {
            '0'..='9' | '.' => self.number(),
            ',' => {
                self.next();
                Ok(Token::Operator(",".to_owned()))
            }
            '[' => {
                self.next();
                let name = self.take(true, |c| c != ']');
                self.next().ok_or_else(|| Fault::new(at, "bracket is not closed"))?;
                Ok(Token::Value(Value::Text(name)))
            }
            '\'' | '"' => {
                self.next();
                // Either quote ends a string, whichever began it.
                let text = self.take(true, |c| c != '\'' && c != '"');
                self.next().ok_or_else(|| Fault::new(at, "string is not closed"))?;
                Ok(Token::Value(time(&text).map_or(Value::Text(text), Value::Number)))
            }
            '(' => {
                self.next();
                Ok(Token::Open)
            }
            ')' => {
                self.next();
                Ok(Token::Close)
            }
            _ if c.is_alphabetic() => self.word(at),
            _ => self.symbol(at, may_be_prefix),
        }
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let at = self.at;
        if let Some(hex) = self.text[at..].strip_prefix("0x") {
            let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let number = u64::from_str_radix(&hex[..length], 16).map_err(|_| Fault::new(at, "invalid number"))?;
            self.at += 2 + length;
            #[expect(clippy::cast_precision_loss, reason = "every number of a condition is a float")]
            return Ok(Token::Value(Value::Number(number as f64)));
        }
        let digits = self.take(false, |c| c.is_ascii_digit() || c == '.');
        let number = digits.parse().map_err(|_| Fault::new(at, format!("invalid number `{digits}`")))?;
        Ok(Token::Value(Value::Number(number)))
    }

    fn word(&mut self, at: usize) -> Result<Token, Fault> {
        let word = self.take(false, |c| c.is_alphanumeric() || c == '_' || c == '.');
        Ok(match word.as_str() {
            "true" => Token::Value(Value::Bool(true)),
            "false" => Token::Value(Value::Bool(false)),
            "in" | "IN" => Token::Operator("in".to_owned()),
            _ if word.contains('.') => {
                let what = format!("`{word}` reads a field, which is not available; quote it to mean the text");
                return Err(Fault::new(at, what));
            }
            _ => Token::Value(Value::Text(word)),
        })
    }

    fn symbol(&mut self, at: usize, may_be_prefix: bool) -> Result<Token, Fault> {
        let symbol = self.take(false, |c| !c.is_alphanumeric() && !"()[]'\"".contains(c));
        if may_be_prefix && PREFIXES.contains(&symbol.as_str()) {
            return Ok(Token::Operator(format!("prefix{symbol}")));
        }
        if OPERATORS.contains(&symbol.as_str()) {
            return Ok(Token::Operator(symbol));
        }
        let what = format!("invalid token `{symbol}`; text with special characters has to stand in quotes");
        Err(Fault::new(at, what))
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

/// A string that looks like a time is compared as the seconds it stands for.
fn time(text: &str) -> Option<f64> {
    let moment = TIMES.iter().find_map(|layout| Moment::parse(layout, text))?;
    moment.seconds().map(from_integer)
}
