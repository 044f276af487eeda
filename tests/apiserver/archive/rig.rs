//! argo-server with its archive: Argo's own program over PostgreSQL, and workflows that Argo's own code has archived.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::ports::free_port;
use crate::supervised::Process;
use crate::support::output::Output;
use crate::support::wait::{until, wait_until};

/// PostgreSQL does not run as root.
const NOBODY: &str = "65534";

/// The program of `archive/build`.
fn program() -> PathBuf {
    let named =
        std::env::var_os("RUNNABLE_ARGO_SERVER").expect("RUNNABLE_ARGO_SERVER names the program of archive/build");
    PathBuf::from(named)
}

fn directory(prefix: &str) -> PathBuf {
    let directory = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// PostgreSQL without its data on disk for sure, and with the tables of Argo's archive.
struct Database {
    port: u16,
    _process: Mutex<Process>,
}

impl Database {
    fn start() -> Self {
        let directory = directory("runnable-postgres-");
        let data = directory.join("data");
        std::fs::create_dir(&data).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            done(Command::new("chown").arg(NOBODY).args([&data, &directory]));
        }
        let as_other = |program: &str| -> Vec<String> {
            let user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
            let user = user.iter().filter(|_| is_root).map(|word| (*word).to_owned());
            user.chain([program.to_owned(), "-D".to_owned(), data.display().to_string()]).collect()
        };
        let mut made = as_other("initdb");
        made.extend(["-U", "archive", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"].map(str::to_owned));
        done(Command::new("env").args(made).current_dir("/").stdout(Stdio::null()));

        let port = free_port();
        let mut served = as_other("postgres");
        served.extend(["-h", "127.0.0.1", "-k", "", "-F", "-p"].map(str::to_owned));
        served.push(port.to_string());
        let process = Process::start("postgres", Path::new("/usr/bin/env"), &directory, served);
        wait_until("PostgreSQL", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let database = Self { port, _process: Mutex::new(process) };
        wait_until("the archive's tables", || database.archive(&[]).status.success());
        database
    }

    /// Archives workflows as Argo's controller does.
    fn archive(&self, workflows: &[Value]) -> std::process::Output {
        let mut child = Command::new(program())
            .args(["archive", &self.port.to_string()])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(json!(workflows).to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn done(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// How an argo-server knows its users, and how it is reached.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// All may do what the server may; plain HTTP.
    Open,
    /// Each user's token is one of the API server; TLS with a certificate that nobody knows.
    Tokens,
}

/// A running argo-server.
pub(super) struct ArgoServer {
    pub(super) port: u16,
    _process: Mutex<Process>,
}

impl ArgoServer {
    /// The server of this process for a mode.
    pub(super) async fn shared(mode: Mode) -> &'static Self {
        static OPEN: tokio::sync::OnceCell<ArgoServer> = tokio::sync::OnceCell::const_new();
        static TOKENS: tokio::sync::OnceCell<ArgoServer> = tokio::sync::OnceCell::const_new();
        let cell = match mode {
            Mode::Open => &OPEN,
            Mode::Tokens => &TOKENS,
        };
        cell.get_or_init(|| Self::start(mode)).await
    }

    async fn start(mode: Mode) -> Self {
        let home = Namespace::new().await;
        let settings = json!({
            "archive": true,
            "postgresql": {
                "host": "127.0.0.1", "port": database().port, "database": "postgres", "tableName": "argo_workflows",
                "userNameSecret": {"name": "database", "key": "user"},
                "passwordSecret": {"name": "database", "key": "password"},
            },
        });
        let secret =
            json!({"metadata": {"name": "database"}, "stringData": {"user": "archive", "password": "archive"}});
        home.post(&format!("/api/v1/namespaces/{}/secrets", home.name), &secret).await;
        let settings = json!({"metadata": {"name": "workflow-controller-configmap"}, "data": {"persistence": settings.to_string()}});
        home.create("configmaps", &settings).await;

        let directory = directory("runnable-argo-server-");
        let kubeconfig = directory.join("kubeconfig");
        std::fs::copy(home.kubeconfig(User::Admin), &kubeconfig).unwrap();
        let port = free_port();
        let (auth, secure) = match mode {
            Mode::Open => ("server", "--secure=false"),
            Mode::Tokens => ("client", "--secure=true"),
        };
        let arguments = [
            "CI_ONLY_DISABLE_ARTIFACT_SERVER_CHECKS=true".to_owned(),
            format!("KUBECONFIG={}", kubeconfig.display()),
            format!("HOME={}", directory.display()),
            program().display().to_string(),
            "server".to_owned(),
            format!("--namespace={}", home.name),
            format!("--auth-mode={auth}"),
            secure.to_owned(),
            format!("--port={port}"),
        ];
        let process = Process::start("argo-server", Path::new("/usr/bin/env"), &directory, arguments.to_vec());
        let process = Mutex::new(process);
        until("argo-server", async || {
            assert_eq!(process.lock().unwrap().exit_report(), None);
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        // Its gateway takes requests before it reaches the server behind it.
        let address = format!("localhost:{port}");
        let question = ["archive", "list-label-keys", "--argo-server", &address, secure, "--insecure-skip-verify"];
        until("what answers behind argo-server", async || {
            let answer = Output::of(&mut home.command(User::Admin, &question));
            (!answer.stderr.contains("cannot reach")).then_some(())
        })
        .await;
        Self { port, _process: process }
    }
}

fn database() -> &'static Database {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    DATABASE.get_or_init(Database::start)
}

/// A namespace whose workflows are archived.
pub(super) struct Archive {
    pub(super) namespace: Namespace,
    pub(super) server: &'static ArgoServer,
    database: &'static Database,
}

impl Archive {
    pub(super) async fn new(mode: Mode) -> Self {
        let server = ArgoServer::shared(mode).await;
        Self { namespace: Namespace::new().await, server, database: database() }
    }

    /// The program with argo-server's variables.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.namespace.command(User::Admin, arguments);
        command.env("ARGO_SERVER", format!("localhost:{}", self.server.port)).env("ARGO_SECURE", "false");
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        Output::of(&mut self.command(arguments))
    }

    /// Takes a workflow from the cluster into the archive, as Argo does when its time to live is over.
    pub(super) async fn take(&self, name: &str) -> Value {
        let workflow = self.namespace.get("workflows", name).await.unwrap();
        self.add(&workflow);
        self.namespace.delete("workflows", name).await;
        workflow
    }

    /// Writes a workflow of the namespace into the archive.
    pub(super) fn add(&self, workflow: &Value) {
        let output = self.database.archive(std::slice::from_ref(workflow));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
