//! `--report` of `submit --local` and `wait`, and the summary of a step of GitHub Actions.

use crate::support::environment::Environment;
use crate::support::output::Output;

const STEP: &str = "GITHUB_STEP_SUMMARY";

#[test]
fn a_run_is_reported_without_its_secrets() {
    let home = Environment::new();
    let junit = home.path("report.xml");
    let report = format!("junit={}", junit.display());
    let failed = home.submit("a", "exit 3", &["--run-id", "r1", "--report", &report]);
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    let text = std::fs::read_to_string(&junit).unwrap();
    for part in [
        "<testsuite name=\"a\" tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"1\"",
        "<property name=\"run id\" value=\"r1\"/>",
        "<testcase name=\"[0].work\" classname=\"work\"",
        "<failure message=\"main: Error (exit code 3)\" type=\"Failed\">work Failed, exit code 3",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    std::fs::remove_file(&junit).unwrap();
    home.submit("b", "true", &[]).good();
    assert_eq!(home.run(["wait", "--local", "a", "b", "absent", "--report", &report]).code, Some(6));
    let text = std::fs::read_to_string(&junit).unwrap();
    assert_eq!(text.matches("<testsuite ").count(), 3);
    assert!(text.contains("<error message=\"no local run &quot;absent&quot; in namespace"), "{text}");
}

#[test]
fn a_step_of_github_actions_gets_its_summary_unasked() {
    let home = Environment::new();
    let summary = home.path("summary.md");
    let file = home.script_file("a", "true");
    for _ in 0..2 {
        let arguments = ["submit", "--local", "-q", &file, "--generate-name", "a-"];
        Output::from(home.command(arguments).env(STEP, &summary).output().unwrap()).good();
    }
    let text = std::fs::read_to_string(&summary).unwrap();
    assert_eq!(text.matches("### ✅ a-").count(), 2, "{text}");
    assert!(text.contains("| ✅ | \\[0\\].work | work |"), "{text}");
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning_unless_it_was_asked_for() {
    let home = Environment::new();
    let file = home.script_file("a", "true");
    let unasked = home.command(["submit", "--local", "-q", &file]).env(STEP, "/absent/summary.md").output().unwrap();
    let unasked = Output::from(unasked);
    assert_eq!(unasked.code, Some(0));
    assert!(unasked.stderr.contains("warning: cannot write report /absent/summary.md"), "{}", unasked.stderr);
    let asked = home.submit("b", "true", &["--report", "summary=/absent/summary.md"]);
    assert_eq!(asked.code, Some(2));
    assert!(asked.stderr.contains("--report: cannot write report /absent/summary.md"), "{}", asked.stderr);
    assert!(!home.run_directory("b").exists());
}
