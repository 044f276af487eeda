//! `status --local`.

use crate::support::environment::Environment;

#[test]
fn a_run_is_shown_without_its_secrets() {
    let home = Environment::new();
    let failed = home.submit("a", "echo no >&2; exit 3", &["--run-id", "r1"]);
    assert_eq!(failed.code, Some(3));
    for output in ["text", "wide"] {
        let format: &[&str] = if output == "wide" { &["-o", "wide"] } else { &[] };
        let text = home.run([&["status", "--local", "a"], format].concat()).good();
        for part in
            ["Name:       a\n", "Phase:      Failed\n", "Run ID:     r1\n", "  date: today\n", "  api_token: ***\n"]
        {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains("hunter22"), "{text}");
    }
    let object = home.run(["status", "--local", "a", "-o", "json"]).json();
    assert_eq!(object["spec"]["arguments"]["parameters"][1]["value"], "hunter22");
    let summary = &object["summary"];
    assert_eq!((&summary["phase"], &summary["isSuspended"]), (&"Failed".into(), &false.into()));
    assert_eq!((&summary["failedNodes"], &summary["successfulNodes"]), (&3.into(), &0.into()));
    assert!(summary["startTime"].is_string() && summary["completionTime"].is_string(), "{summary}");
}

#[test]
fn a_secret_item_is_masked_at_the_end_of_a_run() {
    let home = Environment::new();
    let file = home.script_file("a", "true");
    let mut workflow: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let call = &mut workflow["spec"]["templates"][0]["steps"][0][0];
    call["withItems"] = serde_json::json!(["hunter22", "other"]);
    std::fs::write(&file, workflow.to_string()).unwrap();
    for text in [home.run(["submit", "--local", "-q", &file]).good(), home.run(["status", "--local", "a"]).good()] {
        assert!(text.contains("work(0:***)") && text.contains("work(1:other)"), "{text}");
        assert!(!text.contains("hunter22"), "{text}");
    }
}

#[test]
fn nodes_are_selected_by_their_fields() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    let tree = |selector: &str| {
        let text = home.run(["status", "--local", "a", "--node-field-selector", selector]).good();
        text.lines().filter(|line| line.contains('✔')).count()
    };
    assert_eq!((tree("templateName=work"), tree("type=Pod,phase!=Succeeded"), tree("phase=Succeeded")), (1, 0, 2));
    let wrong = home.run(["status", "--local", "a", "--node-field-selector", "phrase=x"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn several_runs_are_shown_and_the_missing_one_is_told() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    home.submit("b", "true", &[]).good();
    let done = home.run(["status", "--local", "b", "absent", "a", "-o", "name"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(6), "workflow.argoproj.io/b\nworkflow.argoproj.io/a\n"));
    assert!(done.stderr.contains("no local run \"absent\""), "{}", done.stderr);
}

#[test]
fn what_is_malformed_is_told_and_hides_no_other_run() {
    let home = Environment::new();
    home.submit("good", "true", &[]).good();
    home.submit("odd", "true", &[]).good();
    let file = home.run_directory("odd").join("workflow.json");
    for (text, code) in [
        ("", 1),
        ("[]", 1),
        ("{\"spec\": 5}", 1),
        ("{\"metadata\": [], \"spec\": {\"arguments\": \"x\", \"templates\": {}}, \"status\": \"odd\"}", 0),
        ("{\"spec\": {\"suspend\": 3}, \"status\": {\"phase\": 7, \"nodes\": [1], \"finishedAt\": {}}}", 0),
        (
            "{\"status\": {\"finishedAt\": \"noon\", \"nodes\": {\"a\": 1, \"b\": {\"id\": [], \"children\": {}, \"phase\": null}}}}",
            0,
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        for format in [&[][..], &["-o", "wide"], &["-o", "json"], &["-o", "yaml"]] {
            let status = home.run([&["status", "--local", "odd"], format].concat());
            assert_eq!(status.code, Some(code), "{text} {format:?}: {status:?}");
        }
        let listed = home.run(["list", "--local"]).good();
        assert!(listed.contains("good "), "{text}: {listed}");
        for verb in [
            &["wait"][..],
            &["watch"],
            &["logs"],
            &["retry", "--plan"],
            &["retry"],
            &["stop"],
            &["suspend"],
            &["resume"],
        ] {
            let done = home.run([verb, &["--local", "odd"]].concat());
            assert!(!matches!(done.code, None | Some(101)), "{verb:?} of {text}: {done:?}");
        }
    }
}

#[test]
fn a_run_at_work_and_a_killed_one_are_told_apart() {
    let home = Environment::new();
    let mut running = home.begin("a", "echo begun; sleep 60");
    let summary = home.run(["status", "--local", "a", "-o", "json"]).json()["summary"].clone();
    assert_eq!((&summary["phase"], &summary["currentNode"]), (&"Running".into(), &"work".into()));
    running.dies();
    let summary = home.run(["status", "--local", "a", "-o", "json"]).json()["summary"].clone();
    assert_eq!((&summary["phase"], &summary["currentNode"]), (&"Killed".into(), &serde_json::Value::Null));
}

#[test]
fn values_are_printed_by_the_templates_of_kubectl() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    assert_eq!(home.submit("b", "exit 1", &[]).code, Some(3));
    let status = |format: &str| home.run(["status", "--local", "a", "-o", format]);
    assert_eq!(status("jsonpath={.metadata.name} {.status.nodes.*.phase}").good(), "a Succeeded Succeeded Succeeded");
    assert_eq!(status("custom-columns=N:.metadata.name,X:.gone").good(), "N   X\na   <none>\n");
    assert_eq!(status("go-template={{.metadata.name}}").code, Some(2));
    let list = |more: &[&str]| home.run([&["list", "--local"], more].concat()).good();
    let names = "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}";
    assert_eq!(list(&["--sort-by", ".metadata.name", "-o", names]), "a\nb\n");
    assert_eq!(list(&["--sort-by", ".status.phase", "-o", names]), "b\na\n");
    assert_eq!(
        list(&["-o", "custom-columns=P:.status.phase", "--no-headers", "--sort-by", ".metadata.name"]),
        "Succeeded\nFailed\n"
    );
    assert_eq!(list(&["--no-headers"]).lines().count(), 2);
    let waited = home.run(["wait", "--local", "a", "-o", "jsonpath={.status.phase}"]);
    assert_eq!((waited.code, waited.stdout.as_str()), (Some(0), "Succeeded"));
    assert_eq!(home.run(["list", "--local", "--watch", "-o", "jsonpath={.a}"]).code, Some(2));
}

#[test]
fn attempts_and_waits_are_said() {
    let home = Environment::new();
    assert_eq!(home.submit("a", "[ -n \"$RETRY_INDICATOR\" ]", &[]).code, Some(3));
    home.run(["retry", "--local", "a", "-q", "--name", "b"]).good();
    let shown = |run: &str| home.run(["status", "--local", run]).good();
    assert!(shown("a").contains("Attempt:    1 of 2, the last is b\n"), "{}", shown("a"));
    assert!(shown("b").contains("Attempt:    2 of 2\n") && shown("b").contains("Retry of:   a\n"), "{}", shown("b"));

    let _running = home.begin_spec(&crate::support::runs::steps(&[("approve", "")]));
    home.until("the node waits", || home.phase("approve").as_deref() == Some("Running"));
    let waits = "Waits for:  somebody who resumes node approve: kubectl runnable resume w --node-field-selector displayName=approve --local\n";
    let shown = shown("w");
    assert!(shown.contains(waits.trim_start_matches("Waits for:  ")), "{shown}");
    home.run(["resume", "--local", "w", "--node-field-selector", "displayName=approve"]).good();
}
