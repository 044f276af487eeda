//! Artifacts of workflows in a bucket of a real S3 server: read and written by local runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::rig::{Kind, Rig};
use crate::server::{ACCESS, SECRET, Server};
use crate::support::environment::Environment;

const SECRET_DOCUMENT: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {id: ACCESS, secret: SECRET}\n---\n";

fn secret() -> String {
    SECRET_DOCUMENT.replace("ACCESS", ACCESS).replace("SECRET}", &format!("{SECRET}}}"))
}

/// A place in the bucket, with the keys of the Secret.
fn place(bucket: &str, key: &str) -> String {
    format!(
        "s3: {{endpoint: \"127.0.0.1:{}\", insecure: true, bucket: {bucket}, key: \"{key}\", accessKeySecret: {{name: keys, key: id}}, \
         secretKeySecret: {{name: keys, key: secret}}}}",
        Server::shared().port
    )
}

fn workflow(inputs: &str, outputs: &str, script: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec:
  entrypoint: main
  templates:
  - name: main
    inputs: {{artifacts: [{inputs}]}}
    outputs: {{artifacts: [{outputs}]}}
    script: {{image: busybox, command: [sh, -e], source: {}}}
",
        serde_json::Value::from(script)
    )
}

fn tar_list(path: &Path) -> String {
    let output = Command::new("tar").arg("tzf").arg(path).output().unwrap();
    assert!(output.status.success(), "{} is no tgz", path.display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn outputs_go_to_their_bucket_in_their_archive_and_come_back() {
    let (bucket, files) = Server::shared().bucket();
    // No credentials in the environment: those of the Secret count.
    let home = Environment::new();
    let outputs = [
        format!("{{name: tree, path: /tmp/tree, {}}}", place(&bucket, "a/tree.tgz")),
        format!("{{name: plain, path: /tmp/tree, archive: {{none: {{}}}}, {}}}", place(&bucket, "a/plain")),
        format!("{{name: zip, path: /tmp/tree, archive: {{zip: {{}}}}, {}}}", place(&bucket, "a/tree.zip")),
        format!("{{name: file, path: /tmp/file, archive: {{none: {{}}}}, {}}}", place(&bucket, "a/file.txt")),
        format!("{{name: absent, path: /tmp/absent, optional: true, {}}}", place(&bucket, "a/absent")),
    ];
    let script = "mkdir -p /tmp/tree/sub\necho one >/tmp/tree/one\necho two >/tmp/tree/sub/two\nln -s one /tmp/tree/link\nprintf text >/tmp/file";
    home.write("w.yaml", secret() + &workflow("", &outputs.join(", "), script));
    let output = home.run(["submit", "--local", "w.yaml"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(!output.stderr.contains(SECRET) && !output.stdout.contains(SECRET));
    let listed = tar_list(&files.join("a/tree.tgz"));
    assert!(listed.contains("tree/sub/two") && listed.contains("tree/link"), "{listed}");
    assert_eq!(fs::read_to_string(files.join("a/plain/sub/two")).unwrap(), "two\n");
    assert!(!files.join("a/plain/link").exists(), "links are left out, as by Argo");
    assert_eq!(&fs::read(files.join("a/tree.zip")).unwrap()[..2], b"PK");
    assert_eq!(fs::read_to_string(files.join("a/file.txt")).unwrap(), "text");
    assert!(!files.join("a/absent").exists());

    let inputs = [
        format!("{{name: tree, path: /in/tree, {}}}", place(&bucket, "a/tree.tgz")),
        format!("{{name: plain, path: /in/plain, {}}}", place(&bucket, "a/plain")),
        format!("{{name: zip, path: /in/zip, archive: {{zip: {{}}}}, {}}}", place(&bucket, "a/tree.zip")),
        format!("{{name: whole, path: /in/whole, archive: {{none: {{}}}}, {}}}", place(&bucket, "a/tree.tgz")),
        format!("{{name: file, path: /in/file, mode: 0o755, {}}}", place(&bucket, "a/file.txt")),
        format!("{{name: absent, path: /in/absent, optional: true, {}}}", place(&bucket, "a/absent")),
    ];
    let script = "for tree in tree plain zip; do test $(cat /in/$tree/sub/two) = two; done\ntest $(readlink /in/tree/link) = one\n\
        test $(cat /in/file) = text\ntest -x /in/file\ntest ! -e /in/absent\ntest -f /in/whole";
    home.write("w.yaml", secret() + &workflow(&inputs.join(", "), "", script));
    let output = home.run(["submit", "--local", "w.yaml", "--name", "reads"]);
    assert_eq!(output.code, Some(0), "{output:#?}");

    let missing = format!("{{name: absent, path: /in/absent, {}}}", place(&bucket, "a/absent"));
    home.write("w.yaml", secret() + &workflow(&missing, "", "true"));
    let refused = home.run(["submit", "--local", "w.yaml", "--name", "misses"]).exits(4);
    assert!(refused.stderr.contains("artifact absent failed to load: there is no object"), "{refused:#?}");
}

#[test]
fn a_key_alone_is_of_the_run_first_and_of_the_artifact_store_then() {
    let rig = Rig::new(Kind::S3);
    fs::create_dir_all(rig.files.join("given")).unwrap();
    fs::write(rig.files.join("given/table"), "from the bucket").unwrap();
    let text = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - name: read
        template: read
        arguments:
          artifacts:
          - {name: made, from: '{{steps.make.outputs.artifacts.made}}'}
          - {name: literal, s3: {key: results/made.tgz}}
          - {name: table, s3: {key: given/table}}
  - name: make
    outputs: {artifacts: [{name: made, path: /tmp/made, s3: {key: results/made.tgz}}]}
    container: {image: busybox, command: [sh, -c, 'echo made >/tmp/made']}
  - name: read
    inputs: {artifacts: [{name: made, path: /in/made}, {name: literal, path: /in/literal}, {name: table, path: /in/table}]}
    container: {image: busybox, command: [cat, /in/made, /in/literal, /in/table]}
";
    rig.write("w.yaml", text);
    let output = rig.run(["submit", "--local", "w.yaml", "--artifact-store", &rig.url]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let logs = rig.run(["logs", "--local", "w", "read"]).good();
    assert!(logs.matches("made").count() == 2 && logs.contains("from the bucket"), "{logs}");
    assert!(tar_list(&rig.files.join("results/made.tgz")).contains("made"));

    // A retry finds the store again.
    rig.write("w.yaml", &text.replace("/in/table]}", "/in/table, /none]}"));
    let _ = rig.run(["submit", "--local", "w.yaml", "--artifact-store", &rig.url, "--name", "fails"]).exits(3);
    rig.write("w.yaml", text);
    let retried = rig.run(["retry", "--local", "fails", "--file", "w.yaml"]);
    assert_eq!(retried.code, Some(0), "{retried:#?}");

    // Without a store the keys are of the run alone.
    let alone = rig.run(["submit", "--local", "w.yaml", "--name", "alone"]);
    assert_ne!(alone.code, Some(0), "{alone:#?}");
}

#[test]
fn a_run_that_goes_on_keeps_the_files_that_it_was_given() {
    let rig = Rig::new(Kind::Directory);
    let text = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    inputs: {artifacts: [{name: table}, {name: tree}]}
    steps:
    - - name: read
        template: read
        arguments: {artifacts: [{name: table, from: '{{inputs.artifacts.table}}'}, {name: tree, from: '{{inputs.artifacts.tree}}'}]}
  - name: read
    inputs: {artifacts: [{name: table, path: /in/table}, {name: tree, path: /in/tree}]}
    container: {image: busybox, command: [sh, -ec, 'cat /in/table /in/tree/leaf; EXIT']}
";
    rig.write("table.csv", "first table\n");
    rig.write("tree/leaf", "a leaf\n");
    rig.write("w.yaml", &text.replace("EXIT", "exit 1"));
    let given = ["--artifact", "table=table.csv", "--artifact", "tree=tree"];
    let _ = rig.run([&["submit", "--local", "w.yaml"][..], &given].concat()).exits(3);
    fs::remove_file(rig.path("table.csv")).unwrap();
    fs::remove_dir_all(rig.path("tree")).unwrap();

    rig.write("w.yaml", &text.replace("EXIT", "echo again"));
    let resumed = rig.run(["submit", "--local", "w.yaml", "--resume=w", "-o", "name"]).exits(0);
    let name = resumed.stdout.trim().rsplit('/').next().unwrap().to_owned();
    let logs = rig.run(["logs", "--local", &name, "read"]).good();
    assert!(logs.contains("first table") && logs.contains("a leaf") && logs.contains("again"), "{logs}");

    // What is given now takes its place.
    rig.write("other.csv", "second table\n");
    rig.write("w.yaml", &text.replace("EXIT", "echo once more"));
    let words =
        ["submit", "--local", "w.yaml", &format!("--resume={name}"), "--artifact", "table=other.csv", "-o", "name"];
    let resumed = rig.run(words).exits(0);
    let name = resumed.stdout.trim().rsplit('/').next().unwrap().to_owned();
    let logs = rig.run(["logs", "--local", &name, "read"]).good();
    assert!(logs.contains("second table") && logs.contains("a leaf"), "{logs}");
}

#[test]
fn documents_describe_the_repository() {
    let (bucket, files) = Server::shared().bucket();
    let home = Environment::new();
    let repository = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: artifact-repositories\n  annotations: \
         {{workflows.argoproj.io/default-artifact-repository: main}}\ndata:\n  main: |\n    s3:\n      endpoint: 127.0.0.1:{}\n      \
         insecure: true\n      bucket: {bucket}\n      keyFormat: x\n      accessKeySecret: {{name: keys, key: id}}\n      \
         secretKeySecret: {{name: keys, key: secret}}\n---\n",
        Server::shared().port
    );
    let outputs = "{name: out, path: /tmp/out, archive: {none: {}}, s3: {key: deep/out}}";
    let documents = secret() + &repository;
    home.write("w.yaml", documents.clone() + &workflow("", outputs, "echo kept >/tmp/out"));
    let output = home.run(["submit", "--local", "w.yaml"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(fs::read_to_string(files.join("deep/out")).unwrap(), "kept\n");

    // Its Secret is missing, and so is everything else.
    home.write("w.yaml", repository + &workflow("", outputs, "echo kept >/tmp/out"));
    let refused = home.run(["submit", "--local", "w.yaml", "--name", "x"]).exits(2);
    assert!(refused.stderr.contains("Secret \"keys\" is not among the documents"), "{refused:#?}");
}

#[test]
fn a_large_file_goes_and_comes_in_parts_and_wrong_keys_are_told() {
    let (bucket, files) = Server::shared().bucket();
    let home = Environment::new();
    let output = format!("{{name: big, path: /tmp/big, archive: {{none: {{}}}}, {}}}", place(&bucket, "big"));
    home.write(
        "w.yaml",
        secret() + &workflow("", &output, "head -c 23000000 /dev/urandom >/tmp/big\nsha256sum </tmp/big"),
    );
    let done = home.run(["submit", "--local", "w.yaml"]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(files.join("big").metadata().unwrap().len(), 23_000_000);
    let sum = home.run(["logs", "--local", "w"]).good();
    let input = format!("{{name: big, path: /in/big, {}}}", place(&bucket, "big"));
    home.write("w.yaml", secret() + &workflow(&input, "", "sha256sum </in/big"));
    let _ = home.run(["submit", "--local", "w.yaml", "--name", "reads"]).exits(0);
    assert_eq!(home.run(["logs", "--local", "reads"]).good(), sum);

    let wrong = secret().replace(SECRET, "not-the-key");
    home.write("w.yaml", wrong + &workflow(&input, "", "true"));
    let refused = home.run(["submit", "--local", "w.yaml", "--name", "wrong"]).exits(4);
    assert!(refused.stderr.contains("403") && !refused.stderr.contains("not-the-key"), "{refused:#?}");
}
