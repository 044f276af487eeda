//! Finds out when a daemon is ready. The network of its task is the host's, so that its ports are asked from here; its
//! commands run in its view.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::probe::{Check, Probe};

/// The first pause between two checks; it doubles up to the probe's own period. A kubelet waits for the whole period, which
/// is ten seconds unless the probe says so.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What the worker of a daemon tells and is asked.
#[derive(Debug)]
pub(super) struct Link {
    /// Sent once the daemon's processes run.
    pub(super) started: Option<oneshot::Sender<()>>,
    /// Commands that are to run in the daemon's view.
    pub(super) commands: mpsc::Receiver<Vec<String>>,
    /// Their exit codes, in order.
    pub(super) codes: mpsc::Sender<i32>,
}

/// Who asks when a daemon is ready.
#[derive(Debug)]
pub(super) struct Watcher {
    started: oneshot::Receiver<()>,
    commands: mpsc::Sender<Vec<String>>,
    codes: mpsc::Receiver<i32>,
}

/// Two ends of a link: the worker's and the watcher's.
pub(super) fn link() -> (Link, Watcher) {
    let ((started, is_started), (commands, asked)) = (oneshot::channel(), mpsc::channel(1));
    let (codes, answers) = mpsc::channel(1);
    let link = Link { started: Some(started), commands: asked, codes };
    (link, Watcher { started: is_started, commands, codes: answers })
}

impl Watcher {
    /// Waits until all probes hold; false where the daemon has ended before.
    pub(super) async fn until_ready(mut self, probes: &[Probe]) -> bool {
        if (&mut self.started).await.is_err() {
            return false;
        }
        for probe in probes {
            if !self.holds(probe).await {
                return false;
            }
        }
        true
    }

    async fn holds(&mut self, probe: &Probe) -> bool {
        sleep(Duration::from_secs(probe.delay)).await;
        let (mut in_a_row, mut pause) = (0, FIRST_PAUSE);
        loop {
            let limit = Duration::from_secs(probe.timeout.max(1));
            let succeeded = match &probe.check {
                Check::Command(command) => match self.command(command, limit).await {
                    Some(code) => code == 0,
                    None => return false,
                },
                Check::Http { url, headers } => answers(url, headers, limit).await,
                Check::Tcp { host, port } => {
                    matches!(timeout(limit, TcpStream::connect((host.as_str(), *port))).await, Ok(Ok(_)))
                }
            };
            in_a_row = if succeeded { in_a_row + 1 } else { 0 };
            if in_a_row >= probe.successes.max(1) {
                return true;
            }
            if self.commands.is_closed() {
                return false;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(probe.period.max(1)));
        }
    }

    /// Runs a command in the daemon's view; none where the daemon has ended. One that takes too long has failed, and is
    /// killed by the next one.
    async fn command(&mut self, command: &[String], limit: Duration) -> Option<i32> {
        while self.codes.try_recv().is_ok() {}
        self.commands.send(command.to_vec()).await.ok()?;
        match timeout(limit, self.codes.recv()).await {
            Ok(code) => code,
            Err(_) => Some(1),
        }
    }
}

async fn answers(url: &str, headers: &[(String, String)], limit: Duration) -> bool {
    // Fails only if a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A kubelet asks no proxy and checks no certificate.
    let builder = Client::builder().no_proxy().tls_danger_accept_invalid_certs(true);
    let Ok(client) = builder.redirect(Policy::limited(10)).timeout(limit).build() else { return false };
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await;
    answer.is_ok_and(|answer| (200..400).contains(&answer.status().as_u16()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn probe(check: Check) -> Probe {
        Probe { container: "main".to_owned(), check, delay: 0, period: 1, timeout: 1, successes: 1 }
    }

    #[tokio::test]
    async fn a_port_is_ready_once_it_is_listened_to() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let (mut link, watcher) = link();
        let probes = [probe(Check::Tcp { host: "127.0.0.1".to_owned(), port })];
        let ready = tokio::spawn(async move { watcher.until_ready(&probes).await });
        link.started.take().map(|started| started.send(()));
        sleep(Duration::from_millis(150)).await;
        assert!(!ready.is_finished());
        let _listener = TcpListener::bind(("127.0.0.1", port)).await?;
        assert!(ready.await?);
        Ok(())
    }

    #[tokio::test]
    async fn commands_are_asked_until_one_succeeds() {
        let (mut link, watcher) = link();
        let probes = [probe(Check::Command(vec!["test".to_owned()]))];
        let ready = tokio::spawn(async move { watcher.until_ready(&probes).await });
        link.started.take().map(|started| started.send(()));
        for code in [1, 0] {
            assert_eq!(link.commands.recv().await, Some(vec!["test".to_owned()]));
            assert!(link.codes.send(code).await.is_ok());
        }
        assert!(ready.await.is_ok_and(|ready| ready));
    }

    #[tokio::test]
    async fn a_daemon_that_has_ended_is_never_ready() {
        let (never_started, watcher) = link();
        drop(never_started);
        assert!(!watcher.until_ready(&[]).await);
        let (mut ended, watcher) = link();
        ended.started.take().map(|started| started.send(()));
        drop(ended);
        let tcp = Check::Tcp { host: "127.0.0.1".to_owned(), port: 1 };
        assert!(!watcher.until_ready(&[probe(tcp)]).await);
    }
}
