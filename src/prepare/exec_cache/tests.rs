use serde_json::{Value, json};

use super::{ExecCache, ExecCaching, unwrapped};
use crate::argo::duration::GoDuration;
use crate::argo::template::text;
use crate::argo::workflow_spec::templates;
use crate::prepare::{Notice, Options, PrepareError, Prepared, Reason, Templates, prepare};

fn cache() -> ExecCache {
    ExecCache {
        store: "s3://bucket/team?region=eu-1".to_owned(),
        image: "example.org/runnable:1".to_owned(),
        program: "kubectl-runnable".to_owned(),
        secret: Some("ci-cache".to_owned()),
        certificates: None,
    }
}

fn prepared(workflow: &Value, caching: ExecCaching) -> Result<Prepared, PrepareError> {
    let (run_id, cache_name) = ("r1".parse()?, "runnable-abc123".parse()?);
    let options = Options { exec_cache: caching, ..Options::new(run_id, cache_name) };
    prepare(workflow.clone(), &Templates::default(), &options)
}

fn wrapped(workflow: &Value) -> Result<Prepared, PrepareError> {
    prepared(workflow, ExecCaching::With(Box::new(cache())))
}

fn workflow() -> Value {
    json!({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"entrypoint": "main", "templates": [
        {"name": "main", "steps": [[{"name": "a", "template": "work"}, {"name": "b", "template": "bare"}],
            [{"name": "c", "template": "own"}, {"name": "d", "template": "get"}]]},
        {"name": "work", "container": {"image": "busybox", "command": ["sh", "-c"], "args": ["echo >/tmp/o"],
                "securityContext": {"runAsUser": 7}},
            "outputs": {"parameters": [
                {"name": "o", "valueFrom": {"path": "/tmp/o"}},
                {"name": "p", "valueFrom": {"path": "/tmp/p", "default": 3}}],
                "artifacts": [{"name": "x", "path": "/tmp/x"}, {"name": "y", "path": "/tmp/y", "optional": true}]}},
        {"name": "bare", "container": {"image": "busybox", "args": ["x"]}},
        {"name": "own", "script": {"image": "busybox", "command": ["sh"], "source": "true"},
            "memoize": {"key": "mine", "maxAge": "1h", "cache": {"configMap": {"name": "c"}}}},
        {"name": "get", "http": {"url": "http://example.org"}},
    ]}})
}

fn template<'a>(prepared: &'a Value, name: &str) -> &'a Value {
    templates(&prepared["spec"]).find(|template| template.name() == name).map_or(&Value::Null, |found| found.value())
}

fn command(template: &Value) -> Vec<&str> {
    template["container"]["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_command_of_a_memoized_template_is_wrapped_with_its_key_and_outputs() -> Result<(), PrepareError> {
    let memoized = prepared(&workflow(), ExecCaching::AsSaid)?.workflow;
    let done = wrapped(&workflow())?;
    let work = template(&done.workflow, "work");
    let key = format!("--key={}", text(&template(&memoized, "work")["memoize"], "key"));
    let words = command(work);
    assert_eq!(words[..2], ["/kubectl-runnable/kubectl-runnable", "exec"]);
    for word in [
        "--store=s3://bucket/team?region=eu-1",
        "--cache=c",
        key.as_str(),
        "--output-parameter=o=/tmp/o",
        "--output-parameter-default=p=3",
        "--output=x=/tmp/x",
        "--output=y?=/tmp/y",
        "--node={{node.name}}",
    ] {
        assert!(words.contains(&word), "{word} in {words:?}");
    }
    assert_eq!(words.iter().skip_while(|word| **word != "--").collect::<Vec<_>>(), [&"--", &"sh", &"-c"]);
    let (init, main) = (&work["initContainers"][0], &work["container"]);
    assert_eq!(
        (&init["image"], &init["securityContext"]),
        (&json!("example.org/runnable:1"), &json!({"runAsUser": 7}))
    );
    assert_eq!(main["envFrom"], json!([{"prefix": "RUNNABLE_STORE_", "secretRef": {"name": "ci-cache"}}]));
    assert_eq!((&main["args"], &work["memoize"]), (&json!(["echo >/tmp/o"]), &Value::Null));
    assert_eq!(work["outputs"]["parameters"][2]["name"], "runnable-cache");
    Ok(())
}

#[test]
fn what_is_not_wrapped_is_left_with_its_reason_or_as_it_is() -> Result<(), PrepareError> {
    let done = wrapped(&workflow())?;
    assert_eq!(template(&done.workflow, "main").get("memoize"), None);
    assert_eq!(template(&done.workflow, "own")["memoize"]["key"], "mine");
    assert!(template(&done.workflow, "get")["memoize"]["key"].is_string(), "a request has no command to wrap");
    let bare = template(&done.workflow, "bare");
    assert_eq!((bare.get("memoize"), bare.get("initContainers")), (None, None));
    let left = Notice::NotMemoized { template: "bare".to_owned(), reason: Reason::NoCommand };
    assert!(done.notices.contains(&left), "{:?}", done.notices);
    Ok(())
}

#[test]
fn preparing_again_changes_nothing_and_another_store_no_key() -> Result<(), PrepareError> {
    let first = wrapped(&workflow())?.workflow;
    assert_eq!(prepared(&first, ExecCaching::AsSaid)?.workflow, first, "the document says so itself");
    let other = ExecCache {
        store: "gs://other".to_owned(),
        image: "other:2".to_owned(),
        secret: None,
        certificates: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        ..cache()
    };
    let moved = prepared(&first, ExecCaching::With(Box::new(other)))?.workflow;
    let key = |workflow: &Value| {
        let words = command(template(workflow, "work")).into_iter().map(str::to_owned);
        words.filter(|word| word.starts_with("--key=")).collect::<Vec<_>>()
    };
    assert_eq!(key(&moved), key(&first));
    assert_ne!(moved, first);
    Ok(())
}

#[test]
fn what_was_wrapped_is_memoized_again() -> Result<(), PrepareError> {
    let memoized = prepared(&workflow(), ExecCaching::AsSaid)?.workflow;
    let first = wrapped(&workflow())?.workflow;
    assert_eq!(template(&unwrapped(&first), "work"), template(&memoized, "work"));
    assert_eq!(prepared(&first, ExecCaching::Never)?.workflow["spec"], memoized["spec"], "a run of this machine");
    assert!(matches!(unwrapped(&memoized), std::borrow::Cow::Borrowed(_)));
    Ok(())
}

#[test]
fn the_age_of_entries_is_kept_over_attempts() -> Result<(), Box<dyn std::error::Error>> {
    let max_age: GoDuration = "24h".parse().map_err(|_| "no duration")?;
    let caching = ExecCaching::With(Box::new(cache()));
    let options = Options {
        exec_cache: caching,
        max_age: Some(max_age),
        ..Options::new("r1".parse()?, "runnable-abc123".parse()?)
    };
    let first = prepare(workflow(), &Templates::default(), &options)?.workflow;
    let second = prepared(&first, ExecCaching::AsSaid)?.workflow;
    assert!(command(template(&second, "work")).contains(&"--max-age=24h"));
    assert_eq!(first, second);
    Ok(())
}

#[test]
fn a_report_is_no_item_in_a_list_of_all_outputs() -> Result<(), PrepareError> {
    for (text, reports) in [
        ("{{steps.a.outputs.parameters}}", false),
        ("{{=toJson(steps.a.outputs.parameters)}}", false),
        ("{{steps.a.outputs.parameters.o}}", true),
        ("{{=steps['a'].outputs.parameters['o']}}", true),
    ] {
        let mut workflow = workflow();
        workflow["spec"]["templates"][0]["steps"][1][0]["arguments"] =
            json!({"parameters": [{"name": "all", "value": text}]});
        let done = wrapped(&workflow)?.workflow;
        let words = command(template(&done, "work")).join(" ");
        assert_eq!(words.contains("--report="), reports, "{text}");
    }
    Ok(())
}

#[test]
fn templates_of_another_object_cannot_be_wrapped() {
    let reference =
        json!({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"workflowTemplateRef": {"name": "t"}}});
    let refused = PrepareError::ExecCacheByReference { name: "t".to_owned() };
    assert_eq!(wrapped(&reference).err(), Some(refused));
    let mut odd = workflow();
    odd["metadata"]["annotations"] = json!({"kubectl-runnable/exec-cache": "{}"});
    assert!(matches!(prepared(&odd, ExecCaching::AsSaid), Err(PrepareError::Form { .. })));
}

#[test]
fn only_what_stays_in_the_config_map_is_held_to_its_room() -> Result<(), PrepareError> {
    let many = json!({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"entrypoint": "main", "templates": [
        {"name": "main", "steps": [[
            {"name": "a", "template": "work", "withSequence": {"count": "9000"}},
            {"name": "b", "template": "get", "withSequence": {"count": "9000"}},
            {"name": "c", "template": "few"}]]},
        {"name": "work", "container": {"image": "busybox", "command": ["true"]}},
        {"name": "get", "http": {"url": "http://example.org"}},
        {"name": "few", "http": {"url": "http://example.org/few"}},
    ]}});
    let options = Options {
        exec_cache: ExecCaching::With(Box::new(cache())),
        room: Some(512 * 1024),
        ..Options::new("r1".parse()?, "runnable-abc123".parse()?)
    };
    let done = prepare(many, &Templates::default(), &options)?;
    assert_eq!(command(template(&done.workflow, "work")).get(1), Some(&"exec"));
    assert!(template(&done.workflow, "few").get("memoize").is_some());
    assert!(template(&done.workflow, "get").get("memoize").is_none());
    let told = |notice: &Notice| matches!(notice, Notice::NotMemoized { template, reason: Reason::Entries { count: 9000 } } if template == "get");
    assert!(done.notices.iter().any(told));
    Ok(())
}
