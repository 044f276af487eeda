//! One etcd and one kube-apiserver for all tests of the process, started by the first test that needs them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::etcd::etcd;
use super::objects::Objects;
use super::ports::free_port;
use super::supervised::{Process, assets, own_directory};
use super::{crds, keys};

/// Tests fail if the API server does not answer within this time.
pub(super) const START: Duration = Duration::from_mins(2);
/// A free port may be taken before the server binds it: then try again.
pub(super) const ATTEMPTS: usize = 3;

/// Who has asked for what, but nothing of what was sent.
const AUDIT: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
  "rules": [{"level": "Metadata", "resources": [{"group": ""}, {"group": "argoproj.io"}, {"group": "coordination.k8s.io"},
    {"group": "rbac.authorization.k8s.io"}, {"group": "apiextensions.k8s.io"}]}]}"#;

/// Users of the API server. The token of a user is its name with `-token` appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// May do everything.
    Admin,
    /// May only do what the test grants.
    Restricted,
    /// Unknown to the server.
    Stranger,
}

impl User {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Restricted => "restricted",
            Self::Stranger => "stranger",
        }
    }
}

/// Argo's definitions on an API server.
#[derive(Debug, Clone, Copy)]
enum Definitions {
    None,
    Argo,
    Before36,
}

/// A running API server.
pub(crate) struct Server {
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// The certificate file of its authority.
    pub(crate) authority: PathBuf,
    arguments: Vec<String>,
    process: Mutex<Process>,
}

/// A server that was killed: its address refuses connections until the outage ends.
#[must_use]
pub(crate) struct Outage<'a> {
    server: &'a Server,
}

impl Outage<'_> {
    /// Starts the server again at the same address, with the same data and keys.
    pub(crate) async fn end(self) {
        let directory = self.server.authority.parent().unwrap();
        *self.server.process.lock().unwrap() = start(directory, self.server.arguments.clone());
        self.server.until_ready().await.unwrap();
    }
}

impl Server {
    /// The API server with Argo's definitions.
    pub(crate) fn argo() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| on_own_runtime(|| Self::start("argo", Definitions::Argo)))
    }

    /// An API server without Argo's definitions.
    pub(crate) fn bare() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| on_own_runtime(|| Self::start("bare", Definitions::None)))
    }

    /// An API server whose definition of workflows is that of Argo before 3.6.
    pub(crate) fn old() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| on_own_runtime(|| Self::start("old", Definitions::Before36)))
    }

    /// An API server with Argo's definitions that a test may kill.
    pub(crate) async fn mortal() -> &'static Self {
        Box::leak(Box::new(Self::start("mortal", Definitions::Argo).await))
    }

    /// Kills the server's process; its data stay in etcd.
    pub(crate) fn kill(&self) -> Outage<'_> {
        let directory = self.authority.parent().unwrap();
        let paths = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
        // The process removes its directory at its end, but clients still need the authority's certificate, and the
        // next process needs everything in it.
        let files: Vec<_> = paths.map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        self.process.lock().unwrap().kill();
        std::fs::create_dir(directory).unwrap();
        for (content, path) in files {
            std::fs::write(path, content).unwrap();
        }
        Outage { server: self }
    }

    /// The requests that the server has answered for whoever was impersonated as this user, as audit events.
    pub(crate) fn audited(&self, user: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.authority.with_file_name("audit.log")).unwrap_or_default();
        // The log has the requests of all tests: only lines with the name are parsed.
        let named = format!("\"{user}\"");
        let events = log.lines().filter(|line| line.contains(&named));
        let events = events.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["impersonatedUser"]["username"] == user).collect()
    }

    /// A connection to this server that lives in the calling test's runtime.
    pub(crate) async fn objects(&self, user: User) -> Objects {
        Objects::of(serde_json::from_value(self.kubeconfig(user, "default")).unwrap()).await
    }

    /// A kubeconfig with the context `test` for a user and a namespace.
    pub(crate) fn kubeconfig(&self, user: User, namespace: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "test", "cluster": {
                "server": self.url,
                "certificate-authority": self.authority,
            } }],
            "users": [{ "name": user.name(), "user": { "token": format!("{}-token", user.name()) } }],
            "contexts": [{ "name": "test", "context": {
                "cluster": "test", "user": user.name(), "namespace": namespace,
            } }],
            "current-context": "test",
        })
    }

    async fn start(prefix: &str, definitions: Definitions) -> Self {
        for attempt in 1.. {
            let server = Self::spawn(prefix);
            match server.until_ready().await {
                Ok(()) => {}
                Err(exit_report) if attempt == ATTEMPTS => panic!("{exit_report}"),
                Err(_) => continue,
            }
            let objects = server.objects(User::Admin).await;
            match definitions {
                Definitions::None => {}
                Definitions::Argo => crds::install(&objects).await,
                Definitions::Before36 => crds::install_before_3_6(&objects).await,
            }
            return server;
        }
        unreachable!("the last attempt returns or panics")
    }

    fn spawn(prefix: &str) -> Self {
        let directory = own_directory();
        let authority = keys::write(&directory);
        std::fs::write(
            directory.join("tokens.csv"),
            "admin-token,admin,1,\"system:masters\"\nrestricted-token,restricted,2\n",
        )
        .unwrap();
        std::fs::write(directory.join("audit.yaml"), AUDIT).unwrap();
        let port = free_port();
        let file = |name: &str| directory.join(name).display().to_string();
        let arguments = [
            format!("--etcd-servers={}", etcd()),
            format!("--etcd-prefix=/{prefix}-{port}"),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!("--tls-cert-file={}", file("tls.crt")),
            format!("--tls-private-key-file={}", file("tls.key")),
            format!("--token-auth-file={}", file("tokens.csv")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-signing-key-file={}", file("accounts.key")),
            format!("--service-account-key-file={}", file("accounts.pub")),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            // As on the strictest clusters.
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--watch-cache=true".to_owned(),
            format!("--audit-policy-file={}", file("audit.yaml")),
            format!("--audit-log-path={}", file("audit.log")),
        ];
        let arguments = arguments.to_vec();
        let process = Mutex::new(start(&directory, arguments.clone()));
        Self { url: format!("https://127.0.0.1:{port}"), authority, arguments, process }
    }

    async fn until_ready(&self) -> Result<(), String> {
        let objects = self.objects(User::Admin).await;
        let started = Instant::now();
        loop {
            let Err(error) = objects.text("/readyz").await else { return Ok(()) };
            if let Some(exit_report) = self.process.lock().unwrap().exit_report() {
                return Err(exit_report);
            }
            assert!(started.elapsed() < START, "{} is not ready after {START:?}: {error}", self.url);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn start(directory: &Path, arguments: Vec<String>) -> Process {
    Process::start("kube-apiserver", &assets().join("kube-apiserver"), directory, arguments)
}

/// Runs a future in its own thread, because the caller may be inside a runtime.
fn on_own_runtime<T: Send + 'static, F: Future<Output = T>>(make: impl FnOnce() -> F + Send + 'static) -> T {
    let run = move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(make());
    std::thread::spawn(run).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
