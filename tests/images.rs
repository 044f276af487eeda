//! Local runs whose containers run in their images, by podman. Its storage is one of the test's own, with an image made of the
//! static busybox of this machine. Without podman or busybox the tests fail and say so.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::process::{lives, signal};
use crate::support::wait::wait_until;

/// A storage with the image `localhost/bb:1`, and `localhost/bb:2` of another content.
struct Images {
    arguments: Vec<String>,
}

const PROGRAMS: [&str; 12] = ["sh", "cat", "ls", "sleep", "echo", "true", "id", "env", "mkdir", "pwd", "test", "head"];

fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is missing: apt-get install podman busybox-static"))
}

impl Images {
    fn shared() -> &'static Self {
        static IMAGES: OnceLock<Images> = OnceLock::new();
        IMAGES.get_or_init(Self::make)
    }

    fn make() -> Self {
        let (podman, busybox) = (found("podman"), found("busybox"));
        let directory = tempfile::Builder::new().prefix("runnable-images-").tempdir().unwrap().keep();
        let root = directory.join("image");
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::create_dir(root.join("tmp")).unwrap();
        std::fs::set_permissions(root.join("tmp"), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
        std::fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for program in PROGRAMS {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(program)).unwrap();
        }
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let arguments = vec![
            format!("--root={}", path("root")),
            format!("--runroot={}", path("runroot")),
            "--storage-driver=vfs".to_owned(),
            "--cgroup-manager=cgroupfs".to_owned(),
            "--runtime=runc".to_owned(),
        ];
        let images = Self { arguments };
        for (tag, text) in [("1", "one"), ("2", "two")] {
            std::fs::write(root.join("marker"), text).unwrap();
            images.import(&podman, &root, tag);
        }
        images
    }

    fn import(&self, podman: &Path, root: &Path, tag: &str) {
        let mut tar = Command::new("tar").arg("-C").arg(root).args(["-c", "."]).stdout(Stdio::piped()).spawn().unwrap();
        let mut import = Command::new(podman);
        import.args(&self.arguments).args(["import", "--change", "ENTRYPOINT [\"/bin/echo\",\"from the image\"]"]);
        import.args(["--change", "ENV OF_IMAGE=yes", "--change", "WORKDIR /tmp", "-", &format!("localhost/bb:{tag}")]);
        let output = import.stdin(tar.stdout.take().unwrap()).output().unwrap();
        assert!(tar.wait().unwrap().success() && output.status.success(), "{output:?}");
    }

    /// What podman says.
    fn podman(&self, words: &[&str]) -> String {
        let output = Command::new(found("podman")).args(&self.arguments).args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether there is a container of a run in this home.
    fn has_container_of(&self, home: &Environment) -> bool {
        self.podman(&["ps", "-a", "--format", "{{.Labels}}"]).contains(home.directory().to_str().unwrap())
    }

    /// Removes the containers of a run in this home that was killed.
    fn remove_containers_of(&self, home: &Environment) {
        let home = home.directory().to_str().unwrap();
        let listed = self.podman(&["ps", "-a", "--format", "{{.ID}} {{.Labels}}"]);
        for (id, _) in
            listed.lines().filter_map(|line| line.split_once(' ')).filter(|(_, labels)| labels.contains(home))
        {
            self.podman(&["rm", "--force", id]);
        }
    }

    /// `submit --local --runtime podman FILE MORE`.
    fn submit(&self, home: &Environment, file: &str, more: &[&str]) -> Command {
        let own = self.arguments.iter().map(|argument| format!("--runtime-arg={argument}"));
        let of_containers =
            ["--runtime-arg=run:--ulimit=nofile=1000:1000", "--runtime-arg=run:--ulimit=nproc=4096:4096"];
        let words = ["submit", "--local", file, "--runtime", "podman"].into_iter().map(str::to_owned).chain(own);
        home.command(words.chain(of_containers.into_iter().chain(more.iter().copied()).map(str::to_owned)))
    }

    /// The same in the background.
    fn start(&self, home: &Environment, file: &str, more: &[&str]) -> Child {
        self.submit(home, file, more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn run(&self, home: &Environment, file: &str, more: &[&str]) -> crate::support::output::Output {
        home.finish(&mut self.submit(home, file, more))
    }
}

fn node<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    nodes.values().find(|node| node["displayName"] == name).unwrap_or_else(|| panic!("no node {name}"))
}

fn workflow(templates: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: w}}\nspec:\n  entrypoint: main\n  templates:\n{templates}"
    )
}

#[test]
fn a_template_runs_in_its_image_with_its_files_and_variables() {
    let images = Images::shared();
    let home = Environment::new();
    let text = workflow(
        r#"  - name: main
    steps:
    - - {name: make, template: make}
      - {name: plain, template: plain}
    - - name: read
        template: read
        arguments:
          parameters: [{name: word, value: '{{steps.make.outputs.parameters.word}}'}]
          artifacts: [{name: tree, from: '{{steps.make.outputs.artifacts.tree}}'}]
  - name: plain
    container: {image: localhost/bb:1, args: [and an argument]}
  - name: make
    initContainers:
    - {name: first, image: localhost/bb:1, command: [sh, -c, 'echo prepared >/work/first'], volumeMounts: [{name: work, mountPath: /work}]}
    volumes: [{name: work, emptyDir: {}}]
    script:
      image: localhost/bb:1
      command: [sh]
      env: [{name: GIVEN, value: a b}]
      securityContext: {runAsUser: 1234, runAsGroup: 5678}
      volumeMounts: [{name: work, mountPath: /work}]
      source: |
        set -e
        test $(cat /marker) = one; test $OF_IMAGE = yes; test "$GIVEN" = 'a b'; test $(pwd) = /tmp
        test $(id -u) = 1234; test $(id -g) = 5678; test $(cat /work/first) = prepared
        mkdir -p /tmp/tree/sub; echo inside >/tmp/tree/sub/file; echo w >/tmp/word; echo result
    outputs:
      parameters: [{name: word, valueFrom: {path: /tmp/word}}]
      artifacts: [{name: tree, path: /tmp/tree}, {name: absent, path: /none, optional: true}]
  - name: read
    inputs: {parameters: [{name: word}], artifacts: [{name: tree, path: /in/tree}]}
    container: {image: localhost/bb:1, command: [sh, -ec], args: ['test $(cat /in/tree/sub/file) = inside; test {{inputs.parameters.word}} = w']}
"#,
    );
    home.write("w.yaml", text);
    let output = images.run(&home, "w.yaml", &["-o", "json"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let done = output.json();
    assert_eq!(node(&done, "make")["outputs"]["parameters"][0]["value"], "w");
    assert_eq!(node(&done, "read")["phase"], "Succeeded");
    assert!(home.run(["logs", "--local", "w", "plain"]).good().contains("from the image and an argument"));
    assert!(!images.has_container_of(&home), "no container is left");
    assert!(
        !home
            .run_directory("w")
            .join("nodes")
            .read_dir()
            .unwrap()
            .flatten()
            .any(|node| node.path().join("stage").exists())
    );
}

#[test]
fn failures_are_argos() {
    let images = Images::shared();
    let home = Environment::new();
    for (number, (container, exit, message)) in [
        ("command: [sh, -c, 'exit 3']", 3, "main: Error (exit code 3)"),
        ("command: [nothing-of-this-name]", 3, "main: Error (exit code 64)"),
    ]
    .into_iter()
    .enumerate()
    {
        home.write(
            "w.yaml",
            workflow(&format!("  - name: main\n    container: {{image: localhost/bb:1, {container}}}\n")),
        );
        let name = format!("w{number}");
        let output = images.run(&home, "w.yaml", &["--name", &name, "-o", "json"]);
        assert_eq!(output.code, Some(exit), "{output:#?}");
        let done: Value = serde_json::from_str(&output.stdout).unwrap();
        assert!(node(&done, &name)["message"].as_str().unwrap().starts_with(message), "{done:#}");
    }
}

#[test]
fn what_is_missing_or_not_supported_is_refused_before_anything_starts() {
    let images = Images::shared();
    let home = Environment::new();
    let refused = |container: &str, why: &str| {
        home.write("w.yaml", workflow(&format!("  - name: main\n{container}")));
        let output = images.run(&home, "w.yaml", &[]).exits(2);
        assert!(output.stderr.contains(why), "{output:#?}");
    };
    refused(
        "    container: {image: 'localhost/none:1', imagePullPolicy: Never, command: [x]}\n",
        "image \"localhost/none:1\" cannot be had",
    );
    refused(
        "    daemon: true\n    container: {image: localhost/bb:1, command: [x]}\n",
        "daemon does not go with --runtime",
    );
    let set = "    containerSet: {containers: [{name: main, image: localhost/bb:1, command: [x]}]}\n";
    refused(set, "containerSet does not go with --runtime");

    home.write("w.yaml", workflow("  - name: main\n    container: {image: localhost/bb:1, command: [x]}\n"));
    let mut without = home.command(["submit", "--local", "w.yaml", "--runtime", "podman"]);
    let output = home.finish(without.env("PATH", "/nonexistent")).exits(2);
    assert!(output.stderr.contains("podman is not on the PATH"), "{output:#?}");
    assert!(!home.run_directory("w").exists());
}

#[test]
fn a_kill_and_a_timeout_end_containers_and_sidecars_end_with_their_main() {
    let images = Images::shared();
    let home = Environment::new();
    home.write(
        "w.yaml",
        workflow("  - name: main\n    timeout: 2s\n    container: {image: localhost/bb:1, command: [sh, -c, 'trap \"echo told; exit 7\" TERM; echo begun; while true; do sleep 0.1; done']}\n"),
    );
    let output = images.run(&home, "w.yaml", &[]).exits(3);
    assert!(output.stderr.contains("longer than the specified deadline"), "{output:#?}");
    let logs = home.run(["logs", "--local", "w"]).good();
    assert!(logs.contains("begun") && logs.contains("told"), "{logs}");

    let with_sidecar = workflow(
        "  - name: main\n    sidecars: [{name: beside, image: localhost/bb:1, command: [sleep, '1000']}]\n    container: {image: localhost/bb:1, command: ['true']}\n",
    );
    home.write("w.yaml", with_sidecar);
    let mut running = images.start(&home, "w.yaml", &["--name", "x"]);
    wait_until("the end of the run", || running.try_wait().unwrap().is_some());
    assert!(running.wait().unwrap().success());
    assert!(!images.has_container_of(&home));
}

#[test]
fn an_entry_is_for_its_own_runtime_and_image() {
    let images = Images::shared();
    let home = Environment::new();
    let text = "  - name: main\n    steps:\n    - - {name: once, template: once}\n    - - {name: last, template: last}\n  - name: once\n    container: {image: 'localhost/bb:1', command: [sh, -c, 'echo made']}\n  - name: last\n    container: {image: 'localhost/bb:1', command: [sh, -c, 'exit 1']}\n";
    home.write("w.yaml", workflow(text));
    let same = ["--run-id", "r", "--cache-name", "c", "-o", "json"];
    let hit = |output: crate::support::output::Output| {
        let done: Value = serde_json::from_str(&output.exits(3).stdout).unwrap();
        node(&done, "once")["memoizationStatus"]["hit"] == true
    };
    let named = |name: &'static str, more: &[&'static str]| {
        let words: Vec<&str> = same.iter().copied().chain(["--name", name]).chain(more.iter().copied()).collect();
        words
    };
    // Made by programs of this machine.
    assert!(!hit(home.run(["submit", "--local", "w.yaml"].into_iter().chain(named("a", &[])))));
    let output = images.run(&home, "w.yaml", &named("b", &[]));
    assert!(output.stderr.contains("ignored: it was made by programs of a machine"), "{output:#?}");
    assert!(!hit(output));
    // Now it is of the image.
    let manifest = home.path("state/cache/c");
    assert!(manifest.exists());
    assert!(hit(images.run(&home, "w.yaml", &named("c", &[]))));
    assert!(!hit(home.run(["submit", "--local", "w.yaml"].into_iter().chain(named("d", &[])))));
    assert!(hit(images.run(&home, "w.yaml", &named("e", &["--accept-runtime", "any"]))));
}

#[test]
fn an_entry_of_another_image_is_a_miss_that_says_so_once() {
    let images = Images::shared();
    let home = Environment::new();
    // A name that moves from one image to another, as `latest` does: the key stays, the digest does not.
    let text = "  - name: main\n    steps:\n    - - {name: once, template: once}\n    - - {name: last, template: last}\n  - name: once\n    container: {image: 'localhost/moves:1', command: [cat, /marker]}\n  - name: last\n    container: {image: 'localhost/moves:1', command: [sh, -c, 'exit 1']}\n";
    home.write("w.yaml", workflow(text));
    let run = |name: &str, more: &[&str]| {
        let words = [&["--run-id", "r", "--cache-name", "c", "-o", "json", "--name", name][..], more].concat();
        images.run(&home, "w.yaml", &words)
    };
    let hit = |output: &crate::support::output::Output| {
        let done: Value = serde_json::from_str(&output.stdout).unwrap();
        node(&done, "once")["memoizationStatus"]["hit"] == true
    };
    images.podman(&["tag", "localhost/bb:1", "localhost/moves:1"]);
    assert!(!hit(&run("a", &[])));
    let same = run("b", &[]);
    assert!(hit(&same) && !same.stderr.contains("is ignored"), "{same:#?}");

    images.podman(&["tag", "localhost/bb:2", "localhost/moves:1"]);
    let any = run("c", &["--accept-runtime", "any"]);
    assert!(hit(&any), "{any:#?}");
    let other = run("d", &[]);
    assert!(!hit(&other));
    assert_eq!(other.stderr.matches("ignored: it was made by podman in sha256:").count(), 1, "{other:#?}");
    assert!(home.run(["logs", "--local", "d", "once"]).good().contains("two"));
    // Now it is of the second image.
    assert!(hit(&run("e", &[])));
    images.podman(&["tag", "localhost/bb:1", "localhost/moves:1"]);
    assert!(!hit(&run("f", &[])));
}

#[test]
fn an_entry_that_a_killed_run_owes_is_made_for_its_image() {
    let images = Images::shared();
    let home = Environment::new();
    let text = "  - name: main\n    steps:\n    - - {name: once, template: once}\n    - - {name: last, template: last}\n  - name: once\n    container: {image: localhost/bb:1, command: [cat, /marker]}\n  - name: last\n    container: {image: localhost/bb:1, command: [sh, -c, 'test -n \"$RUNNABLE_RETRY_RUN_ID\" || sleep 600']}\n";
    home.write("w.yaml", workflow(text));
    let journal = home.run_directory("w").join("journal.jsonl");
    let mut running = images.start(&home, "w.yaml", &["--cache-name", "c"]);
    let is_made = || std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("{\"made\""));
    wait_until("the entry is made", is_made);
    signal(&running, rustix::process::Signal::KILL);
    running.wait().unwrap();
    images.remove_containers_of(&home);
    // As if it had been killed before.
    std::fs::remove_dir_all(home.path("state/cache")).unwrap();
    let lines = std::fs::read_to_string(&journal).unwrap();
    let left: String =
        lines.lines().filter(|line| !line.starts_with("{\"made\"")).flat_map(|line| [line, "\n"]).collect();
    std::fs::write(&journal, left).unwrap();

    let retried = home.run(["retry", "--local", "w", "-o", "json"]).exits(0);
    assert!(retried.stderr.contains("attempt 2") && !retried.stderr.contains("ignored"), "{retried:#?}");
    let once = &retried.json();
    let status = &node(once, "once")["memoizationStatus"];
    assert_eq!(status["hit"], true, "{once:#}");
    let key = status["key"].as_str().unwrap();
    let manifest = std::fs::read_to_string(home.path("state/cache/c").join(key).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let id = images.podman(&["image", "inspect", "--format", "{{.Id}}", "localhost/bb:1"]);
    let expected = format!("sha256:{}", id.trim().trim_start_matches("sha256:"));
    assert_eq!(manifest["runtime"], serde_json::json!({"name": "podman", "images": [expected]}));
}

/// A registry that takes connections and never answers.
fn silent_registry() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().map(Box::new).for_each(std::mem::forget));
    port
}

#[test]
fn a_signal_is_heard_while_an_image_is_fetched() {
    let images = Images::shared();
    let home = Environment::new();
    // Before the run starts, and of a node whose image only the run knows.
    let known = |image: &str| workflow(&format!("  - name: main\n    container: {{image: '{image}', command: [x]}}\n"));
    let found_out = |image: &str| {
        workflow(&format!(
            "  - name: main\n    steps:\n    - - {{name: a, template: a}}\n    - - {{name: b, template: b, arguments: {{parameters: [{{name: i, value: '{{{{steps.a.outputs.result}}}}'}}]}}}}\n  - name: a\n    script: {{image: localhost/bb:1, command: [sh], source: 'echo {image}'}}\n  - name: b\n    inputs: {{parameters: [{{name: i}}]}}\n    container: {{image: '{{{{inputs.parameters.i}}}}', command: [x]}}\n"
        ))
    };
    for (name, text, more) in [("known", true, &[][..]), ("found", false, &[]), ("off", false, &["--memoize=off"])] {
        let image = format!("localhost:{}/slow:1", silent_registry());
        home.write("w.yaml", if text { known(&image) } else { found_out(&image) });
        let words = [&["--name", name][..], more].concat();
        let mut running = images.start(&home, "w.yaml", &words);
        wait_until("the image is being fetched", || lives(&image));
        signal(&running, rustix::process::Signal::TERM);
        wait_until("the end of the run", || running.try_wait().unwrap().is_some());
        if name != "known" {
            assert!(!lives(&image), "{name}: nothing is left behind");
            assert_eq!(running.wait().unwrap().code(), Some(130), "{name}");
        }
    }
}

#[test]
fn a_link_that_a_task_leaves_leads_no_output_to_this_machine() {
    let images = Images::shared();
    let home = Environment::new();
    let host = home.path("host");
    std::fs::create_dir(&host).unwrap();
    let templates = r"  - name: main
    script:
      image: localhost/bb:1
      command: [sh]
      source: |
        mkdir -p /tmp/a HOST && echo inside >HOST/x && ln -s HOST /tmp/a/l
    outputs:
      artifacts: [{name: a, path: /tmp/a}, {name: b, path: /tmp/a/l/x, optional: true}, {name: c, path: /tmp/../../../host/x, optional: true}]
";
    home.write("w.yaml", workflow(&templates.replace("HOST", host.to_str().unwrap())));
    let output = images.run(&home, "w.yaml", &["-o", "json", "--no-check"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(host.read_dir().unwrap().count(), 0, "an output came to this machine");
}

#[test]
fn an_artifact_that_is_a_link_is_not_mounted() {
    let images = Images::shared();
    let home = Environment::new();
    let templates = r"  - name: main
    steps:
    - - {name: make, template: make}
    - - name: read
        template: read
        arguments: {artifacts: [{name: in, from: '{{steps.make.outputs.artifacts.out}}'}]}
  - name: make
    container: {image: localhost/bb:1, command: [sh, -c, 'mkdir /tmp/d && ln -s /etc /tmp/d/only']}
    outputs: {artifacts: [{name: out, path: /tmp/d/only}]}
  - name: read
    inputs: {artifacts: [{name: in, path: /in}]}
    container: {image: localhost/bb:1, command: [sh, -c, 'ls /in; test ! -e /in/passwd']}
";
    home.write("w.yaml", workflow(templates));
    let output = images.run(&home, "w.yaml", &["-o", "json"]);
    assert!(!output.stdout.contains("passwd: "), "{output:#?}");
    let log = home.run(["logs", "--local", "w"]).stdout;
    assert!(!log.contains("passwd"), "{log}");
}

#[test]
fn the_author_of_a_document_chooses_no_runtime_and_a_run_that_goes_on_keeps_its_own() {
    let images = Images::shared();
    let home = Environment::new();
    let said = r#"{name: w, annotations: {kubectl-runnable/runtime: '{"program":"podman","of_containers":["--privileged"]}'}}"#;
    let on_host =
        workflow("  - name: main\n    container: {image: localhost/bb:1, command: [sh, -c, 'test ! -e /marker']}\n");
    home.write("w.yaml", on_host.replace("{name: w}", said));
    let run = home.run(["submit", "--local", "w.yaml", "--name", "host", "-o", "json"]).exits(0).json();
    assert!(run["metadata"]["annotations"]["kubectl-runnable/runtime"].is_null(), "{run:#}");

    let in_image = "  - name: main\n    steps:\n    - - {name: one, template: one}\n    - - {name: two, template: two}\n  \
                    - name: one\n    container: {image: localhost/bb:1, command: [cat, /marker]}\n  \
                    - name: two\n    container: {image: localhost/bb:1, command: [sh, -c, 'test -n \"$RUNNABLE_RETRY_RUN_ID\"']}\n";
    home.write("i.yaml", workflow(in_image));
    assert_eq!(images.run(&home, "i.yaml", &["--name", "image"]).code, Some(3));
    let resumed = home.run(["submit", "--local", "i.yaml", "--resume=image", "-o", "json"]).exits(0);
    assert!(resumed.stderr.contains("1 of 3 nodes are taken over"), "{resumed:#?}");
    assert_eq!(node(&resumed.json(), "one")["memoizationStatus"]["hit"], true);
    let on_host = ["submit", "--local", "i.yaml", "--resume=image", "--runtime", "host", "-o", "json"];
    let on_host = home.run(on_host).exits(3);
    assert!(on_host.stderr.contains("0 of 3 nodes are taken over"), "{on_host:#?}");
}
