//! Runs as JUnit XML: a testsuite for each run, a testcase for each piece of its work. The XML is well formed whatever
//! the texts contain.

use std::time::Duration;

use jiff::SignedDuration;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::failures::details;
use crate::report::cases::{Attempt, Case, Suite, Verdict};

/// The document.
pub(crate) fn document(suites: &[Suite]) -> String {
    let mut report = Report::new("kubectl runnable");
    let took = suites.iter().filter_map(|suite| suite.took).map(time).sum();
    report.set_time(took).add_test_suites(suites.iter().map(test_suite));
    // Writing to memory cannot fail.
    report.to_string().unwrap_or_default()
}

fn test_suite(suite: &Suite) -> TestSuite {
    let mut xml = TestSuite::new(legal(&suite.name));
    if let Some(took) = suite.took {
        xml.set_time(time(took));
    }
    if let Some(started) = suite.started {
        xml.extra.insert("timestamp".into(), started.to_string().into());
    }
    xml.add_properties(suite.properties.iter().map(|(name, value)| Property::new(*name, legal(value))));
    xml.add_test_cases(suite.cases.iter().map(|case| test_case(suite, case)));
    xml
}

fn test_case(suite: &Suite, case: &Case) -> TestCase {
    let mut status = match &case.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Errored(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skipped(_) => TestCaseStatus::skipped(),
    };
    if case.verdict != Verdict::Passed {
        status.set_message(legal(case.verdict.reason()));
    }
    if case.verdict.is_failure() {
        status.set_type(kind(&case.verdict));
    }
    if let Some(failure) = suite.failure(case) {
        status.set_description(legal(&details(&suite.failures, failure)));
    }
    if !matches!(case.verdict, Verdict::Skipped(_)) {
        status.add_reruns(case.attempts.iter().map(rerun));
    }

    let mut xml = TestCase::new(legal(&case.name), status);
    xml.set_classname(legal(&case.template)).set_time(case.took.map(time).unwrap_or_default());
    if case.cached {
        xml.add_property(("cached", "true"));
        xml.set_system_out("taken from the cache");
    }
    xml
}

fn rerun(attempt: &Attempt) -> TestRerun {
    let errored = matches!(attempt.verdict, Verdict::Errored(_));
    let mut xml = TestRerun::new(if errored { NonSuccessKind::Error } else { NonSuccessKind::Failure });
    xml.set_message(legal(attempt.verdict.reason())).set_type(kind(&attempt.verdict));
    xml.set_time(attempt.took.map(time).unwrap_or_default());
    xml
}

fn kind(verdict: &Verdict) -> &'static str {
    if matches!(verdict, Verdict::Errored(_)) { "Error" } else { "Failed" }
}

/// Removes the two characters that XML forbids and the library does not escape.
fn legal(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}

fn time(took: SignedDuration) -> Duration {
    Duration::try_from(took).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::failures::Failures;

    fn suite(cases: Vec<Case>) -> Suite {
        Suite {
            name: "etl-x2k9f".to_owned(),
            properties: vec![("run id", "r1".to_owned())],
            phase: "Failed".to_owned(),
            started: "2026-11-21T10:00:00Z".parse().ok(),
            took: Some(SignedDuration::from_secs(65)),
            cases,
            failures: Failures::default(),
        }
    }

    fn case(name: &str, verdict: Verdict) -> Case {
        let (name, template) = (name.to_owned(), "t".to_owned());
        Case {
            name,
            template,
            verdict,
            took: Some(SignedDuration::from_millis(1500)),
            cached: false,
            attempts: Vec::new(),
            id: String::new(),
        }
    }

    #[test]
    fn a_run_is_a_suite_and_its_work_its_cases() {
        let flaky = Attempt { verdict: Verdict::Failed("exit code 1".to_owned()), took: None };
        let cases = vec![
            Case { attempts: vec![flaky.clone()], ..case("a", Verdict::Passed) },
            Case { cached: true, ..case("b", Verdict::Passed) },
            Case { attempts: vec![flaky], ..case("c", Verdict::Failed("exit code 2".to_owned())) },
            case("d", Verdict::Errored("pod deleted".to_owned())),
            case("e", Verdict::Skipped("omitted".to_owned())),
        ];
        insta::assert_snapshot!(document(&[
            suite(cases),
            Suite::without_end("gone", "workflow \"gone\" does not exist")
        ]));
    }

    #[test]
    fn the_document_is_well_formed_with_any_text() {
        let text = "a\u{0}b\u{1b}[31m<&\"']]>\u{ffff}\u{7f}\u{85}\n🦀";
        let odd = Suite { name: text.to_owned(), ..suite(vec![case(text, Verdict::Failed(text.to_owned()))]) };
        let document = document(&[odd]);
        let legal = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(document.chars().all(legal), "{document:?}");
        assert!(document.contains("🦀") && document.contains("&lt;&amp;&quot;"), "{document}");
        assert_eq!(document.matches("<testcase").count(), document.matches("</testcase>").count());
    }
}
