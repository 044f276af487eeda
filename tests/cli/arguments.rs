//! Arguments that are refused before anything happens.

use insta::assert_snapshot;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::workflows::hello;

fn refused(arguments: &[&str]) -> Output {
    let environment = Environment::with("hello.yaml", hello());
    let output = environment.run(["submit", "hello.yaml"].iter().chain(arguments));
    assert!(environment.runs().is_empty());
    assert_eq!(output.result(2), "");
    output
}

#[test]
fn a_command_that_does_not_exist() {
    assert_snapshot!(Environment::new().run(["submti"]));
}

#[test]
fn nothing_to_submit() {
    assert_snapshot!(Environment::new().run(["submit"]));
}

#[test]
fn an_owner_without_a_cluster() {
    assert_snapshot!(refused(&["--owner", "configmap/release", "--dry-run=client"]));
    assert_snapshot!(refused(&["--owner", "configmap/release", "--local"]));
}

#[test]
fn an_owner_without_its_kind() {
    assert_snapshot!(refused(&["--owner", "release"]));
}

#[test]
fn a_slip_in_a_dry_run() {
    assert_snapshot!(refused(&["--dry-run=clinet"]));
}

#[test]
fn a_dry_run_without_its_equals_sign() {
    assert_snapshot!(refused(&["--dry-run", "client"]));
}

#[test]
fn a_format_that_does_not_exist() {
    assert_snapshot!(refused(&["-o", "yml"]));
}

#[test]
fn a_slip_in_memoize() {
    assert_snapshot!(refused(&["--memoize=of"]));
}

#[test]
fn a_parameter_without_a_value() {
    assert_snapshot!(refused(&["-p", "date"]));
}

#[test]
fn a_parameter_without_a_name() {
    assert_snapshot!(refused(&["-p", "=x"]));
}

#[test]
fn an_illegal_run_id() {
    assert_snapshot!(refused(&["--run-id", "a b"]));
}

#[test]
fn an_illegal_label_key() {
    assert_snapshot!(refused(&["-l", "a b=c"]));
}

#[test]
fn an_illegal_label_value() {
    assert_snapshot!(refused(&["-l", "a=b,c=d/e"]));
}

#[test]
fn an_annotation_without_a_value() {
    assert_snapshot!(refused(&["--annotations", "owner"]));
}

#[test]
fn an_illegal_name() {
    assert_snapshot!(refused(&["--name", "Hello"]));
}

#[test]
fn an_illegal_beginning_of_a_name() {
    assert_snapshot!(refused(&["--generate-name", "_x"]));
}

#[test]
fn an_illegal_cache_name() {
    assert_snapshot!(refused(&["--cache-name", "A_B"]));
}

#[test]
fn an_age_that_go_cannot_read() {
    assert_snapshot!(refused(&["--max-age", "7d"]));
}

#[test]
fn an_entrypoint_that_is_no_template() {
    assert_snapshot!(refused(&["--entrypoint", "mian", "--dry-run=client"]));
}

#[test]
fn a_name_for_two_workflows() {
    assert_snapshot!(refused(&["hello.yaml", "--name", "x", "--dry-run=client"]));
}

#[test]
fn a_name_and_the_beginning_of_one() {
    assert_snapshot!(refused(&["--name", "x", "--generate-name", "y"]));
}

#[test]
fn a_kind_that_makes_no_workflow() {
    assert_snapshot!(refused(&["--from", "deployment/x"]));
}

#[test]
fn a_source_without_a_kind() {
    assert_snapshot!(refused(&["--from", "etl"]));
}

#[test]
fn numbers_out_of_bounds() {
    let numbers = [
        ["--priority", "99999999999"],
        ["--priority", "high"],
        ["--max-tasks", "0"],
        ["--max-tasks", "-1"],
        ["--max-tasks", "70000"],
        ["--max-tasks", "many"],
    ];
    let said: String = numbers.iter().map(|[flag, value]| refused(&[flag, value, "--local"]).stderr).collect();
    assert_snapshot!(said);
}

#[test]
fn times_that_are_none() {
    let said: String =
        ["5x", "-5s", "0", "", "1.2.3s", "1e400h"].map(|time| refused(&["--wait", "--timeout", time]).stderr).concat();
    assert_snapshot!(said);
}

#[test]
fn a_timeout_without_a_wait() {
    assert_snapshot!(refused(&["--timeout", "5"]));
}

#[test]
fn flags_of_a_cluster_for_a_local_run() {
    for flags in [["--context", "c"], ["--kubeconfig", "f"], ["--as", "u"]] {
        let output = refused(&["--local", flags[0], flags[1]]);
        let said = format!("error: the argument '--local[=<true|false>]' cannot be used with '{}", flags[0]);
        assert!(output.stderr.starts_with(&said), "{output}");
    }
    assert_snapshot!(refused(&["--local", "--dry-run=server"]));
}

#[test]
fn flags_of_a_local_run_for_a_cluster() {
    assert_snapshot!(refused(&["--max-tasks", "3"]));
}

#[test]
fn standard_input_twice() {
    assert_snapshot!(refused(&["-", "-f", "-"]));
}

#[test]
fn a_run_id_given_twice() {
    assert_snapshot!(refused(&["--run-id", "a", "-p", "run_id=b", "--dry-run=client"]));
}

#[test]
fn flags_of_memoization_without_it() {
    assert_snapshot!("cache_without_memoize", refused(&["--memoize=off", "--cache-name", "kept"]));
    assert_snapshot!("age_without_memoize", refused(&["--local", "--memoize=off", "--max-age", "1h"]));
}

#[test]
fn an_illegal_run_id_as_a_parameter() {
    assert_snapshot!(refused(&["-p", "run_id=a b", "--dry-run=client"]));
}

#[test]
fn an_illegal_namespace() {
    assert_snapshot!(refused(&["-n", "Team"]));
}

#[test]
fn an_empty_namespace_is_none() {
    let environment = Environment::with("hello.yaml", hello()).variable("ARGO_NAMESPACE", "");
    let output = environment.run(["submit", "hello.yaml", "--dry-run=client", "-o", "json", "-q"]);
    assert!(!output.result(0).contains("namespace"), "{output}");
    let environment = environment.variable("ARGO_NAMESPACE", "team");
    let output = environment.run(["submit", "hello.yaml", "--dry-run=client", "-o", "json", "-q"]);
    assert!(output.result(0).contains(r#""namespace": "team""#), "{output}");
}
