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
