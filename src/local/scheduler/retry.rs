//! Decides whether a failed attempt is followed by another one: Argo's processNodeRetries. Pure.

use jiff::SignedDuration;
use serde_json::Value;

use crate::argo::duration;
use crate::argo::expression::{self, Scope, StopFlag};
use crate::argo::model::{Backoff, RetryStrategy};
use crate::argo::status::{Node, Phase};

/// Time before the next attempt where the last one ended as it began and nothing limits them, so that a run cannot spin.
const BREATH: SignedDuration = SignedDuration::from_secs(1);

/// An attempt that has ended.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) status: &'a Node,
    /// When it began and ended, counted from the beginning of the run.
    pub(super) began: SignedDuration,
    pub(super) ended: SignedDuration,
}

/// What follows an attempt that failed.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Another attempt, not before this time, with the message that stands until then.
    Attempt(SignedDuration, String),
    /// No more; the retry node takes the attempt's phase and this message.
    End(String),
}

impl Next {
    fn not_before(self, earliest: SignedDuration) -> Self {
        match self {
            Self::Attempt(at, message) => Self::Attempt(at.max(earliest), message),
            end @ Self::End(_) => end,
        }
    }
}

/// What follows. `attempts` are all so far, the failed one last.
pub(super) fn next(
    strategy: &RetryStrategy,
    attempts: &[Attempt<'_>],
    now: SignedDuration,
    stop: &StopFlag,
) -> Result<Next, String> {
    let [.., last] = attempts else { return Err("a retry without an attempt".to_owned()) };
    let limit = strategy
        .limit
        .as_deref()
        .map(|limit| limit.parse::<usize>().map_err(|_| format!("retryStrategy.limit: {limit:?} is no whole number")))
        .transpose()?;
    let next = match &strategy.backoff {
        Some(backoff) => after(backoff, limit.is_some(), attempts, now)?,
        None => Next::Attempt(now, String::new()),
    };
    if matches!(next, Next::End(_)) {
        return Ok(next);
    }
    if !is_retried(strategy, last.status)? {
        return Ok(Next::End(last.status.message.clone()));
    }
    if limit.is_some_and(|limit| attempts.len() > limit) {
        return Ok(Next::End("No more retries left".to_owned()));
    }
    if !strategy.expression.is_empty() && !holds(&strategy.expression, attempts.len() - 1, *last, stop)? {
        return Ok(Next::End("retryStrategy.expression evaluated to false".to_owned()));
    }
    let spins = limit.is_none() && last.began == last.ended;
    Ok(if spins { next.not_before(now + BREATH) } else { next })
}

/// The next attempt after its backoff, or the end where that comes too late.
fn after(backoff: &Backoff, limited: bool, attempts: &[Attempt<'_>], now: SignedDuration) -> Result<Next, String> {
    let wait = wait(backoff, attempts.len())?;
    let from = attempts.last().map_or(now, |last| last.ended);
    let at = from.saturating_add(wait);
    if let Some(limit) = backoff.max_duration.as_deref().filter(|text| !text.is_empty()) {
        let limit = duration::parse(limit).map_err(|error| error.to_string())?;
        let begin = attempts.first().map_or(now, |first| first.began);
        let deadline = begin.saturating_add(limit);
        if now > deadline {
            return Ok(Next::End("Max duration limit exceeded".to_owned()));
        }
        if at > deadline {
            return Ok(Next::End("Backoff would exceed max duration limit".to_owned()));
        }
    }
    // Argo's controller waits only where there is a limit.
    let waits = limited && at > now;
    Ok(if waits {
        Next::Attempt(at, format!("Backoff for {}", duration::human(wait)))
    } else {
        Next::Attempt(now, String::new())
    })
}

/// Whether the policy has such an attempt followed by another one.
fn is_retried(strategy: &RetryStrategy, last: &Node) -> Result<bool, String> {
    match (strategy.retry_policy.as_str(), strategy.expression.is_empty()) {
        ("Always", _) | ("", false) => Ok(true),
        ("OnFailure", _) | ("", true) => Ok(last.phase == Phase::Failed),
        ("OnError", _) => Ok(last.phase == Phase::Error),
        ("OnTransientError", _) => Ok(is_transient(&last.message)),
        (other, _) => Err(format!("{other} is not a valid RetryPolicy")),
    }
}

/// Whether attempts that could not even begin are followed by others. (workflow/controller/operator.go, executeTemplate)
pub(super) fn retries_errors(strategy: &RetryStrategy) -> bool {
    match strategy.retry_policy.as_str() {
        "" => !strategy.expression.is_empty(),
        policy => matches!(policy, "Always" | "OnError" | "OnTransientError"),
    }
}

fn holds(expression: &str, retries: usize, last: Attempt<'_>, stop: &StopFlag) -> Result<bool, String> {
    let mut scope = Scope::stopped_by(stop);
    for (name, value) in variables(retries, Some(last), "-1") {
        scope.set(name, value);
    }
    let again = expression::evaluate(expression, &scope).map_err(|error| error.to_string())?;
    again.as_bool().ok_or_else(|| format!("unable to cast expression result '{}' to bool", as_go_shows(&again)))
}

/// A value where Go's `%s` is given it. (util/expr/argoexpr, EvalBool)
fn as_go_shows(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "%!s(<nil>)".to_owned(),
        Value::Number(number) if number.is_f64() => format!("%!s(float64={number})"),
        Value::Number(number) => format!("%!s(int={number})"),
        other => other.to_string(),
    }
}

/// The variables of an attempt: `retries` and `lastRetry.…`.
pub(super) fn variables(retries: usize, last: Option<Attempt<'_>>, no_exit_code: &str) -> [(&'static str, String); 5] {
    let took = last.map_or(0, |last| (last.ended - last.began).as_secs());
    let last = last.map(|last| last.status);
    let exit_code = last.and_then(|node| node.outputs.as_ref()).and_then(|outputs| outputs.exit_code.clone());
    [
        ("retries", retries.to_string()),
        ("lastRetry.exitCode", exit_code.unwrap_or_else(|| no_exit_code.to_owned())),
        ("lastRetry.status", last.map(|node| node.phase.as_str().to_owned()).unwrap_or_default()),
        ("lastRetry.duration", took.to_string()),
        ("lastRetry.message", last.map(|node| node.message.clone()).unwrap_or_default()),
    ]
}

fn wait(backoff: &Backoff, attempts: usize) -> Result<SignedDuration, String> {
    let parse = |text: &str| duration::parse(text).map_err(|error| error.to_string());
    let base = backoff.duration.as_deref().filter(|text| !text.is_empty());
    let base = parse(base.ok_or("no base duration specified for retryStrategy")?)?;
    let mut wait = base;
    if let Some(factor) = backoff.factor.as_deref().filter(|text| !text.is_empty()) {
        let factor: u32 =
            factor.parse().map_err(|_| format!("retryStrategy.backoff.factor: {factor:?} is no whole number"))?;
        let power = factor.checked_pow(u32::try_from(attempts - 1).unwrap_or(u32::MAX)).unwrap_or(u32::MAX);
        if factor > 0 {
            wait = base.checked_mul(i32::try_from(power).unwrap_or(i32::MAX)).unwrap_or(SignedDuration::MAX);
        }
    }
    if let Some(cap) = backoff.cap.as_deref().filter(|text| !text.is_empty()) {
        wait = wait.min(parse(cap)?);
    }
    Ok(wait)
}

/// Messages of errors that pass by themselves, as Argo knows them.
fn is_transient(message: &str) -> bool {
    [
        "exceeded quota",
        "i/o timeout",
        "connection reset by peer",
        "net/http: TLS handshake timeout",
        "connection refused",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::argo::status::{NodeType, Outputs};

    fn attempt(phase: Phase, exit_code: &str) -> Node {
        Node {
            id: String::new(),
            name: String::new(),
            display_name: String::new(),
            kind: NodeType::Pod,
            template_name: None,
            template_ref: None,
            template_scope: None,
            phase,
            boundary_id: None,
            message: "main: Error (exit code 1)".to_owned(),
            started_at: Some(Timestamp::UNIX_EPOCH),
            finished_at: Some(Timestamp::UNIX_EPOCH),
            progress: None,
            inputs: None,
            outputs: Some(Outputs { exit_code: Some(exit_code.to_owned()), ..Outputs::default() }),
            children: Vec::new(),
            outbound_nodes: Vec::new(),
            memoization_status: None,
            node_flag: None,
            synchronization_status: None,
            daemoned: None,
            pod_ip: None,
            host_node_name: None,
        }
    }

    fn strategy(text: &str) -> RetryStrategy {
        serde_json::from_str(text).unwrap_or_default()
    }

    fn follows(strategy_text: &str, attempts: &[&Node]) -> Result<Next, String> {
        let zero = SignedDuration::ZERO;
        let began = -SignedDuration::from_secs(1);
        let attempts: Vec<Attempt> = attempts.iter().map(|&status| Attempt { status, began, ended: zero }).collect();
        next(&strategy(strategy_text), &attempts, zero, &StopFlag::default())
    }

    #[test]
    fn the_limit_counts_retries_and_not_attempts() {
        let failed = attempt(Phase::Failed, "1");
        assert!(matches!(follows(r#"{"limit": 2}"#, &[&failed, &failed]), Ok(Next::Attempt(..))));
        assert_eq!(follows(r#"{"limit": "2"}"#, &[&failed; 3]), Ok(Next::End("No more retries left".to_owned())));
    }

    #[test]
    fn what_ends_as_it_begins_is_tried_again_at_once_only_up_to_a_limit() {
        let failed = attempt(Phase::Failed, "1");
        let zero = SignedDuration::ZERO;
        let attempts = [Attempt { status: &failed, began: zero, ended: zero }];
        let next = |text: &str| next(&strategy(text), &attempts, zero, &StopFlag::default());
        assert_eq!(next(r#"{"limit": 1}"#), Ok(Next::Attempt(zero, String::new())));
        assert_eq!(next("{}"), Ok(Next::Attempt(BREATH, String::new())));
        assert_eq!(next(r#"{"backoff": {"duration": "0"}}"#), Ok(Next::Attempt(BREATH, String::new())));
    }

    #[test]
    fn the_policy_decides_by_phase() {
        let (failed, error) = (attempt(Phase::Failed, "1"), attempt(Phase::Error, "1"));
        assert!(matches!(follows("{}", &[&failed]), Ok(Next::Attempt(..))));
        assert!(matches!(follows("{}", &[&error]), Ok(Next::End(_))));
        assert!(matches!(follows(r#"{"retryPolicy": "OnError"}"#, &[&error]), Ok(Next::Attempt(..))));
        assert!(matches!(follows(r#"{"retryPolicy": "OnError"}"#, &[&failed]), Ok(Next::End(_))));
        assert!(matches!(follows(r#"{"retryPolicy": "Always"}"#, &[&error]), Ok(Next::Attempt(..))));
        assert!(follows(r#"{"retryPolicy": "Sometimes"}"#, &[&failed]).is_err());
    }

    #[test]
    fn an_expression_sees_the_last_attempt() {
        let failed = attempt(Phase::Failed, "2");
        let text = r#"{"expression": "asInt(lastRetry.exitCode) == 2 && lastRetry.status == 'Failed'"}"#;
        assert!(matches!(follows(text, &[&failed]), Ok(Next::Attempt(..))));
        let text = r#"{"expression": "lastRetry.exitCode == '3'"}"#;
        assert_eq!(follows(text, &[&failed]), Ok(Next::End("retryStrategy.expression evaluated to false".to_owned())));
    }

    #[test]
    fn backoff_grows_up_to_its_cap_and_ends_at_its_longest() {
        let failed = attempt(Phase::Failed, "1");
        let at = |text: &str, attempts: usize| match follows(text, &vec![&failed; attempts]) {
            Ok(Next::Attempt(at, message)) => (at.as_secs(), message),
            other => (-1, format!("{other:?}")),
        };
        let text = r#"{"limit": 9, "backoff": {"duration": "10s", "factor": 2, "cap": "35s"}}"#;
        assert_eq!(at(text, 1), (10, "Backoff for 10 seconds".to_owned()));
        assert_eq!(at(text, 2).0, 20);
        assert_eq!(at(text, 3).0, 35);
        assert_eq!(at(r#"{"backoff": {"duration": "10s"}}"#, 1), (0, String::new()));
        assert_eq!(
            follows(r#"{"backoff": {"duration": "10", "maxDuration": "5s"}}"#, &[&failed]),
            Ok(Next::End("Backoff would exceed max duration limit".to_owned()))
        );
    }
}
