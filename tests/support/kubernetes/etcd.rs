//! One etcd for all API servers, which use different prefixes.

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Instant;

use super::ports::free_port;
use super::server::{ATTEMPTS, START};
use super::supervised::{Process, assets, own_directory};

/// Its address.
pub(super) fn etcd() -> &'static str {
    static ETCD: OnceLock<(String, Process)> = OnceLock::new();
    let (url, _) = ETCD.get_or_init(|| {
        for attempt in 1.. {
            let port = free_port();
            let url = format!("http://127.0.0.1:{port}");
            let mut process = start(&url);
            match until_listening(&mut process, port) {
                Ok(()) => return (url, process),
                Err(exit_report) => assert!(attempt < ATTEMPTS, "{exit_report}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    });
    url
}

fn start(url: &str) -> Process {
    let directory = own_directory();
    let arguments = [
        format!("--data-dir={}", directory.join("data").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        "--unsafe-no-fsync".to_owned(),
    ];
    Process::start("etcd", &assets().join("etcd"), &directory, arguments.to_vec())
}

fn until_listening(process: &mut Process, port: u16) -> Result<(), String> {
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(exit_report) = process.exit_report() {
            return Err(exit_report);
        }
        assert!(started.elapsed() < START, "etcd does not listen on port {port} after {START:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(())
}
