//! Work that blocks, in threads of the runtime.

use std::any::Any;

use futures::FutureExt;
use tokio::task::{JoinError, spawn_blocking};

/// Does work in a thread of its own, from now on. The runtime's code is compiled for each type of work that it is given: this
/// is one.
pub(crate) fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, JoinError>> + Send + Unpin {
    let work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> = Box::new(|| Box::new(work()));
    let given = |given: Box<dyn Any + Send>| *given.downcast().expect("it is what the work returns");
    spawn_blocking(work).map(move |done| done.map(given))
}
