//! `--artifact` for a cluster: the file is uploaded to a bucket of a real S3 server, and the workflow refers to it.

use std::fs;

use serde_json::{Value, json};

use super::Program;
use crate::kubernetes::namespace::Namespace;
use crate::store_server::{ACCESS, SECRET, Server};
use crate::support::environment::Environment;

fn document(command: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": { "name": "etl" },
        "spec": {
            "entrypoint": "main",
            "templates": [{
                "name": "main",
                "inputs": { "artifacts": [{ "name": "table", "path": "/in/table" }, { "name": "tree", "path": "/in/tree" }] },
                "container": { "image": "busybox", "command": [command] },
            }],
        },
    })
}

fn artifact<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let all = workflow["spec"]["arguments"]["artifacts"].as_array().unwrap();
    all.iter().find(|artifact| artifact["name"] == name).unwrap()
}

#[tokio::test]
async fn a_file_is_uploaded_and_the_workflow_refers_to_it() {
    let namespace = Namespace::new().await;
    let server = Server::shared();
    let (bucket, files) = server.bucket();
    let mut program = Program::new(&namespace);
    program.environment = std::mem::replace(&mut program.environment, Environment::new())
        .variable("AWS_ACCESS_KEY_ID", ACCESS)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET);
    let file = program.file("w.yaml", &[document("true")]);
    program.text("table.csv", "a,b\n");
    fs::create_dir(program.environment.path("tree")).unwrap();
    fs::write(program.environment.path("tree/leaf"), "leaf").unwrap();
    let store =
        format!("s3://{bucket}/team?endpoint=http://127.0.0.1:{}&path_style=true&region=us-east-1", server.port);
    let given = ["--artifact", "table=table.csv", "--artifact", "tree=tree"];
    let at = ["--artifact-store", store.as_str(), "--artifact-secret", "bucket-keys"];

    let refused = program.run(&[&[file.as_str()][..], &given].concat());
    assert!(refused.code == Some(2) && refused.stderr.contains("--artifact-store"), "{refused}");
    let dry = program.run(&[&[file.as_str(), "--dry-run=client"][..], &given, &at].concat()).exits(0);
    assert!(!dry.stdout.contains(SECRET) && fs::read_dir(&files).unwrap().count() == 0, "nothing is uploaded");

    let done = program.run(&[&[file.as_str()][..], &given, &at].concat()).exits(0);
    assert!(!done.stderr.contains(SECRET), "{done}");
    let live = namespace.get("workflows", "etl").await.unwrap();
    let (table, tree) = (artifact(&live, "table"), artifact(&live, "tree"));
    assert_eq!((&table["archive"], &tree["archive"]), (&json!({"none": {}}), &json!({"tar": {}})));
    let place = &table["s3"];
    assert_eq!(place["endpoint"], json!(format!("127.0.0.1:{}", server.port)));
    assert_eq!((&place["bucket"], &place["insecure"]), (&json!(bucket), &json!(true)));
    assert_eq!(place["accessKeySecret"], json!({"name": "bucket-keys", "key": "ACCESS_KEY_ID"}));
    assert!(!live.to_string().contains(SECRET));
    let key = place["key"].as_str().unwrap();
    assert!(key.starts_with("team/arguments/table/"), "{key}");
    assert_eq!(fs::read_to_string(files.join(key)).unwrap(), "a,b\n");
    let packed = fs::read(files.join(tree["s3"]["key"].as_str().unwrap())).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b], "a directory is a compressed archive");

    // The run that goes on refers to the same objects, without the files.
    fs::remove_file(program.environment.path("table.csv")).unwrap();
    let ended = json!({"status": {"phase": "Failed", "finishedAt": "2024-01-01T00:00:00Z"}});
    namespace.patch("workflows", "etl", &ended).await;
    let file = program.file("w.yaml", &[document("false")]);
    let resumed = program.run(&[file.as_str(), "--resume=etl", "-o", "json"]).exits(0).json();
    assert_eq!(artifact(&resumed, "table")["s3"], *place);
    assert_eq!(artifact(&resumed, "tree"), tree);
}
