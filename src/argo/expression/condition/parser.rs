//! Makes a tree of tokens that may follow each other. (govaluate, stagePlanner.go)

use super::grammar::Kind;
use super::token::Token;
use super::value::Value;

#[derive(Debug)]
pub(super) enum Node {
    Value(Value),
    /// A field of an object that is not there.
    Missing(String),
    Prefix(String, Box<Node>),
    Binary(String, Box<Node>, Box<Node>),
    List(Vec<Node>),
}

/// Operators by how strongly they bind, the weakest first.
const LEVELS: [&[&str]; 9] = [
    &["?", ":", "??"],
    &["||"],
    &["&&"],
    &["==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in"],
    &["&", "|", "^"],
    &[">>", "<<"],
    &["+", "-"],
    &["*", "/", "%"],
    &["**"],
];
/// So deep may a condition be nested, and so many operators follow each other: each level is a call of a function.
const MAX_DEPTH: usize = 100;

/// The tree of a condition. What follows it is not looked at.
pub(super) fn parse(tokens: &[Token]) -> Result<Node, String> {
    Parser { tokens, next: 0, depth: 0 }.separated()
}

struct Parser<'t> {
    tokens: &'t [Token],
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn operator(&mut self, of: &[&str], is_prefix: bool) -> Option<String> {
        let token = self.tokens.get(self.next)?;
        let operator = token.is_operator(of).filter(|_| (token.kind == Kind::Prefix) == is_prefix)?.to_owned();
        self.next += 1;
        Some(operator)
    }

    /// Values between commas, which may be many.
    fn separated(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.level(0)?];
        while self.operator(&[","], false).is_some() {
            nodes.push(self.level(0)?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::List(nodes) })
    }

    fn level(&mut self, level: usize) -> Result<Node, String> {
        let Some(operators) = LEVELS.get(level) else { return self.operand() };
        let mut node = self.level(level + 1)?;
        let mut length = 0;
        while let Some(operator) = self.operator(operators, false) {
            length += 1;
            if length > MAX_DEPTH {
                return Err("the condition is too long".to_owned());
            }
            node = Node::Binary(operator, Box::new(node), Box::new(self.level(level + 1)?));
        }
        Ok(node)
    }

    fn operand(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("the condition is nested too deeply".to_owned());
        }
        let node = self.primary();
        self.depth -= 1;
        node
    }

    fn primary(&mut self) -> Result<Node, String> {
        if let Some(operator) = self.operator(&["-", "!", "~"], true) {
            return Ok(Node::Prefix(operator, Box::new(self.operand()?)));
        }
        let Some(token) = self.tokens.get(self.next) else { return Ok(Node::Value(Value::Nil)) };
        match token.kind {
            // Nothing between an operator and its end, which is nil.
            Kind::ClauseClose => return Ok(Node::Value(Value::Nil)),
            Kind::Clause => {
                self.next += 1;
                let node = self.separated()?;
                self.next += 1;
                return Ok(node);
            }
            kind if kind.is_operator() => {
                let (kind, shown) = (kind.name(), &token.shown);
                return Err(format!("Unable to plan token kind: '{kind}', value: '{shown}'"));
            }
            _ => self.next += 1,
        }
        Ok(match (&token.kind, &token.value) {
            (Kind::Accessor, Value::Text(name)) => Node::Missing(name.clone()),
            (_, value) => Node::Value(value.clone()),
        })
    }
}
