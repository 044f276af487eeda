//! Templates and schedules of a cluster: as tables, and one by one with all that a user needs to call them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::list::age;
use super::table::Table;
use super::tree::printable;
use crate::argo::schedule::Schedule;
use crate::argo::template::{Template, text};
use crate::argo::{Metadata, Workflow, workflow_spec};

/// Templates, one a line.
pub(crate) fn templates(objects: &[Value], namespace: bool, now: Timestamp, width: Option<usize>) -> String {
    let mut table = table(&["NAME", "ENTRYPOINT", "PARAMETERS", "AGE"], namespace);
    for object in objects {
        let spec = &object["spec"];
        let parameters = workflow_spec::parameters(spec).iter().map(|parameter| text(parameter, "name"));
        let parameters = parameters.collect::<Vec<_>>().join(",");
        let cells = [
            Metadata::of(object).name().to_owned(),
            Workflow::view(object).entrypoint().to_owned(),
            parameters,
            since(object, now),
        ];
        table.row(place(object, namespace).into_iter().chain(cells));
    }
    table.text(width)
}

/// Schedules, one a line.
pub(crate) fn schedules(objects: &[Value], namespace: bool, now: Timestamp, width: Option<usize>) -> String {
    let header = ["NAME", "AGE", "LAST RUN", "NEXT RUN", "SCHEDULES", "TIMEZONE", "SUSPENDED"];
    let mut table = table(&header, namespace);
    for object in objects {
        let spec = &object["spec"];
        let last = last_run(object).map(|last| format!("{} ago", age(now.duration_since(last))));
        let next = next_run(object, now).map(|next| format!("in {}", age(next.duration_since(now))));
        let cells = [
            Metadata::of(object).name().to_owned(),
            since(object, now),
            last.unwrap_or_default(),
            next.unwrap_or_default(),
            schedules_of(spec).join(", "),
            text(spec, "timezone").to_owned(),
            (spec["suspend"] == true).to_string(),
        ];
        table.row(place(object, namespace).into_iter().chain(cells));
    }
    table.text(width)
}

fn table(header: &[&'static str], namespace: bool) -> Table {
    let header = namespace.then_some("NAMESPACE").into_iter().chain(header.iter().copied());
    Table::new(header).sparing(&["TIMEZONE", "AGE", "ENTRYPOINT"])
}

/// The first cell of an object's line where the namespace is shown.
fn place(object: &Value, namespace: bool) -> Option<String> {
    namespace.then(|| Metadata::of(object).namespace().to_owned())
}

fn since(object: &Value, now: Timestamp) -> String {
    Metadata::of(object).created_at().map(|created| age(now.duration_since(created))).unwrap_or_default()
}

/// One object with what it takes, so that it can be called.
pub(crate) fn details(object: &Value, now: Timestamp) -> String {
    let metadata = Metadata::of(object);
    let is_cron = text(object, "kind") == "CronWorkflow";
    let spec = if is_cron { &object["spec"]["workflowSpec"] } else { &object["spec"] };
    let mut lines = vec![("Name", metadata.name().to_owned())];
    lines.extend(metadata.own_namespace().map(|namespace| ("Namespace", namespace.to_owned())));
    lines.push(("Created", format!("{} ({} ago)", metadata.creation(), since(object, now))));
    if let Some(description) = metadata.annotation("workflows.argoproj.io/description") {
        lines.push(("Description", description.to_owned()));
    }
    if is_cron {
        lines.extend(of_schedule(object, now));
    }
    let whole = Workflow::from(json!({ "spec": spec }));
    lines.push(("Entrypoint", whole.entrypoint().to_owned()));
    let reference = &spec["workflowTemplateRef"];
    if reference.is_object() {
        lines.push(("Template", text(reference, "name").to_owned()));
    }
    lines.extend(workflow_spec::parameters(spec).iter().map(|one| ("Parameter", parameter(one))));
    let names: Vec<&str> = whole.templates().map(Template::name).collect();
    lines.push(("Templates", names.join(", ")));

    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    let line = |(label, value): (&str, String)| format!("{:width$}{}\n", format!("{label}:"), printable(&value));
    lines.into_iter().filter(|(_, value)| !value.is_empty()).map(line).collect()
}

fn of_schedule(object: &Value, now: Timestamp) -> Vec<(&'static str, String)> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let number = |value: &Value| value.as_u64().map(|number| number.to_string()).unwrap_or_default();
    let active = status["active"].as_array().into_iter().flatten().map(|active| text(active, "name"));
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut lines = vec![
        ("Schedules", schedules_of(spec).join(", ")),
        ("Timezone", text(spec, "timezone").to_owned()),
        ("Suspended", (spec["suspend"] == true).to_string()),
        ("Concurrency", text(spec, "concurrencyPolicy").to_owned()),
        ("Deadline", number(&spec["startingDeadlineSeconds"])),
        ("Last run", last_run(object).map(|last| last.to_string()).unwrap_or_default()),
        ("Next run", next_run(object, now).map(|next| next.to_string()).unwrap_or_default()),
        ("Active", active.collect::<Vec<_>>().join(", ")),
        ("Succeeded", number(&status["succeeded"])),
        ("Failed", number(&status["failed"])),
    ];
    lines.extend(conditions.map(|one| ("Condition", format!("{}: {}", text(one, "type"), text(one, "message")))));
    lines
}

/// `stage (one of dev, prod; default dev): where to`.
fn parameter(parameter: &Value) -> String {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let choice: Vec<String> = parameter["enum"].as_array().into_iter().flatten().map(value).collect();
    let given = ["value", "default"].iter().map(|field| &parameter[*field]).find(|value| !value.is_null());
    let mut about = Vec::new();
    if !choice.is_empty() {
        about.push(format!("one of {}", choice.join(", ")));
    }
    about.push(given.map_or_else(|| "needs a value".to_owned(), |given| format!("default {}", value(given))));
    let description = text(parameter, "description");
    let description = if description.is_empty() { String::new() } else { format!(": {description}") };
    format!("{} ({}){description}", text(parameter, "name"), about.join("; "))
}

/// All schedules of a CronWorkflow: `schedules`, or the one of before 3.6.
pub(crate) fn schedules_of(spec: &Value) -> Vec<&str> {
    let all: Vec<&str> = spec["schedules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if all.is_empty() { Some(text(spec, "schedule")).filter(|one| !one.is_empty()).into_iter().collect() } else { all }
}

fn last_run(object: &Value) -> Option<Timestamp> {
    object.pointer("/status/lastScheduledTime")?.as_str()?.parse().ok()
}

/// The first time at which one of its schedules falls due; none while it is suspended.
fn next_run(object: &Value, now: Timestamp) -> Option<Timestamp> {
    let spec = &object["spec"];
    if spec["suspend"] == true {
        return None;
    }
    let next = |schedule: &str| {
        let schedule = Schedule::read(schedule).ok()?;
        schedule.next(now, &TimeZone::get(schedule.zone(text(spec, "timezone"))).ok()?)
    };
    schedules_of(spec).into_iter().filter_map(next).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_line_with_its_next_time() {
        let cron = json!({
            "kind": "CronWorkflow",
            "metadata": {"name": "nightly", "namespace": "ci", "creationTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"schedules": ["0 5 * * *", "0 3 * * *"], "timezone": "UTC", "workflowSpec": {"entrypoint": "main"}},
            "status": {"lastScheduledTime": "1970-01-01T00:30:00Z"},
        });
        let now = Timestamp::from_second(3600).unwrap_or_default();
        assert_eq!(
            schedules(std::slice::from_ref(&cron), false, now, None),
            "NAME     AGE  LAST RUN  NEXT RUN  SCHEDULES             TIMEZONE  SUSPENDED\n\
             nightly  60m  30m ago   in 2h     0 5 * * *, 0 3 * * *  UTC       false\n"
        );
        let text = details(&cron, now);
        assert!(text.contains("Next run:    1970-01-01T03:00:00Z\n") && text.contains("Entrypoint:  main\n"), "{text}");
        let mut suspended = cron;
        suspended["spec"]["suspend"] = true.into();
        assert!(!details(&suspended, now).contains("Next run"));
    }

    #[test]
    fn a_parameter_says_what_it_takes() {
        let stage = json!({"name": "stage", "enum": ["dev", "prod"], "default": "dev", "description": "where to"});
        assert_eq!(parameter(&stage), "stage (one of dev, prod; default dev): where to");
        assert_eq!(parameter(&json!({"name": "date"})), "date (needs a value)");
        assert_eq!(parameter(&json!({"name": "n", "value": 3})), "n (default 3)");
    }
}
