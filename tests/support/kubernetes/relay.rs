//! A relay in front of the API server that breaks connections on request. It forwards TLS unchanged.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Works until the test's runtime ends.
pub(crate) struct Relay {
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
    target: String,
    address: SocketAddr,
    accepting: Mutex<JoinHandle<()>>,
    cut: broadcast::Sender<()>,
    swallow: Arc<AtomicBool>,
}

impl Relay {
    /// A relay to the API server at `target`.
    pub(crate) async fn to(target: &str) -> Self {
        let target = target.strip_prefix("https://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, _) = broadcast::channel(1);
        let swallow = Arc::new(AtomicBool::new(false));
        let accepting = Mutex::new(tokio::spawn(accept(listener, target.clone(), cut.clone(), Arc::clone(&swallow))));
        Self { url: format!("https://{address}"), target, address, accepting, cut, swallow }
    }

    /// Breaks all connections and refuses new ones.
    pub(crate) fn leave(&self) {
        self.accepting.lock().unwrap().abort();
        self.cut();
    }

    /// Accepts connections again.
    pub(crate) async fn come_back(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let accepting = accept(listener, self.target.clone(), self.cut.clone(), Arc::clone(&self.swallow));
        *self.accepting.lock().unwrap() = tokio::spawn(accepting);
    }

    /// Breaks all current connections.
    pub(crate) fn cut(&self) {
        self.cut.send(()).unwrap();
    }

    /// Forwards the next request to the server, but breaks the connection before its answer.
    pub(crate) fn swallow_next_answer(&self) {
        self.swallow.store(true, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, target: String, cuts: broadcast::Sender<()>, swallows: Arc<AtomicBool>) {
    while let Ok((near, _)) = listener.accept().await {
        let far = TcpStream::connect(&target).await.unwrap();
        let (mut cut, swallow) = (cuts.subscribe(), Arc::clone(&swallows));
        tokio::spawn(async move {
            tokio::select! {
                () = pass(near, far, &swallow) => {}
                _ = cut.recv() => {}
            }
        });
    }
}

async fn pass(near: TcpStream, far: TcpStream, swallow: &AtomicBool) {
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let there = async {
        let _ = tokio::io::copy(&mut near_read, &mut far_write).await;
    };
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = far_read.read(&mut buffer).await {
            if swallow.swap(false, Ordering::SeqCst) || near_write.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
}
