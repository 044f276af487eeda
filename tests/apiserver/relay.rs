//! A relay in front of the API server that breaks connections when it is told to. It passes TLS through unread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// Relays until it is dropped.
pub(crate) struct Relay {
    /// `https://127.0.0.1:PORT`.
    pub(crate) url: String,
    cut: broadcast::Sender<()>,
    swallow: Arc<AtomicBool>,
}

impl Relay {
    /// A relay to the API server at `target`.
    pub(crate) async fn to(target: &str) -> Self {
        let target = target.strip_prefix("https://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (cut, _) = broadcast::channel(1);
        let swallow = Arc::new(AtomicBool::new(false));
        let (cuts, swallows) = (cut.clone(), Arc::clone(&swallow));
        tokio::spawn(async move {
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
        });
        Self { url, cut, swallow }
    }

    /// Breaks all connections that there are.
    pub(crate) fn cut(&self) {
        self.cut.send(()).unwrap();
    }

    /// The server gets what is sent next, but its answer is lost with the connection.
    pub(crate) fn swallow_next_answer(&self) {
        self.swallow.store(true, Ordering::SeqCst);
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
