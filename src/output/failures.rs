//! The end of a run with failures: on one screen of a terminal, as Markdown, as annotations for GitHub.

use std::fmt::Write;

use console::Style;

use super::github::annotation;
use super::tree::printable;
use crate::argo::status::Phase;
use crate::report::address::Commands;
use crate::report::failures::{FailedNode, Failures, LOG_LINES};

/// Nodes that are shown with the ends of their logs.
const WITH_LOG: usize = 3;
/// Further nodes that are named.
const NAMED: usize = 5;
/// GitHub shows at most this many errors of a step.
const ANNOTATIONS: usize = 10;

/// The failures and the commands that help, on one screen; empty if nothing failed.
pub(crate) fn screen(failures: &Failures, color: bool) -> String {
    if !failures.is_failure {
        let mut text = String::new();
        for node in failures.nodes.iter().take(NAMED) {
            let _ = writeln!(text, "note: {}, although the run Succeeded", headline(node));
        }
        if failures.nodes.len() > NAMED {
            let _ = writeln!(text, "note: … and {} more", failures.nodes.len() - NAMED);
        }
        return text;
    }

    let mut text = nodes(&failures.nodes, color);
    for (label, command) in commands(failures) {
        advise(&mut text, label, &command, color);
    }
    text
}

/// What failed in a run whose pods and logs are gone, and the command that retries it.
pub(crate) fn archived(nodes: &[FailedNode], retry: Option<&str>, color: bool) -> String {
    let without_logs: Vec<FailedNode> =
        nodes.iter().map(|node| FailedNode { has_log: false, log_missing: None, ..node.clone() }).collect();
    let mut text = self::nodes(&without_logs, color);
    if let Some(retry) = retry {
        advise(&mut text, "retry", retry, color);
    }
    text
}

/// The nodes that failed: the first ones with the ends of their logs, of some more the names.
fn nodes(nodes: &[FailedNode], color: bool) -> String {
    let mut text = String::new();
    let (shown, rest) = nodes.split_at(nodes.len().min(WITH_LOG));
    let lines = LOG_LINES / shown.len().max(1);
    for node in shown {
        describe(&mut text, node, lines, color);
    }
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().take(NAMED).map(|node| printable(&node.path)).collect();
        let more = if rest.len() > NAMED { ", …" } else { "" };
        let _ = writeln!(text, "{} more nodes failed: {}{more}", rest.len(), names.join(", "));
    }
    text
}

fn advise(text: &mut String, label: &str, command: &str, color: bool) {
    let label = Style::new().cyan().force_styling(color).apply_to(format!("{label:<16}"));
    let _ = writeln!(text, "{label} {command}");
}

/// The commands that help, each with what it does.
pub(super) fn commands(failures: &Failures) -> Vec<(&'static str, String)> {
    commands_of(&failures.commands())
}

pub(super) fn commands_of(commands: &Commands) -> Vec<(&'static str, String)> {
    let Commands { logs, plan, retry, shell, retry_from } = commands.clone();
    let shell = shell.map(|command| ("look around", command));
    let fixed = [("plan of a retry", plan), ("retry", retry)];
    let all = std::iter::once(("all of the log", logs)).chain(shell).chain(fixed);
    all.chain(retry_from.map(|command| ("rerun from there", command))).collect()
}

/// `load Failed, exit code 3: no such file`.
pub(super) fn headline(node: &FailedNode) -> String {
    let exit_code = node.exit_code.as_ref().map(|code| format!(", exit code {}", printable(code))).unwrap_or_default();
    let message = if node.message.is_empty() { String::new() } else { format!(": {}", printable(&node.message)) };
    let phase = if node.phase == Phase::Running { "lost" } else { node.phase.as_str() };
    format!("{} {phase}{exit_code}{message}", printable(&node.path))
}

/// `node etl-x2k9f[1].load(2), template load, attempt 3`.
pub(super) fn origin(node: &FailedNode) -> String {
    let attempt = if node.attempts > 1 { format!(", attempt {}", node.attempts) } else { String::new() };
    format!("node {}, template {}{attempt}", printable(&node.node), printable(&node.template))
}

fn describe(text: &mut String, node: &FailedNode, lines: usize, color: bool) {
    let sign = Style::new().red().force_styling(color).apply_to("✖");
    let _ = writeln!(text, "{sign} {}", headline(node));
    let _ = writeln!(text, "  {}", origin(node));
    let log = &node.log[node.log.len().saturating_sub(lines)..];
    for line in log {
        let _ = writeln!(text, "  │ {}", printable(line));
    }
    match (&node.log_missing, log.is_empty() && node.has_log) {
        (Some(why), _) => {
            let _ = writeln!(text, "  no more of its log: {}", printable(why));
        }
        (None, true) => text.push_str("  it wrote nothing to its log\n"),
        (None, false) => {}
    }
}

/// The failures as annotations, one per line.
pub(crate) fn annotations(failures: &Failures) -> String {
    let level = if failures.is_success { "warning" } else { "error" };
    let commands = commands(failures);
    let mut text = String::new();
    for node in failures.nodes.iter().take(ANNOTATIONS) {
        let mut message = format!("{}\n{}", headline(node), origin(node));
        for line in &node.log {
            let _ = write!(message, "\n{}", printable(line));
        }
        for (label, command) in commands.iter().filter(|_| !failures.is_success) {
            let _ = write!(message, "\n{label}: {command}");
        }
        let title = format!("{}: {}", printable(&failures.address.run), printable(&node.path));
        let _ = writeln!(text, "{}", annotation(level, &[("title", title)], &message));
    }
    text
}

/// The failure of a node as text, for a report: the log and the commands.
pub(super) fn details(failures: &Failures, node: &FailedNode) -> String {
    let mut text = format!("{}\n{}\n", headline(node), origin(node));
    if !node.log.is_empty() {
        let _ = writeln!(text, "the last lines of its log:");
    }
    for line in &node.log {
        let _ = writeln!(text, "  {}", printable(line));
    }
    if let Some(why) = &node.log_missing {
        let _ = writeln!(text, "no more of its log: {}", printable(why));
    }
    for (label, command) in commands(failures).into_iter().filter(|_| !failures.is_success) {
        let _ = writeln!(text, "{label}: {command}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::address::Address;

    fn node(path: &str, log: &[&str]) -> FailedNode {
        FailedNode {
            node: format!("w[0].{path}"),
            path: path.to_owned(),
            template: "work".to_owned(),
            phase: Phase::Failed,
            exit_code: Some("3".to_owned()),
            message: "main: Error (exit code 3)".to_owned(),
            attempts: 2,
            log: log.iter().map(|line| (*line).to_owned()).collect(),
            log_missing: None,
            id: path.to_owned(),
            has_log: true,
            is_kept: false,
            from: Some(path.to_owned()),
            argument: path.to_owned(),
        }
    }

    fn failures(nodes: Vec<FailedNode>) -> Failures {
        Failures { nodes, address: Address::local("w", "default"), is_success: false, is_failure: true }
    }

    #[test]
    fn a_failure_stands_on_one_screen_with_the_commands_that_help() {
        assert_eq!(
            screen(&failures(vec![node("load", &["one", "\u{1b}[31mtwo"])]), false),
            "✖ load Failed, exit code 3: main: Error (exit code 3)\n  node w[0].load, template work, attempt 2\n  │ one\n  \
             │  [31mtwo\nall of the log   kubectl runnable logs w load --local\nplan of a retry  kubectl runnable retry w \
             --plan --local\nretry            kubectl runnable retry w --local\nrerun from there kubectl runnable retry w --from load --local\n"
        );
        let log: Vec<String> = (0..10).map(|line| line.to_string()).collect();
        let log: Vec<&str> = log.iter().map(String::as_str).collect();
        let many = screen(&failures((0..50).map(|number| node(&format!("n{number}"), &log)).collect()), false);
        assert!(many.lines().count() <= 24, "{many}");
        assert!(many.contains("47 more nodes failed: n3, n4, n5, n6, n7, …"), "{many}");
    }

    #[test]
    fn a_node_that_failed_in_a_run_that_succeeded_is_named() {
        let failures = Failures { is_success: true, is_failure: false, ..failures(vec![node("load", &["one"])]) };
        let expected = "note: load Failed, exit code 3: main: Error (exit code 3), although the run Succeeded\n";
        assert_eq!(screen(&failures, false), expected);
        assert!(annotations(&failures).starts_with("::warning title=w%3A load::load Failed"));
        assert_eq!(screen(&Failures::default(), false), "");
        let without_node = Failures { nodes: Vec::new(), is_success: false, is_failure: true, ..failures };
        assert_eq!(screen(&without_node, false).lines().count(), 3, "the commands help all the same");
    }

    #[test]
    fn an_annotation_is_one_line() {
        let text = annotations(&failures(vec![node("load", &["::error::x", "100 %"])]));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("%0A::error::x%0A100 %25%0Aall of the log: kubectl runnable logs w load --local"),
            "{text}"
        );
    }
}
