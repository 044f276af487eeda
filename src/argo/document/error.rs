//! What can be wrong with a document, said with its file, line and column and shown with the lines themselves.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::place::{Place, field_path, start_of_line};
use super::{Kind, MAX_BYTES, Source};
use crate::exit::{CommandError, Exit};

/// The most problems that are shown of one text.
pub(super) const MAX_SHOWN: usize = 20;
/// Lines shown before the one that is meant.
const CONTEXT_LINES: u32 = 2;

/// Why a text is no list of documents.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The text is larger than is read.
    #[error("{name}: {bytes} bytes are more than the {MAX_BYTES} that are read")]
    TooLarge {
        /// The source.
        name: Arc<str>,
        /// The size of the text.
        bytes: usize,
    },
    /// The text is not UTF-8.
    #[error("{name}:{}:{}: not UTF-8: unexpected byte 0x{byte:02x} at offset {offset}", .place.line, .place.column)]
    NotUtf8 {
        /// The source.
        name: Arc<str>,
        /// Where the text stops being UTF-8.
        place: Place,
        /// The same as a number of bytes from the beginning.
        offset: usize,
        /// The first byte that is wrong.
        byte: u8,
    },
    /// The text holds no document: it is empty, or all of it is comments.
    #[error("{name}: no document found, expected one of {}", understood())]
    Empty {
        /// The source.
        name: Arc<str>,
    },
    /// The text is neither YAML nor JSON.
    #[error("{0}")]
    Syntax(Box<Problem>),
    /// Lists and objects stand deeper inside each other than is read.
    #[error("{0}")]
    TooDeep(Box<Problem>),
    /// The text stands for more values than are read, through aliases or by itself.
    #[error("{0}")]
    TooMany(Box<Problem>),
    /// The text is well formed, and its documents are not.
    #[error("{}", listed(.problems))]
    Invalid {
        /// Every problem of every document.
        problems: Vec<Problem>,
    },
}

impl CommandError for DocumentError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// One thing that is wrong with a document, or probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The source it stands in.
    pub(crate) source: Arc<str>,
    /// Where, if the document has a text.
    pub(crate) place: Option<Place>,
    /// The path of the field, `spec.templates[2].container`; empty for the document as a whole.
    pub(crate) field: String,
    /// What is wrong: a lower-case fragment, free of the document's values.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The name of the rule that is broken, if it has one.
    pub(crate) rule: Option<&'static str>,
    snippet: bool,
}

impl Problem {
    pub(super) fn at(source: &Arc<str>, place: Option<Place>, pointer: &str, message: String) -> Self {
        let field = field_path(pointer);
        Self { source: Arc::clone(source), place, field, message, hint: None, rule: None, snippet: true }
    }

    /// The same with a word of advice.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same as a breach of a rule.
    #[must_use]
    pub(crate) fn with_rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// The same, never to be shown with its lines: they may hold a secret.
    #[must_use]
    pub(super) fn without_snippet(mut self) -> Self {
        self.snippet = false;
        self
    }

    /// The problem as `error` or `warning`, with the lines it stands in. The source may be absent.
    pub fn render(&self, level: Severity, source: Option<&Source>, color: bool) -> String {
        let level = match level {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let lines = source.filter(|_| self.snippet).and_then(|source| Excerpt::new(source, self.place?));
        let subject = self.subject();
        let title = if lines.is_some() { format!("{subject}{}", self.message) } else { self.without_hint() };
        let mut title = level.primary_title(title.as_str());
        if let Some(rule) = self.rule {
            title = title.id(rule);
        }
        let mut groups = vec![match &lines {
            Some(lines) => title.element(lines.snippet(&self.source)),
            None => Group::with_title(title),
        }];
        if let Some(hint) = &self.hint {
            groups.push(Group::with_title(Level::HELP.secondary_title(hint.as_str())));
        }
        renderer(color).render(&groups)
    }

    fn subject(&self) -> String {
        if self.field.is_empty() { String::new() } else { format!("field `{}`: ", self.field) }
    }

    fn without_hint(&self) -> String {
        let place = self.place.map_or(String::new(), |place| format!("{}:{}:", place.line, place.column));
        let separator = if place.is_empty() { ": " } else { ":" };
        let space = if place.is_empty() { "" } else { " " };
        format!("{}{separator}{place}{space}{}{}", self.source, self.subject(), self.message)
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It keeps the document from being used.
    Error,
    /// It does not.
    Warning,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.without_hint())?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(formatter, " ({hint})"))
    }
}

impl DocumentError {
    /// The problems that have a place, all of them.
    pub(crate) fn problems(&self) -> &[Problem] {
        match self {
            Self::Syntax(problem) | Self::TooDeep(problem) | Self::TooMany(problem) => std::slice::from_ref(&**problem),
            Self::Invalid { problems } => problems,
            Self::TooLarge { .. } | Self::NotUtf8 { .. } | Self::Empty { .. } => &[],
        }
    }

    /// The error for a terminal: each problem with the lines it stands in, the first twenty of them.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let problems = self.problems();
        if problems.is_empty() {
            return title(&self.to_string(), color);
        }
        let shown = problems.iter().take(MAX_SHOWN).map(|one| one.render(Severity::Error, Some(source), color));
        shown.chain(more(problems)).collect::<Vec<_>>().join("\n")
    }
}

fn title(text: &str, color: bool) -> String {
    renderer(color).render(&[Group::with_title(Level::ERROR.primary_title(text))])
}

fn renderer(color: bool) -> Renderer {
    if color { Renderer::styled() } else { Renderer::plain() }
}

/// The lines round a place, cut out of the text.
struct Excerpt<'text> {
    text: &'text str,
    first_line: usize,
    span: std::ops::Range<usize>,
}

impl<'text> Excerpt<'text> {
    fn new(source: &'text Source, place: Place) -> Option<Self> {
        let text = std::str::from_utf8(&source.text).ok()?.trim_start_matches('\u{feff}');
        let first_line = place.line.saturating_sub(CONTEXT_LINES).max(1);
        let start = start_of_line(text, first_line)?;
        let line_start = start_of_line(&text[start..], place.line - first_line + 1)? + start;
        let line_end = text[line_start..].find('\n').map_or(text.len(), |length| line_start + length);
        let line = text[line_start..line_end].trim_end();
        let column = place.column.saturating_sub(1) as usize;
        let offset = line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset);
        let begin = line_start + offset - start;
        let end = (line_start + line.len() - start).max(begin);
        Some(Self { text: &text[start..line_end], first_line: first_line as usize, span: begin..end })
    }

    fn snippet(&self, path: &'text str) -> Snippet<'text, annotate_snippets::Annotation<'text>> {
        Snippet::source(self.text)
            .line_start(self.first_line)
            .path(path)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(self.span.clone()))
    }
}

fn listed(problems: &[Problem]) -> String {
    let shown = problems.iter().take(MAX_SHOWN).map(ToString::to_string);
    shown.chain(more(problems)).collect::<Vec<_>>().join("\n")
}

fn more(problems: &[Problem]) -> Option<String> {
    problems.len().checked_sub(MAX_SHOWN).filter(|rest| *rest > 0).map(|rest| format!("and {rest} more"))
}

/// The kinds that are understood, for a message.
pub(super) fn understood() -> String {
    let (last, others) = Kind::ALL.split_last().map_or(("", Vec::new()), |(last, others)| {
        (last.as_str(), others.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
    });
    format!("{} or {last}", others.join(", "))
}
