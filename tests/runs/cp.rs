//! `cp --local`, and the places that `status --outputs` names.

use serde_json::json;

use crate::support::environment::Environment;
use crate::support::runs::steps;

/// A run with an artifact from each of two nodes; one of them is a directory with a link in it.
fn ended() -> Environment {
    let home = Environment::new();
    let mut spec = steps(&[
        ("one", "mkdir -p /tmp/out/d && echo in > /tmp/out/d/file && ln -s /etc/passwd /tmp/out/link"),
        ("two", "echo table > /tmp/table; printf 7 > /tmp/rows"),
    ]);
    spec["templates"][1]["outputs"] = json!({"artifacts": [{"name": "out", "path": "/tmp/out"}]});
    spec["templates"][2]["outputs"] = json!({"artifacts": [{"name": "table", "path": "/tmp/table"}],
        "parameters": [{"name": "rows", "valueFrom": {"path": "/tmp/rows"}}]});
    assert_eq!(home.begin_spec(&spec).ends(), Some(0));
    home
}

#[test]
fn artifacts_are_copied_by_run_node_and_name() {
    let home = ended();
    let copied = home.run(["cp", "--local", "w", "all"]);
    assert_eq!((copied.code, copied.stdout.as_str()), (Some(0), "all/one/out\nall/two/table\n"), "{copied:?}");
    assert_eq!(std::fs::read_to_string(home.path("all/one/out/d/file")).unwrap(), "in\n");
    let link = home.path("all/one/out/link");
    assert!(link.symlink_metadata().unwrap().is_symlink(), "a link stays a link");
    assert_eq!(home.run(["cp", "--local", "w/two", "two"]).good(), "two/two/table\n");
    assert_eq!(home.run(["cp", "--local", "@latest", "--artifact", "out", "outs"]).good(), "outs/one/out\n");
    home.run(["cp", "--local", "w/tow", "x"]).fails(6, &["run w has no node \"tow\"", "did you mean two?"]);
    home.run(["cp", "--local", "w/one", "--artifact", "table", "x"]).fails(6, &["no artifact \"table\""]);
}

#[test]
fn a_key_that_leads_out_of_the_run_is_not_copied() {
    let home = ended();
    let mut workflow = home.workflow();
    for node in workflow["status"]["nodes"].as_object_mut().unwrap().values_mut() {
        for artifact in node["outputs"]["artifacts"].as_array_mut().into_iter().flatten() {
            artifact["s3"]["key"] = json!("../workflow.json");
        }
    }
    std::fs::write(home.run_file("workflow.json"), workflow.to_string()).unwrap();
    home.run(["cp", "--local", "w", "all"]).fails(6, &["has kept no artifact"]);
    assert!(!home.path("all").exists());
}

#[test]
fn outputs_are_shown_with_their_places() {
    let home = ended();
    let shown = home.run(["status", "--local", "w", "--outputs"]).good();
    assert!(shown.contains("\nOutputs:\n") && shown.contains("w[1].two  rows: 7\n"), "{shown}");
    let place = shown.lines().find_map(|line| line.split_once("artifact table: ")).unwrap().1;
    assert_eq!(std::fs::read_to_string(place).unwrap(), "table\n");
}
