//! The handle of a local run.

use serde_json::Value;

use crate::support::environment::Environment;

#[test]
fn a_handle_finds_its_run_from_another_directory_and_home() {
    let home = Environment::new();
    let path = home.path("run.json");
    let handle = path.to_str().unwrap();
    let object = home.submit("a", "true", &["--handle", handle, "-o", "json", "--run-id", "nightly-001"]).json();
    let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["uid"], object["metadata"]["uid"]);
    assert_eq!((&written["runId"], &written["attempt"]), (&"nightly-001".into(), &1.into()));
    let other = Environment::new();
    let found = other.command(["status", handle, "-o", "name"]).current_dir(other.directory()).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "workflow.argoproj.io/a\n");
}

#[test]
fn a_handle_says_when_its_run_is_gone_or_another_one() {
    let home = Environment::new();
    let path = home.path("run.json");
    let handle = path.to_str().unwrap();
    home.submit("a", "true", &["--memoize=off", "--handle", handle]).good();
    std::fs::remove_dir_all(home.run_directory("a")).unwrap();
    let gone = home.run(["status", handle]);
    assert_eq!(gone.code, Some(6));
    assert!(gone.stderr.contains("no local run \"a\" in namespace \"default\""), "{}", gone.stderr);
    home.submit("a", "true", &[]).good();
    let other = home.run(["wait", handle]);
    assert_eq!(other.code, Some(6));
    assert!(other.stderr.contains("another run has its name"), "{}", other.stderr);
}

#[test]
fn the_manifests_of_a_run_that_is_gone_tell_how_it_ended() {
    let home = Environment::new();
    for (name, script, state, complete) in [("good", "true", "success", true), ("bad", "exit 1", "failure", false)] {
        let path = home.path(&format!("{name}.json"));
        let handle = path.to_str().unwrap();
        let _ = home.submit(name, script, &["--handle", handle]);
        let there = home.run(["status", handle, "-o", "json"]).json();
        assert_eq!(there["summary"]["state"], state, "{there:#}");
        std::fs::remove_dir_all(home.run_directory(name)).unwrap();

        let gone = home.run(["status", handle, "-o", "json"]);
        assert!(gone.stderr.contains(&format!("no local run {name:?}")), "{}", gone.stderr);
        let summary = &gone.json()["summary"];
        assert_eq!((&summary["state"], &summary["gone"]), (&state.into(), &true.into()), "{summary:#}");
        assert_eq!((&summary["is_complete"], &summary["total"]), (&complete.into(), &1.into()), "{summary:#}");
        let text = home.run(["status", handle]).good();
        assert!(text.starts_with(&format!("State: {state}\n{name}: ")), "{text}");
        let progress = home.run(["progress", handle, "-o", "json"]).json();
        assert_eq!(progress["is_complete"], complete, "{progress:#}");
        for verb in ["stop", "terminate", "wait", "logs"] {
            assert_eq!(home.run([verb, handle]).code, Some(6), "{verb}");
        }
    }
}

#[test]
fn a_handle_of_the_first_version_is_read() {
    let home = Environment::new();
    let path = home.path("run.json");
    let handle = path.to_str().unwrap();
    home.submit("a", "true", &["--handle", handle]).good();
    let mut written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&written["version"], &written["cacheStore"]["type"]), (&2.into(), &"directory".into()));
    let fields = written.as_object_mut().unwrap();
    fields.remove("nodes");
    fields.insert("version".to_owned(), 1.into());
    std::fs::write(&path, written.to_string()).unwrap();
    let mixed = home.run(["status", handle]);
    assert_eq!(mixed.code, Some(2), "{}", mixed.stderr);
    assert!(mixed.stderr.contains("unknown field `cacheStore` in version 1"), "{}", mixed.stderr);
    written.as_object_mut().unwrap().remove("cacheStore");
    std::fs::write(&path, written.to_string()).unwrap();
    assert_eq!(home.run(["status", handle, "-o", "name"]).good(), "workflow.argoproj.io/a\n");
    let refused = home.run(["progress", handle, "--store", home.path("state").to_str().unwrap(), "-o", "json"]).json();
    assert_eq!(refused["is_complete"], true, "the run itself is there and tells of its calls: {refused:#}");
}

#[test]
fn what_is_no_handle_is_refused() {
    let home = Environment::new();
    let path = home.path("run.json");
    let handle = path.to_str().unwrap();
    let missing = home.run(["status", handle]);
    assert_eq!(missing.code, Some(6), "{}", missing.stderr);
    home.submit("a", "true", &["--handle", handle]).good();
    let text = std::fs::read_to_string(&path).unwrap();
    for (wrong, why) in [
        (
            text.replace("\"version\": 2", "\"version\": 7"),
            "run handle has version 7: this tool supports versions 1 and 2",
        ),
        (text.replace("\"attempt\"", "\"more\": 1,\n  \"attempt\""), "unknown field `more`"),
        (text[..text.len() / 2].to_owned(), "not a run handle"),
    ] {
        std::fs::write(&path, wrong).unwrap();
        let refused = home.run(["status", handle]);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[test]
fn the_object_that_was_printed_finds_its_run() {
    let home = Environment::new();
    for format in ["json", "yaml"] {
        let printed = home.submit(format, "true", &["-o", format]).good();
        let file = home.write(&format!("run.{format}"), &printed);
        for file in [file.as_str(), &format!("run.{format}")] {
            let found = home.run(["status", file, "-o", "name"]);
            assert_eq!(found.good(), format!("workflow.argoproj.io/{format}\n"));
        }
    }
}

#[test]
fn a_handle_that_could_not_be_used_later_keeps_the_run_from_being_made() {
    let home = Environment::new();
    for (handle, why) in [
        ("/absent/run.json", "--handle: cannot write /absent/run.json: /absent: No such file or directory"),
        (home.directory().to_str().unwrap(), "it is a directory, expected a file"),
        ("run", "other commands would take it for the name of a run; expected a path such as ./run or run.json"),
    ] {
        let refused = home.submit("a", "true", &["--handle", handle]);
        assert_eq!((refused.code, home.run_directory("a").exists()), (Some(2), false), "{refused:?}");
        assert!(refused.stderr.contains(why), "{refused:?}");
    }
}

#[test]
fn a_handle_needs_one_run() {
    let home = Environment::new();
    let path = home.path("run.json");
    let handle = path.to_str().unwrap();
    let file = home.script_file("b", "true");
    let two = home.submit("a", "true", &["--handle", handle, &file]);
    assert_eq!((two.code, path.exists()), (Some(2), false), "{}", two.stderr);
    let dry = home.submit("a", "true", &["--handle", handle, "--dry-run=client"]);
    assert_eq!((dry.code, path.exists()), (Some(2), false), "{}", dry.stderr);
}

#[test]
fn latest_is_the_run_that_was_created_last() {
    let home = Environment::new();
    assert_eq!(home.run(["status", "--local", "@latest"]).code, Some(6));
    home.submit("b", "true", &[]).good();
    home.submit("a", "true", &[]).good();
    assert_eq!(home.run(["status", "--local", "@latest", "-o", "name"]).good(), "workflow.argoproj.io/a\n");
    assert_eq!(home.run(["status", "--local", "-n", "other", "@latest"]).code, Some(6));
}

#[test]
fn a_run_may_be_named_as_o_name_prints_it() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    let name = home.run(["status", "--local", "@latest", "-o", "name"]).good();
    for name in [name.trim(), "workflow/a", "wf/a"] {
        assert_eq!(home.run(["wait", "--local", name]).code, Some(0), "{name}");
    }
    assert_eq!(home.run(["wait", "--local", "wf/other"]).code, Some(6));
    let file = home.script_file("b", "true");
    let refused = home.run(["submit", "--local", &file, "--handle", "wf/b"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}
