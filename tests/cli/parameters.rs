//! Parameters from flags and files.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::workflows::PARAMETERS;

fn environment(file: &str) -> Environment {
    Environment::with("wf.yaml", PARAMETERS).file("p.yaml", file)
}

/// The values of the workflow's own parameters.
fn values(output: &Output) -> BTreeMap<String, String> {
    let workflow: Value = serde_json::from_str(output.result(0)).unwrap();
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    let text = |parameter: &Value, field: &str| parameter[field].as_str().unwrap().to_owned();
    parameters
        .iter()
        .map(|parameter| (text(parameter, "name"), text(parameter, "value")))
        .filter(|(name, _)| !name.starts_with("retry_") && name != "run_id")
        .collect()
}

const SHOW: [&str; 6] = ["submit", "wf.yaml", "--dry-run=client", "-o", "json", "-q"];

fn with_file(file: &str, more: &[&str]) -> Output {
    environment(file).run(SHOW.iter().chain(&["-f", "p.yaml"]).chain(more))
}

#[test]
fn lists_and_maps_become_json_text() {
    let values = values(&with_file("date: 2026-11-21\nurls: ['https://a', {x: [1, two]}]\n", &[]));
    assert_eq!(values["date"], "2026-11-21");
    assert_eq!(values["urls"], r#"["https://a",{"x":[1,"two"]}]"#);
}

#[test]
fn scalars_are_read_as_argo_reads_them() {
    let values = values(&with_file(
        "date: 9007199254740993\nurls: yes\nfloat: 1.10\nnothing: null\nquoted: '1.10'\nhuge: 12345678901234567890123\n",
        &[],
    ));
    let expected = [
        ("date", "9007199254740993"),
        ("float", "1.1"),
        ("huge", "1.2345678901234568e+22"),
        ("nothing", "null"),
        ("quoted", "1.10"),
        ("urls", "true"),
    ];
    assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn numbers_are_written_as_go_writes_them() {
    let file = "date: 1e5\nurls: 08\noctal: 010\nhex: 0x1F\none: 1.0\ndigits: 1_000\nmore: |\n  two\n  lines\n";
    let expected = [
        ("date", "100000"),
        ("digits", "1000"),
        ("hex", "31"),
        ("more", "two\nlines\n"),
        ("octal", "8"),
        ("one", "1"),
        ("urls", "8"),
    ];
    let values = values(&with_file(file, &[]));
    assert_eq!(values, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn values_of_flags_are_taken_as_they_are() {
    for value in ["b=c", "", "two\nlines", r#"{"k": [1, 2]}"#, " ", "08", "{{=1}}"] {
        let output = environment("").run(SHOW.iter().chain(&["-p", &format!("date={value}")]));
        assert_eq!(values(&output)["date"], value);
    }
}

#[test]
fn a_flag_counts_more_than_a_file_and_a_later_file_more_than_an_earlier() {
    let environment = environment("date: file\nurls: file\n").file("q.json", r#"{"urls": "later"}"#);
    let output = environment.run(SHOW.iter().chain(&["-p", "date=flag=1", "-f", "p.yaml", "-f", "q.json"]));
    assert_eq!(values(&output), [("date", "flag=1"), ("urls", "later")].map(|(a, b)| (a.into(), b.into())).into());
}

#[test]
fn a_parameter_file_may_come_from_standard_input() {
    let output = environment("").run_with_input(SHOW.iter().chain(&["-f", "-"]), "date: piped");
    assert_eq!(values(&output)["date"], "piped");
}

#[test]
fn a_missing_value_is_named() {
    assert_snapshot!(environment("").run(["submit", "wf.yaml", "--dry-run=client"]));
}

#[test]
fn an_undeclared_parameter_is_told_and_added() {
    let output =
        environment("").run(["submit", "wf.yaml", "--dry-run=client", "-p", "date=1", "-p", "dtae=1", "-o", "name"]);
    assert_snapshot!(output);
}

#[test]
fn bad_yaml_in_a_parameter_file() {
    assert_snapshot!(with_file("date: [1\n", &[]));
}

#[test]
fn a_parameter_file_that_is_no_map() {
    assert_snapshot!(with_file("- date\n", &[]));
}

#[test]
fn a_key_that_stands_twice_in_a_parameter_file() {
    let arguments = ["submit", "wf.yaml", "--dry-run=client", "-o", "name", "-f", "p.yaml"];
    assert_snapshot!(environment("date: 1\ndate: 2\n").run(arguments));
}

#[test]
fn a_missing_parameter_file() {
    assert_snapshot!(environment("").run(SHOW.iter().chain(&["-f", "gone.yaml"])));
}

#[test]
fn a_parameter_file_of_bad_utf8() {
    assert_snapshot!(
        Environment::with("wf.yaml", PARAMETERS)
            .file("p.yaml", b"date: \xff\n")
            .run(SHOW.iter().chain(&["-f", "p.yaml"]))
    );
}
