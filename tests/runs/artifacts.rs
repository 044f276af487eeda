//! Artifacts that come from elsewhere and go there: git repositories, URLs, and files of this machine.

use std::path::Path;

use serde_json::Value;
use wiremock::matchers::{basic_auth, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::environment::Environment;
use crate::support::git_server::GitServer;

/// A workflow whose only template has these inputs and outputs, and runs a script.
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
        Value::from(script)
    )
}

fn git(home: &Environment, directory: &Path, arguments: &[&str]) -> String {
    let mut command = home.other("git");
    command.args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main", "-C"]);
    home.finish(command.arg(directory).args(arguments)).good().trim().to_owned()
}

/// A repository with two commits on `main`, a tag and a branch.
fn repository(home: &Environment, name: &str) -> std::path::PathBuf {
    let path = home.path(name);
    std::fs::create_dir(&path).unwrap();
    git(home, &path, &["init", "-q"]);
    for (file, text) in [("a", "one"), ("a", "two")] {
        std::fs::write(path.join(file), text).unwrap();
        git(home, &path, &["add", "-A"]);
        git(home, &path, &["commit", "-q", "-m", text]);
        if text == "one" {
            git(home, &path, &["tag", "v1"]);
            git(home, &path, &["branch", "side"]);
        }
    }
    path
}

#[test]
fn a_repository_is_checked_out_as_argo_does() {
    let home = Environment::new();
    let source = repository(&home, "source");
    let first = git(&home, &source, &["rev-parse", "v1"]);
    for (number, (more, script)) in [
        ("", "test $(cat a) = two; test $(git log --oneline | wc -l) = 2; test $(git branch --show-current) = main"),
        ("depth: 1", "test $(cat a) = two; test $(git log --oneline | wc -l) = 1"),
        ("revision: v1", "test $(cat a) = one; git show-ref --verify -q refs/heads/side"),
        ("revision: side, depth: 1", "test $(cat a) = one"),
        (&format!("revision: {first}, depth: 1"), "test $(cat a) = one"),
        (&format!("revision: {}", &first[..8]), "test $(cat a) = one"),
        (
            "branch: side, singleBranch: true",
            "test $(cat a) = one; ! git show-ref --verify -q refs/remotes/origin/main",
        ),
        (
            "fetch: [\"refs/notes/*:refs/notes/*\"]",
            "test $(cat a) = two; test $(git config remote.origin.url) = URL; git fsck --full",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let url = format!("file://{}", source.display());
        let input = format!("{{name: code, path: /src, git: {{repo: \"{url}\", {more}}}}}");
        let script = format!(
            "cd /src\nexport HOME=/tmp\ngit config --global safe.directory '*'\n{}",
            script.replace("URL", &url)
        );
        let name = format!("w{number}.yaml");
        home.write(&name, workflow(&input, "", &script.replace("; ", "\n")));
        let output = home.run(["submit", "--local", &name, "--name", &format!("w{number}")]);
        assert_eq!(output.code, Some(0), "{more}: {output:#?}");
    }
    // One base serves all of them, and what has come is gone.
    assert_eq!(std::fs::read_dir(home.path("state/git")).unwrap().count(), 1);
    assert!(!home.run_directory("w0").join("arrived").exists());
}

#[test]
fn a_private_repository_gets_the_login_of_a_secret_and_only_what_is_new_comes() {
    let home = Environment::new();
    let source = repository(&home, "source");
    // The name and the password of the Secret below.
    let server = GitServer::start(home.directory(), Some("Basic bWU6czNjcmV0LXZhbHVl"));
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {user: me, password: s3cret-value}\n---\n";
    let input = format!(
        "{{name: code, path: /src, git: {{repo: \"{}/source/.git\", usernameSecret: {{name: login, key: user}}, \
         passwordSecret: {{name: login, key: password}}}}}}",
        server.origin
    );
    home.write("w.yaml", format!("{secret}{}", workflow(&input, "", "cat /src/a; ! grep -r s3cret /src")));
    let output = home.run(["submit", "--local", "w.yaml", "--name", "one"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(!output.stderr.contains("s3cret-value") && !output.stdout.contains("s3cret-value"));
    let before = server.sent();

    std::fs::write(source.join("a"), "three").unwrap();
    git(&home, &source, &["commit", "-q", "-a", "-m", "three"]);
    let again = home.run(["submit", "--local", "w.yaml", "--name", "two"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(home.run(["logs", "--local", "two"]).good().contains("three"));
    assert!(server.sent() > before);

    // Without the Secret the remote refuses, and the node says so.
    home.write("w.yaml", workflow(&input, "", "true"));
    let refused = home.run(["submit", "--local", "w.yaml", "--name", "three"]).exits(4);
    assert!(refused.stderr.contains("failed to load"), "{refused:#?}");
}

#[test]
fn a_submodule_comes_with_its_repository() {
    let home = Environment::new();
    let inner = repository(&home, "inner");
    let outer = repository(&home, "outer");
    let url = inner.to_str().unwrap();
    git(&home, &outer, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "lib"]);
    git(&home, &outer, &["commit", "-q", "-m", "lib"]);
    for (number, (more, script)) in
        [("", "test $(cat /src/lib/a) = two"), ("disableSubmodules: true", "test ! -e /src/lib/a")]
            .into_iter()
            .enumerate()
    {
        let input = format!("{{name: code, path: /src, git: {{repo: \"file://{}\", {more}}}}}", outer.display());
        let name = format!("w{number}");
        home.write("w.yaml", workflow(&input, "", script));
        let output = home.run(["submit", "--local", "w.yaml", "--name", &name]);
        assert_eq!(output.code, Some(0), "{output:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_gives_an_input_and_takes_an_output() {
    let server = MockServer::start().await;
    let asked = Mock::given(method("GET")).and(path("/table.csv")).and(basic_auth("me", "s3cret-value"));
    asked.respond_with(ResponseTemplate::new(200).set_body_string("a,b\n")).mount(&server).await;
    Mock::given(method("GET")).and(path("/none")).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let put = Mock::given(method("PUT")).and(path("/out.csv"));
    put.respond_with(ResponseTemplate::new(201)).mount(&server).await;

    let home = Environment::new();
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {user: me, password: s3cret-value}\n---\n";
    let url = server.uri();
    let inputs = format!(
        "{{name: table, path: /in/table.csv, mode: 0o640, http: {{url: \"{url}/table.csv\", auth: {{basicAuth: {{usernameSecret: \
         {{name: login, key: user}}, passwordSecret: {{name: login, key: password}}}}}}}}}}, \
         {{name: extra, path: /in/extra, optional: true, http: {{url: \"{url}/none\"}}}}"
    );
    let outputs =
        format!("{{name: out, path: /tmp/out.csv, archive: {{none: {{}}}}, http: {{url: \"{url}/out.csv\"}}}}");
    let script = "test ! -e /in/extra\ntest $(stat -c %a /in/table.csv) = 640\ncp /in/table.csv /tmp/out.csv\necho c >>/tmp/out.csv";
    home.write("w.yaml", format!("{secret}{}", workflow(&inputs, &outputs, script)));
    let output = home.run(["submit", "--local", "w.yaml"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let requests = server.received_requests().await.unwrap();
    let put = requests.iter().find(|request| request.method == "PUT").unwrap();
    assert_eq!(put.body, b"a,b\nc\n");
    // The run has its own copy.
    assert!(home.run(["cp", "--local", "w", "copies"]).good().contains("out"));

    let missing = workflow(&inputs.replace("optional: true, ", ""), "", "true");
    home.write("w.yaml", format!("{secret}{missing}"));
    let refused = home.run(["submit", "--local", "w.yaml", "--name", "x"]).exits(4);
    assert!(refused.stderr.contains("artifact extra failed to load") && refused.stderr.contains("404"), "{refused:#?}");
}

#[test]
fn what_cannot_be_had_here_is_refused_by_name_before_anything_runs() {
    let home = Environment::new();
    for (input, why) in [
        ("oss: {key: x, bucket: b, endpoint: e}", "artifacts of oss need a cluster"),
        (
            "artifactory: {url: \"http://h/x\", usernameSecret: {name: x, key: user}}",
            "artifacts of artifactory need a cluster",
        ),
        ("s3: {bucket: b, key: k}", "--artifact-store"),
        ("s3: {endpoint: h, bucket: b, key: k, roleARN: a}", "roleARN"),
        (
            "s3: {endpoint: h, bucket: b, key: k, accessKeySecret: {name: keys, key: id}, secretKeySecret: {name: keys, key: s}}",
            "Secret \"keys\" is not among the documents",
        ),
        ("git: {repo: \"ext::sh -c id\"}", "transport"),
        ("raw: {data: x}, archive: {tar: {compressionLevel: 12}}", "compressionLevel: expected a number from 0 to 9"),
        ("http: {url: \"ftp://h\"}", "begins with http"),
    ] {
        let input = format!("{{name: a, path: /in/a, {input}}}");
        home.write("w.yaml", workflow(&input, "", "true"));
        let refused = home.run(["submit", "--local", "w.yaml"]).exits(2);
        assert!(refused.stderr.contains(why), "{why}: {refused:#?}");
        assert!(refused.stderr.contains("w.yaml:8"), "{refused:#?}");
    }
    assert!(!home.run_directory("w").exists());
}

#[test]
fn a_file_of_this_machine_is_an_artifact_of_the_run_and_of_its_retries() {
    let home = Environment::new();
    home.write("table.csv", "first");
    std::fs::create_dir_all(home.path("tree/sub")).unwrap();
    home.write("tree/sub/file", "inside");
    let inputs = "{name: table, path: /in/table.csv}, {name: tree, path: /in/tree}";
    home.write("w.yaml", workflow(inputs, "", "cat /in/table.csv /in/tree/sub/file\ntest -e /ok"));
    let given = ["--artifact", "table=table.csv", "--artifact", "tree=tree"];
    let submit = |more: &[&str]| home.run(["submit", "--local", "w.yaml"].iter().chain(&given).chain(more));
    let failed = submit(&["--run-id", "r", "--cache-name", "c"]).exits(3);
    assert!(failed.stderr.contains("Failed"), "{failed:#?}");
    assert!(home.run(["logs", "--local", "w"]).good().contains("firstinside"));

    // The retry has what the first attempt had, whatever has become of the file.
    home.write("table.csv", "second");
    home.write("w.yaml", workflow(inputs, "", "cat /in/table.csv /in/tree/sub/file"));
    let retried = home.run(["retry", "--local", "w", "--file", "w.yaml", "--name", "again"]);
    assert_eq!(retried.code, Some(0), "{retried:#?}");
    assert!(home.run(["logs", "--local", "again"]).good().contains("firstinside"));

    let wrong = submit(&["--artifact", "tabel=table.csv"]).exits(2);
    assert!(wrong.stderr.contains("\"tabel\" is no input of template \"main\""), "{wrong:#?}");
    let absent = home.run(["submit", "--local", "w.yaml", "--artifact", "table=none"]).exits(2);
    assert!(absent.stderr.contains("none"), "{absent:#?}");
    let cluster = home.run(["submit", "w.yaml", "--artifact", "table=table.csv"]).exits(2);
    assert!(cluster.stderr.contains("--artifact-store"), "{cluster:#?}");
}

#[test]
fn pods_of_a_cluster_are_told_where_an_uploaded_file_is() {
    let home = Environment::new();
    home.write("table.csv", "first");
    home.write("w.yaml", workflow("{name: table, path: /in/table.csv}", "", "true"));
    let told = |more: &[&str]| {
        let fixed =
            ["submit", "w.yaml", "--dry-run=client", "-o", "json", "--artifact", "table=table.csv", "--artifact-store"];
        let object = home.run(fixed.iter().chain(more)).json();
        object["spec"]["arguments"]["artifacts"][0].clone()
    };
    let artifact = told(&["s3://data/team?endpoint=http://minio:9000", "--artifact-secret", "keys"]);
    assert_eq!(artifact["archive"], serde_json::json!({"none": {}}));
    let place = &artifact["s3"];
    assert_eq!(
        (&place["endpoint"], &place["insecure"], &place["bucket"]),
        (&"minio:9000".into(), &true.into(), &"data".into())
    );
    assert!(place["key"].as_str().unwrap().starts_with("team/arguments/table/"), "{artifact}");
    assert_eq!(place["secretKeySecret"], serde_json::json!({"name": "keys", "key": "SECRET_ACCESS_KEY"}));
    let artifact = told(&["s3://data"]);
    assert_eq!(
        (&artifact["s3"]["endpoint"], &artifact["s3"]["useSDKCreds"]),
        (&"s3.amazonaws.com".into(), &true.into())
    );
}
