//! A bucket of a real S3 server (tests/stores/assets builds it): look-ups and progress beside bare HEADs, and `exec` with outputs
//! of any size.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use assert_fs::TempDir;
use futures::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Map, Value, json};

use crate::measure::{medians, program, row, succeed};
use crate::store_server::{ACCESS, REGION, SECRET, Server};
use crate::support::PROGRAM;

/// Requests at once, as many as the program makes.
const AT_ONCE: usize = 32;
/// The variable that says how large the output of `exec` is.
const GIGABYTES: &str = "BENCH_GIGABYTES";

/// A bucket, and a client that does nothing but ask.
struct Bucket {
    url: String,
    port: u16,
    client: Arc<dyn ObjectStore>,
    runtime: tokio::runtime::Runtime,
    directory: TempDir,
}

impl Bucket {
    fn new() -> Self {
        // Fails only if one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::shared();
        let (name, _) = server.bucket();
        let client = AmazonS3Builder::new()
            .with_bucket_name(&name)
            .with_endpoint(format!("http://127.0.0.1:{}", server.port))
            .with_region(REGION)
            .with_access_key_id(ACCESS)
            .with_secret_access_key(SECRET)
            .with_allow_http(true)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let url = format!("s3://{name}/ci");
        Self { url, port: server.port, client: Arc::new(client), runtime, directory: TempDir::new().unwrap() }
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = program();
        self.environment(&mut command);
        command.args(words).current_dir(self.directory.path());
        command
    }

    fn environment(&self, command: &mut Command) {
        command
            .env("AWS_ACCESS_KEY_ID", ACCESS)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("RUNNABLE_STORE_ENDPOINT", format!("http://127.0.0.1:{}", self.port))
            .env("RUNNABLE_STORE_REGION", REGION)
            .env("HOME", self.directory.path());
    }

    /// Asks for the manifests of so many keys; every other one is there.
    fn heads(&self, count: usize) {
        let ask = |number: usize| {
            let (client, path) = (Arc::clone(&self.client), manifest(number));
            async move { client.head(&path.into()).await.is_ok() }
        };
        let found = self.runtime.block_on(async {
            futures::stream::iter(0..count)
                .map(ask)
                .buffer_unordered(AT_ONCE)
                .filter(|there| {
                    let there = *there;
                    async move { there }
                })
                .count()
                .await
        });
        assert_eq!(found, count.div_ceil(2));
    }

    /// Makes the manifest of every other key.
    fn fill(&self, count: usize) {
        let put = |number: usize| {
            let (client, path) = (Arc::clone(&self.client), manifest(number));
            async move { client.put(&path.into(), b"{}".to_vec().into()).await.unwrap() }
        };
        self.runtime.block_on(async {
            futures::stream::iter((0..count).step_by(2)).map(put).buffer_unordered(AT_ONCE).count().await
        });
    }

    /// The handle of a run with so many calls.
    fn handle(&self, count: usize) -> String {
        let prefixes: Map<String, Value> =
            (0..count).map(|number| (format!("call-{number}"), format!("bench/{}", key(number)).into())).collect();
        let handle = json!({
            "version": 2, "backend": "local", "store": "/absent", "namespace": "default", "name": "bench",
            "uid": "00000000-0000-4000-8000-000000000000", "runId": "r", "attempt": 1, "cacheName": "bench",
            "submittedAt": "2026-11-21T10:00:00Z", "nodes": {"prefixes": prefixes, "partial": false},
            "cacheStore": {"type": "s3", "url": self.url, "endpoint": format!("http://127.0.0.1:{}", self.port),
                "region": REGION},
        });
        let path = self.directory.path().join(format!("{count}.json"));
        fs::write(&path, handle.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn key(number: usize) -> String {
    format!("call-0123456789abcdef-r-{number:016x}")
}

fn manifest(number: usize) -> String {
    format!("ci/cache/bench/{}/manifest.json", key(number))
}

/// `progress --store` of many prefixes, the whole program, against bare HEADs at the same concurrency.
pub(crate) fn progress() {
    for count in [1_000, 10_000] {
        let bucket = Bucket::new();
        bucket.fill(count);
        let handle = bucket.handle(count);
        let words = ["progress", &handle, "--store", &bucket.url, "-o", "json"];
        let (ours, peer) = medians(|| succeed(&mut bucket.program(&words)), || bucket.heads(count));
        row(&format!("look for {count} entries, against bare HEADs"), ours, peer);
    }
}

/// A hit with an output of a megabyte, the whole program, against its two requests.
pub(crate) fn hit() {
    let bucket = Bucket::new();
    let words = [
        "exec",
        "--store",
        &bucket.url,
        "--key",
        "k",
        "--output",
        "o=out",
        "--",
        "sh",
        "-c",
        "head -c 1000000 /dev/urandom >out",
    ];
    succeed(&mut bucket.program(&words));
    let (manifest, blob) = ("ci/cache/exec/k/manifest.json", blob(&bucket));
    let get = |path: &str| {
        bucket.runtime.block_on(async { bucket.client.get(&path.into()).await.unwrap().bytes().await.unwrap().len() })
    };
    let (ours, peer) =
        medians(|| succeed(&mut bucket.program(&words)), || assert!(get(manifest) + get(&blob) > 1_000_000));
    row("exec: a hit of 1 MB, against two bare GETs", ours, peer);
}

fn blob(bucket: &Bucket) -> String {
    let listed = bucket.runtime.block_on(async { bucket.client.list(Some(&"ci/blobs/b3".into())).next().await });
    listed.unwrap().unwrap().location.to_string()
}

/// Storing and restoring a large output, against copying it; with the most memory that the program took.
pub(crate) fn large() {
    let gigabytes: u64 = std::env::var(GIGABYTES).ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let bucket = Bucket::new();
    let path = bucket.directory.path().join("out");
    let script = format!(
        "head -c {} /dev/zero | openssl enc -aes-128-ctr -nosalt -pass pass:x -out out 2>/dev/null",
        gigabytes * 1_000_000_000
    );
    let words =
        ["exec", "--store", &bucket.url, "--key", "k", "--no-lease", "--output", "o=out", "--", "sh", "-c", &script];
    for what in ["stored", "restored"] {
        let (ours, peak) = timed(&bucket, &words);
        let begun = Instant::now();
        fs::copy(&path, path.with_extension("copy")).unwrap();
        let peer = begun.elapsed();
        fs::remove_file(path.with_extension("copy")).unwrap();
        row(&format!("exec: {gigabytes} GB {what}, at most {} MB, against a copy", peak / 1024), ours, peer);
        fs::remove_file(&path).unwrap();
    }
}

/// The time of a program, and the most memory that it had (`VmHWM`), in kibibytes.
fn timed(bucket: &Bucket, words: &[&str]) -> (Duration, u64) {
    let mut command = Command::new(PROGRAM);
    bucket.environment(&mut command);
    command.args(words).current_dir(bucket.directory.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = Path::new("/proc").join(child.id().to_string()).join("status");
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(peak);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{ended}");
            return (begun.elapsed(), peak);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
