//! Runs as Markdown, for the job summary of GitHub Actions.

use std::fmt::Write;

use super::failures::{commands, headline, origin};
use super::tree::{elapsed, printable};
use crate::report::cases::{Case, Suite, Verdict};

/// The maximum number of cases of a run: GitHub accepts a summary of at most 1 MiB.
const MAX_CASES: usize = 100;
/// The maximum number of failures shown with their logs.
const MAX_LOGS: usize = 3;

/// The runs, each with a table that begins with the failures.
pub(crate) fn markdown(suites: &[Suite]) -> String {
    let mut text = String::new();
    for suite in suites {
        let _ = writeln!(text, "### {}\n", title(suite));
        table(&mut text, suite);
        text.push('\n');
        next_steps(&mut text, suite);
    }
    text
}

fn title(suite: &Suite) -> String {
    let mark = if suite.phase == "Succeeded" { "✅" } else { "❌" };
    let phase = if suite.phase.is_empty() { "not followed to its end" } else { &suite.phase };
    let took = suite.took.map(|took| format!(" in {}", elapsed(took))).unwrap_or_default();
    let run_id = suite.properties.iter().find(|(name, _)| *name == "run id");
    let run_id = run_id.map(|(_, id)| format!(" (run id {})", escaped(id))).unwrap_or_default();
    format!("{mark} {} {}{took}{run_id}", escaped(&suite.name), escaped(phase))
}

fn table(text: &mut String, suite: &Suite) {
    if suite.cases.is_empty() {
        return;
    }
    text.push_str("| | Node | Template | Duration | Message |\n|---|---|---|---|---|\n");

    let mut cases: Vec<&Case> = suite.cases.iter().collect();
    cases.sort_by_key(|case| match case.verdict {
        Verdict::Failed(_) | Verdict::Errored(_) => 0,
        Verdict::Passed => 1,
        Verdict::Skipped(_) => 2,
    });
    for case in &cases[..cases.len().min(MAX_CASES)] {
        let took = case.took.filter(|_| !matches!(case.verdict, Verdict::Skipped(_))).map(elapsed).unwrap_or_default();
        let (name, template) = (escaped(&case.name), escaped(&case.template));
        let _ = writeln!(text, "| {} | {name} | {template} | {took} | {} |", mark(&case.verdict), message(case));
    }

    if cases.len() > MAX_CASES {
        let _ = writeln!(text, "\n… and {} more", cases.len() - MAX_CASES);
    }
}

/// The first failures with the ends of their logs, and the commands that help.
fn next_steps(text: &mut String, suite: &Suite) {
    let failures = &suite.failures;
    if !failures.is_failure {
        return;
    }
    for node in failures.nodes.iter().take(MAX_LOGS) {
        let _ = writeln!(text, "**{}** ({})\n", escaped(&headline(node)), escaped(&origin(node)));
        if !node.log.is_empty() {
            let lines: Vec<String> = node.log.iter().map(|line| printable(line)).collect();
            fenced(text, "text", &lines);
        }
    }
    let commands: Vec<String> =
        commands(failures).into_iter().map(|(label, command)| format!("{command}  # {label}")).collect();
    fenced(text, "sh", &commands);
}

/// Lines of code. The fence is longer than any in the lines.
fn fenced(text: &mut String, language: &str, lines: &[String]) {
    let longest = lines.iter().flat_map(|line| line.split(|letter| letter != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(text, "{fence}{language}\n{}\n{fence}\n", lines.join("\n"));
}

fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✅",
        Verdict::Failed(_) | Verdict::Errored(_) => "❌",
        Verdict::Skipped(_) => "⏭️",
    }
}

fn message(case: &Case) -> String {
    let cached = case.cached.then(|| "cached".to_owned());
    let attempts = (!case.attempts.is_empty()).then(|| format!("attempt {}", case.attempts.len() + 1));
    let reason = Some(escaped(case.verdict.reason())).filter(|reason| !reason.is_empty());
    [cached, attempts, reason].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Escapes text for a Markdown table.
fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for letter in printable(text).chars() {
        match letter {
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => plain.extend(['\\', letter]),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::report::failures::Failures;

    fn case(name: &str, verdict: Verdict) -> Case {
        let (name, template) = (name.to_owned(), "t".to_owned());
        Case {
            name,
            template,
            verdict,
            took: Some(SignedDuration::from_secs(2)),
            cached: false,
            attempts: Vec::new(),
            id: String::new(),
        }
    }

    fn suite(cases: Vec<Case>) -> Suite {
        Suite {
            name: "w".to_owned(),
            properties: vec![("run id", "r_1".to_owned())],
            phase: "Failed".to_owned(),
            started: None,
            took: Some(SignedDuration::from_secs(65)),
            cases,
            failures: Failures::default(),
        }
    }

    #[test]
    fn failures_come_first() {
        let cached = Case { cached: true, ..case("a", Verdict::Passed) };
        let text = markdown(&[suite(vec![
            cached,
            case("b", Verdict::Skipped("omitted".to_owned())),
            case("c", Verdict::Failed("a|b\n<script>".to_owned())),
        ])]);
        let expected = "### ❌ w Failed in 1m05s (run id r\\_1)\n\n| | Node | Template | Duration | Message |\n|---|---|---|---|---|\n\
                        | ❌ | c | t | 2.0s | a\\|b &lt;script> |\n| ✅ | a | t | 2.0s | cached |\n| ⏭️ | b | t |  | omitted |\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn cases_over_the_limit_are_counted() {
        let text = markdown(&[suite((0..150).map(|_| case("a", Verdict::Passed)).collect())]);
        assert_eq!(text.matches("| a |").count(), MAX_CASES);
        assert!(text.ends_with("… and 50 more\n\n"), "{text}");
    }
}
