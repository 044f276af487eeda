//! One S3 server for all tests of the process, and a bucket of its own for each of them.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::ports::free_port;
use crate::supervised::Process;
use crate::support::programs::built;
use crate::support::wait::wait_until;

pub(crate) const ACCESS: &str = "testaccess";
pub(crate) const SECRET: &str = "testsecret-that-nobody-may-print";
pub(crate) const REGION: &str = "us-east-1";

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    data: PathBuf,
    _process: Mutex<Process>,
}

impl Server {
    /// The server of this process.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| Self::start(&[]))
    }

    /// Another one, which speaks TLS.
    #[allow(dead_code, reason = "other tests use the plain server alone")]
    pub(crate) fn with_certificate(certificate: &Path, key: &Path) -> Self {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        Self::start(&["--cert".to_owned(), text(certificate), "--key".to_owned(), text(key)])
    }

    fn start(more: &[String]) -> Self {
        let program = built("s3");
        let directory = tempfile::Builder::new().prefix("runnable-s3-").tempdir().unwrap().keep();
        let [data, sidecar] = ["data", "sidecar"].map(|name| directory.join(name));
        for path in [&data, &sidecar] {
            std::fs::create_dir(path).unwrap();
        }
        let port = free_port();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut arguments: Vec<String> =
            ["--access", ACCESS, "--secret", SECRET, "--region", REGION, "--port"].map(str::to_owned).into();
        arguments.push(format!("127.0.0.1:{port}"));
        arguments.extend(more.iter().cloned());
        arguments.push("posix".to_owned());
        arguments.extend(["--sidecar".to_owned(), text(&sidecar), text(&data)]);
        let process = Process::start("versitygw", &program, &directory, arguments);
        wait_until("the S3 server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, data, _process: Mutex::new(process) }
    }

    /// A new bucket: its name, and the directory in which the server keeps its objects.
    pub(crate) fn bucket(&self) -> (String, PathBuf) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("bucket-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = self.data.join(&name);
        // The server takes the directories below its own for buckets.
        std::fs::create_dir(&path).unwrap();
        (name, path)
    }
}
