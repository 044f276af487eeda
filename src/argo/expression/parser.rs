//! Parses an expression of Go's expr language into its tree: precedence climbing over the tokens.

use serde_json::Value;

use super::lexer::{self, Class, Token};
use super::syntax::{Kind, Node};
use super::{Fault, builtins};

/// Parsing recurses into what is nested; no person nests this deep.
const MAX_DEPTH: usize = 64;

/// Evaluation recurses along the tree, which a chain of operators makes high too.
const MAX_HEIGHT: usize = 200;

/// The most nodes that Go's parser accepts.
const MAX_SIZE: usize = 10_000;

const LOWEST: u32 = 0;

/// Parses a whole expression.
pub(super) fn parse(source: &str) -> Result<Node, Fault> {
    let mut parser = Parser { tokens: lexer::tokens(source)?, next: 0, depth: 0, predicates: 0 };
    let node = parser.sequence()?;
    if parser.current().class != Class::End {
        return Err(parser.unexpected());
    }
    Ok(node)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    /// How many expressions are open around the current token.
    depth: usize,
    /// How many predicates are; `#` and a leading `.` mean something only in one.
    predicates: usize,
}

type Parsed = Result<Node, Fault>;

impl Parser {
    fn current(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn is(&self, class: Class, text: &str) -> bool {
        self.current().is(class, text)
    }

    fn advance(&mut self) -> Token {
        let token = self.current().clone();
        self.next += 1;
        token
    }

    fn accept(&mut self, class: Class, text: &str) -> bool {
        let accepted = self.is(class, text);
        if accepted {
            self.next += 1;
        }
        accepted
    }

    fn expect(&mut self, class: Class, text: &str) -> Result<(), Fault> {
        if self.accept(class, text) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn unexpected(&self) -> Fault {
        let token = self.current();
        match token.class {
            Class::End => Fault::new(token.at, "unexpected end of expression"),
            Class::Text => Fault::new(token.at, format!("unexpected string {:?}", token.text)),
            _ => Fault::new(token.at, format!("unexpected `{}`", token.text)),
        }
    }

    fn node(at: usize, kind: Kind) -> Parsed {
        let node = Node::new(at, kind);
        if node.height > MAX_HEIGHT {
            return Err(Fault::new(at, "expression is nested too deeply"));
        }
        if node.size > MAX_SIZE {
            return Err(Fault::new(at, "expression is too long"));
        }
        Ok(node)
    }

    fn sequence(&mut self) -> Parsed {
        let first = self.expression(LOWEST)?;
        if !self.is(Class::Operator, ";") {
            return Ok(first);
        }
        let at = first.at;
        let mut nodes = vec![first];
        while self.accept(Class::Operator, ";") && self.current().class != Class::End {
            nodes.push(self.expression(LOWEST)?);
        }
        Self::node(at, Kind::Sequence(nodes))
    }

    fn expression(&mut self, lowest: u32) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.current().at;
            return Err(Fault::new(at, "expression is nested too deeply"));
        }
        let node = match lowest {
            LOWEST if self.is(Class::Operator, "let") => self.variable(),
            LOWEST if self.is(Class::Operator, "if") => self.conditional_block(),
            _ => self.operation(lowest),
        };
        self.depth -= 1;
        node
    }

    fn operation(&mut self, lowest: u32) -> Parsed {
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

    fn unary(at: usize, operator: &str, operand: Node) -> Parsed {
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

    fn variable(&mut self) -> Parsed {
        self.expect(Class::Operator, "let")?;
        if self.current().class != Class::Identifier {
            return Err(self.unexpected());
        }
        let name = self.advance();
        self.expect(Class::Operator, "=")?;
        let value = Box::new(self.expression(LOWEST)?);
        self.expect(Class::Operator, ";")?;
        let body = Box::new(self.sequence()?);
        let kind = Kind::Let { name: name.text, value, body };
        Self::node(name.at, kind)
    }

    fn conditional_block(&mut self) -> Parsed {
        let at = self.advance().at;
        let condition = Box::new(self.expression(LOWEST)?);
        let then = Box::new(self.block()?);
        self.expect(Class::Operator, "else")?;
        let otherwise =
            if self.is(Class::Operator, "if") { Box::new(self.expression(LOWEST)?) } else { Box::new(self.block()?) };
        let kind = Kind::Conditional { condition, then, otherwise };
        Self::node(at, kind)
    }

    fn block(&mut self) -> Parsed {
        self.expect(Class::Bracket, "{")?;
        let node = self.sequence()?;
        self.expect(Class::Bracket, "}")?;
        Ok(node)
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

    fn primary(&mut self) -> Parsed {
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
    fn list(&mut self, close: &str) -> Result<Vec<Node>, Fault> {
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

    fn call(&mut self, name: Token, before: Vec<Node>) -> Parsed {
        let mut arguments = before;
        self.expect(Class::Bracket, "(")?;
        if builtins::takes_predicate(&name.text) {
            self.predicate_arguments(&name.text, &mut arguments)?;
        } else {
            arguments.extend(self.list(")")?);
        }
        if builtins::is_builtin(&name.text) {
            let kind = Kind::Builtin { name: name.text, arguments };
            return Self::node(name.at, kind);
        }
        let callee = Node::boxed(name.at, Kind::Identifier(name.text));
        Self::node(name.at, Kind::Call { callee, arguments })
    }

    /// The second argument of such a function is a predicate, the others are expressions.
    fn predicate_arguments(&mut self, name: &str, arguments: &mut Vec<Node>) -> Result<(), Fault> {
        let already = arguments.len();
        while !self.accept(Class::Bracket, ")") {
            if arguments.len() > already {
                self.expect(Class::Operator, ",")?;
                if self.accept(Class::Bracket, ")") {
                    break;
                }
            }
            let argument = match arguments.len() {
                1 => self.predicate()?,
                _ => self.expression(LOWEST)?,
            };
            arguments.push(argument);
        }
        let (least, most) = builtins::predicate_arity(name);
        if !(least..=most).contains(&arguments.len()) {
            let at = self.current().at;
            let what = format!("`{name}` takes {least} to {most} arguments, not {}", arguments.len());
            return Err(Fault::new(at, what));
        }
        Ok(())
    }

    fn predicate(&mut self) -> Parsed {
        let at = self.current().at;
        self.predicates += 1;
        let body = if self.is(Class::Bracket, "{") { self.block() } else { self.expression(LOWEST) };
        self.predicates -= 1;
        Self::node(at, Kind::Predicate(Box::new(body?)))
    }

    fn postfix(&mut self, node: Node) -> Parsed {
        let mut node = node;
        loop {
            if self.is(Class::Operator, ".") {
                self.next += 1;
                node = self.field(node, false)?;
            } else if self.is(Class::Operator, "?.") {
                self.next += 1;
                node = if self.is(Class::Bracket, "[") { self.index(node, true)? } else { self.field(node, true)? };
            } else if self.is(Class::Bracket, "[") {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn field(&mut self, object: Node, optional: bool) -> Parsed {
        let token = self.advance();
        let is_name = token.text.starts_with(|c: char| lexer::is_word(c) && !c.is_ascii_digit());
        if !is_name || !matches!(token.class, Class::Identifier | Class::Operator) {
            return Err(Fault::new(token.at, "expected a name after the dot"));
        }
        let (object, is_chain) = match object.kind {
            Kind::Chain(inner) => (inner, true),
            _ => (Box::new(object), false),
        };
        let property = Node::boxed(token.at, Kind::Literal(token.text.into()));
        let kind = Kind::Member { object, property, optional };
        let mut node = Self::node(token.at, kind)?;
        if self.accept(Class::Bracket, "(") {
            let arguments = self.list(")")?;
            let callee = Box::new(node);
            node = Self::node(token.at, Kind::Call { callee, arguments })?;
        }
        if is_chain || optional {
            node = Self::node(token.at, Kind::Chain(Box::new(node)))?;
        }
        Ok(node)
    }

    fn index(&mut self, object: Node, optional: bool) -> Parsed {
        let at = self.advance().at;
        let object = Box::new(object);
        let mut from = None;
        if !self.is(Class::Operator, ":") {
            from = Some(Box::new(self.expression(LOWEST)?));
        }
        if self.accept(Class::Operator, ":") {
            let mut to = None;
            if !self.is(Class::Bracket, "]") {
                to = Some(Box::new(self.expression(LOWEST)?));
            }
            self.expect(Class::Bracket, "]")?;
            return Self::node(at, Kind::Slice { object, from, to });
        }
        self.expect(Class::Bracket, "]")?;
        let property = from.ok_or_else(|| self.unexpected())?;
        let kind = Kind::Member { object, property, optional };
        let node = Self::node(at, kind)?;
        if optional { Self::node(at, Kind::Chain(Box::new(node))) } else { Ok(node) }
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

fn unary_precedence(operator: &str) -> Option<u32> {
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
