//! The threads that make requests.

use std::any::Any;
use std::io;
use std::sync::mpsc::channel;

use futures::FutureExt;
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
        let (sender, receiver) = channel::<Box<dyn Any + Send>>();
        self.spawn(async move {
            // Who began it waits for it.
            let _ = sender.send(Box::new(work.await));
        });
        let answer = receiver.recv().expect("the work ends with an answer");
        *answer.downcast().expect("it is what the work returns")
    }

    /// Does work in the background. The code of the runtime and of the channel is compiled for each type that it is given: here
    /// for one.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.handle().spawn(work.boxed())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
