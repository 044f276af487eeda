//! What `-v`, `-vv` and the log's variables show, and what they never do.

use serde_json::Value;
use tokio::runtime::Runtime;
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::environment::Environment;
use crate::workflows::one_task;

const SECRET: &str = "hunter22";
const SUBMIT: [&str; 7] = ["submit", "wf.yaml", "--local", "--name", "one", "-p", "api_token=hunter22"];

fn environment() -> Environment {
    let script = "echo $TOKEN >/dev/null; : {{workflow.parameters.api_token}}";
    Environment::with("wf.yaml", one_task("name: one", script)).variable("TOKEN", SECRET)
}

/// The log's lines of a new span with this name.
fn spans<'a>(log: &'a str, name: &str) -> Vec<&'a str> {
    let begins = format!("{name}{{");
    log.lines().filter(|line| line.ends_with(": new") && line.contains(&begins)).collect()
}

#[test]
fn a_run_its_nodes_and_its_look_ups_are_shown_where_they_are_asked_for() {
    let environment = environment();
    let silent = environment.run(SUBMIT);
    silent.result(0);
    assert_eq!(spans(&silent.stderr, "run"), [] as [&str; 0], "{silent}");
    for (flags, variable) in [
        (&["-v"][..], None),
        (&["-vv"], None),
        (&[], Some(("RUST_LOG", "kubectl_runnable=debug"))),
        (&[], Some(("RUNNABLE_LOG", "kubectl_runnable=debug"))),
    ] {
        let environment = self::environment();
        let mut command = environment.command(SUBMIT);
        let output = environment.finish(command.args(flags).envs(variable));
        output.result(0);
        for name in ["run", "node", "cache_look_up"] {
            assert!(!spans(&output.stderr, name).is_empty(), "{name} {flags:?} {variable:?}: {output}");
        }
        assert!(spans(&output.stderr, "node")[0].contains("run{"), "a node is seen within its run: {output}");
        assert!(!output.stderr.contains(SECRET), "{output}");
    }
}

#[test]
fn a_flag_may_stand_before_the_verb_and_a_variable_outranks_it() {
    let environment = environment();
    let before = environment.run(["-v"].into_iter().chain(SUBMIT));
    assert!(!spans(&before.stderr, "run").is_empty(), "{before}");
    let environment = self::environment();
    let mut command = environment.command(SUBMIT);
    let outranked = environment.finish(command.arg("-vv").env("RUNNABLE_LOG", "error"));
    outranked.result(0);
    assert_eq!(spans(&outranked.stderr, "run"), [] as [&str; 0], "{outranked}");
}

#[test]
fn requests_are_shown_without_their_credentials_and_contents() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        let create =
            |request: &Request| ResponseTemplate::new(201).set_body_json(request.body_json::<Value>().unwrap());
        Mock::given(method("POST")).respond_with(create).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(404)).with_priority(9).mount(&server).await;
        server
    });
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: {}}}}}]\ncontexts: \
         [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{token: {SECRET}}}}}]\n",
        server.uri()
    );
    let environment = environment().file("config", kubeconfig).variable("KUBECONFIG", "config");
    for (flag, variable) in [("-v", None), ("-vv", None), ("-v", Some(("RUST_LOG", "trace")))] {
        let mut command = environment.command(["submit", "wf.yaml", "-p", "api_token=hunter22", flag]);
        let output = environment.finish(command.envs(variable));
        output.result(0);
        let created = spans(&output.stderr, "request")
            .into_iter()
            .any(|line| line.contains("method=POST path=\"/apis/argoproj.io/v1alpha1/namespaces/default/workflows\""));
        assert!(created, "{output}");
        assert!(!output.stderr.contains(SECRET), "{variable:?}: {output}");
    }
}
