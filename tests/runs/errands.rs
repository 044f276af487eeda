//! Requests, lists of artifacts, and outcomes given by the user: nodes that are no processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::support::environment::Environment;

/// A server on this machine; what it was asked, with headers and body.
fn server(answers: Vec<&'static str>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut request, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                request += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            sender.send(request + &String::from_utf8(body).unwrap()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

fn node<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    nodes.values().find(|node| node["displayName"] == name).unwrap_or_else(|| panic!("no node {name}"))
}

#[test]
fn a_request_is_sent_and_its_answer_handed_on() {
    let (url, asked) = server(vec![
        "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Kind: json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"id\": \"7\"}",
    ]);
    let home = Environment::new().file(
        "w.yaml",
        r#"
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {key: s3cret-value}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  arguments: {parameters: [{name: url}]}
  templates:
  - name: main
    steps:
    - - {name: ask, template: ask}
    - - name: use
        template: use
        arguments: {parameters: [{name: id, value: "{{=jsonpath(steps.ask.outputs.result, '$.id')}}"}]}
  - name: ask
    http:
      url: "{{workflow.parameters.url}}/here"
      method: POST
      body: "hello"
      headers:
      - {name: Authorization, valueFrom: {secretKeyRef: {name: token, key: key}}}
      successCondition: response.statusCode == 200 && response.headers["X-Kind"][0] == "json"
  - name: use
    inputs: {parameters: [{name: id}]}
    container: {image: busybox, command: [test, "{{inputs.parameters.id}}", =, "7"]}
"#,
    );
    let parameter = format!("url={url}");
    let output = home.run(["submit", "--local", "w.yaml", "-p", &parameter, "-o", "json"]);
    let first = asked.recv().unwrap();
    assert!(first.starts_with("POST /here HTTP/1.1\r\n") && first.ends_with("hello"), "{first}");
    assert!(first.to_ascii_lowercase().contains("authorization: s3cret-value"), "{first}");
    assert!(asked.recv().unwrap().starts_with("GET /there"));
    assert!(!output.stdout.contains("s3cret-value") && !output.stderr.contains("s3cret-value"));
    let workflow = output.json();
    assert_eq!(node(&workflow, "ask")["type"], "HTTP");
    assert_eq!(node(&workflow, "ask")["outputs"]["result"], "{\"id\": \"7\"}");
    assert_eq!(workflow["status"]["phase"], "Succeeded");
}

#[test]
fn artifacts_are_listed_and_each_is_handed_on_by_its_key() {
    let home = Environment::new().file(
        "w.yaml",
        r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - {name: list, template: list}
    - - name: read
        template: read
        withParam: "{{steps.list.outputs.result}}"
        arguments: {artifacts: [{name: file, s3: {key: "{{item}}"}}]}
  - name: make
    container:
      image: busybox
      command: [sh, -c, "mkdir -p /tmp/o/sub; echo one >/tmp/o/a.txt; echo two >/tmp/o/sub/b.txt; echo no >/tmp/o/c.md"]
    outputs: {artifacts: [{name: files, path: /tmp/o}]}
  - name: list
    data:
      source: {artifactPaths: {name: all, s3: {key: "{{workflow.name}}"}}}
      transformation: [{expression: 'filter(data, {# endsWith ".txt"})'}]
  - name: read
    inputs: {artifacts: [{name: file, path: /tmp/file}]}
    container: {image: busybox, command: [sh, -c, "cp /tmp/file /tmp/out"]}
    outputs: {parameters: [{name: text, valueFrom: {path: /tmp/out}}]}
"#,
    );
    let workflow = home.run(["submit", "--local", "w.yaml", "-o", "json"]).json();
    let keys: Vec<String> =
        serde_json::from_str(node(&workflow, "list")["outputs"]["result"].as_str().unwrap()).unwrap();
    assert!(keys.len() == 2 && keys[0].ends_with("/files/a.txt") && keys[1].ends_with("/files/sub/b.txt"), "{keys:?}");
    let nodes = workflow["status"]["nodes"].as_object().unwrap().values();
    let read = nodes.filter(|node| node["templateName"] == "read");
    let mut texts: Vec<&str> = read.map(|node| node["outputs"]["parameters"][0]["value"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["one", "two"]);
}

const PIPELINE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: build, template: build}
      - {name: deploy, template: deploy, depends: build}
      - name: check
        template: check
        depends: deploy
        arguments: {parameters: [{name: url, value: "{{tasks.deploy.outputs.parameters.url}}"}]}
  - name: build
    container: {image: busybox, command: [sh, -c, "od -An -N4 -tx1 /dev/urandom >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: deploy
    resource: {action: create, manifest: "x"}
    outputs: {parameters: [{name: url, valueFrom: {jsonPath: "{.x}"}}]}
  - name: check
    inputs: {parameters: [{name: url}]}
    container: {image: busybox, command: [test, "{{inputs.parameters.url}}", =, http://other]}
"#;

#[test]
fn a_stub_stands_for_what_needs_a_cluster_and_leaves_nothing_in_the_cache() {
    let home =
        Environment::new().file("w.yaml", PIPELINE).file("deploy.yaml", "outputs: {parameters: {url: http://x}}");
    let refused = home.run(["submit", "--local", "w.yaml"]);
    refused.fails(2, &["a resource template needs a cluster; --stub deploy=FILE gives its outcome"]);
    let run = ["submit", "--local", "w.yaml", "-o", "json", "--name", "w-1", "--stub", "deploy=deploy.yaml"];
    let output = home.run(run);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let first = output.object();
    assert_eq!(node(&first, "check")["inputs"]["parameters"][0]["value"], "http://x");

    let again = home.run(["retry", "--local", "w-1", "-o", "json"]);
    assert!(again.stderr.contains("note: the outcomes of deploy are those that --stub gave to w-1"));
    let second = again.object();
    let is_hit = |name: &str| node(&second, name)["memoizationStatus"]["hit"] == true;
    assert!(is_hit("build") && !is_hit("deploy") && !is_hit("check"));
    assert_eq!(node(&second, "deploy")["phase"], "Succeeded");
}

#[test]
fn a_retry_gives_other_outcomes_and_keeps_those_that_it_does_not_give() {
    let home = Environment::new()
        .file("w.yaml", PIPELINE)
        .file("x.yaml", "outputs: {parameters: {url: http://x}}")
        .file("other.yaml", "outputs: {parameters: {url: http://other}}")
        .file("failed.yaml", "{phase: Failed, message: no compiler}");
    let first = home.run(["submit", "--local", "w.yaml", "-q", "--name", "w-1", "--stub", "deploy=x.yaml"]);
    assert_eq!(first.code, Some(3), "{}", first.stderr);

    let second = home.run(["retry", "--local", "w-1", "-o", "json", "--stub", "deploy=other.yaml"]);
    assert_eq!((second.code, second.stderr.contains("that --stub gave to")), (Some(0), false), "{}", second.stderr);
    let second = second.object();
    assert_eq!(node(&second, "build")["memoizationStatus"]["hit"], true);
    assert_eq!(node(&second, "check")["inputs"]["parameters"][0]["value"], "http://other");

    let name = second["metadata"]["name"].as_str().unwrap();
    let third = ["retry", "--local", name, "--stub", "build=failed.yaml"];
    let plan = home.run(third.into_iter().chain(["--plan"]));
    assert!(plan.stdout.contains("--stub gives its outcome"), "{}", plan.stdout);
    let third = home.run(third.into_iter().chain(["-o", "json"]));
    assert_eq!(third.code, Some(3), "{}", third.stderr);
    assert!(third.stderr.contains(&format!("note: the outcomes of deploy are those that --stub gave to {name}")));
    assert_eq!(node(&third.object(), "build")["message"], "no compiler");

    home.run(["retry", "--local", "w-1", "--force", "--stub", "biuld=x.yaml"])
        .fails(2, &["--stub biuld: no template or node"]);
    home.run(["retry", "w-1", "--in-place", "--stub", "build=x.yaml"]).fails(2, &["cannot be used with"]);
}

#[test]
fn stubs_that_mean_nothing_are_refused() {
    let home = Environment::new().file("w.yaml", PIPELINE).file("s.yaml", "").file("bad.yaml", "phase: Skipped");
    let submit = |stubs: &[&str]| {
        let stubs = stubs.iter().flat_map(|stub| ["--stub", stub]);
        home.run(["submit", "--local", "w.yaml"].into_iter().chain(stubs))
    };
    submit(&["deploy=s.yaml", "depoly=s.yaml"]).fails(2, &["--stub depoly: no template or node has this name"]);
    submit(&["deploy=bad.yaml"]).fails(2, &["stub \"deploy\": phase: expected Succeeded, Failed or Error"]);
    submit(&["deploy=s.yaml", "deploy=s.yaml"]).fails(2, &["it is given twice"]);
    submit(&["deploy=missing.yaml"]).fails(2, &["missing.yaml"]);
    submit(&["deploy"]).fails(2, &["expected a template or the path of a node"]);
    home.run(["submit", "w.yaml", "--stub", "deploy=s.yaml"]).fails(2, &["--local"]);
}

#[test]
fn a_container_of_a_set_runs_again_until_it_succeeds() {
    let home = Environment::new().file(
        "w.yaml",
        r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: set, template: set}
    - - {name: use, template: use, arguments: {parameters: [{name: r, value: "{{steps.set.outputs.result}}"}]}}
  - name: set
    containerSet:
      retryStrategy: {retries: "3", duration: 10ms}
      containers:
      - {name: first, image: busybox, command: [sh, -c, "echo x >>/tmp/first; test $(wc -l </tmp/first) = 2"]}
      - {name: main, image: busybox, dependencies: [first], command: [sh, -c, "echo run; echo x >>/tmp/main; test $(wc -l </tmp/main) = 3"]}
  - name: use
    inputs: {parameters: [{name: r}]}
    container: {image: busybox, command: [sh, -c, "test '{{inputs.parameters.r}}' = 'run\nrun\nrun'"]}
"#,
    );
    let workflow = home.run(["submit", "--local", "w.yaml", "-o", "json"]).json();
    assert_eq!(node(&workflow, "set")["outputs"]["result"], "run\nrun\nrun");
    assert_eq!(node(&workflow, "first")["phase"], "Succeeded");
}
