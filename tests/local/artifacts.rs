use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use kubectl_runnable::testing::local::task::ArtifactSource;

use crate::rig::{Rig, all_views, input, isolating_views, output, parameter, raw, result_of, task};

#[test]
fn a_raw_artifact_lies_at_its_path_with_its_mode() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let mut reading = task("a", "cat /in/put/file; stat -c %a /in/put/file");
        reading.input_artifacts = vec![raw("/in/put/file", "text\n", Some(0o640))];
        assert_eq!(result_of(&rig.run(reading)), "text\n640", "{:?}", rig.view);
    }
}

#[test]
fn a_directory_goes_from_task_to_task_with_its_modes_links_and_times() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let store = rig.path("artifacts/tree");
        let mut writer = task(
            "writer",
            "mkdir -p /out/dir/empty && echo run > /out/dir/tool && chmod 750 /out/dir/tool && ln -s tool /out/dir/link \
             && ln -s /etc/shadow /out/absolute && touch -d @1000000000 /out/dir/tool && mkfifo /out/pipe && chmod 555 /out/dir",
        );
        writer.output_artifacts = vec![output("/out", store.clone())];
        let outcome = rig.run(writer);
        assert_eq!((outcome.error, outcome.artifacts), (None, vec!["out".to_owned()]), "{:?}", rig.view);
        let tool = fs::metadata(store.join("dir/tool")).unwrap();
        assert_eq!((tool.mode() & 0o7777, tool.mtime()), (0o750, 1_000_000_000));
        assert!(fs::symlink_metadata(store.join("absolute")).unwrap().is_symlink());

        let mut reader = task(
            "reader",
            "cd /data/in && cat dir/link && readlink absolute && stat -c '%a %Y' dir/tool && stat -c %a dir && test -d dir/empty",
        );
        reader.input_artifacts = vec![input("/data/in", ArtifactSource::Stored(store), None)];
        let outcome = rig.run(reader);
        assert_eq!(result_of(&outcome), "run\n/etc/shadow\n750 1000000000\n555", "{:?}", rig.view);
        assert_eq!(outcome.exit_code, Some(0));
    }
}

#[test]
fn a_task_cannot_change_a_stored_artifact() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        fs::write(rig.path("stored"), "original").unwrap();
        let mut changing = task("a", "echo changed > /in/file && cat /in/file");
        changing.input_artifacts = vec![input("/in/file", ArtifactSource::Stored(rig.path("stored")), None)];
        assert_eq!(result_of(&rig.run(changing)), "changed", "{:?}", rig.view);
        assert_eq!(fs::read_to_string(rig.path("stored")).unwrap(), "original");
    }
}

#[test]
fn a_mode_goes_below_a_directory_only_when_asked() {
    let rig = Rig::best();
    let tree = rig.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "").unwrap();
    fs::set_permissions(tree.join("file"), Permissions::from_mode(0o600)).unwrap();
    for (recurse, expected) in [(false, "755\n600"), (true, "755\n755")] {
        let mut reading = task("a", "stat -c %a /in /in/file");
        let artifact = input("/in", ArtifactSource::Stored(tree.clone()), Some(0o755));
        reading.input_artifacts =
            vec![kubectl_runnable::testing::local::task::InputArtifact { recurse_mode: recurse, ..artifact }];
        assert_eq!(result_of(&rig.run(reading)), expected);
    }
}

#[test]
fn an_input_takes_the_place_of_what_the_host_has_there() {
    let rig = Rig::best();
    if rig.view != kubectl_runnable::testing::local::view::View::Overlay {
        return;
    }
    let mut reading = task("a", "ls -A /etc/ssl; cat /etc/hosts");
    let tree = rig.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("only"), "").unwrap();
    reading.input_artifacts =
        vec![input("/etc/ssl", ArtifactSource::Stored(tree), None), raw("/etc/hosts", "mine", None)];
    assert_eq!(result_of(&rig.run(reading)), "only\nmine");
}

#[test]
fn a_link_planted_as_an_output_is_resolved_in_the_view() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let secret = rig.path("host-only");
        fs::write(&secret, "host secret").unwrap();
        let script = format!(
            "mkdir /out; ln -s {} /out/stolen; mkdir -p {1}; echo inside > {1}/inside; ln -s {1}/inside /out/kept",
            secret.display(),
            "/tmp/elsewhere"
        );
        let mut stealing = task("a", &script);
        stealing.output_artifacts = vec![output("/out/stolen", rig.path("artifacts/stolen"))];
        stealing.output_parameters = vec![parameter("/out/kept", None)];
        let outcome = rig.run(stealing);
        assert_eq!(outcome.parameters["value"], "inside");
        assert!(outcome.error.unwrap().contains("/out/stolen does not exist"), "{:?}", rig.view);
        assert!(!rig.path("artifacts/stolen").exists());
    }
}

#[test]
fn what_the_supervisor_has_open_is_out_of_reach() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        fs::write(rig.path("host-only"), "host secret").unwrap();
        let links = "mkdir /out; for n in 3 4 5 6 7 8 9 10 11 12; do ln -s /proc/1/fd/$n/../host-only /out/p$n; \
                     ln -s /proc/self/fd/$n/../host-only /out/s$n; done";
        let mut stealing = task("a", links);
        let names = (3..13).flat_map(|n| [format!("p{n}"), format!("s{n}")]);
        stealing.output_artifacts = names
            .map(|name| kubectl_runnable::testing::local::task::OutputArtifact {
                optional: true,
                ..output(&format!("/out/{name}"), rig.path(&format!("artifacts/{name}")))
            })
            .collect();
        let outcome = rig.run(stealing);
        assert_eq!(outcome.artifacts, Vec::<String>::new(), "{:?}", rig.view);
    }
}

#[test]
fn an_output_parameter_loses_one_newline() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let mut writing = task("a", "printf 'a\\nb\\n\\n' > /tmp/value");
        writing.output_parameters = vec![parameter("/tmp/value", None)];
        assert_eq!(rig.run(writing).parameters["value"], "a\nb\n", "{:?}", rig.view);
    }
}

#[test]
fn a_missing_parameter_takes_its_default_or_is_an_error() {
    let rig = Rig::best();
    let mut writing = task("a", "true");
    writing.output_parameters = vec![parameter("/no/such", Some("fallback\n"))];
    assert_eq!(rig.run(writing.clone()).parameters["value"], "fallback");
    writing.output_parameters = vec![parameter("/no/such", None)];
    let outcome = rig.run(writing);
    assert_eq!(outcome.error.as_deref(), Some("cannot save parameter value: /no/such does not exist"));
    assert_eq!(outcome.exit_code, Some(0));
}

#[test]
fn a_missing_artifact_is_an_error_unless_optional() {
    let rig = Rig::best();
    let mut writing = task("a", "true");
    writing.output_artifacts = vec![output("/no/such", rig.path("artifacts/x"))];
    let error = rig.run(writing.clone()).error;
    assert_eq!(error.as_deref(), Some("cannot save artifact out: /no/such does not exist"));
    writing.output_artifacts[0].optional = true;
    let outcome = rig.run(writing);
    assert_eq!((outcome.error, outcome.artifacts), (None, Vec::new()));
}

#[test]
fn outputs_of_a_failed_program_are_kept_and_its_failure_outranks_a_missing_one() {
    let rig = Rig::best();
    let mut failing = task("a", "echo 1 > /tmp/value; exit 3");
    failing.output_parameters = vec![parameter("/tmp/value", None)];
    failing.output_artifacts = vec![output("/no/such", rig.path("artifacts/x"))];
    let outcome = rig.run(failing);
    assert_eq!((outcome.exit_code, outcome.error), (Some(3), None));
    assert_eq!(outcome.parameters["value"], "1");
}

#[test]
fn a_pipe_as_output_is_refused_rather_than_waited_for() {
    let rig = Rig::best();
    let mut piping = task("a", "mkfifo /tmp/pipe");
    piping.output_parameters = vec![parameter("/tmp/pipe", None)];
    assert!(rig.run(piping).error.unwrap().contains("not a file or directory"));
}

#[test]
fn a_parameter_too_large_for_a_cluster_is_an_error() {
    let rig = Rig::best();
    let mut flooding = task("a", "head -c 2000000 /dev/zero > /tmp/value");
    flooding.output_parameters = vec![parameter("/tmp/value", None)];
    assert!(rig.run(flooding).error.unwrap().contains("larger than"));
}

#[test]
fn an_output_in_a_volume_is_found() {
    for view in isolating_views() {
        let rig = Rig::new(view);
        let mut writing = task("a", "echo v > /work/value");
        writing.mounts = vec![crate::rig::mount(rig.path("volume"), "/work", false)];
        writing.output_parameters = vec![parameter("/work/value", None)];
        assert_eq!(rig.run(writing).parameters["value"], "v", "{:?}", rig.view);
    }
}

#[test]
fn an_output_replaces_an_older_one_whole() {
    let rig = Rig::best();
    let store = rig.path("artifacts/x");
    fs::create_dir_all(&store).unwrap();
    fs::write(store.join("stale"), "").unwrap();
    let mut writing = task("a", "mkdir /out; touch /out/new");
    writing.output_artifacts = vec![output("/out", store.clone())];
    assert_eq!(rig.run(writing).error, None);
    let names: Vec<_> = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["new"]);
}

#[test]
fn host_paths_serve_where_there_is_no_view() {
    for view in all_views().into_iter().skip_while(|view| view.clone() != all_views().pop().unwrap()) {
        let rig = Rig::new(view);
        let place = rig.path("place");
        fs::create_dir(&place).unwrap();
        symlink("/etc/hostname", place.join("link")).unwrap();
        let text = place.display().to_string();
        let mut plain = task("a", &format!("cat {text}/in > {text}/out; pwd"));
        plain.input_artifacts = vec![raw(&format!("{text}/in"), "through", None)];
        plain.output_parameters = vec![parameter(&format!("{text}/out"), None)];
        let outcome = rig.run(plain);
        assert_eq!(outcome.parameters["value"], "through");
        assert!(result_of(&outcome).starts_with(&rig.directory.path().display().to_string()));
    }
}

#[test]
fn stored_times_survive() {
    let rig = Rig::best();
    let stored = rig.path("stored");
    let file = fs::File::create(&stored).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(12345)).unwrap();
    let mut reading = task("a", "stat -c %Y /in");
    reading.input_artifacts = vec![input("/in", ArtifactSource::Stored(stored), None)];
    assert_eq!(result_of(&rig.run(reading)), "12345");
}
