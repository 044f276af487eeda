use std::fs;
use std::path::{Path, PathBuf};

use kubectl_runnable::testing::local::executor::Executor;
use kubectl_runnable::testing::local::kill::Kill;
use kubectl_runnable::testing::local::view::View;

use crate::rig::{Rig, all_views, mount, result_of, sh, task};

#[test]
fn the_exit_code_is_that_of_the_program() {
    for view in all_views() {
        let rig = Rig::new(view);
        for code in [0, 1, 42, 255] {
            let outcome = rig.run(task("a", &format!("exit {code}")));
            assert_eq!((outcome.exit_code, outcome.error), (Some(code), None), "{:?}", rig.view);
        }
    }
}

#[test]
fn a_signal_is_128_and_its_number() {
    for view in all_views() {
        let rig = Rig::new(view);
        assert_eq!(rig.run(task("a", "kill -KILL $$")).exit_code, Some(137), "{:?}", rig.view);
        assert_eq!(rig.run(task("a", "kill -SEGV $$")).exit_code, Some(139), "{:?}", rig.view);
    }
}

#[test]
fn a_program_that_does_not_exist_fails_with_its_name() {
    for view in all_views() {
        let rig = Rig::new(view);
        for program in ["no-such-program", "/no/such/program"] {
            let mut missing = task("a", "");
            missing.template = "greet".to_owned();
            missing.main[0].command = vec![program.to_owned()];
            let outcome = rig.run(missing);
            assert_eq!(outcome.exit_code, Some(64));
            let error = outcome.error.unwrap();
            assert!(error.starts_with(&format!("program {program:?} not found")), "{:?}", rig.view);
            assert!(error.contains("image \"busybox\"") && error.contains("template \"greet\""), "{error}");
        }
    }
}

#[test]
fn a_program_is_looked_up_on_the_path_of_the_process() {
    let rig = Rig::best();
    let mut own_path = task("a", "");
    own_path.input_artifacts = vec![crate::rig::raw("/tools/greet", "#!/bin/sh\necho hi from $0\n", Some(0o755))];
    own_path.main[0].command = vec!["greet".to_owned()];
    own_path.main[0].env = vec![("PATH".to_owned(), "/nowhere:/tools:/usr/bin:/bin".to_owned())];
    assert_eq!(result_of(&rig.run(own_path)), "hi from /tools/greet");
}

#[test]
fn a_script_runs_from_its_staging_path_with_arguments_before_it() {
    for view in all_views() {
        let rig = Rig::new(view);
        let mut script = task("a", "");
        script.main[0].command = vec!["sh".to_owned(), "-e".to_owned()];
        script.main[0].script = Some("echo one\nfalse\necho two\n".to_owned());
        let outcome = rig.run(script);
        assert_eq!((outcome.exit_code, result_of(&outcome)), (Some(1), "one"), "{:?}", rig.view);
    }
}

#[test]
fn a_working_directory_is_made_when_missing() {
    for view in all_views() {
        let rig = Rig::new(view);
        let mut deep = task("a", "pwd");
        deep.main[0].working_directory = Some(PathBuf::from("not/yet/there"));
        assert!(result_of(&rig.run(deep)).ends_with("/not/yet/there"), "{:?}", rig.view);
    }
}

#[test]
fn the_log_holds_both_streams_as_they_came_and_the_result_only_standard_output() {
    for view in all_views() {
        let rig = Rig::new(view);
        let outcome = rig.run(task("a", "echo out; sleep 0.05; echo err >&2; sleep 0.05; printf 'x\\n\\n'"));
        assert_eq!(rig.log("a", "main"), "out\nerr\nx\n\n");
        assert_eq!(result_of(&outcome), "out\nx\n");
    }
}

#[test]
fn a_result_that_is_not_asked_for_is_not_kept() {
    let rig = Rig::best();
    let mut quiet = task("a", "echo out");
    quiet.capture_result = false;
    assert_eq!(rig.run(quiet).result, None);
    assert_eq!(rig.log("a", "main"), "out\n");
}

#[test]
fn a_log_may_hold_any_bytes() {
    let rig = Rig::best();
    let outcome = rig.run(task("a", r"printf '\377\000\001end'"));
    assert_eq!(fs::read(rig.path("nodes/a/main.log")).unwrap(), b"\xff\x00\x01end");
    assert_eq!(result_of(&outcome), "\u{fffd}\0\u{1}end");
}

#[test]
fn a_flood_of_output_is_all_in_the_log_and_its_end_in_the_result() {
    let rig = Rig::best();
    let outcome = rig.run(task("a", "head -c 20000000 /dev/zero | tr '\\0' x; echo end"));
    assert_eq!(fs::metadata(rig.path("nodes/a/main.log")).unwrap().len(), 20_000_004);
    assert_eq!(result_of(&outcome).len(), 256 * 1024);
    assert!(result_of(&outcome).ends_with("xend"));
}

#[test]
fn init_processes_run_in_order_before_the_main_one() {
    for view in all_views() {
        let rig = Rig::new(view);
        let mut ordered = task("a", "cat order");
        ordered.init = vec![sh("first", "sleep 0.1; echo 1 >> order"), sh("second", "echo 2 >> order")];
        assert_eq!(result_of(&rig.run(ordered)), "1\n2", "{:?}", rig.view);
    }
}

#[test]
fn a_failing_init_process_keeps_the_others_from_starting() {
    let rig = Rig::best();
    let mut failing = task("a", "echo never");
    failing.init = vec![sh("prepare", "exit 3"), sh("later", "true")];
    let outcome = rig.run(failing);
    let failed = outcome.failed.map(|failed| (failed.name, failed.exit_code));
    assert_eq!((failed, outcome.exit_code, outcome.error), (Some(("prepare".to_owned(), 3)), None, None));
    assert_eq!(rig.log("a", "main"), "");
}

#[test]
fn processes_of_a_set_wait_for_those_they_depend_on() {
    for view in all_views() {
        let rig = Rig::new(view);
        let mut set = task("a", "");
        let mut last = sh("main", "cat order");
        last.dependencies = vec!["a".to_owned(), "b".to_owned()];
        let mut second = sh("b", "echo b >> order");
        second.dependencies = vec!["a".to_owned()];
        set.main = vec![last, second, sh("a", "sleep 0.1; echo a >> order")];
        let outcome = rig.run(set);
        assert_eq!(result_of(&outcome), "a\nb", "{:?}", rig.view);
        assert_eq!(outcome.containers.into_values().collect::<Vec<_>>(), [Some(0), Some(0), Some(0)]);
    }
}

#[test]
fn a_failed_dependency_keeps_its_dependents_from_starting_but_not_the_others() {
    let rig = Rig::best();
    let mut set = task("a", "");
    let mut dependent = sh("dependent", "true");
    dependent.dependencies = vec!["bad".to_owned()];
    set.main = vec![sh("bad", "exit 7"), dependent, sh("free", "sleep 0.1")];
    let outcome = rig.run(set);
    let code = |name: &str| outcome.containers[name];
    assert_eq!([code("bad"), code("dependent"), code("free")], [Some(7), None, Some(0)]);
    assert_eq!(outcome.exit_code, Some(7));
}

#[test]
fn each_process_has_its_own_log() {
    let rig = Rig::best();
    let mut set = task("a", "");
    set.main = vec![sh("one", "echo 1"), sh("two", "echo 2")];
    set.init = vec![sh("prepare", "echo 0")];
    assert_eq!(rig.run(set).error, None);
    let logs = ["prepare", "one", "two"].map(|name| rig.log("a", name));
    assert_eq!(logs, ["0\n", "1\n", "2\n"]);
}

#[test]
fn a_host_that_allows_no_view_is_told_with_its_reasons() {
    let scratch = tempfile::tempdir().unwrap();
    let view = View::detect(Path::new("/bin/false"), scratch.path());
    assert!(
        matches!(&view, View::Plain(reason) if reason.contains("overlay: ") && reason.contains("bind: ")),
        "{view:?}"
    );
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn without_a_view_a_volume_is_an_error() {
    let rig = Rig::new(View::Plain("asked for".to_owned()));
    let mut mounting = task("a", "true");
    mounting.mounts = vec![mount(rig.path("volume"), "/work", false)];
    let error = rig.run(mounting).error;
    assert!(error.is_some_and(|error| error.starts_with("cannot mount a volume at /work")));
}

#[test]
fn a_supervisor_that_cannot_start_is_an_error() {
    let rig = Rig::best();
    let broken = Executor::new(rig.directory.path(), rig.view.clone(), Path::new("/bin/false"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(broken.run(task("a", "true"), Kill::never()));
    assert!(outcome.error.is_some_and(|error| error.contains("without an outcome")));
}
