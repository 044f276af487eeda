//! The tree of an expression, as the parser builds it and the evaluator reads it.

use std::cell::OnceCell;

use serde_json::Value;

use super::functions::Function;

/// A part of an expression and the byte where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: usize,
    /// The longest way down to a leaf; bounded, because evaluation recurses along it.
    pub(super) height: usize,
    /// How many nodes there are from here down; bounded, because parts that are read twice are copied.
    pub(super) size: usize,
    /// The path that it spells; found out when it is asked for.
    path: OnceCell<Option<Path>>,
    pub(super) kind: Kind,
}

/// A dotted path: `a.b['c']` is `a`, `b`, `c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// Its segments, of which there is one at least.
    pub(super) segments: Vec<String>,
    /// The segments with dots between them.
    pub(super) name: String,
    /// Whether a segment has a dot of its own.
    pub(super) has_dotted: bool,
}

impl Path {
    pub(super) fn new<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        let segments: Vec<String> = segments.into_iter().map(Into::into).collect();
        let has_dotted = segments.iter().any(|segment| segment.contains('.'));
        Self { name: segments.join("."), segments, has_dotted }
    }

    pub(super) fn root(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    Identifier(String),
    /// `#`, `#index`, `#acc`, or the unwritten subject of `.field` in a predicate.
    Pointer(String),
    Member {
        object: Box<Node>,
        property: Box<Node>,
        optional: bool,
    },
    Slice {
        object: Box<Node>,
        from: Option<Box<Node>>,
        to: Option<Box<Node>>,
    },
    /// The extent that a `?.` on nil makes nil.
    Chain(Box<Node>),
    Unary {
        operator: String,
        operand: Box<Node>,
    },
    Binary {
        operator: String,
        left: Box<Node>,
        right: Box<Node>,
    },
    Conditional {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// A call of a function that the environment provides.
    Call {
        callee: Box<Node>,
        arguments: Vec<Node>,
        /// The function that the callee names.
        function: Option<Function>,
    },
    /// A call of one of the language's own functions.
    Builtin {
        name: String,
        arguments: Vec<Node>,
    },
    Predicate(Box<Node>),
    Let {
        name: String,
        value: Box<Node>,
        body: Box<Node>,
    },
    Sequence(Vec<Node>),
}

impl Kind {
    /// A call of what `callee` names.
    pub(super) fn call(callee: Box<Node>, arguments: Vec<Node>) -> Self {
        let function = callee.path().and_then(|path| Function::named(&path.segments));
        Self::Call { callee, arguments, function }
    }
}

impl Node {
    pub(super) fn new(at: usize, kind: Kind) -> Self {
        let mut node = Self { at, height: 0, size: 0, path: OnceCell::new(), kind };
        node.height = 1 + node.children().map(|child| child.height).max().unwrap_or(0);
        node.size = 1 + node.children().map(|child| child.size).sum::<usize>();
        node
    }

    pub(super) fn boxed(at: usize, kind: Kind) -> Box<Self> {
        Box::new(Self::new(at, kind))
    }

    /// The parts of this node, in the order in which they are written.
    pub(super) fn children(&self) -> impl Iterator<Item = &Node> {
        let none: (&[Node], &[(Node, Node)]) = (&[], &[]);
        let (first, (list, pairs)): ([Option<&Node>; 3], _) = match &self.kind {
            Kind::Literal(_) | Kind::Identifier(_) | Kind::Pointer(_) => ([None; 3], none),
            Kind::Member { object, property, .. } => ([Some(object), Some(property), None], none),
            Kind::Slice { object, from, to } => ([Some(object), from.as_deref(), to.as_deref()], none),
            Kind::Chain(inner) | Kind::Predicate(inner) => ([Some(inner), None, None], none),
            Kind::Unary { operand, .. } => ([Some(operand), None, None], none),
            Kind::Binary { left, right, .. } => ([Some(left), Some(right), None], none),
            Kind::Conditional { condition, then, otherwise } => ([Some(condition), Some(then), Some(otherwise)], none),
            Kind::Array(nodes) | Kind::Sequence(nodes) => ([None; 3], (nodes, &[])),
            Kind::Map(pairs) => ([None; 3], (&[], pairs)),
            Kind::Call { callee, arguments, .. } => ([Some(callee), None, None], (arguments, &[])),
            Kind::Builtin { arguments, .. } => ([None; 3], (arguments, &[])),
            Kind::Let { value, body, .. } => ([Some(value), Some(body), None], none),
        };
        first.into_iter().flatten().chain(list).chain(pairs.iter().flat_map(|(key, value)| [key, value]))
    }

    /// The dotted path this node spells, if it is one.
    ///
    /// `$env` stands for the environment itself and is left out.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.get_or_init(|| self.spelled().map(Path::new)).as_ref()
    }

    fn spelled(&self) -> Option<Vec<&str>> {
        let mut path = Vec::new();
        let mut node = self;
        loop {
            match &node.kind {
                Kind::Identifier(name) => {
                    if name != "$env" || path.is_empty() {
                        path.push(name.as_str());
                    }
                    path.reverse();
                    return Some(path);
                }
                Kind::Member { object, property, optional: false } => {
                    let Kind::Literal(Value::String(name)) = &property.kind else {
                        return None;
                    };
                    path.push(name.as_str());
                    node = object;
                }
                _ => return None,
            }
        }
    }
}
