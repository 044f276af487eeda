//! Splits an expression into tokens, by the rules of Go's expr language.

use super::Fault;

/// The class of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Identifier,
    Number,
    Text,
    Operator,
    Bracket,
    End,
}

/// A token, the bytes it spans, and its text (of a string: its value).
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) class: Class,
    pub(super) text: String,
}

impl Token {
    pub(super) fn is(&self, class: Class, text: &str) -> bool {
        self.class == class && self.text == text
    }
}

const WORD_OPERATORS: [&str; 11] =
    ["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"];

/// The tokens of an expression, the last of which is its end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new() };
    while lexer.token()? {}
    Ok(lexer.tokens)
}

/// Whether a character may stand in a name.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| valid.contains(c));
        if accepted {
            self.next();
        }
        accepted
    }

    fn push(&mut self, at: usize, class: Class) {
        let text = self.source[at..self.at].to_owned();
        self.tokens.push(Token { at, class, text });
    }

    fn token(&mut self) -> Result<bool, Fault> {
        let at = self.at;
        let Some(c) = self.next() else {
            self.push(at, Class::End);
            return Ok(false);
        };
        match c {
            _ if c.is_whitespace() => {}
            '\'' | '"' => self.quoted(at, c)?,
            '`' => self.raw(at)?,
            'b' | 'B' if self.rest().starts_with(['\'', '"']) => {
                return Err(Fault::new(at, "byte strings are not supported"));
            }
            '0'..='9' => self.number(at)?,
            '.' if self.rest().starts_with(|c: char| c.is_ascii_digit()) => self.number(at)?,
            '/' if self.accept("/") => self.line_comment(),
            '/' if self.accept("*") => self.block_comment(at)?,
            '(' | '[' | '{' | ')' | ']' | '}' => self.push(at, Class::Bracket),
            '?' => self.operator(at, ".?"),
            '|' => self.operator(at, "|"),
            ':' => self.operator(at, ":"),
            '.' => self.operator(at, "."),
            '&' | '!' | '=' | '*' | '<' | '>' => self.operator(at, "&=*"),
            '#' | ',' | ';' | '%' | '+' | '-' | '^' | '/' => self.push(at, Class::Operator),
            _ if is_word(c) => self.word(at),
            _ => return Err(Fault::new(at, format!("unrecognized character {c:?}"))),
        }
        Ok(true)
    }

    fn operator(&mut self, at: usize, second: &str) {
        self.accept(second);
        self.push(at, Class::Operator);
    }

    fn word(&mut self, at: usize) {
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        let is_operator = WORD_OPERATORS.contains(&&self.source[at..self.at]);
        self.push(at, if is_operator { Class::Operator } else { Class::Identifier });
    }

    fn number(&mut self, at: usize) -> Result<(), Fault> {
        self.at = at;
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        let is_range = self.rest().starts_with("..");
        if !is_range {
            if self.accept(".") {
                while self.accept(digits) {}
            }
            if self.accept("eE") {
                self.accept("+-");
                while self.accept(digits) {}
            }
            if self.peek().is_some_and(is_word) {
                return Err(Fault::new(at, "bad number"));
            }
        }
        self.push(at, Class::Number);
        Ok(())
    }

    fn line_comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.at += length;
    }

    fn block_comment(&mut self, at: usize) -> Result<(), Fault> {
        let end = self.rest().find("*/");
        let length = end.ok_or_else(|| Fault::new(at, "unclosed comment"))?;
        self.at += length + 2;
        Ok(())
    }

    fn quoted(&mut self, at: usize, quote: char) -> Result<(), Fault> {
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err(Fault::new(at, "string is not terminated")),
                Some('\\') => text.push(self.escape(quote)?),
                Some(c) if c == quote => break,
                Some(c) => text.push(c),
            }
        }
        let class = Class::Text;
        self.tokens.push(Token { at, class, text });
        Ok(())
    }

    fn raw(&mut self, at: usize) -> Result<(), Fault> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(Fault::new(at, "string is not terminated")),
                Some('`') if self.accept("`") => text.push('`'),
                Some('`') => break,
                Some(c) => text.push(c),
            }
        }
        let class = Class::Text;
        self.tokens.push(Token { at, class, text });
        Ok(())
    }

    fn escape(&mut self, quote: char) -> Result<char, Fault> {
        let at = self.at;
        let invalid = || Fault::new(at, "invalid escape in string");
        Ok(match self.next().ok_or_else(invalid)? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            c if c == quote => c,
            '0'..='7' => {
                self.at = at;
                self.code(8, 3).ok_or_else(invalid)?
            }
            'x' => self.code(16, 2).ok_or_else(invalid)?,
            'u' if self.accept("{") => {
                let length = self.rest().find('}').ok_or_else(invalid)?;
                let c = self.code(16, length).ok_or_else(invalid)?;
                self.at += 1;
                c
            }
            'u' => self.code(16, 4).ok_or_else(invalid)?,
            'U' => self.code(16, 8).ok_or_else(invalid)?,
            _ => return Err(invalid()),
        })
    }

    fn code(&mut self, radix: u32, length: usize) -> Option<char> {
        let digits = self.rest().get(..length)?;
        let code = u32::from_str_radix(digits, radix).ok()?;
        self.at += length;
        char::from_u32(code)
    }
}
