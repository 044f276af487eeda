//! How a run is ended from outside: `spec.shutdown`.

/// How a run is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Exit handlers still run.
    Stop,
    /// Nothing more runs.
    Terminate,
}

impl Shutdown {
    /// The word in `spec.shutdown`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "Stop",
            Self::Terminate => "Terminate",
        }
    }

    /// The order that a word of `spec.shutdown` is; none of another word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        [Self::Stop, Self::Terminate].into_iter().find(|shutdown| shutdown.as_str() == word)
    }
}
