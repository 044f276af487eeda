//! The threads that make requests.

use std::io;
use std::sync::mpsc::channel;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

/// A runtime of its own. Its end waits for nobody.
#[derive(Debug)]
pub(super) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    pub(super) fn start() -> io::Result<Self> {
        Ok(Self(Some(Builder::new_multi_thread().worker_threads(2).thread_name("store").enable_all().build()?)))
    }

    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }

    /// Does work and waits for its end, in any thread but those of this runtime.
    pub(super) fn block<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, receiver) = channel();
        self.handle().spawn(async move { sender.send(work.await) });
        receiver.recv().expect("the work ends with an answer")
    }

    /// Does work in the background.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle().spawn(work)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
