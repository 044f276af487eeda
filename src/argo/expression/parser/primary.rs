//! What stands between operators: literals, names, lists, maps, parentheses.

use serde_json::Value;

use super::operation::unary_precedence;
use super::{LOWEST, Parsed, Parser};
use crate::argo::expression::Fault;
use crate::argo::expression::lexer::Class;
use crate::argo::expression::syntax::{Kind, Node};

impl Parser {
    pub(super) fn primary(&mut self) -> Parsed {
        let token = self.current().clone();
        if token.class == Class::Operator
            && let Some(precedence) = unary_precedence(&token.text)
        {
            self.next += 1;
            let operand = self.expression(precedence)?;
            let node = Self::unary(token.at, &token.text, operand)?;
            return self.postfix(node);
        }
        if self.accept(Class::Bracket, "(") {
            let node = self.sequence()?;
            self.expect(Class::Bracket, ")")?;
            return self.postfix(node);
        }
        if self.predicates > 0 && token.class == Class::Operator && matches!(token.text.as_str(), "#" | ".") {
            return self.pointer();
        }
        if self.accept(Class::Operator, "::") {
            let name = self.advance();
            let call = self.call(name, Vec::new())?;
            return self.postfix(call);
        }
        self.operand()
    }

    fn pointer(&mut self) -> Parsed {
        let at = self.current().at;
        let mut name = String::new();
        if self.accept(Class::Operator, "#") && self.current().class == Class::Identifier {
            name = self.advance().text;
        }
        let node = Self::node(at, Kind::Pointer(name))?;
        self.postfix(node)
    }

    fn operand(&mut self) -> Parsed {
        let token = self.current().clone();
        let node = match token.class {
            Class::Identifier => {
                self.next += 1;
                match token.text.as_str() {
                    "true" => return Self::node(token.at, Kind::Literal(true.into())),
                    "false" => return Self::node(token.at, Kind::Literal(false.into())),
                    "nil" => return Self::node(token.at, Kind::Literal(Value::Null)),
                    _ if self.is(Class::Bracket, "(") => self.call(token, Vec::new())?,
                    _ => Self::node(token.at, Kind::Identifier(token.text))?,
                }
            }
            Class::Number => {
                self.next += 1;
                let invalid = || Fault::new(token.at, format!("invalid number `{}`", token.text));
                let number = number(&token.text).ok_or_else(invalid)?;
                return Self::node(token.at, Kind::Literal(number));
            }
            Class::Text => {
                self.next += 1;
                Self::node(token.at, Kind::Literal(token.text.into()))?
            }
            Class::Bracket if token.text == "[" => self.array()?,
            Class::Bracket if token.text == "{" => self.map()?,
            _ => return Err(self.unexpected()),
        };
        self.postfix(node)
    }

    fn array(&mut self) -> Parsed {
        let at = self.advance().at;
        let nodes = self.list("]")?;
        Self::node(at, Kind::Array(nodes))
    }

    /// Expressions between commas up to the closing bracket; a last comma is allowed.
    pub(super) fn list(&mut self, close: &str) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        while !self.accept(Class::Bracket, close) {
            if !nodes.is_empty() {
                self.expect(Class::Operator, ",")?;
                if self.accept(Class::Bracket, close) {
                    break;
                }
            }
            nodes.push(self.expression(LOWEST)?);
        }
        Ok(nodes)
    }

    fn map(&mut self) -> Parsed {
        let at = self.advance().at;
        let mut pairs = Vec::new();
        while !self.accept(Class::Bracket, "}") {
            if !pairs.is_empty() {
                self.expect(Class::Operator, ",")?;
                if self.accept(Class::Bracket, "}") {
                    break;
                }
            }
            let key = self.map_key()?;
            self.expect(Class::Operator, ":")?;
            pairs.push((key, self.expression(LOWEST)?));
        }
        Self::node(at, Kind::Map(pairs))
    }

    fn map_key(&mut self) -> Parsed {
        match self.current().class {
            Class::Number | Class::Text | Class::Identifier => {
                let token = self.advance();
                Self::node(token.at, Kind::Literal(token.text.into()))
            }
            Class::Bracket if self.current().text == "(" => self.expression(LOWEST),
            _ => Err(self.unexpected()),
        }
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "").to_lowercase();
    let radix = |prefix: &str| digits.strip_prefix(prefix);
    if let Some(hex) = radix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Value::from);
    }
    if digits.contains(['.', 'e']) {
        return digits.parse::<f64>().ok().map(Value::from);
    }
    if let Some(binary) = radix("0b") {
        return i64::from_str_radix(binary, 2).ok().map(Value::from);
    }
    if let Some(octal) = radix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Value::from);
    }
    digits.parse::<i64>().ok().map(Value::from)
}
