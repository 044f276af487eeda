//! The end of a failed run, wherever it is told: what failed, the end of its log, and commands that work as they stand.

use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::runs::steps;

/// The commands that a text names.
fn commands(text: &str) -> Vec<String> {
    let found = text.lines().filter_map(|line| line.find("kubectl runnable ").map(|at| line[at..].to_owned()));
    found.collect()
}

/// Runs a command as a shell would that finds the plugin.
fn typed(home: &Environment, command: &str) -> Output {
    let plugin = crate::support::PROGRAM;
    let script = format!("kubectl() {{ shift; '{plugin}' \"$@\"; }}; {command}");
    home.finish(home.other("sh").args(["-c", &script]))
}

const SCRIPT: &str = "seq 1 30; echo 'the $(last) word'; [ -e /fixed ] || exit 7";

#[test]
fn every_verb_ends_a_failed_run_with_the_same_screen() {
    let home = Environment::new();
    let failed = home.submit("a", SCRIPT, &[]);
    assert_eq!(failed.code, Some(3));
    assert_eq!(failed.stderr.matches("│").count(), 0, "quiet is quiet: {failed:?}");
    let [waited, watched, shown] = ["wait", "watch", "status"].map(|verb| home.run([verb, "--local", "a"]));
    for text in [&waited.stderr, &watched.stderr, &shown.stdout] {
        let at =
            text.find("✖ work Failed, exit code 7: main: Error (exit code 7)\n").unwrap_or_else(|| panic!("{text}"));
        let lines: Vec<&str> = text[at..].lines().collect();
        assert_eq!(lines[1], "  node a[0].work, template work");
        assert_eq!((lines[2], lines[11]), ("  │ 22", "  │ the $(last) word"));
        assert_eq!(
            &lines[12..],
            [
                "all of the log   kubectl runnable logs a work --local",
                "look around      kubectl runnable shell a work --local",
                "plan of a retry  kubectl runnable retry a --plan --local",
                "retry            kubectl runnable retry a --local",
                "rerun from there kubectl runnable retry a --from work --local",
            ]
        );
    }
    assert_eq!((waited.code, watched.code, shown.code), (Some(3), Some(3), Some(0)));
}

#[test]
fn the_commands_work_as_they_stand() {
    let home = Environment::new();
    let mut spec = steps(&[("work", "cat <<'end'\n{{inputs.parameters.x}}\nend\nexit 1")]);
    spec["templates"][0]["steps"][0][0] = json!({"name": "work", "template": "work", "withItems": ["it's $(id)"],
        "arguments": {"parameters": [{"name": "x", "value": "{{item}}"}]}});
    spec["templates"][1]["inputs"] = json!({"parameters": [{"name": "x"}]});
    let workflow = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": "w", "namespace": "ci"}, "spec": spec});
    home.write("w.json", workflow.to_string());
    let failed = home.run(["submit", "--local", "w.json"]);
    assert_eq!(failed.code, Some(3), "{failed:?}");
    let commands = commands(&failed.stderr);
    assert_eq!(commands.len(), 5, "{failed:?}");
    assert!(commands.iter().all(|command| command.ends_with(" --local -n ci")), "{commands:?}");
    assert_eq!(typed(&home, &commands[0]).stdout, "it's $(id)\n");
    assert_eq!(typed(&home, &format!("{} -- echo here", commands[1])).stdout, "here\n");
    let plan = typed(&home, &commands[2]);
    assert!(plan.code == Some(0) && plan.stdout.contains("attempt 2"), "{plan:?}");
    assert_eq!(typed(&home, &commands[4]).code, Some(3), "{commands:?}");
    assert_eq!(typed(&home, &format!("{} -q", commands[3].replace(" w ", " @latest "))).code, Some(3));
    assert_eq!(home.run(["list", "--local", "-n", "ci"]).good().lines().count(), 4);
}

#[test]
fn reports_and_notices_tell_the_same() {
    let home = Environment::new();
    let (junit, summary) = (home.path("junit.xml"), home.path("summary.md"));
    let file = home.script_file("a", "echo 'a ``` fence hunter22'; echo '::error::x'; exit 7");
    let reports = [format!("junit={}", junit.display()), format!("summary={}", summary.display())];
    let arguments = [
        "submit",
        "--local",
        "-q",
        &file,
        "--report",
        &reports[0],
        "--report",
        &reports[1],
        "--notify-exec",
        "cat > told",
    ];
    let failed = Output::from(home.command(arguments).env("GITHUB_ACTIONS", "true").output().unwrap());
    assert_eq!(failed.code, Some(3), "{failed:?}");
    let line = failed.stderr.lines().find(|line| line.starts_with("::error title=a%3A work::")).unwrap();
    assert!(line.contains("%0A::error::x%0Aall of the log: kubectl runnable logs a work --local"), "{line}");

    let junit = std::fs::read_to_string(junit).unwrap();
    for part in [
        "work Failed, exit code 7",
        "template work",
        "a ``` fence ***",
        "rerun from there: kubectl runnable retry a --from work",
    ] {
        assert!(junit.contains(part), "{part} is not in {junit}");
    }
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains("````text\na ``` fence ***\n::error::x\n````\n"), "{summary}");
    assert!(summary.contains("kubectl runnable retry a --local  # retry\n"), "{summary}");

    let told: Value = serde_json::from_slice(&std::fs::read(home.path("told")).unwrap()).unwrap();
    let failure = &told["failures"][0];
    assert_eq!((&failure["path"], &failure["exit_code"]), (&json!("work"), &json!("7")));
    assert_eq!(failure["log"], json!(["a ``` fence ***", "::error::x"]));
    assert_eq!(told["commands"]["retry_from"], "kubectl runnable retry a --from work --local");
}

#[test]
fn a_node_that_failed_in_a_run_that_succeeded_is_said() {
    let home = Environment::new();
    let mut spec = steps(&[("one", "exit 2"), ("two", "true")]);
    spec["templates"][0]["steps"][0][0]["continueOn"] = json!({"failed": true});
    assert_eq!(home.begin_spec(&spec).ends(), Some(0));
    let waited = home.run(["wait", "--local", "w"]);
    assert_eq!(waited.code, Some(0));
    assert_eq!(waited.stderr, "note: one Failed, exit code 2: main: Error (exit code 2), although the run Succeeded\n");
}

#[test]
fn a_killed_run_says_what_is_lost_and_how_it_goes_on() {
    let home = Environment::new();
    let mut running = home.begin("a", "echo begun; sleep 60");
    running.dies();
    let shown = home.run(["status", "--local", "a"]).good();
    assert!(shown.contains("✖ work lost: it ran when the process of the run was killed"), "{shown}");
    assert!(shown.contains("  │ begun\n"), "{shown}");
    let waited = home.run(["wait", "--local", "a"]);
    assert!(waited.stderr.contains("hint: kubectl runnable retry a --local runs again"), "{waited:?}");
}

#[test]
fn a_run_whose_nodes_wait_for_one_another_s_lock_ends_and_says_what_to_do() {
    let home = Environment::new();
    let mutex = json!({"mutexes": [{"name": "m"}]});
    let mut spec = steps(&[("work", "true")]);
    spec["templates"][0]["synchronization"] = mutex.clone();
    spec["templates"][1]["synchronization"] = mutex;
    let workflow =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec});
    home.write("w.json", workflow.to_string());
    let output = home.run(["submit", "--local", "--timeout", "60s", "w.json"]);
    assert_eq!(output.code, Some(4), "{output:?}");
    let why = "node w[0].work waits for the lock default/Mutex/m, and node w, which holds it, cannot end before w[0].work has: \
               let only one of their templates take the lock";
    assert!(output.stderr.contains(why), "{output:?}");
}

#[test]
fn a_hook_without_a_template_is_an_error_of_the_run_that_comes_to_it() {
    let home = Environment::new();
    let submit = |name: &str, phase: &str| {
        let mut spec = steps(&[("work", "true")]);
        let hook = json!({"template": "none", "expression": format!("steps['work'].status == '{phase}'")});
        spec["templates"][0]["steps"][0][0]["hooks"] = json!({"h": hook});
        let workflow =
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec});
        home.write("w.json", workflow.to_string());
        home.run(["submit", "--local", "w.json"])
    };
    let output = submit("quiet", "Error");
    assert_eq!(output.code, Some(0), "{output:?}");
    let output = submit("loud", "Succeeded");
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("template none not found"), "{output:?}");
}
