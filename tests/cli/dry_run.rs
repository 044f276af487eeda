//! `--dry-run=client`: what would be created, without a cluster.

use insta::assert_snapshot;

use crate::support::environment::Environment;
use crate::workflows::{PARAMETERS, TEMPLATE, hello};

#[test]
fn a_workflow_with_everything_the_flags_add() {
    let environment = Environment::with("wf.yaml", PARAMETERS);
    let output = environment.run(
        "submit wf.yaml --dry-run -p date=today --run-id night-1 --cache-name kept --max-age 24h --name other -n team \
         -l a=b,c=d --annotations owner=me --serviceaccount runner --priority -5"
            .split_whitespace(),
    );
    assert_snapshot!(output);
}

#[test]
fn without_memoization() {
    let environment = Environment::with("wf.yaml", hello());
    assert_snapshot!(environment.run(["submit", "wf.yaml", "--dry-run=client", "--memoize=off"]));
}

#[test]
fn made_from_a_template_in_a_file() {
    let environment = Environment::with("template.yaml", TEMPLATE);
    let from = ["submit", "template.yaml", "--from", "wftmpl/template", "--dry-run=client"];
    assert_snapshot!("referenced", environment.run(from));
    assert_snapshot!("inlined", environment.run(from.iter().chain(&["--inline"])));
}

#[test]
fn made_from_a_schedule_in_a_file() {
    let schedule = "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata:\n  name: nightly\nspec:\n  schedules: \
                    ['0 1 * * *']\n  workflowSpec:\n    entrypoint: main\n    templates:\n    - name: main\n      \
                    container: {image: busybox, command: [echo]}\n";
    let environment = Environment::with("cron.yaml", schedule);
    let output =
        environment.run(["submit", "cron.yaml", "--from", "cronwf/nightly", "--dry-run=client", "--name", "n"]);
    assert_snapshot!(output);
}

#[test]
fn a_schedule_that_is_in_no_file() {
    assert_snapshot!(Environment::new().run(["submit", "--from", "cronwf/nightly", "--dry-run=client"]));
}

#[test]
fn a_template_by_itself_is_prepared() {
    let environment = Environment::with("template.yaml", TEMPLATE);
    assert_snapshot!(environment.run(["submit", "template.yaml", "--dry-run=client"]));
}

#[test]
fn several_workflows_in_each_format() {
    let environment = Environment::with("wf.yaml", format!("{}---\n{}", hello(), hello()));
    let show = |format: &str| environment.run(["submit", "wf.yaml", "--dry-run=client", "--memoize=off", "-o", format]);
    let list: serde_json::Value = serde_json::from_str(show("json").result(0)).unwrap();
    assert_eq!((list["kind"].as_str(), list["items"].as_array().map(Vec::len)), (Some("List"), Some(2)));
    assert_eq!(show("yaml").result(0).matches("kind: Workflow\n").count(), 2);
    assert_eq!(show("name").result(0).lines().count(), 2);
}

#[test]
fn no_cluster_is_said_and_how_to_do_without() {
    let environment = Environment::with("wf.yaml", hello());
    assert_snapshot!("no_kubeconfig", environment.run(["submit", "wf.yaml"]));
    assert_snapshot!("missing_kubeconfig", environment.run(["submit", "wf.yaml", "--kubeconfig", "gone"]));
}
