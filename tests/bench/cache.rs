//! Reading and reporting caches of many entries.

use std::fs;
use std::path::Path;

use assert_fs::TempDir;
use jiff::Timestamp;
use kubectl_runnable::testing::cache::{Cache, Homes, Provenance, Report, Store, Surroundings};
use kubectl_runnable::testing::output::cache::inspection;
use serde_json::{Map, Value, json};

use crate::measure::{medians, row};

const ENTRIES: usize = 10_000;

/// A ConfigMap, against its JSON alone.
pub(crate) fn config_map() {
    let text = object(ENTRIES).to_string();
    let (ours, peer) = medians(
        || report(&text, ENTRIES),
        || {
            let object: Result<Value, _> = serde_json::from_str(&text);
            assert!(object.is_ok_and(|object| object["data"].as_object().is_some_and(|data| data.len() == ENTRIES)));
        },
    );
    row(&format!("read and report {ENTRIES} cache entries, against their JSON"), ours, peer);
}

/// One large cache against ten of a tenth: 1.0 is growth with the number of entries.
pub(crate) fn grown() {
    let (large, tenth) = (object(ENTRIES).to_string(), object(ENTRIES / 10).to_string());
    let (ours, peer) = medians(|| report(&large, ENTRIES), || (0..10).for_each(|_| report(&tenth, ENTRIES / 10)));
    row(&format!("read and report {ENTRIES} cache entries, against 10 tenths"), ours, peer);
}

/// A store of manifests, against reading the same files as JSON.
pub(crate) fn store() {
    let home = TempDir::new().unwrap_or_else(|error| panic!("{error}"));
    let cache = home.path().join("cache/bench");
    for number in 0..ENTRIES {
        let directory = cache.join(key(number));
        let manifest = json!({
            "version": 1, "key": key(number), "cacheName": "bench", "nodeId": node(number), "nodeName": "etl.load",
            "template": "load", "workflowUid": "u", "runId": "nightly-001", "outputs": outputs(number),
            "artifacts": [], "finishedAt": "2026-11-21T08:00:00Z", "createdAt": "2026-11-21T08:00:00Z",
        });
        let made = fs::create_dir_all(&directory);
        let written = made.and_then(|()| fs::write(directory.join("manifest.json"), format!("{manifest:#}")));
        written.unwrap_or_else(|error| panic!("{error}"));
    }
    let Ok(name) = "bench".parse() else { panic!("the name is illegal") };
    let (ours, peer) = medians(
        || {
            let found = Store::at(home.path()).cache(&name);
            assert!(found.is_ok_and(|found| found.is_some_and(|cache| shown(&cache) > ENTRIES)));
        },
        || assert_eq!(files(&cache), ENTRIES),
    );
    row(&format!("read and report {ENTRIES} manifests, against their JSON"), ours, peer);
}

fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| fs::read(entry.path().join("manifest.json")).ok());
    texts.filter(|text| serde_json::from_slice::<Value>(text).is_ok()).count()
}

fn report(text: &str, entries: usize) {
    let Ok(object) = serde_json::from_str(text) else { panic!("the made ConfigMap is no JSON") };
    assert!(shown(&Cache::of_config_map(&object)) > entries);
}

/// The lines that inspect shows of the cache.
fn shown(cache: &Cache) -> usize {
    let (witnesses, homes, now) = (Provenance::default(), Homes::default(), Timestamp::UNIX_EPOCH);
    let around = Surroundings { provenance: &witnesses, homes: &homes, now };
    inspection(&Report::of(cache, around, false, |_| true), now, None).lines().count()
}

fn object(entries: usize) -> Value {
    let entry = |number: usize| {
        let time = "2026-11-21T08:00:00Z";
        let text = json!({
            "nodeID": node(number), "outputs": outputs(number), "creationTimestamp": time, "lastHitTimestamp": time,
        });
        (key(number), text.to_string().into())
    };
    let data: Map<_, _> = (0..entries).map(entry).collect();
    let labels = json!({"workflows.argoproj.io/configmap-type": "Cache"});
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bench", "namespace": "argo", "labels": labels},
        "data": data,
    })
}

fn key(number: usize) -> String {
    format!("load-0123456789abcdef-nightly-001-{number:016x}")
}

fn node(number: usize) -> String {
    format!("etl-x2k9f-{}", 1_000_000_000 + number)
}

fn outputs(number: usize) -> Value {
    json!({"parameters": [{"name": "rows", "value": number.to_string()}], "exitCode": "0"})
}
