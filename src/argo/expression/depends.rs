//! The `depends` logic of a DAG task: which results of which tasks let it run.

use std::fmt;

use super::lexer::is_word;
use super::{ExpressionError, Fault};

/// A result that a task may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TaskResult {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It ended in an error.
    Errored,
    /// Its condition did not hold.
    Skipped,
    /// Its own `depends` did not hold.
    Omitted,
    /// It is a daemon and runs.
    Daemoned,
    /// Of the tasks that its items became, one succeeded.
    AnySucceeded,
    /// All tasks that its items became failed.
    AllFailed,
}

const RESULTS: [(&str, TaskResult); 8] = [
    ("Succeeded", TaskResult::Succeeded),
    ("Failed", TaskResult::Failed),
    ("Errored", TaskResult::Errored),
    ("Skipped", TaskResult::Skipped),
    ("Omitted", TaskResult::Omitted),
    ("Daemoned", TaskResult::Daemoned),
    ("AnySucceeded", TaskResult::AnySucceeded),
    ("AllFailed", TaskResult::AllFailed),
];

impl TaskResult {
    fn named(name: &str) -> Option<Self> {
        RESULTS.iter().find(|(known, _)| *known == name).map(|(_, result)| *result)
    }
}

impl fmt::Display for TaskResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = RESULTS.iter().find(|(_, result)| result == self).map_or("", |(name, _)| *name);
        formatter.write_str(name)
    }
}

/// What a task alone, without a result, stands for.
const BARE: [TaskResult; 3] = [TaskResult::Succeeded, TaskResult::Skipped, TaskResult::Daemoned];

/// A parsed `depends`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Depends {
    logic: Logic,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Logic {
    Always(bool),
    Task(String, Option<TaskResult>),
    Not(Box<Logic>),
    All(Vec<Logic>),
    Any(Vec<Logic>),
}

/// Parses the text of `depends`.
pub(crate) fn parse(text: &str) -> Result<Depends, ExpressionError> {
    let syntax = |fault: Fault| fault.syntax(text);
    let tokens = tokens(text).map_err(syntax)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, end: text.len() };
    let logic = parser.any().map_err(syntax)?;
    if parser.next < tokens.len() {
        return Err(parser.unexpected().syntax(text));
    }
    Ok(Depends { logic })
}

impl Depends {
    /// What `dependencies: [a, b]` means: each of them alone, all of them.
    pub(crate) fn all_of(tasks: &[String]) -> Self {
        let tasks = tasks.iter().map(|task| Logic::Task(task.clone(), None));
        Self { logic: Logic::All(tasks.collect()) }
    }

    /// The tasks mentioned, each once, in the order of their first mention.
    pub(crate) fn tasks(&self) -> Vec<&str> {
        let mut tasks = Vec::new();
        self.logic.each_task(&mut |task, _| {
            if !tasks.contains(&task) {
                tasks.push(task);
            }
        });
        tasks
    }

    /// The logic with every task alone replaced by the results it stands for; `more` names further ones, which
    /// `continueOn` of that task adds.
    #[must_use]
    pub(crate) fn expanded(&self, more: &dyn Fn(&str) -> Vec<TaskResult>) -> Self {
        let logic = self.logic.expanded(more);
        Self { logic }
    }

    /// Whether the logic holds, given which results the tasks have.
    pub(crate) fn holds(&self, state: &dyn Fn(&str, TaskResult) -> bool) -> bool {
        self.logic.holds(state)
    }
}

impl fmt::Display for Depends {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.logic.fmt(formatter)
    }
}

impl Logic {
    fn each_task<'l>(&'l self, visit: &mut dyn FnMut(&'l str, Option<TaskResult>)) {
        match self {
            Self::Always(_) => {}
            Self::Task(task, result) => visit(task, *result),
            Self::Not(inner) => inner.each_task(visit),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_task(visit)),
        }
    }

    fn expanded(&self, more: &dyn Fn(&str) -> Vec<TaskResult>) -> Self {
        let all = |parts: &[Logic]| parts.iter().map(|part| part.expanded(more)).collect();
        match self {
            Self::Task(task, None) => {
                let results = BARE.into_iter().chain(more(task));
                Self::Any(results.map(|result| Self::Task(task.clone(), Some(result))).collect())
            }
            Self::Always(_) | Self::Task(..) => self.clone(),
            Self::Not(inner) => Self::Not(Box::new(inner.expanded(more))),
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
        }
    }

    fn holds(&self, state: &dyn Fn(&str, TaskResult) -> bool) -> bool {
        match self {
            Self::Always(holds) => *holds,
            Self::Task(task, Some(result)) => state(task, *result),
            Self::Task(task, None) => BARE.iter().any(|result| state(task, *result)),
            Self::Not(inner) => !inner.holds(state),
            Self::All(parts) => parts.iter().all(|part| part.holds(state)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(state)),
        }
    }
}

impl fmt::Display for Logic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |formatter: &mut fmt::Formatter<'_>, parts: &[Logic], by: &str| {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            write!(formatter, "({})", parts.join(by))
        };
        match self {
            Self::Always(holds) => write!(formatter, "{holds}"),
            Self::Task(task, None) => formatter.write_str(task),
            Self::Task(task, Some(result)) => write!(formatter, "{task}.{result}"),
            Self::Not(inner) => write!(formatter, "!{inner}"),
            Self::All(parts) => joined(formatter, parts, " && "),
            Self::Any(parts) => joined(formatter, parts, " || "),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Task(String, Option<TaskResult>),
    Truth(bool),
    And,
    Or,
    Not,
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = match c {
            _ if c.is_whitespace() => (None, c.len_utf8()),
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '!' => (Some(Token::Not), 1),
            _ if rest.starts_with("&&") => (Some(Token::And), 2),
            _ if rest.starts_with("||") => (Some(Token::Or), 2),
            _ if is_word(c) => {
                let length = rest.find(|c| !is_word(c) && c != '-' && c != '.').unwrap_or(rest.len());
                (Some(word(at, &rest[..length])?), length)
            }
            _ => return Err(Fault::new(at, format!("unexpected {c:?}"))),
        };
        tokens.extend(token.map(|token| (at, token)));
        at += length;
    }
    Ok(tokens)
}

fn word(at: usize, word: &str) -> Result<Token, Fault> {
    match word {
        "and" => return Ok(Token::And),
        "or" => return Ok(Token::Or),
        "not" => return Ok(Token::Not),
        "true" => return Ok(Token::Truth(true)),
        "false" => return Ok(Token::Truth(false)),
        _ => {}
    }
    let (task, result) = match word.split_once('.') {
        None => (word, None),
        Some((task, name)) => {
            let invalid = || Fault::new(at, format!("task result `{name}` of task `{task}` is invalid"));
            (task, Some(TaskResult::named(name).ok_or_else(invalid)?))
        }
    };
    let is_name = task.starts_with(|c: char| c.is_ascii_alphanumeric())
        && task.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_name {
        return Err(Fault::new(at, format!("`{task}` is not the name of a task")));
    }
    Ok(Token::Task(task.to_owned(), result))
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    depth: usize,
    end: usize,
}

const MAX_DEPTH: usize = 100;

impl Parser<'_> {
    fn unexpected(&self) -> Fault {
        match self.tokens.get(self.next) {
            None => Fault::new(self.end, "unexpected end of depends"),
            Some((at, Token::Task(task, _))) => Fault::new(*at, format!("unexpected task `{task}`")),
            Some((at, token)) => Fault::new(*at, format!("unexpected {}", token.describe())),
        }
    }

    fn accept(&mut self, token: &Token) -> bool {
        let accepted = self.tokens.get(self.next).is_some_and(|(_, next)| next == token);
        self.next += usize::from(accepted);
        accepted
    }

    fn any(&mut self) -> Result<Logic, Fault> {
        let mut parts = vec![self.all()?];
        while self.accept(&Token::Or) {
            parts.push(self.all()?);
        }
        Ok(single(parts, Logic::Any))
    }

    fn all(&mut self) -> Result<Logic, Fault> {
        let mut parts = vec![self.one()?];
        while self.accept(&Token::And) {
            parts.push(self.one()?);
        }
        Ok(single(parts, Logic::All))
    }

    fn one(&mut self) -> Result<Logic, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(self.end, "depends is nested too deeply"));
        }
        let logic = self.operand();
        self.depth -= 1;
        logic
    }

    fn operand(&mut self) -> Result<Logic, Fault> {
        if self.accept(&Token::Not) {
            return Ok(Logic::Not(Box::new(self.one()?)));
        }
        if self.accept(&Token::Open) {
            let logic = self.any()?;
            if !self.accept(&Token::Close) {
                return Err(self.unexpected());
            }
            return Ok(logic);
        }
        let logic = match self.tokens.get(self.next) {
            Some((_, Token::Task(task, result))) => Logic::Task(task.clone(), *result),
            Some((_, Token::Truth(holds))) => Logic::Always(*holds),
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(logic)
    }
}

impl Token {
    fn describe(&self) -> &'static str {
        match self {
            Self::Task(..) => "task",
            Self::Truth(_) => "truth value",
            Self::And => "`&&`",
            Self::Or => "`||`",
            Self::Not => "`!`",
            Self::Open => "`(`",
            Self::Close => "`)`",
        }
    }
}

fn single(mut parts: Vec<Logic>, many: impl Fn(Vec<Logic>) -> Logic) -> Logic {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::TaskResult::{AllFailed, AnySucceeded, Daemoned, Errored, Failed, Omitted, Skipped, Succeeded};
    use super::*;

    fn holds(text: &str, state: &[(&str, TaskResult)]) -> bool {
        parse(text).unwrap().holds(&|task, result| state.contains(&(task, result)))
    }

    #[rstest]
    #[case("A", &[("A", Succeeded)], true)]
    #[case("A", &[("A", Skipped)], true)]
    #[case("A", &[("A", Daemoned)], true)]
    #[case("A", &[("A", Failed)], false)]
    #[case("A", &[("A", Omitted)], false)]
    #[case("A.Failed || A.Errored", &[("A", Errored)], true)]
    #[case("A || B.Failed && C", &[("B", Failed)], false)]
    #[case("(A || B.Failed) && C", &[("B", Failed), ("C", Succeeded)], true)]
    #[case("!A.Succeeded", &[("A", Failed)], true)]
    #[case("!A && B", &[("B", Succeeded)], true)]
    #[case("!(A && B)", &[("A", Succeeded), ("B", Succeeded)], false)]
    #[case("test-task-1 && test-task.Failed", &[("test-task-1", Succeeded), ("test-task", Failed)], true)]
    #[case("A and not B.Failed", &[("A", Succeeded)], true)]
    #[case("A.AnySucceeded", &[("A", AnySucceeded)], true)]
    #[case("A.AllFailed", &[("A", AllFailed)], true)]
    fn a_task_may_run_when_its_logic_holds(
        #[case] text: &str,
        #[case] state: &[(&str, TaskResult)],
        #[case] expected: bool,
    ) {
        assert_eq!(holds(text, state), expected);
    }

    #[rstest]
    #[case("A.Finished")]
    #[case("A &&")]
    #[case("A B")]
    #[case("(A")]
    #[case("A)")]
    #[case("")]
    #[case("A & B")]
    #[case("-A")]
    #[case("a_b")]
    fn what_is_no_logic_is_refused(#[case] text: &str) {
        assert!(matches!(parse(text), Err(ExpressionError::Syntax { .. })));
    }

    #[test]
    fn tasks_are_listed_once_and_those_of_items_apart() {
        let depends = parse("b && (a.Failed || b.AnySucceeded) && !c-1").unwrap();
        assert_eq!(depends.tasks(), ["b", "a", "c-1"]);
    }

    #[test]
    fn dependencies_ask_for_all_of_them() {
        let depends = Depends::all_of(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(depends.to_string(), "(a && b)");
        assert!(depends.holds(&|_, result| result == Skipped));
        assert!(!depends.holds(&|task, result| task == "a" && result == Succeeded));
        assert!(Depends::all_of(&[]).holds(&|_, _| false));
    }

    #[test]
    fn continue_on_adds_to_what_a_task_alone_stands_for() {
        let more = |task: &str| if task == "a" { vec![Failed] } else { Vec::new() };
        let depends = parse("a && b.Failed").unwrap().expanded(&more);
        let expected = "((a.Succeeded || a.Skipped || a.Daemoned || a.Failed) && b.Failed)";
        assert_eq!(depends.to_string(), expected);
    }
}
