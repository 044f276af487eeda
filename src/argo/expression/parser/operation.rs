//! Operators: binary ones by precedence climbing, comparisons in a row, pipes, `? :`.

use super::{LOWEST, Parsed, Parser};
use crate::argo::expression::Fault;
use crate::argo::expression::lexer::Class;
use crate::argo::expression::syntax::{Kind, Node};

impl Parser {
    pub(super) fn operation(&mut self, lowest: u32) -> Parsed {
        let mut left = self.primary()?;
        let mut previous = String::new();
        while let Some((operator, precedence, negated)) = self.binary_operator(lowest)? {
            let at = self.tokens[self.next - 1].at;
            if operator == "|" {
                left = self.pipe(left)?;
            } else if previous == "??" && operator != "??" {
                let what = format!("`{operator}` and `??` cannot be mixed without parentheses");
                return Err(Fault::new(at, what));
            } else if is_comparison(&operator) {
                left = self.comparison(left, operator.clone(), precedence)?;
            } else {
                let is_right = matches!(operator.as_str(), "**" | "^");
                let right = self.expression(if is_right { precedence } else { precedence + 1 })?;
                left = Self::binary(at, &operator, left, right)?;
                if negated {
                    left = Self::unary(at, "not", left)?;
                }
            }
            previous = operator;
        }
        if lowest == LOWEST {
            left = self.ternary(left)?;
        }
        Ok(left)
    }

    /// Takes the binary operator at hand, if there is one that binds at least as strongly as `lowest`.
    fn binary_operator(&mut self, lowest: u32) -> Result<Option<(String, u32, bool)>, Fault> {
        let negated = self.is(Class::Operator, "not");
        let index = self.next + usize::from(negated);
        let Some(token) = self.tokens.get(index) else {
            return Ok(None);
        };
        if negated && !can_be_negated(&token.text) {
            self.next = index;
            return Err(self.unexpected());
        }
        let precedence = match token.class {
            Class::Operator => binary_precedence(&token.text),
            _ => None,
        };
        let Some(precedence) = precedence.filter(|precedence| *precedence >= lowest) else {
            return Ok(None);
        };
        let operator = token.text.clone();
        self.next = index + 1;
        Ok(Some((operator, precedence, negated)))
    }

    fn binary(at: usize, operator: &str, left: Node, right: Node) -> Parsed {
        let operator = operator.to_owned();
        let (left, right) = (Box::new(left), Box::new(right));
        Self::node(at, Kind::Binary { operator, left, right })
    }

    pub(super) fn unary(at: usize, operator: &str, operand: Node) -> Parsed {
        let operator = operator.to_owned();
        let operand = Box::new(operand);
        Self::node(at, Kind::Unary { operator, operand })
    }

    fn pipe(&mut self, left: Node) -> Parsed {
        if self.current().class != Class::Identifier {
            return Err(self.unexpected());
        }
        let name = self.advance();
        let call = self.call(name, vec![left])?;
        self.postfix(call)
    }

    /// `a < b < c` means `a < b && b < c`.
    fn comparison(&mut self, left: Node, operator: String, precedence: u32) -> Parsed {
        let (mut left, mut operator) = (left, operator);
        let mut all: Option<Node> = None;
        loop {
            let at = self.tokens[self.next - 1].at;
            let right = self.expression(precedence + 1)?;
            let one = Self::binary(at, &operator, left, right.clone())?;
            all = Some(match all {
                None => one,
                Some(before) => Self::binary(at, "&&", before, one)?,
            });
            let token = self.current();
            if token.class != Class::Operator || !is_comparison(&token.text) {
                break;
            }
            operator = self.advance().text;
            left = right;
        }
        all.ok_or_else(|| self.unexpected())
    }

    fn ternary(&mut self, condition: Node) -> Parsed {
        let mut node = condition;
        while self.is(Class::Operator, "?") {
            let at = self.advance().at;
            let then = if self.is(Class::Operator, ":") { node.clone() } else { self.expression(LOWEST)? };
            self.expect(Class::Operator, ":")?;
            let otherwise = Box::new(self.expression(LOWEST)?);
            let kind = Kind::Conditional { condition: Box::new(node), then: Box::new(then), otherwise };
            node = Self::node(at, kind)?;
        }
        Ok(node)
    }
}

pub(super) fn unary_precedence(operator: &str) -> Option<u32> {
    match operator {
        "not" | "!" => Some(50),
        "-" | "+" => Some(90),
        _ => None,
    }
}

fn binary_precedence(operator: &str) -> Option<u32> {
    Some(match operator {
        "|" => 0,
        "or" | "||" => 10,
        "and" | "&&" => 15,
        "==" | "!=" | "<" | ">" | ">=" | "<=" | "in" | "matches" | "contains" | "startsWith" | "endsWith" => 20,
        ".." => 25,
        "+" | "-" => 30,
        "*" | "/" | "%" => 60,
        "**" | "^" => 100,
        "??" => 500,
        _ => return None,
    })
}

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "<" | ">" | "<=" | ">=")
}

fn can_be_negated(operator: &str) -> bool {
    matches!(operator, "in" | "matches" | "contains" | "startsWith" | "endsWith")
}
