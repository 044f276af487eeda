//! Azure's protocol, by its emulator: what `exec` and the verbs of caches promise of any store. It is asked for by name
//! (`--ignored`), for not every machine has Node.js. Of Google Cloud Storage's protocol fake-gcs-server 1.52 has only the JSON
//! part, and objects are written by the XML part (object_store 0.14).

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use http::Request;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder};
use object_store::client::{HttpConnector, HttpRequestBody, ReqwestConnector};
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};

use crate::ports::free_port;
use crate::rig::Rig;
use crate::supervised::Process;
use crate::support::environment::Environment;
use crate::support::process::Running;
use crate::support::programs::built;
use crate::support::wait::wait_until;

/// The account of every emulator, with its public key.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An emulator with a bucket, and a client of it.
struct Cloud {
    rig: Rig,
    client: Arc<dyn ObjectStore>,
    runtime: tokio::runtime::Runtime,
    _process: Process,
    _directory: tempfile::TempDir,
}

fn answers(port: u16) {
    wait_until("the emulator", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

impl Cloud {
    fn new(
        process: Process,
        directory: tempfile::TempDir,
        environment: Environment,
        url: String,
        client: impl ObjectStore,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let rig = Rig { environment, url, files: "/absent".into() };
        Self { rig, client: Arc::new(client), runtime, _process: process, _directory: directory }
    }

    fn azure() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let words = ["--blobHost", "127.0.0.1", "--silent", "--skipApiVersionCheck", "--disableTelemetry"];
        let mut arguments = vec![built("azure").to_str().unwrap().to_owned()];
        arguments.extend(words.map(str::to_owned));
        arguments.extend(["--blobPort".to_owned(), port.to_string()]);
        arguments.extend(["--location".to_owned(), directory.path().to_str().unwrap().to_owned()]);
        let process = Process::start("azurite", Path::new("node"), directory.path(), arguments);
        answers(port);
        let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
        make_container(&endpoint);
        let client = MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_access_key(KEY)
            .with_container_name("bucket")
            .with_endpoint(endpoint.clone())
            .with_allow_http(true)
            .build()
            .unwrap();
        let environment = Environment::new()
            .variable("RUNNABLE_STORE_ENDPOINT", endpoint)
            .variable("RUNNABLE_STORE_ACCOUNT_NAME", ACCOUNT)
            .variable("RUNNABLE_STORE_ACCOUNT_KEY", KEY);
        Self::new(process, directory, environment, "az://bucket/team/ci".to_owned(), client)
    }

    fn listed(&self, below: &str) -> Vec<String> {
        let path = format!("team/ci/{below}").into();
        let found = self.runtime.block_on(self.client.list(Some(&path)).try_collect::<Vec<_>>()).unwrap();
        found.into_iter().map(|meta| meta.location.to_string()).collect()
    }

    fn put(&self, path: &str, text: &str) {
        let path = path.into();
        self.runtime.block_on(self.client.put(&path, text.to_owned().into_bytes().into())).unwrap();
    }

    fn manifest(key: &str) -> String {
        format!("team/ci/cache/exec/{key}/manifest.json")
    }

    fn has(&self, path: &str) -> bool {
        self.runtime.block_on(self.client.head(&path.into())).is_ok()
    }
}

fn make_container(endpoint: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{endpoint}/bucket?restype=container");
    let mut request = Request::put(url).header("content-length", "0").body(HttpRequestBody::empty()).unwrap();
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut request).unwrap();
    let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(client.execute(request)).unwrap();
    assert_eq!(answer.status(), 201);
}

/// A command runs once, and its outputs come back; what is stale is replaced, and what has failed leaves nothing.
fn conforms(cloud: &Cloud) {
    let rig = &cloud.rig;
    let arguments =
        ["--key", "k", "--output", "file=out/file", "--output", "tree=out/tree", "--output", "none?=absent"];
    let script = "echo x >>ran; mkdir -p out/tree/sub; echo made; echo f >out/file; chmod 750 out/file; \
        echo t >out/tree/sub/t; ln -sf sub/t out/tree/link; head -c 12000000 /dev/zero >out/tree/large";
    let _ = rig.exec(&arguments, script).prints(0, "made\n");
    fs::remove_dir_all(rig.path("out")).unwrap();
    let _ = rig.exec(&arguments, script).prints(0, "made\n").says("cached: made ");
    assert_eq!((rig.runs(), rig.read("out/tree/link").as_str()), (1, "t\n"));
    assert_eq!(rig.path("out/tree/large").metadata().unwrap().len(), 12_000_000);
    assert_eq!(rig.path("out/file").metadata().unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(cloud.listed("blobs/b3").len(), 2);
    assert!(!cloud.has("team/ci/cache/exec/k/lease.json"), "the right was given back");

    // What is truncated, and what has lost its content.
    cloud.put(&Cloud::manifest("k"), "{");
    let _ = rig.exec(&arguments, script).exits(0).says("ignored a broken cache entry");
    let _ = rig.exec(&arguments, script).exits(0).says("cached");
    for blob in cloud.listed("blobs/b3") {
        cloud.runtime.block_on(cloud.client.delete(&blob.as_str().into())).unwrap();
    }
    let _ = rig.exec(&arguments, script).exits(0).says("ignored a broken cache entry");
    let _ = rig.exec(&arguments, script).exits(0).says("cached");
    assert_eq!(rig.runs(), 3);

    let _ = rig.exec(&["--key", "f"], "exit 7").exits(7);
    assert!(cloud.has("team/ci/cache/exec/f/error.json") && !cloud.has(&Cloud::manifest("f")));
    let _ = rig.exec(&["--key", "f"], "true").exits(0);
    assert!(!cloud.has("team/ci/cache/exec/f/error.json") && cloud.has(&Cloud::manifest("f")));
    let _ = rig.exec(&["--key", "r", "--read-only"], "true").exits(0);
    assert!(!cloud.has(&Cloud::manifest("r")));
}

/// Many at once run a command once.
fn one_at_a_time(cloud: &Cloud) {
    let before = cloud.rig.runs();
    let script = "echo x >>ran; sleep 1; echo made; echo content >once";
    let start = |_| {
        let command = cloud.rig.command(&["--key", "once", "--output", "o=once"], script);
        Running::start(command, cloud.rig.environment.directory())
    };
    let running: Vec<Running> = (0..10).map(start).collect();
    for one in running {
        let _ = one.end_within(Duration::from_mins(3)).prints(0, "made\n");
    }
    assert_eq!(cloud.rig.runs(), before + 1);
}

/// The verbs of caches see and change what is there.
fn verbs(cloud: &Cloud) {
    let rig = &cloud.rig;
    let cache = |words: &[&str]| rig.run([&["cache"], words, &["--store", &rig.url]].concat());
    let shown = cache(&["inspect", "exec", "-o", "name"]).good();
    assert_eq!(shown, "f\nk\nonce\n");
    let _ = cache(&["delete", "exec", "--key", "k", "--yes"]).exits(0);
    assert!(!cloud.has(&Cloud::manifest("k")));
    std::thread::sleep(Duration::from_millis(2100));
    let _ = cache(&["prune", "exec", "--keep", "9", "--grace", "0s", "--yes"])
        .exits(0)
        .says("artifacts that no entry names");
    assert_eq!(cloud.listed("blobs/b3").len(), 1);
    let _ = rig.exec(&["--key", "once", "--output", "o=once"], "false").exits(0).says("cached");
}

#[test]
#[ignore = "needs Node.js, and tests/programs/build azure"]
fn azure_keeps_the_promises_of_a_store() {
    let cloud = Cloud::azure();
    conforms(&cloud);
    one_at_a_time(&cloud);
    verbs(&cloud);
}
