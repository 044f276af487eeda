//! Argo Events: what receives webhooks, and what makes one workflow of a burst.
//!
//! The sensor computes the workflow's name with Go's text/template and sprig; the test's function is the same, by facts of
//! these libraries.

use serde_json::{Value, json};

use super::asset::Asset;
use super::fill::binding;
use super::setting::{Form, Setting, Values};

pub(super) const SETTINGS: &[Setting] = &[
    Setting { name: "owner", default: None, form: Form::Owner, help: "the owner of the repositories" },
    Setting { name: "repositories", default: None, form: Form::Repositories, help: "their names, separated by commas" },
    Setting {
        name: "url",
        default: Some(""),
        form: Form::OptionalServer,
        help: "register the webhook, to this address",
    },
    Setting {
        name: "apiToken",
        default: Some("github-api"),
        form: Form::Name,
        help: "with url: the secret with the key token",
    },
    Setting {
        name: "webhookSecret",
        default: Some("github-webhook"),
        form: Form::Name,
        help: "the secret with the key secret",
    },
    Setting {
        name: "sensorAccount",
        default: Some("runnable-sensor"),
        form: Form::Name,
        help: "the account of the sensor",
    },
];

pub(super) fn assets(values: &Values) -> Vec<Asset> {
    let account = values.get("sensorAccount");
    let mut own = Asset::of(include_str!("../assets/sensor/service-account.yaml"));
    own.set(crate::argo::metadata::NAME_POINTER, account);
    let role = Asset::of(include_str!("../assets/sensor/role.yaml"));
    let bound = binding(Asset::of(include_str!("../assets/sensor/binding.yaml")), account, values);
    let mut sensor = Asset::of(include_str!("../assets/sensor/sensor.yaml"));
    sensor.set("/spec/template/serviceAccountName", account);
    let bus = Asset::of(include_str!("../assets/sensor/event-bus.yaml"));
    vec![own, role, bound, bus, event_source(values), sensor]
}

fn event_source(values: &Values) -> Asset {
    const REPOSITORY: &str = "/spec/github/repository";
    let mut source = Asset::of(include_str!("../assets/sensor/event-source.yaml"));
    let names: Vec<Value> = values.get("repositories").split(',').map(Value::from).collect();
    source.push(&format!("{REPOSITORY}/repositories"), json!({"owner": values.get("owner"), "names": names}));
    source.set(&format!("{REPOSITORY}/webhookSecret/name"), values.get("webhookSecret"));
    if !values.get("url").is_empty() {
        source.add(&format!("{REPOSITORY}/webhook"), "url", values.get("url"));
        source.add(REPOSITORY, "apiToken", json!({"name": values.get("apiToken"), "key": "token"}));
    }
    source
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// The width of a window in seconds. All events of one window make one workflow.
    const WINDOW: i64 = 15;

    /// The name of the workflow of an event: what it is about as a person reads it, the hash of its key, and its window.
    fn run_name(key: &str, shown: &str, seconds: i64) -> String {
        let mut plain = String::new();
        for next in shown.to_lowercase().chars() {
            match next {
                'a'..='z' | '0'..='9' => plain.push(next),
                _ if plain.ends_with('-') => {}
                _ => plain.push('-'),
            }
        }
        plain.truncate(30);
        let hash = Sha256::digest(key);
        let hash = format!("{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
        format!("ci-{}-{hash}-{}", plain.trim_matches('-'), seconds.div_euclid(WINDOW))
    }

    /// What Go's libraries make of the templates of the sensor (facts/names.json, made by facts/names.go).
    #[test]
    fn the_sensor_names_workflows_as_we_do() {
        let facts: Vec<Value> = serde_json::from_str(include_str!("facts/names.json")).unwrap();
        assert!(facts.len() >= 10);
        let written = Asset::of(include_str!("../assets/sensor/sensor.yaml")).into_value();
        let templates: Vec<&str> = ["0/src/dataTemplate", "1/src/dataTemplate", "2/src/contextTemplate"]
            .iter()
            .map(|place| {
                written
                    .pointer(&format!("/spec/triggers/0/template/k8s/parameters/{place}"))
                    .and_then(Value::as_str)
                    .unwrap()
            })
            .collect();
        for fact in &facts {
            let text = |field: &str| fact[field].as_str().unwrap();
            let template = if fact["number"].is_null() { templates[0] } else { templates[1] };
            assert_eq!(text("template"), template, "the facts are those of another template");
            assert_eq!(text("window"), templates[2]);
            let repository = text("repository");
            let full = format!("{}/{repository}", text("owner")).to_lowercase();
            let (key, shown) = if let Some(number) = fact["number"].as_i64() {
                (format!("{full}#{number}"), format!("{repository}-pr-{number}"))
            } else {
                let reference = text("ref");
                let short = reference.strip_prefix("refs/heads/").unwrap_or(reference);
                (format!("{full}@{reference}"), format!("{repository}-{short}"))
            };
            let time: jiff::Timestamp = text("time").parse().unwrap();
            let name = run_name(&key, &shown, time.as_second());
            assert_eq!(name, text("name"));
            assert!(name.len() <= 63 && name.parse::<crate::argo::identity::ObjectName>().is_ok(), "{name}");
        }
    }
}
