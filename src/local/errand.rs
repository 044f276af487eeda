//! An errand: work of a node that needs no process, such as a request. Plain data between the scheduler, which judges what
//! comes back, and who runs it.

use std::path::PathBuf;
use std::time::Duration;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Send a request.
    Request(Request),
    /// List the files below a key of the run's artifact store.
    List(List),
}

/// A request of an http template.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub(crate) method: String,
    /// Whom to ask.
    pub(crate) url: String,
    /// Names and values, in order. A value may be a secret.
    pub(crate) headers: Vec<(String, String)>,
    /// What is sent.
    pub(crate) body: Vec<u8>,
    /// After which it is given up.
    pub(crate) timeout: Option<Duration>,
    /// Whether the server's certificate is not checked.
    pub(crate) insecure: bool,
}

/// A list of stored artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The directory of the store.
    pub(crate) store: PathBuf,
    /// The key below which files are listed; empty for all.
    pub(crate) key: String,
    /// What is listed by other keys than those where it lies.
    pub(crate) elsewhere: Vec<Elsewhere>,
}

/// A file or directory of the store that is listed by another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The key by which it is listed, if that lies below the one of the list.
    pub(crate) shown: Option<String>,
    /// Where it lies.
    pub(crate) key: String,
    /// Whether a directory is listed as one.
    pub(crate) packed: bool,
}

/// What came of an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// What a server answered.
    Answer(Answer),
    /// The keys of files, in order.
    Files(Vec<String>),
    /// It could not be done, and why.
    Failed(String),
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status code.
    pub(crate) status: u16,
    /// Names and values, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body as text.
    pub(crate) body: String,
}

impl std::fmt::Debug for Request {
    /// Without the values of headers and the body, which may be secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}
