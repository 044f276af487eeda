//! Templates of requests and of lists.

use super::*;
use crate::local::errand::{Answer, List, Request};
use crate::local::task::ArtifactSource;

fn http(fields: &str) -> Run {
    Run::with(&format!("entrypoint: main\ntemplates:\n- name: main\n  http: {{url: 'http://x/y'{fields}}}"), |plan| {
        plan.secrets.insert("s".to_owned(), BTreeMap::from([("k".to_owned(), "secret".to_owned())]));
    })
}

fn answer(status: u16, body: &str) -> Returned {
    let headers = vec![("x-request-id".to_owned(), "7".to_owned()), ("x-request-id".to_owned(), "8".to_owned())];
    Returned::Answer(Answer { status, headers, body: body.to_owned() })
}

#[test]
fn a_request_has_its_headers_and_body() {
    let run = http(
        ", method: POST, body: b, timeoutSeconds: 3, headers: [{name: a, value: '1'},
        {name: t, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = Request {
        method: "POST".to_owned(),
        url: "http://x/y".to_owned(),
        headers: vec![pair("a", "1"), pair("t", "secret")],
        body: b"b".to_vec(),
        timeout: Some(std::time::Duration::from_secs(3)),
        insecure: false,
    };
    assert_eq!(run.errands[0].1, Errand::Request(request));
    assert_eq!(run.line(""), " HTTP Pending");
}

#[test]
fn an_answer_is_judged_by_its_status_or_by_the_condition() {
    for (fields, status, line) in [
        ("", 204, " HTTP Succeeded result=body"),
        ("", 404, " HTTP Failed: received non-2xx response code: 404 result=body"),
        (", successCondition: 'response.statusCode == 404'", 404, " HTTP Succeeded result=body"),
        (
            ", successCondition: 'response.body contains \"no\"'",
            200,
            " HTTP Failed: successCondition 'response.body contains \"no\"' evaluated false result=body",
        ),
        (
            ", successCondition: 'response.headers[\"X-Request-Id\"][1] == \"8\" && request.method == \"\"'",
            500,
            " HTTP Succeeded result=body",
        ),
        (
            ", headers: [{name: k, value: v}], successCondition: 'request.headers.k[0] == \"v\" && request.url == \"http://x/y\"'",
            500,
            " HTTP Succeeded result=body",
        ),
        (", successCondition: 'response.body'", 200, " HTTP Failed: unable to cast expression result 'body' to bool"),
    ] {
        let mut run = http(fields);
        run.answer("", answer(status, "body"));
        assert_eq!(run.line(""), line, "{fields}");
    }
}

#[test]
fn a_request_that_fails_fails_its_node() {
    let mut run = http("");
    run.answer("", Returned::Failed("Get \"http://x/y\": EOF".to_owned()));
    assert_eq!(run.line(""), " HTTP Failed: Get \"http://x/y\": EOF");
    let run = http(", headers: [{name: t, valueFrom: {secretKeyRef: {name: s, key: other}}}]");
    assert_eq!(run.line(""), " HTTP Failed: secret 's' does not have the key 'other'");
}

#[test]
fn a_request_is_tried_again_and_can_be_stopped() {
    let mut run =
        Run::of("entrypoint: main\ntemplates:\n- name: main\n  retryStrategy: {limit: 1}\n  http: {url: 'http://x'}");
    run.answer("(0)", answer(500, ""));
    run.wake();
    run.answer("(1)", answer(200, "ok"));
    assert_eq!(run.line("(0)"), "(0) HTTP Failed: received non-2xx response code: 500 result=");
    assert_eq!(run.line(""), " Retry Succeeded result=ok");

    let mut run = http("");
    run.shut_down(Shutdown::Terminate);
    assert_eq!(run.line(""), " HTTP Failed: Stopped with strategy 'Terminate'");
    assert!(run.scheduler.finished().is_some());
}

#[test]
fn a_list_goes_through_its_transformations() {
    let spec = "entrypoint: main\ntemplates:\n- name: main
  data:
    source: {artifactPaths: {name: files, s3: {key: '{{workflow.name}}/'}}}
    transformation:
    - {expression: 'filter(data, {# endsWith \".py\"})'}
    - {expression: 'map(data, {# + \".done\"})'}";
    let mut run = Run::of(spec);
    assert_eq!(
        run.errands[0].1,
        Errand::List(List { store: PathBuf::from("/run/artifacts"), key: "wf/".to_owned(), elsewhere: Vec::new() })
    );
    assert_eq!(run.line(""), " Pod Running");
    run.answer("", Returned::Files(["a.py", "b.md", "c/d.py"].map(str::to_owned).to_vec()));
    assert_eq!(run.line(""), " Pod Succeeded result=[\"a.py.done\",\"c/d.py.done\"]");

    let mut run = Run::of(&spec.replace("map(data, {# + \".done\"})", "data.x.y"));
    run.answer("", Returned::Files(Vec::new()));
    let line = run.line("");
    let begins = " Pod Failed: main: Error (exit code 64): unable to process data template: unable to process data";
    assert!(line.starts_with(begins), "{line}");
}

#[test]
fn an_output_is_found_again_by_the_key_that_it_names() {
    let spec = "entrypoint: main\ntemplates:\n- name: main
  steps:
  - - {name: w, template: write}
  - - {name: l, template: list}
    - {name: r, template: read}
- name: write
  container: {image: a, command: [c]}
  outputs:
    artifacts: [{name: out, path: /tmp/out, archive: {none: {}}, s3: {key: 'parts/{{workflow.name}}'}}]
- name: list
  data:
    source: {artifactPaths: {name: files, s3: {key: parts}}}
    transformation: [{expression: data}]
- name: read
  inputs: {artifacts: [{name: in, path: /tmp/in, s3: {key: parts/wf/one}}]}
  container: {image: a, command: [c]}";
    let mut run = Run::of(spec);
    run.end("[0].w", keeps("out"));
    let Errand::List(list) = &run.errands[0].1 else { panic!("{:?}", run.errands) };
    let pod = list.elsewhere[0].key.clone();
    assert!(pod.starts_with("wf/wf-write-") && pod.ends_with("/out"), "{pod}");
    assert_eq!((list.elsewhere[0].shown.as_deref(), list.elsewhere[0].packed), (Some("parts/wf"), false));
    let (_, task) = &run.running[0];
    assert_eq!(task.input_artifacts[0].source, ArtifactSource::Stored(format!("/run/artifacts/{pod}/one").into()));
}
